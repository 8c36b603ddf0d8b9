"""The types of the cross-validation of one model in report.json."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class FoldMeanJson(TypedDict):
    """The mean over folds. deviation: between them."""

    value: float
    low: float | None
    high: float | None
    standard_error: float
    degrees_of_freedom: float | None
    deviation: float
    covers: str
    method: str


class FoldNetworkJson(TypedDict):
    """One network of a fold; epochs are counted through all phases."""

    kept_epoch: int
    epochs: int


class SplitJson(TypedDict):
    """One fold. accuracies, losses: of the networks of its seeds on the images that it held out; mean, loss: their
    means. values: what the search inside it chose."""

    repeat: int
    fold: int
    accuracies: list[float]
    mean: float
    losses: list[float]
    loss: float
    networks: list[FoldNetworkJson]
    values: dict[str, Any]


class FinalJson(TypedDict):
    """The network on all rows: epochs of each phase, and which epochs of the networks before it decided that.
    to_its_end: whether the next phase goes on from the end of one, so that the epochs trained count, not those kept."""

    job: str
    status: str
    epochs: list[int]
    kept: list[list[int]]
    medians: list[float]
    to_its_end: list[bool]


class FoldsJson(TypedDict):
    """Cross-validation of a model."""

    splits: list[SplitJson]
    seeds: list[int]
    searched: Literal["inside", "once"] | None
    planned: int
    mean: FoldMeanJson
    mean_loss: FoldMeanJson
    between_splits: float | None
    between_seeds: float | None
    num_train: float
    num_held_out: float
    final: FinalJson | None
