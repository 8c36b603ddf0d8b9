"""The settings of search methods: `search: grid` or `search: {method: halving, factor: 3}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union, final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, TypeAdapter, model_validator

from snellen.errors import StudyError, unknown
from snellen.models.named import Named, spread
from snellen.study.space import Space
from snellen.train.improvement import Measure

DEFAULT_TRIALS = 20
GRID_BY_DEFAULT = 100
"""The largest finite space that is searched as a grid when the study names no method."""

Trials = Annotated[int | None, Field(strict=True, ge=1, le=100_000, description="most trials started")]
Epochs = Annotated[
    int | None, Field(strict=True, ge=1, le=10_000_000, description="most epochs of all trials together")
]
RoundSize = Annotated[int, Field(strict=True, ge=1, le=10_000, description="trials proposed at a time")]
Startup = Annotated[int, Field(strict=True, ge=1, le=10_000, description="trials drawn at random first")]
Factor = Annotated[int, Field(strict=True, ge=2, le=100, description="one in so many is promoted")]


@final
class Median(Named):
    """Stops a trial whose best score so far is worse than the median of the others' running averages.

    Golovin et al. 2017, section 3.2: the others are trials that were trained to their end, averaged up to the same
    epoch. Applied after `warmup_epochs` and then `every` epochs, once `after_trials` are complete.
    """

    kind: Literal["median"] = "median"
    warmup_epochs: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1
    every: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1
    after_trials: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 5


STOPS: dict[str, type[Named]] = {"median": Median}
Stop = Annotated[
    Median | None,
    BeforeValidator(lambda written: written if written is None else spread(written, STOPS, "stop")),
    Field(description="stop trials that fall behind"),
]


class Method(BaseModel):
    """Base of all methods.

    objective: the validation measure that ranks trials, the study's `choose_by` when None; mean_over: they are ranked
    by its mean over the folds or the seeds of the study. seconds: no round starts after this time. seed: the study's
    when None. template: the model with its values to search, as written; Snellen fills it in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    needs_finite: ClassVar[bool] = False
    method: str
    objective: Measure | None = None
    mean_over: Literal["folds", "seeds"] | None = None
    trials: Trials = None
    epochs: Epochs = None
    seconds: Annotated[float | None, Field(strict=True, gt=0, le=1e8, description="no round starts after")] = None
    seed: Annotated[int | None, Field(strict=True, ge=0, lt=2**32)] = None
    template: Annotated[dict[str, Any], Field(description="the model with its values; filled in")] = {}

    @property
    def space(self) -> Space:
        """All values to search."""
        return Space(self.template)

    def check(self, space: Space) -> None:
        """Raises StudyError when this method cannot search this space."""
        if self.needs_finite and space.count is None:
            raise StudyError(
                f"`{self.method}` needs a finite number of combinations",
                found=f"any number of values for `{space.endless()}`",
                hint="Give the range a `step`, list a `choice`, or use `random`, `hyperband`, `tpe` or `gp`.",
            )


@final
class Grid(Method):
    """Every combination, in the order written, the last value varying fastest."""

    method: Literal["grid"] = "grid"
    needs_finite: ClassVar[bool] = True
    round_size: Annotated[
        int | None, Field(strict=True, ge=1, le=10_000, description="default: all at a time, or 10 where that matters")
    ] = None
    stop: Stop = None

    @model_validator(mode="after")
    def _rounds_to_cut_between(self) -> Grid:
        """A budget of seconds and a stop rule act between rounds, so there must be several."""
        if self.round_size is None and (self.seconds is not None or self.stop is not None):
            object.__setattr__(self, "round_size", 10)
        return self


class Drawn(Method):
    """Base of the methods that propose trials, one round at a time, until a budget is spent."""

    round_size: RoundSize = 10
    stop: Stop = None

    @model_validator(mode="after")
    def _some_budget(self) -> Drawn:
        """Twenty trials where the study sets no budget, so that a resolved study names it."""
        if self.trials is None and self.epochs is None and self.seconds is None:
            object.__setattr__(self, "trials", DEFAULT_TRIALS)
        return self


@final
class Random(Drawn):
    """Drawn at random, never the same twice."""

    method: Literal["random"] = "random"


@final
class Halving(Method):
    """Successive halving (Jamieson and Talwalkar 2016): all trials start; at each rung, the best 1 / factor continue.

    Starts: every combination of a finite space, or `trials` of them drawn at random, or as many as `epochs` pay for.
    Rung k from the last is at floor(epochs / factor^k); first rung: at least `min_epochs`.
    """

    method: Literal["halving"] = "halving"
    factor: Factor = 3
    min_epochs: Annotated[int, Field(strict=True, ge=1, le=100_000, description="of the first rung")] = 1

    def check(self, space: Space) -> None:
        if space.count is None and self.trials is None and self.epochs is None:
            raise StudyError(
                "`halving` of a range of numbers without steps needs `trials` or `epochs`",
                found=f"any number of values for `{space.endless()}`",
                hint="Say how many start, e.g. {method: halving, trials: 27}.",
            )


@final
class Hyperband(Method):
    """The brackets of Li et al. 2018 (JMLR 18:185), once; starts are drawn at random, never the same twice."""

    method: Literal["hyperband"] = "hyperband"
    factor: Factor = 3


@final
class Tpe(Drawn):
    """Tree-structured Parzen estimator (Bergstra et al. 2011), by Optuna."""

    method: Literal["tpe"] = "tpe"
    round_size: RoundSize = 5
    startup: Startup = 10


@final
class Gp(Drawn):
    """Gaussian process with expected improvement, by Optuna."""

    method: Literal["gp"] = "gp"
    round_size: RoundSize = 5
    startup: Startup = 10


SETTINGS: dict[str, type[Method]] = {
    "grid": Grid,
    "random": Random,
    "halving": Halving,
    "hyperband": Hyperband,
    "tpe": Tpe,
    "gp": Gp,
}


def with_method_key(written: Any) -> Any:
    """`search: grid` is short for {method: grid}. Raises StudyError where no method is named."""
    if isinstance(written, Method):
        return written
    if isinstance(written, str):
        written = {"method": written}
    if not isinstance(written, Mapping) or "method" not in written:
        expected = f"one of {', '.join(SETTINGS)}, or {{method: halving, factor: 3}}"
        raise StudyError("a search is written as a method", found=repr(written), expected=expected)
    if written["method"] not in tuple(SETTINGS):
        raise unknown("method", str(written["method"]), SETTINGS)
    return written


if TYPE_CHECKING:
    AnyMethod = Method
else:
    AnyMethod = Annotated[
        Union[tuple(SETTINGS.values())],  # noqa: UP007  # built from the registry
        Discriminator("method"),
        BeforeValidator(with_method_key, json_schema_input_type=str | Union[tuple(SETTINGS.values())]),  # noqa: UP007
    ]

METHOD: TypeAdapter[Method] = TypeAdapter(AnyMethod)


def default_method(space: Space) -> str:
    """Every combination where there are few, else random draws."""
    return "grid" if space.count is not None and space.count <= GRID_BY_DEFAULT else "random"
