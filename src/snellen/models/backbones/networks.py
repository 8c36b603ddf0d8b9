"""Networks of timm without memory for their tensors: where they can be read, and which images they take."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from snellen.errors import StudyError

if TYPE_CHECKING:
    from torch import Tensor, nn

Shape = tuple[int, ...]
LAST = "last"
VGG = "vgg"
INSTALL = "Install it: pip install 'snellen[transfer]'."
MEASURED_SIDES = (224, 448)
"""Pixels: two sides that every usual stride divides (14, 16, 32), and so does their difference, which tells the stride
of networks whose convolutions lose the margin, too."""


UNFIT = (RuntimeError, ValueError, AssertionError, TypeError, IndexError, AttributeError, ZeroDivisionError)
"""What networks raise for images that are too small, and for being read where they have no map."""


@dataclass(frozen=True)
class ReadPoint:
    """A place where a network can be read. channels: of the map there. stride: pixels of the image for each of its
    places, to a side."""

    name: str
    channels: int
    stride: int


def has_timm() -> bool:
    """Whether timm is installed; does not import it, which takes seconds."""
    return find_spec("timm") is not None


def expect_timm() -> Any:
    """The package timm. Raises StudyError with the command that installs it where it is missing."""
    try:
        import timm
    except ImportError:
        raise StudyError("a pretrained network needs timm", hint=INSTALL) from None
    return timm


def meta_network(timm_name: str, num_classes: int | None = 0) -> nn.Module:
    """The network, without memory for its tensors, in evaluation mode; num_classes: None for that of its weights."""
    import torch

    timm, of_classes = expect_timm(), {} if num_classes is None else {"num_classes": num_classes}
    with torch.device("meta"):
        network: nn.Module = timm.create_model(timm_name, pretrained=False, **of_classes)
    return network.eval()


def network_shapes(timm_name: str) -> dict[str, tuple[Shape, bool]]:
    """The shape of each tensor of the network, with its classifier, and whether it holds floating-point numbers."""
    state = meta_network(timm_name, None).state_dict()
    return {name: (tuple(value.shape), value.is_floating_point()) for name, value in state.items()}


def pretrained(timm_name: str) -> dict[str, Any]:
    """What timm knows of weights of this network: its PretrainedCfg by tag ("" for weights without one), timm's default
    first. Without those that cannot be downloaded, as of a network that was never trained."""
    timm = expect_timm()
    tagged = timm.models.list_models(f"{timm_name}.*", pretrained=True) or [timm_name]
    found = {name: timm.models.get_pretrained_cfg(name) for name in tagged}
    usable = {cfg.tag or "": cfg for cfg in found.values() if cfg is not None and cfg.has_weights}
    first = timm.models.get_pretrained_cfg(timm_name)
    default = (first.tag or "") if first is not None else ""
    return dict(sorted(usable.items(), key=lambda one: (one[0] != default, one[0])))


def measured_points(name: str, network: nn.Module, sides: tuple[int, ...] = MEASURED_SIDES) -> tuple[ReadPoint, ...]:
    """Where a network without tensors (`meta_network`) can be read, from its maps for images of two sides, or of the
    only side that it takes. Raises StudyError for a network that has no such maps."""
    import torch

    try:
        with torch.no_grad():
            of = [_maps(name, network, torch.empty(1, 3, side, side, device="meta")) for side in sides]
            widths = [[_channels_and_width(each) for each in maps] for maps in of]
    except (TypeError, AttributeError):  # several maps or none in the place of one
        raise StudyError(f"the network {name} cannot be a backbone", found="blocks that give no single map") from None
    except UNFIT as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"the network {name} cannot be a backbone", found=f"no maps of blocks ({reason})") from None
    [*less, pixels], [*narrower, widest] = sides, widths
    pixels -= sum(less)
    narrow = narrower[0] if narrower else [(0, 0)] * len(widest)
    if any(wide == before for (_, wide), (_, before) in zip(widest, narrow, strict=True)):
        raise StudyError(f"the network {name} cannot be a backbone", found="maps of one size for images of any")
    places = [*(f"block{at}" for at in range(1, len(widest))), LAST]
    return tuple(
        ReadPoint(read, channels, max(1, round(pixels / (wide - before))))
        for read, (channels, wide), (_, before) in zip(places, widest, narrow, strict=True)
    )


def _maps(name: str, network: Any, image: Any) -> list[Any]:
    """The maps (1, channels, h, w) of all blocks, then the one of `last`."""
    if name.startswith(VGG):
        from torch import nn

        ends = [at for at, each in enumerate(network.features, 1) if isinstance(each, nn.MaxPool2d)]
        maps = [network.features[:end](image) for end in ends]
        return [*maps, maps[-1]]
    maps = list(network.forward_intermediates(image, intermediates_only=True, output_fmt="NCHW"))
    last = network.forward_features(image)
    return [*maps, last if last.ndim == 4 and last.shape[1] == network.num_features else maps[-1]]


def _channels_and_width(values: Tensor) -> tuple[int, int]:
    """Of a map (1, channels, h, w). Raises ValueError for anything else."""
    if values.ndim != 4:
        raise ValueError(f"values of shape {tuple(values.shape)}")
    return values.shape[1], values.shape[3]


def least_running_side(network: Any, most: int) -> int:
    """The least side of an image, in pixels, with which a network (`meta_network`) runs as far as `last`.

    most: a side with which it does.
    """
    low, high = 0, most  # low does not run, high does
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _runs(network, middle) else (middle, high)
    return high


def _runs(network: Any, side: int) -> bool:
    import torch

    try:
        with torch.no_grad():
            shape: tuple[int, ...] = network.forward_features(torch.empty(1, 3, side, side, device="meta")).shape
    except UNFIT:
        return False
    return min(shape) > 0
