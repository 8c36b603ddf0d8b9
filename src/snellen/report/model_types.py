"""The types of one model in report.json: its training, its search, seeds and folds, and its scores on each role."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from snellen.evaluate.epochs import NetworkEpochs
from snellen.explain.chosen_pixels import PixelMap
from snellen.explain.mistakes import Example, Mistake, Pair
from snellen.report.fold_types import FoldsJson


class EstimateJson(TypedDict):
    """A number with its 95 % interval. n: images; networks, deviation: of a mean over networks."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    covers: str
    method: str
    networks: NotRequired[int]
    deviation: NotRequired[float | None]


Scores = dict[str, EstimateJson]
"""By measure."""


class OutcomeJson(TypedDict):
    """What became of a model's network. job: the one of the first seed. trained_parameters: where a pretrained backbone
    keeps some of its own."""

    model: str
    job: str
    status: str
    chosen: bool
    reason: str | None
    parameters: int
    trained_parameters: NotRequired[int]
    kept_epoch: int | None
    seconds: float | None


class LayerJson(TypedDict):
    """A row of the table of layers. branches: the rows of each branch, of a layer that has some; an empty
    branch is the input itself."""

    name: str
    kind: str
    detail: str
    output: list[int]
    parameters: int
    branches: NotRequired[list[list[LayerJson]]]


class PhaseJson(TypedDict):
    """One phase of training; epochs are counted through all phases."""

    settings: dict[str, Any]
    first_epoch: int
    last_epoch: int
    kept_epoch: int | None
    seconds: float | None


class ShippedPhaseJson(TypedDict):
    """One phase of the network of the bundle. by: the validation measure that chose the kept epoch; None: by rule."""

    settings: dict[str, Any]
    epochs: int
    kept_epoch: int
    by: str | None


class ShippedJson(TypedDict):
    """The network of the bundle. roles: those whose numbers in the report are of this network. familiarity: how
    images that are unlike the training images are told, in words."""

    job: str
    seed: int
    seeds: int
    final: bool
    judges: Literal["seeds", "folds"] | None
    images: int | None
    roles: list[str]
    familiarity: NotRequired[str]
    phases: list[ShippedPhaseJson]


class HyperparameterJson(TypedDict):
    """One searched value. values: where they can be listed, else None."""

    path: str
    name: str
    scale: Literal["log", "linear", "named"]
    low: float | None
    high: float | None
    values: list[Any] | None


class TrialJson(TypedDict):
    """One combination of values, by the paths of the hyper-parameters. loss, accuracy: on validation after the epoch
    that each network keeps, the mean over the networks of the trial; of one that was stopped, what it kept so far."""

    trial: int
    assignment: dict[str, Any]
    epochs: int
    score: float | None
    outcome: Literal["winner", "finished", "stopped", "failed"]
    stopped_early: bool
    curve: list[float]
    jobs: list[str]
    kept_epochs: list[int]
    loss: NotRequired[float | None]
    accuracy: NotRequired[float | None]
    same_as: int | None


class RoundJson(TypedDict):
    """One round of a search. went_on: trials that a later round trained further."""

    trials: int
    new: int
    to_epoch: int
    went_on: int
    failed: int
    seconds: float


class CostJson(TypedDict):
    """Epochs trained, and those of training every network of every trial alone to its end."""

    epochs: int
    epochs_in_full: int
    saved_by: dict[str, int]
    seconds: float


class SelectionJson(TypedDict):
    """The winner's score, corrected for having been chosen. chosen: share of the resamples that each candidate won."""

    winner: int
    observed: float
    corrected: float
    low: float | None
    high: float | None
    optimism: float
    chosen: list[float]
    not_covered: str


class GridCellJson(TypedDict):
    """One trial of a grid. share: 0 at the worst score of the grid, 1 at the best. tied: may be the best."""

    trial: int
    score: float | None
    loss: float | None
    accuracy: float | None
    share: float | None
    won: bool
    tied: bool


class SearchGridJson(TypedDict):
    """A grid over two keys, by their names and values. cells: by row, None where there was no trial. tied: how many
    trials may be the best; None where they were not compared."""

    down: str
    across: str
    rows: list[Any]
    columns: list[Any]
    cells: list[list[GridCellJson | None]]
    tied: int | None


class SearchJson(TypedDict):
    """The search of a model. scored_by: whose value a trial has: that of the epoch it keeps; or, in runs of earlier
    versions, the best of any of its epochs. grid: of a grid over two keys."""

    method: str
    measure: str
    mean_over: str | None
    networks: int
    combinations: int | None
    hyperparameters: list[HyperparameterJson]
    trials: list[TrialJson]
    rounds: list[RoundJson]
    winner: int
    scored_by: NotRequired[Literal["kept epoch", "best epoch"]]
    grid: NotRequired[SearchGridJson | None]
    cost: CostJson
    selection: SelectionJson | None


class SeedJson(TypedDict):
    """The network of one seed."""

    seed: int
    job: str
    accuracy: float


class ConfusedPairJson(TypedDict):
    """A class called another, over the networks of all seeds."""

    classes: list[int]
    images: float
    share: EstimateJson


ClassRecallJson = TypedDict("ClassRecallJson", {"class": str, "recall": EstimateJson})


class SeedsJson(TypedDict):
    """The networks of all seeds on one role. mistakes: of one network."""

    mean: EstimateJson
    seeds: list[SeedJson]
    mistakes: float | None
    pairs: list[ConfusedPairJson]
    recalls: list[ClassRecallJson]


class AugmentedJson(TypedDict):
    """original: a row of the data set. augmented: the number of a stored image."""

    original: int
    augmented: int


ClassScoresJson = TypedDict(
    "ClassScoresJson",
    {
        "class": str,
        "support": int,
        "predicted": int,
        "precision": EstimateJson | None,
        "recall": EstimateJson | None,
        "f1": EstimateJson | None,
        "auc": NotRequired[EstimateJson | None],
    },
)


class RoleJson(TypedDict):
    """One model on one role. cells: rows of images by "true,predicted". drawn: samples of images drawn at random."""

    n: int
    network: str | None
    scores: Scores
    per_class: list[ClassScoresJson]
    confusion: list[list[int]]
    cells: dict[str, list[int]]
    mistakes: list[Mistake]
    pairs: list[Pair]
    examples: list[Example]
    drawn: NotRequired[list[list[Example]]]


class BinJson(TypedDict):
    """A fifteenth of the images by ascending probability of the answer, and the share that is right."""

    images: int
    confidence: float
    accuracy: float
    low: float
    high: float


class CalibrationJson(TypedDict):
    """On one role. after: the temperature. gap: mean probability minus accuracy. by_chance: the error of true
    probabilities, its mean and what 5 % exceed."""

    role: str
    after: bool
    images: int
    gap: EstimateJson
    error: float
    by_chance: float
    by_chance_high: float
    brier: EstimateJson
    loss: EstimateJson
    bins: list[BinJson]


class AchievedJson(TypedDict):
    """At a threshold on one role. recall: None for a threshold of any answer."""

    precision: EstimateJson
    recall: EstimateJson | None
    coverage: EstimateJson


ThresholdJson = TypedDict(
    "ThresholdJson",
    {
        "class": str | None,
        "measure": str,
        "target": float,
        "threshold": float | None,
        "hits": int | None,
        "accepted": int | None,
        "provable": float | None,
        "needed": int | None,
        "achieved": dict[str, AchievedJson],
    },
)


class SetsJson(TypedDict):
    """Prediction sets. sizes: images by the classes in their set, from 1."""

    coverage: float
    limit: float | None
    role: str | None
    held: EstimateJson | None
    by_class: list[EstimateJson]
    sizes: list[int]


class CountsJson(TypedDict):
    """[images that reach each threshold, those of them that are right], for any answer and for each class."""

    images: int
    thresholds: list[float]
    answers: list[list[int]]
    support: list[int]
    classes: list[list[list[int]]]


class TemperatureJson(TypedDict):
    """role, images: those it was fitted to."""

    value: float
    role: str
    images: int


AreasJson = TypedDict("AreasJson", {"class": str, "roc": list[float] | None, "precision": list[float] | None})


class ConfidenceJson(TypedDict):
    """The probabilities of the network of the bundle. role: that of counts, areas and by_class: for each class the
    bins of its probability, none for one of too few images."""

    role: str
    temperature: TemperatureJson | None
    calibration: list[CalibrationJson]
    thresholds: list[ThresholdJson]
    sets: list[SetsJson]
    exchangeable: float | None
    areas: list[AreasJson]
    by_class: NotRequired[list[list[BinJson]]]
    counts: CountsJson


class ModelJson(OutcomeJson):
    """All of one model. input: (height, width, channels). history: a record an epoch, of the first seed's network."""

    name: str
    trainable_parameters: int
    stopped_epoch: int
    input: list[int]
    layers: list[LayerJson]
    pixels: PixelMap | None
    training: dict[str, Any]
    phases: list[PhaseJson]
    history: list[dict[str, Any]]
    network_epochs: NotRequired[list[NetworkEpochs]]
    search: SearchJson | None
    seeds: dict[str, SeedsJson] | None
    folds: FoldsJson | None
    augmented: list[AugmentedJson]
    network: str | None
    shipped: ShippedJson | None
    roles: dict[str, RoleJson]
    confidence: NotRequired[ConfidenceJson | None]
