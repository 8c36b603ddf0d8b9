"""The types of the facts of the analysis `answers`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class IntegratedJson(TypedDict):
    """The integrated gradients of an image, see `gradients.Integrated`."""

    change: float
    gap: float
    share: float
    complete: bool
    points: int


class OcclusionJson(TypedDict):
    """The occlusion of an image, see `occlusion.Occlusion`."""

    least: float
    changed: int
    patches: int


class NeighbourJson(TypedDict):
    """A training image near an image."""

    row: int
    label: int
    distance: float


class UnitJson(TypedDict):
    """A unit of the last hidden layer. part: its contribution to the margin of an image, in logits."""

    unit: int
    name: str
    part: float


class ExplanationJson(TypedDict, total=False):
    """What the explanation methods find about an image; a method that was not used leaves its keys out.

    units: those with the largest contributions. others: the sum of the num_others other contributions.
    """

    integrated: IntegratedJson
    occlusion: OcclusionJson
    neighbours: list[NeighbourJson]
    units: list[UnitJson]
    others: float
    num_others: int
    bias: float
    margin: float


class ImageJson(ExplanationJson):
    """An explained image, see `chosen_images.ChosenImage`."""

    row: int
    id: str
    role: str
    why: str
    label: int
    answer: int
    rival: int
    probabilities: Sequence[float]


class CellUnitJson(TypedDict):
    """A unit in a cell of the confusion matrix, see `unit_differences.UnitShifts`."""

    unit: int
    name: str
    shift: float
    effect: float
    adjusted_p: float
    margin: float


class CellJson(TypedDict):
    """A cell of the confusion matrix. right: correct predictions of the class. rows: of the images that are shown.

    differing: units that differ significantly, of `compared`. margin: by how much all units shift the margin.
    """

    label: int
    answer: int
    images: int
    right: int
    rows: list[int]
    units: list[CellUnitJson]
    differing: int
    compared: int
    margin: float | None


class SensitivityJson(TypedDict):
    """See `foreground_sensitivity.ForegroundSensitivity`."""

    images: int
    on_figure: float
    covered: float
    low: float
    high: float


class AnswersFacts(TypedDict):
    """All facts. methods: the explanation methods that were used. left_out: why others were not, in sentences.

    patch: side of the patch of occlusion, in pixels. camera: the layer of Grad-CAM. searched: training images among
    which neighbours were searched, of trained_on.
    """

    model: str
    images: list[ImageJson]
    cells: list[CellJson]
    methods: list[str]
    left_out: list[str]
    baseline: str
    patch: int
    camera: str | None
    last_layer: str
    has_hidden: bool
    looks: SensitivityJson | None
    searched: int
    trained_on: int
