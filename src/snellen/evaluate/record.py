"""A run directory, read: all that evaluation, explanation, findings and report are functions of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from snellen.errors import RunError
from snellen.files.atomic import read_json
from snellen.models.predictions import Predictions
from snellen.study.document import parse
from snellen.study.fillings import fill
from snellen.study.found import Found
from snellen.study.plan import PlannedModel
from snellen.study.points import Curve
from snellen.study.schema import Model, StudyFile
from snellen.train.floors import FloorFolder, FloorResult, read_floors
from snellen.train.results import JobFolder, Result


@dataclass(frozen=True)
class RunRecord:
    """The stored files of one run."""

    folder: Path

    @staticmethod
    def open(folder: Path) -> RunRecord:
        """Raises RunError when `folder` holds no planned run."""
        if not (folder / "plan.json").is_file():
            if (folder / "study.yaml").is_file():
                hint = "Run its study again: finished work is kept."
                raise RunError("this run was interrupted before anything was trained", where=str(folder), hint=hint)
            raise RunError("no run of a study here", where=str(folder), expected="a folder such as runs/digits")
        return RunRecord(folder)

    @cached_property
    def study(self) -> StudyFile:
        """The resolved study."""
        return parse((self.folder / "resolved.yaml").read_text(encoding="utf-8"), "resolved.yaml").study()

    @cached_property
    def planned(self) -> dict[str, PlannedModel]:
        """The jobs of each model, in the order of the study."""
        found = self.read_json("plan.json")["models"]
        return {model: PlannedModel.of_json(values) for model, values in found.items()}

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """What was planned for curves; those of a model share nothing but jobs."""
        return tuple(Curve.of_json(values) for values in self.read_json("plan.json").get("curves", []))

    @cached_property
    def found(self) -> Found:
        """The values that searches found."""
        return Found.of_json(self.read_json("plan.json"))

    def model(self, name: str) -> Model:
        """A model as it was trained: with the values that its search found."""
        written, found = self.study.models[name], self.found.models.get(name)
        return fill(written, found) if found else written

    def nested(self, model: str) -> bool:
        """Whether each fold of a model was searched inside."""
        return bool(self.found.splits.get(model))

    @cached_property
    def models(self) -> dict[str, str]:
        """The job that stands for each model, in the order of the study."""
        return {model: planned.job for model, planned in self.planned.items()}

    @cached_property
    def data(self) -> dict[str, Any]:
        """data.json: the data set and the roles, without pictures."""
        return dict(self.read_json("data.json"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the labels."""
        return tuple(self.data["data"]["classes"])

    def job(self, model: str) -> JobFolder:
        """The folder of a model's job."""
        return JobFolder(self.folder / "jobs" / self.models[model])

    @cached_property
    def results(self) -> dict[str, Result]:
        """The result of each model whose job is over."""
        found = {model: self.job(model).read_result() for model in self.models}
        return {model: result for model, result in found.items() if result is not None}

    @property
    def done(self) -> list[str]:
        """Models whose job ended well."""
        return [model for model, result in self.results.items() if result.status == "done"]

    def folder_of(self, job: str) -> JobFolder:
        """The folder of any job."""
        return JobFolder(self.folder / "jobs" / job)

    def predictions(self, model: str, role: str) -> Predictions | None:
        """The stored predictions of the network that stands for the model; test only once it was opened for it, and
        then those of the network on all rows where there is one."""
        planned = self.planned[model]
        return self.folder_of(planned.tested[0] if role == "test" else planned.job).read_predictions(role)

    @cached_property
    def floors(self) -> dict[str, FloorFolder]:
        """The folder of each floor, by name."""
        return read_floors(self.folder)

    @cached_property
    def floor_results(self) -> dict[str, FloorResult]:
        """The result of each floor that is over."""
        found = {name: folder.read_result() for name, folder in self.floors.items()}
        return {name: result for name, result in found.items() if result is not None}

    def read_json(self, name: str) -> Any:
        """A JSON file of the run."""
        path = self.folder / name
        if not path.exists():
            raise RunError("the run is not finished", where=str(path), hint="Run the study.")
        return read_json(path)
