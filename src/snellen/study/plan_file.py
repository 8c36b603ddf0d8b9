"""plan.json: the jobs of each model and curve, and the values that searches chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from snellen.errors import IdentityError
from snellen.files.stored import STORED, read_as
from snellen.study.plan import PlannedModel
from snellen.study.points import WORDS, Curve
from snellen.study.schema import StudyFile
from snellen.study.search_results import SearchResults
from snellen.study.values import Scalar


@dataclass(frozen=True)
class ValuesOfSplit:
    """The values chosen by the search inside one split of nested folds."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    repeat: int
    fold: int
    values: Mapping[str, Scalar]


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """The whole file. curves: absent in files of the first versions. found, found_in_folds: the values that searches
    chose; the second is absent where empty."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    models: Mapping[str, PlannedModel]
    curves: tuple[Curve, ...] = ()
    found: Mapping[str, Mapping[str, Scalar]]
    found_in_folds: Mapping[str, tuple[ValuesOfSplit, ...]] = field(default_factory=dict)

    @staticmethod
    def of(models: Mapping[str, PlannedModel], curves: tuple[Curve, ...], results: SearchResults) -> PlanFile:
        """The file of a plan, and of the values that its searches chose."""
        in_folds = {
            name: tuple(ValuesOfSplit(repeat, fold, values) for (repeat, fold), values in splits.items())
            for name, splits in results.splits.items()
            if splits
        }
        return PlanFile(models=models, curves=curves, found=results.models, found_in_folds=in_folds)

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        values = asdict(self)
        if not self.found_in_folds:
            del values["found_in_folds"]
        return values

    def search_results(self) -> SearchResults:
        """The values that searches chose."""
        splits = {
            name: {(each.repeat, each.fold): each.values for each in values}
            for name, values in self.found_in_folds.items()
        }
        return SearchResults(self.found, splits)


_FILE = TypeAdapter(PlanFile)


def read_plan(path: Path, study: StudyFile) -> PlanFile:
    """A plan.json. Raises IdentityError where it is not one, or not of this study."""
    stored = read_as(_FILE, path)
    where = str(path)
    if list(stored.models) != list(study.models):
        found, expected = ", ".join(stored.models), ", ".join(study.models)
        raise IdentityError("the models are not those of resolved.yaml", found=found, expected=expected, where=where)
    for name, planned in stored.models.items():
        phases = len(study.models[name].train)
        if len(planned.phases) != phases or planned.phases[-1] not in planned.seeds.values():
            raise IdentityError(f"the jobs of `{name}` are not those of its {phases} phases", where=where)
    for curve in stored.curves:
        if curve.model not in stored.models or curve.options.get("over") not in WORDS or not curve.points:
            raise IdentityError("a curve of no model of this study", found=repr(curve.model), where=where)
    return stored
