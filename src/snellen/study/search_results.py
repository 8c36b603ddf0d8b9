"""The values that searches chose, on the study's split and inside each split of nested folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from snellen.study.assignments import apply_assignment
from snellen.study.schema import Model, StudyFile
from snellen.study.space import Assignment

Split = tuple[int, int]
"""Repeat and fold of cross-validation, each counted from 1."""
Nested = Mapping[str, Mapping[Split, Model]]
"""The models of each split, by name, of those that were searched inside it."""


@dataclass(frozen=True)
class SearchResults:
    """models: the values chosen for each model that was searched. splits: those chosen by the search inside each split,
    where folds are nested."""

    models: Mapping[str, Assignment]
    splits: Mapping[str, Mapping[Split, Assignment]] = field(default_factory=dict)

    def nested(self, study: StudyFile) -> Nested:
        """The models of each split."""
        return {
            name: {split: apply_assignment(study.models[name], values) for split, values in splits.items()}
            for name, splits in self.splits.items()
        }


def apply_search_results(study: StudyFile, results: SearchResults) -> StudyFile:
    """The study with the chosen values in place of the searches."""
    models = {
        name: apply_assignment(model, results.models[name]) if name in results.models else model
        for name, model in study.models.items()
    }
    return study.model_copy(update={"models": models})


def split_label(model: str, split: Split) -> str:
    """What to call a model inside a split: `mlp, fold 2 of repeat 3`."""
    repeat, fold = split
    return f"{model}, fold {fold}" + (f" of repeat {repeat}" if repeat > 1 else "")


def split_file(model: str, split: Split) -> str:
    """The file of the search inside a split; no model has a slash in its name."""
    return f"{model}/repeat-{split[0]}-fold-{split[1]}"
