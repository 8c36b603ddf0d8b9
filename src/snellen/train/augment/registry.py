"""All augmentations by name, and the rules for a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from snellen.errors import StudyError
from snellen.models.named import one_of
from snellen.train.augment.augmentation import Augmentation, Mixing
from snellen.train.augment.geometric import Crop, Flip, Rotate, Scale, Shift
from snellen.train.augment.mixing import Cutmix, Mixup
from snellen.train.augment.recolouring import Brightness, Contrast, Cutout

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "shift": Shift,
    "flip": Flip,
    "crop": Crop,
    "rotate": Rotate,
    "scale": Scale,
    "brightness": Brightness,
    "contrast": Contrast,
    "cutout": Cutout,
    "mixup": Mixup,
    "cutmix": Cutmix,
}

if TYPE_CHECKING:
    AnyAugmentation = Augmentation
else:
    AnyAugmentation = one_of(AUGMENTATIONS, "augmentation")


def _mixing_last(augmentations: tuple[Augmentation, ...]) -> tuple[Augmentation, ...]:
    for each in augmentations[:-1]:
        if isinstance(each, Mixing):
            raise StudyError(
                f"`{each.name}` makes one image of two", expected="one such step at most, at the end of `augment`"
            )
    return augmentations


Augmentations = Annotated[tuple[AnyAugmentation, ...], AfterValidator(_mixing_last)]
"""In the order in which they are applied."""
