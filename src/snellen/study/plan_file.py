"""plan.json: the jobs of each model and curve, and the values that searches chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

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


@dataclass(frozen=True)
class PlanFile:
    """The whole file. found, found_in_folds: the chosen values. curves, found_in_folds: absent where there are none."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    models: Mapping[str, PlannedModel]
    found: Mapping[str, Mapping[str, Scalar]]
    curves: tuple[Curve, ...] = ()
    found_in_folds: Mapping[str, tuple[ValuesOfSplit, ...]] = field(default_factory=dict)

    def search_results(self) -> SearchResults:
        """The values that searches chose."""
        splits = {
            name: {(each.repeat, each.fold): each.values for each in values}
            for name, values in self.found_in_folds.items()
        }
        return SearchResults(self.found, splits)


_FILE = TypeAdapter(PlanFile)


def read_plan(path: Path, study: StudyFile) -> PlanFile:
    """A plan.json. Raises IdentityError where it is none, or not of this study."""
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
