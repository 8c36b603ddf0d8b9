"""Reads a run directory: evaluation, explanation, findings and report are computed from it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from snellen.errors import RunError
from snellen.evaluate.backbones_file import BackbonesFile, read_backbones
from snellen.evaluate.cost_file import CostFile, read_costs
from snellen.evaluate.data_file import DataFile, read_data
from snellen.files.inside import expect_own_files, inside
from snellen.files.stored import read_as, read_text
from snellen.models.predictions import Bounds, Predictions
from snellen.search.stored import SearchFile, SearchOutcome, read_search
from snellen.study.assignments import apply_assignment
from snellen.study.document import parse
from snellen.study.plan import PlannedModel
from snellen.study.plan_file import PlanFile, read_plan
from snellen.study.points import Curve
from snellen.study.schema import Model, StudyFile
from snellen.study.search_results import SearchResults, split_file
from snellen.train.baselines import BaselineFolder, BaselineResult, read_baselines
from snellen.train.results import JobFolder, Result

T = TypeVar("T")


@dataclass(frozen=True)
class RunRecord:
    """The stored files of one run."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> RunRecord:
        """Raises RunError when `folder` holds no planned run, or links and pipes that lead out of it."""
        expect_own_files(folder)
        if not (folder / "plan.json").is_file():
            if (folder / "study.yaml").is_file():
                hint = "Run its study again: finished work is kept."
                problem = "this run was interrupted before anything was trained"
                raise RunError(problem, found="no plan.json", where=str(folder), hint=hint)
            raise RunError("no run of a study here", where=str(folder), expected="a folder such as runs/digits")
        return RunRecord(folder)

    @cached_property
    def study(self) -> StudyFile:
        """The resolved study."""
        return parse(self.resolved, "resolved.yaml").study()

    @cached_property
    def resolved(self) -> str:
        """The text of the resolved study."""
        return read_text(self._there("resolved.yaml"))

    @cached_property
    def plan(self) -> PlanFile:
        """The contents of plan.json for the models of this study."""
        return read_plan(self._there("plan.json"), self.study)

    @property
    def planned(self) -> Mapping[str, PlannedModel]:
        """The jobs of each model, in the order of the study."""
        return self.plan.models

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The planned curves; two curves of one model may share jobs."""
        return self.plan.curves

    @cached_property
    def found(self) -> SearchResults:
        """The values that searches chose."""
        return self.plan.search_results()

    def model(self, name: str) -> Model:
        """A model with the values that its search chose, as it was trained."""
        written, found = self.study.models[name], self.found.models.get(name)
        return apply_assignment(written, found) if found else written

    def nested(self, model: str) -> bool:
        """Whether there was a search inside each fold of a model."""
        return bool(self.found.splits.get(model))

    @cached_property
    def models(self) -> dict[str, str]:
        """The job whose network represents each model, in the order of the study."""
        return {model: planned.job for model, planned in self.planned.items()}

    @cached_property
    def data(self) -> DataFile:
        """data.json: the data set and the roles, without images."""
        return read_data(self._there("data.json"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the labels."""
        return tuple(self.data["data"]["classes"])

    @property
    def bounds(self) -> Bounds:
        """Images and classes of the data set."""
        return Bounds(self.data["data"]["images"], len(self.classes))

    @cached_property
    def backbones(self) -> BackbonesFile | None:
        """backbones.json; None without backbones."""
        return read_backbones(self.folder)

    def job(self, model: str) -> JobFolder:
        """The folder of a model's job."""
        return self.folder_of(self.models[model])

    @cached_property
    def results(self) -> dict[str, Result]:
        """The result of each model whose job is finished."""
        results = {model: self.job(model).read_result() for model in self.models}
        return {model: result for model, result in results.items() if result is not None}

    @property
    def done(self) -> list[str]:
        """Models whose training succeeded."""
        return [model for model, result in self.results.items() if result.status == "done"]

    def folder_of(self, job: str) -> JobFolder:
        """The folder of any job."""
        return JobFolder.of(self.folder, job, self.bounds)

    def search_of(self, model: str) -> SearchFile | None:
        """The search of a model; None without a search."""
        path = inside(self.folder, "search", f"{model}.json")
        return read_search(path) if path.exists() else None

    @cached_property
    def searched(self) -> list[tuple[str, SearchOutcome]]:
        """Every finished search of the run, including those inside folds, each with its model."""
        names = [(model, model) for model in self.models]
        names += [
            (model, split_file(model, (fold.repeat, fold.fold)))
            for model, planned in self.planned.items()
            for fold in planned.folds
        ]
        files = [(model, inside(self.folder, "search", *f"{name}.json".split("/"))) for model, name in set(names)]
        found = [(model, read_search(path).outcome) for model, path in sorted(files) if path.exists()]
        return [(model, outcome) for model, outcome in found if outcome is not None]

    @cached_property
    def jobs(self) -> set[str]:
        """The jobs of all networks in the report: those of models, folds, curves and searches."""
        jobs = {job for planned in self.planned.values() for job in planned.jobs}
        jobs |= {job for curve in self.curves for job in curve.jobs}
        return jobs | {job for _, searched in self.searched for trial in searched.trials for job in trial.jobs}

    def predictions(self, model: str, role: str) -> Predictions | None:
        """The stored predictions of the network that represents the model; on the test only if it was evaluated there,
        and then by the network trained on all rows if there is one."""
        planned = self.planned[model]
        return self.folder_of(planned.tested[0] if role == "test" else planned.job).read_predictions(role)

    @cached_property
    def baselines(self) -> dict[str, BaselineFolder]:
        """The folder of each baseline, by name."""
        return read_baselines(self.folder, self.bounds)

    @cached_property
    def baseline_results(self) -> dict[str, BaselineResult]:
        """The result of each baseline that is finished."""
        found = {name: folder.read_result() for name, folder in self.baselines.items()}
        return {name: replace(result, floor=name) for name, result in found.items() if result is not None}

    @cached_property
    def measured_costs(self) -> CostFile | None:
        """costs.json; None in a run of a version that measured no costs."""
        return read_costs(self.folder)

    def read(self, name: str, kind: TypeAdapter[T]) -> T:
        """A JSON file of the run. Raises RunError if it is missing, IdentityError if it is another kind of file."""
        return read_as(kind, self._there(name))

    def _there(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise RunError("the run is not finished", where=str(path), hint="Run the study.")
        return path
