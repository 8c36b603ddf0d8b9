"""The network without pretrained weights of a proposed study, and how it is trained."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.init.comments import comment

TINY_SIDE = 16
"""Images with a shorter side have no room for patches: a plain convolutional network, and a dense one beside it."""

MOST_PLACES, LARGEST_STEP, LEAST_KERNEL = 24, 8, 4
"""Patches are 2, 4 or 8 pixels apart, so that at most this many fit along the side: a network for 64 pixels costs as
much as one for 32. From 4 on they do not overlap: of ten digits (SVHN, 400 images of 64 pixels, one network each)
patches of 4 pixels are right for 54 %, of 6 for 42 %."""

SEEN_IMAGES, LEAST_EPOCHS, MOST_EPOCHS, MOST_EPOCHS_OF_CHARACTERS = 300_000, 8, 40, 80
"""Epochs are chosen so that all networks together see about 300,000 images, five minutes on 2 idle cores; from 8 to 40,
or 80 if images are not mirrored. Of 400 images of ten digits (SVHN) 40 epochs are right for 35 %, 80 for 42 %; of 400
images of five animals (CIFAR-10) 30 and 60 epochs are right for 53 %."""

MANY_ROWS, BATCH_OF_MANY, BATCH_OF_FEW = 5_000, 256, 64
"""Muon needs large batches; but a few hundred images need more steps per epoch than large batches give."""

TINY_FILTERS, TINY_UNITS = (32, 64), 64


def _epochs(num_rows: int, folds: int | None, is_mirrored: bool) -> int:
    """The number of epochs for this many training images, in one network, or in the networks of the folds and two
    more."""
    most = MOST_EPOCHS if is_mirrored else MOST_EPOCHS_OF_CHARACTERS
    return min(max(SEEN_IMAGES // (num_rows * (folds + 2 if folds else 1)), LEAST_EPOCHS), most)


def train_lines(
    num_rows: int, folds: int | None, shape: tuple[int, int, int], against_mirror: str | None
) -> Iterator[str]:
    """The lines on training with this many images. against_mirror: why mirrored images may show another class, or
    None."""
    epochs = _epochs(num_rows, folds, against_mirror is None)
    batch = BATCH_OF_FEW if num_rows < MANY_ROWS else BATCH_OF_MANY
    yield from comment(
        f"{epochs} epochs of {num_rows:,} images. The learning rate falls to zero, so training is not cut off while it "
        "still improves; the epoch with the lowest validation loss is kept. Muon needs fewer epochs than Adam; label "
        "smoothing and changed images make up for few images."
    )
    yield "train:"
    yield "  optimizer: {muon: {momentum: 0.9, iterations: 3, beta_2: 0.99}}"
    yield "  learning_rate: 0.02"
    yield f"  schedule: {{linear: {{warmup_epochs: {max(1, epochs // 20)}}}}}"
    yield f"  epochs: {epochs}"
    yield f"  batch_size: {batch}"
    yield "  label_smoothing: 0.1"
    yield from augment_lines(shape, against_mirror)


def augment_lines(shape: tuple[int, int, int], against_mirror: str | None) -> Iterator[str]:
    """The lines on augmentation."""
    if against_mirror is None:
        padding = max(1, min(shape[:2]) // 8)
        yield from comment(
            f"Training images are moved by up to {padding} pixels and mirrored left to right; leave `flip` out if a "
            "mirrored image shows something else.",
            "  ",
        )
        yield f"  augment: [{{crop: {{padding: {padding}, fill: nearest}}}}, flip]"
    else:
        yield from comment(
            f"Training images are moved, turned and scaled a little. They are not mirrored: {against_mirror}.", "  "
        )
        yield "  augment: [{shift: 0.08}, {rotate: 10}, {scale: 0.1}]"


def model_lines(shape: tuple[int, int, int], against_mirror: str | None) -> Iterator[str]:
    """The lines on the models: one network, or two for tiny images."""
    height, width, channels = shape
    yield "models:"
    if min(height, width) < TINY_SIDE:
        yield from _tiny(shape)
        return
    strides = next(
        step for step in (2, 4, LARGEST_STEP) if max(height, width) <= MOST_PLACES * step or step == LARGEST_STEP
    )
    kernel = max(LEAST_KERNEL, strides)
    keep = 24 if channels > 1 else 12
    yield from comment(
        f"A small convolutional network with batch normalisation. Its first layer is not trained but computed from the "
        f"training images: {keep} patterns of {kernel}x{kernel} pixels, {strides} pixels apart. The output layer is "
        "added automatically. Simple baselines, such as logistic regression, are in every report.",
        "  ",
    )
    yield "  cnn:"
    patches = f"kernel: {kernel}, strides: {strides}, padding: same, keep: {keep}"
    yield f"    features: [{{whiten_patches: {{{patches}}}}}]"
    yield "    layers: cnn-fast"
    if against_mirror is None:
        yield from comment("Predicts with the mean over an image and its mirror image.", "    ")
        yield "    views: [flip]"


def _tiny(shape: tuple[int, int, int]) -> Iterator[str]:
    height, width, channels = shape
    yield from comment(
        f"Images of {height}x{width} pixels have {height * width * channels:,} values: a dense network may do as well "
        "as a convolutional one, and shows whether that is needed. The output layer is added automatically.",
        "  ",
    )
    yield "  dense:"
    yield f"    layers: [flatten, {{dense: {{units: {TINY_UNITS}, activation: relu}}}}]"
    yield "  cnn:"
    yield "    layers:"
    for filters in TINY_FILTERS:
        yield f"      - conv: {{filters: {filters}, kernel: 3, padding: same, use_bias: false}}"
        yield "      - batch_norm: {momentum: 0.9}"
        yield "      - relu"
    if min(height, width) >= 4:
        yield "      - max_pool: 2"
    yield from ("      - flatten", "      - dropout: 0.25", f"      - dense: {{units: {TINY_UNITS}, activation: relu}}")
