"""`on_purpose:` of a study: faults that a teacher commits by name, to show what they do to the numbers.

A run with faults is stamped wherever its numbers go, and trains the same study without them beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from snellen.errors import StudyError, unknown

FAULTS: dict[str, str] = {
    "test_as_validation": "The test images stop training, keep the best epoch and choose the model.",
    "last_rows_validation": "The validation images are the last rows of the data, neither shuffled nor stratified.",
    "keep_last_epoch": "The weights of the last epoch are kept instead of those of the best one.",
    "unscaled_pixels": "Networks see pixels from 0 to 255 instead of 0 to 1.",
    "folds_continue_training": "Each fold goes on from the weights of the fold before, which saw its held-out images.",
    "report_on_training": "Accuracy is reported on the training images.",
    "threshold_among_true": "The precision of a threshold counts only images whose true class is the wanted one.",
}
"""What each fault does, in the order in which they are told."""
IN_TRAINING = (
    *("test_as_validation", "last_rows_validation", "keep_last_epoch", "unscaled_pixels"),
    "folds_continue_training",
)
"""Faults that change what is trained; the others change only what is reported."""
OTHER_ROWS = ("test_as_validation", "last_rows_validation")


def _known(faults: Sequence[str]) -> tuple[str, ...]:
    """Raises UnknownName for a fault that there is none of, StudyError for one given twice."""
    for fault in faults:
        if fault not in FAULTS:
            raise unknown("fault", fault, FAULTS)
        if faults.count(fault) > 1:
            raise StudyError("a fault given twice", found=fault)
    return tuple(fault for fault in FAULTS if fault in faults)


OnPurpose = Annotated[
    tuple[str, ...], AfterValidator(_known), Field(description="faults that are committed to teach what they do")
]


def expect_committable(study: Any) -> None:
    """Raises StudyError where a StudyFile has not what a fault needs."""
    faults, folds = study.on_purpose, study.folds
    if set(OTHER_ROWS) <= set(faults):
        raise StudyError("two faults that both take the validation images", found=" and ".join(OTHER_ROWS))
    if folds is not None and set(OTHER_ROWS) & set(faults):
        [fault] = set(OTHER_ROWS) & set(faults)
        raise StudyError(
            f"`{fault}` is about the validation images of one split, and models with `folds` are judged by the images "
            "that folds hold out",
            hint="Leave out `folds`, or leave this fault out of `on_purpose`; `folds_continue_training` is for folds.",
        )
    if set(OTHER_ROWS) & set(faults) and not isinstance(study.split.validation, int | float | None):
        [fault] = set(OTHER_ROWS) & set(faults)
        raise StudyError(
            f"`{fault}` exchanges validation images, and these are images of the official test already",
            found="`split.validation: {from: test}`",
            hint="Give a share of the training part, `split: {validation: 0.2}`, or leave this fault out.",
        )
    if "test_as_validation" in faults and study.data.reviews is not None:
        raise StudyError(
            "`test_as_validation` changes what is the test, and reviews must leave the test alone",
            hint="Leave out `reviews` under `data`, or this fault.",
        )
    if "folds_continue_training" in faults and (folds is None or folds.nested or folds.repeats > 1):
        raise StudyError("`folds_continue_training` needs simple folds", expected="`folds: 5`")
    if "threshold_among_true" in faults and not any(each.class_name for each in study.thresholds):
        expected = "`thresholds: [{class: sandal, probability: 0.9}]`"
        raise StudyError("`threshold_among_true` needs a threshold for a class", expected=expected)


def warning(faults: Sequence[str]) -> str:
    """What stands above the numbers of a run with faults."""
    names = ", ".join(f"`{fault}`" for fault in faults)
    what = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
    does = "it does" if len(faults) == 1 else "they do"
    return f"This run commits {what} on purpose, to teach what {does}: {names}. Its numbers are not to be believed."


def changes_training(study: Any) -> bool:
    """Whether a StudyFile has a fault for which the study without faults is trained beside it."""
    return bool(set(study.on_purpose) & set(IN_TRAINING))


def without_faults(study: Any) -> Mapping[str, Any]:
    """The values of the same study without faults, which is trained beside it; without analyses, which take time."""
    values: dict[str, Any] = study.model_dump(mode="json")
    return {**values, "on_purpose": [], "analyses": []}
