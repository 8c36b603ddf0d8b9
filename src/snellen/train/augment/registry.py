"""All augmentations by name, and the rules for a list of them."""

from __future__ import annotations

from collections.abc import Sequence
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

DIGITS = set("0123456789")
CHARACTERS = ("mnist", "svhn", "digits", "emnist", "kmnist")
"""Known data sets of written characters, and how the names of others begin, such as `emnist-letters`."""


def _mixing_last(augmentations: tuple[Augmentation, ...]) -> tuple[Augmentation, ...]:
    for each in augmentations[:-1]:
        if isinstance(each, Mixing):
            raise StudyError(
                f"`{each.name}` makes one picture of two", expected="one such step at most, at the end of `augment`"
            )
    return augmentations


Augmentations = Annotated[tuple[AnyAugmentation, ...], AfterValidator(_mixing_last)]
"""In the order in which they are applied."""


def refuse_mirrored_characters(augmentations: Sequence[Augmentation], classes: Sequence[str], source: str) -> None:
    """Raises StudyError for a flip of characters without `anyway: true`. source: the name of the data set."""
    if any(isinstance(each, Flip) and not each.anyway for each in augmentations):
        hint = (
            "Leave it out or, if these are no characters or they are meant, write `{flip: {anyway: true}}`; "
            "`class_names` gives classes that are only numbered their names."
        )
        _refuse_characters(classes, source, hint)


def refuse_mirrored_views(views: Sequence[str], classes: Sequence[str], source: str) -> None:
    """Raises StudyError for mirrored views of characters."""
    if "flip" in views:
        _refuse_characters(classes, source, "Leave `flip` out of `views`; `class_names` gives numbered classes names.")


def _refuse_characters(classes: Sequence[str], source: str, hint: str) -> None:
    if set(classes) <= DIGITS or source.startswith(CHARACTERS):
        raise StudyError(
            "`flip` makes other characters, or none, of written ones: a mirrored 2 is no 2",
            found=f"classes {', '.join(classes[:10])}",
            hint=hint,
        )
