"""The types of the parts of report.json about cost, and about learning curves of several models."""

from __future__ import annotations

from typing import TypedDict

from snellen.report.model_types import EstimateJson


class SpreadJson(TypedDict):
    """The median of n measurements, with the quartiles."""

    low: float
    median: float
    high: float
    n: int


class MachineJson(TypedDict):
    """Where times were measured. images: in a batch."""

    processor: str
    device: str
    threads: int
    torch: str
    pictures: int


class CostRowJson(TypedDict):
    """What a model or baseline costs, see `evaluate.costs.ModelCost`. off_prediction, off_training: the model that
    rules it out, None on the front."""

    model: str
    baseline: bool
    accuracy: EstimateJson
    role: str
    alone_ms: SpreadJson
    batch_ms: SpreadJson
    training_s: SpreadJson
    all_training_s: float
    networks: int
    parameters: int
    trained_parameters: int
    file_bytes: int
    features_s: float
    off_prediction: str | None
    off_training: str | None


class CostJson(TypedDict):
    """clearly_prediction, clearly_training: how many times less is clearly less. margin: of practical equivalence."""

    machine: MachineJson
    clearly_prediction: float
    clearly_training: float
    margin: float
    models: list[CostRowJson]


class LearningPointJson(TypedDict):
    """A model trained on so many images of each class. networks: how many; seconds: of one, in all phases."""

    model: str
    size: int
    accuracy: float
    low: float | None
    high: float | None
    networks: int
    seconds: float
    compared: bool


class LearningNetworkJson(TypedDict):
    """One network of a point."""

    model: str
    size: int
    accuracy: float


class ComparedSizeJson(TypedDict):
    """A minus B at one size."""

    size: int
    difference: float
    low: float | None
    high: float | None
    adjusted_p: float
    verdict: str


class CrossingJson(TypedDict):
    """Two models over the sizes that they share. from_size: from here on B is shown to be better; up_to: up to here
    A is."""

    a: str
    b: str
    sentence: str
    from_size: int | None
    up_to: int | None
    sizes: list[ComparedSizeJson]


class LearningUseJson(TypedDict):
    """Which model to use with so many images a class. points: of the models that none is shown to be better than, most
    accurate first, among the number `of` that were compared. fastest: the one of them that predicts clearly fastest."""

    size: int
    points: list[LearningPointJson]
    of: int
    fastest: str | None


class LearningCurvesJson(TypedDict):
    """images: of validation. covers: what the intervals of points cover. margin: of practical equivalence. use: a row
    for each size at which models were compared."""

    images: int
    covers: list[str]
    margin: float
    points: list[LearningPointJson]
    networks: list[LearningNetworkJson]
    crossings: list[CrossingJson]
    use: list[LearningUseJson]
