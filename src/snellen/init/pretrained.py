"""Whether a proposed study has a pretrained network, which one, and how its head is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.errors import SnellenError
from snellen.init.comments import comment
from snellen.models.backbones.networks import has_timm
from snellen.models.backbones.weights import IMAGENET, find_weights

CANDIDATES = ("tf_efficientnet_lite0", "efficientnet_b0", "resnet50", "mobilenetv2_100", "resnet18")
"""The first one whose weights are on this machine is proposed. The measurements (bench/photographs.py) are those of
EfficientNet-Lite0."""

MOST_A_CLASS, LEAST_SIDE = 1_000, 32
"""A pretrained network is proposed up to this many images a class, and from this many pixels a side. With 100 images a
class of five kinds of animals (CIFAR-10, enlarged) a logistic regression on the features of EfficientNet-Lite0 is right
for 80 % at 128 pixels and 83 % at 192, the small network for 53 %; with 50 a class of ten digits (SVHN) for 34 % and
the small network for 54 %. That is why both are proposed, and folds choose. The limit bounds the cost; the number of
images at which the two are equal was not measured."""

EXTRA, WEIGHTS = "pip install 'snellen[transfer]'", "hf download timm/tf_efficientnet_lite0.in1k model.safetensors"
"""Commands for what is missing; the weights are those of the first candidate."""

STORED_SIDE, READ_SIDE = 128, 192
"""Images are stored with 128 pixels a side and enlarged to 192 for the network, near the 224 that it was trained with:
about 3 points better than 128 on two tuned sets (600 fresh images each), for 2.2 times the multiplications."""


@dataclass(frozen=True)
class Pretrained:
    """name: that of a network whose weights are on this machine, or None. command: installs what is missing; empty if
    nothing is."""

    name: str | None
    command: str = ""

    @property
    def sentence(self) -> str:
        """Why it is worth installing what is missing."""
        missing = "the extra `transfer`" if self.command == EXTRA else "its weights, which are not on this machine"
        return f"With so few images a pretrained network is usually much better. It needs {missing}"


def fits_pretrained(dataset: Dataset) -> bool:
    """Whether there are few enough images a class. It is called before the image size is chosen."""
    return len(dataset) <= MOST_A_CLASS * len(dataset.classes)


def suits_pretrained(dataset: Dataset) -> bool:
    """Whether a pretrained network is worth proposing for these images, after their size is chosen."""
    height, width, channels = dataset.shape
    return fits_pretrained(dataset) and min(height, width) >= LEAST_SIDE and channels in (1, 3, 4)


def pretrained_at_hand(data_folder: Path | None) -> Pretrained:
    """The first of CANDIDATES whose weights are on this machine; nothing is downloaded."""
    if not has_timm():
        return Pretrained(None, EXTRA)
    name = next((name for name in CANDIDATES if _is_at_hand(name, data_folder)), None)
    return Pretrained(name, "" if name else WEIGHTS)


def _is_at_hand(name: str, data_folder: Path | None) -> bool:
    try:
        find_weights(name, IMAGENET, data_folder, may_download=False)
    except SnellenError:
        return False
    return True


def pretrained_lines(pretrained: Pretrained | None) -> Iterator[str]:
    """The lines of the model, or a comment on how to get it."""
    if pretrained is None:
        return
    if pretrained.name is None:
        yield from comment(f"{pretrained.sentence}:", "  ")
        yield f"  #     {pretrained.command}"
        yield from comment(
            "Then let `snellen init` write the study again, or take this model as well, with images of up to "
            f"{STORED_SIDE} pixels a side:",
            "  ",
        )
        for line in _model(CANDIDATES[0]):
            yield f"  # {line[2:]}"
        return
    yield from comment(
        "A network that was trained on the photographs of ImageNet and is not changed (frozen); a linear layer learns "
        "from its outputs. Best for few images of objects. Each image goes through it once, so images are not "
        "augmented, and training takes seconds. The strong weight decay is that of a logistic regression with "
        "C = 1 / images.",
        "  ",
    )
    yield from _model(pretrained.name)


def _model(name: str) -> Iterator[str]:
    yield "  pretrained:"
    yield "    layers:"
    yield f"      - backbone: {{name: {name}, weights: {IMAGENET}, read: last, train: none, resize: {READ_SIDE}}}"
    yield "      - global_average_pool"
    yield "      - batch_norm: {momentum: 0.9}"
    yield "      - dropout: 0.3"
    yield "    train:"
    yield "      optimizer: {sgd: {momentum: 0.9}}"
    yield "      learning_rate: 0.01"
    yield "      weight_decay: 1.0"
    yield "      schedule: cosine"
    yield "      epochs: 30"
    yield "      batch_size: 32"
    yield "      label_smoothing: 0.0"
    yield "      augment: []"
