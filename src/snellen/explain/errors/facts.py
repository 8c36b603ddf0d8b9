"""The types of the facts of the analysis `errors`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from snellen.explain.mistakes import ConfusedImages, Mistake


class AccuracyJson(TypedDict):
    """An accuracy on n images with its Wilson interval."""

    value: float
    low: float
    high: float
    n: int


class DifferenceJson(TypedDict):
    """Accuracy on a slice minus accuracy on the rest, with its interval."""

    value: float
    low: float
    high: float


class HardImageJson(TypedDict):
    """An image with the prediction of each model. confidence: the probabilities of these predictions."""

    row: int
    id: str
    label: int
    answers: list[int]
    confidence: list[float]


class ModelErrorsJson(TypedDict):
    """The mistakes of one model on one role: the most frequent confusions and the most confident mistakes."""

    mistakes: int
    accuracy: AccuracyJson
    called: list[ConfusedImages]
    confident: list[Mistake]


class RoleErrorsJson(TypedDict):
    """The mistakes on one role. The keys from wrong_for_all on compare several models; None or empty for one.

    wrong_for_all: images that no model gets right; agreeing: those for which all models predict the same class; shared:
    those that are shown. alone, num_alone: by model, images that only this model gets right.
    """

    images: int
    models: dict[str, ModelErrorsJson]
    wrong_for_all: int | None
    agreeing: int | None
    shared: list[HardImageJson]
    alone: dict[str, list[HardImageJson]]
    num_alone: dict[str, int]


SliceJson = TypedDict(
    "SliceJson",
    {
        "measure": str,
        "part": str,
        "low": float | None,
        "high": float | None,
        "images": int,
        "pictures": list[int],
        "class": int,
        "class_share": float,
        "accuracy": list[AccuracyJson],
    },
)
"""A slice. images: rows of some of its images. class: the most frequent one. accuracy: of each model."""


class SliceOnTest(TypedDict):
    """The accuracy on the same slice of the test, and on the rest of the test."""

    inside: AccuracyJson
    outside: AccuracyJson


class WeakSliceJson(TypedDict):
    """A slice on which a model is less accurate, see `slices.Weakness`. slice: its place among the slices."""

    model: str
    slice: int
    name: str
    measure: str
    part: str
    low: float | None
    high: float | None
    inside: AccuracyJson
    outside: AccuracyJson
    difference: DifferenceJson
    adjusted_p: float
    by_classes: float
    within: bool
    adjusted_within: float
    test: SliceOnTest | None


class ErrorsFacts(TypedDict):
    """All facts. meanings: what each measure of the slices is. figureless: whether the foreground was not measured.

    compared: slices and models that were tested together. covers: what the intervals cover.
    """

    models: list[str]
    roles: dict[str, RoleErrorsJson]
    slices: list[SliceJson]
    meanings: dict[str, str]
    figureless: bool
    weak: list[WeakSliceJson]
    compared: int
    covers: str
    sentences: NotRequired[list[str]]
