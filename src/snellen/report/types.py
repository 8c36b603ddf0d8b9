"""The types of report.json, section by section. A key that is renamed here fails in mypy wherever it is used."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from snellen.evaluate.data_file import DataSection, ReviewsSection, RolesSection
from snellen.findings.finding import FindingJson
from snellen.findings.first_screen.statement import StatementJson
from snellen.report.cost_types import CostJson, LearningCurvesJson
from snellen.report.model_types import EstimateJson, ModelJson, OutcomeJson, Scores
from snellen.report.side_by_side_types import SideBySideJson

Setting = str | int | float | bool | None


class OpeningsJson(TypedDict):
    """How often predictions were compared with test labels, and of which models."""

    this_run: int
    ever: int
    models: list[str]


class StandingJson(OutcomeJson):
    """A row of the leaderboard. scores: by role."""

    group: str | None
    may_be_best: bool | None
    seeds: int
    epochs: int
    scores: dict[str, Scores]


class BaselineJson(TypedDict):
    """A row of the leaderboard that is a baseline's. images: it was fitted to, of of_images. on_features:
    of a frozen backbone, not on pixels."""

    floor: str
    label: str
    on_features: bool
    status: str
    reason: str | None
    images: int
    of_images: int
    rounds: int | None
    converged: bool | None
    parameters: int | None
    seconds: float
    scores: dict[str, Scores]


class DifferenceJson(TypedDict):
    """First minus second, with its own 95 % interval."""

    value: float
    low: float | None
    high: float | None
    p_value: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    covers: str
    method: str


class ComparisonJson(TypedDict):
    """One planned comparison of two models, or of a model with a baseline."""

    a: str
    b: str
    role: str
    kind: str
    images: int
    seeds: int
    splits: int | None
    difference: DifferenceJson
    adjusted_p: float
    verdict: str
    simultaneous: list[float] | None
    detectable: float | None
    images_needed: int | None
    seeds_needed: int | None
    left_out: list[str]


class ComparisonsJson(TypedDict):
    """All comparisons, under one correction. groups: the letters of each model."""

    margin: float
    role: str
    groups: dict[str, str]
    may_be_best: list[str]
    all: list[ComparisonJson]


class PosteriorJson(TypedDict):
    """The posterior of A minus B over the same folds. better, equivalent, worse: probabilities, by the margin."""

    a: str
    b: str
    splits: int
    value: float
    low: float
    high: float
    scale: float
    degrees_of_freedom: int
    better: float
    equivalent: float
    worse: float


class PosteriorsJson(TypedDict):
    """The appendix of models over folds. margin: of practical equivalence."""

    margin: float
    pairs: list[PosteriorJson]


class ComputationJson(TypedDict):
    """How the packs of the same models were computed. step_ms: a step and network; None where the rule decided."""

    models: list[str]
    packs: int
    lanes: int
    side_by_side: int
    way: str
    kernels: str
    parts: int
    chosen_by: str
    step_ms: float | None
    threads: int | None


class AnalysisJson(TypedDict):
    """What the report says of one analysis. page: the path of its own page. heading: the title as people read it."""

    analysis: str
    title: str
    heading: str
    model: str | None
    page: str
    sentences: list[str]
    figure: dict[str, Any] | None


class FaultJson(TypedDict):
    """A fault by name, and what it does."""

    fault: str
    what: str


class FaultyNumberJson(TypedDict):
    """The faulty number beside the honest one. faulty_of, honest_of: what each is of, in words."""

    fault: str
    model: str
    faulty_of: str
    faulty: EstimateJson | None
    honest_of: str
    honest: EstimateJson | None


class OnPurposeJson(TypedDict):
    """warning: what stands above all numbers of the run."""

    warning: str
    faults: list[FaultJson]
    numbers: list[FaultyNumberJson]


class ReviewsEffectJson(TypedDict):
    """The accuracy on the unchanged test of one model with and without the reviews, and with minus without."""

    model: str
    with_reviews: EstimateJson
    without: EstimateJson
    change: float
    low: float | None
    high: float | None


class BackboneJson(TypedDict):
    """The pretrained network of one model: its settings as in a study, the shape of what it gives, and what is known of
    its weights; None for random ones. trained_side: of the images of the weights."""

    model: str
    name: str
    read: str
    train: str
    output: list[int]
    resize: int | None
    mean: list[float] | None
    deviation: list[float] | None
    sha256: str | None
    origin: str | None
    licence: str | None
    trained_side: int | None


class BackbonesJson(TypedDict):
    """skipped: model -> why it was left out."""

    models: list[BackboneJson]
    skipped: dict[str, str]


class ReviewsJson(TypedDict):
    """The reviews of the study. applied: what data.json says of them."""

    applied: ReviewsSection
    effects: list[ReviewsEffectJson]


VariedClass = TypedDict(
    "VariedClass",
    {
        "class": str,
        "images": int,
        "spread": float | None,
        "low": float | None,
        "high": float | None,
        "recall": EstimateJson | None,
    },
)
"""A class: see ClassSpread; the recall of the chosen model."""


class ExplorationJson(TypedDict):
    """The exploration of the data. page: its file. model, role: whose recall stands beside each class. classes: the
    most varied first."""

    page: str
    model: str | None
    role: str | None
    classes: list[VariedClass]
    sentences: list[str]


class ReportJson(TypedDict):
    """report.json. Sections that are not required are missing in reports of earlier versions."""

    format: int
    snellen: str
    made: str
    study: str
    chosen: str | None
    statements: NotRequired[list[StatementJson]]
    answer: list[FindingJson]
    findings: list[FindingJson]
    not_raised: NotRequired[list[str]]
    on_purpose: NotRequired[OnPurposeJson]
    claim: str
    openings: OpeningsJson
    leaderboard: list[StandingJson]
    by: NotRequired[str]
    comparisons: NotRequired[ComparisonsJson]
    posteriors: NotRequired[PosteriorsJson | None]
    side_by_side: NotRequired[SideBySideJson]
    floors: list[BaselineJson]
    models: list[ModelJson]
    data: DataSection
    exploration: NotRequired[ExplorationJson]
    roles: RolesSection
    environment: dict[str, Setting]
    computed: NotRequired[list[ComputationJson]]
    resolved: str
    analyses: NotRequired[list[AnalysisJson]]
    reviews: NotRequired[ReviewsJson]
    backbones: NotRequired[BackbonesJson]
    cost: NotRequired[CostJson]
    learning_curves: NotRequired[LearningCurvesJson]
