"""What `snellen check` says: the plan of a study, and what it will cost at most, before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from snellen.data.dataset import Dataset
from snellen.data.near import near_groups_at_hand
from snellen.data.readers import read
from snellen.data.roles import Roles, assign, parted_rows
from snellen.run.beginning import Settings
from snellen.run.pricing import Clock, checkpoint_bytes, floor_seconds, stored_bytes
from snellen.run.training import scope_of
from snellen.search.foreseen import Foreseen, foresee
from snellen.study.plan import Plan, PlannedModel, options_of, plan, split_of
from snellen.study.schema import StudyFile
from snellen.train.environment import settle
from snellen.train.lane import Lane

REPORT_SECONDS = 2.0
"""To score, judge and draw, and to start: what every run takes."""


@dataclass(frozen=True)
class ModelCost:
    """A row of the plan. jobs, trajectories, all_epochs, seconds, disk_bytes: of all that is trained for the model, at
    most; job, epochs, steps_an_epoch, memory_bytes: of the network that stands for it. jobs: networks, of a search the
    trials' too. saved_epochs: not trained because networks that differ in their stop rule alone are one trajectory.

    seeds, folds: networks of the main split, and of cross-validation.
    """

    model: str
    job: str
    jobs: int
    trajectories: int
    seeds: int
    folds: int
    parameters: int
    steps_an_epoch: int
    epochs: int
    all_epochs: int
    saved_epochs: int
    seconds: float
    memory_bytes: int
    disk_bytes: int
    search: dict[str, Any] | None


def check_study(study: StudyFile, settings: Settings, dataset: Dataset | None = None) -> dict[str, Any]:
    """The plan of a study and its estimated cost, as JSON values; a few steps on random pictures are timed."""
    environment, began = settle(settings.device, settings.threads, {}), time.perf_counter()
    dataset = dataset or read(study.data.source, options_of(study), settings.data_folder)
    roles = assign(dataset, split_of(study))
    reading = time.perf_counter() - began
    planned = plan(study, dataset, roles)
    clock = Clock(dataset, environment["device"], environment["threads"])
    costs = _Costs(study, dataset, roles, planned, clock)
    models = [costs.of_model(name) for name in planned.models]
    floors, finals = floor_seconds(dataset, len(roles.rows["train"])), costs.finals
    once = sum(len(lane.jobs) for lane in planned.lanes)
    searched = [each.search for each in models if each.search]
    return {
        "study": study.study,
        "data": {
            "name": dataset.name,
            "images": len(dataset),
            "shape": list(dataset.shape),
            "classes": list(dataset.classes),
            "bytes": dataset.images.nbytes,
        },
        "roles": {role: len(rows) for role, rows in roles.rows.items()},
        "left_out": len(roles.left_out),
        "near_duplicates": _near_in_other_roles(study, dataset, roles),
        "models": [asdict(each) for each in models],
        "seeds": study.seeds,
        "folds": study.folds.count if study.folds else None,
        "repeats": study.folds.repeats if study.folds else None,
        "final_networks": finals,
        "jobs": once + finals + sum(each["jobs"] for each in searched),
        "trajectories": len(planned.lanes) + finals + sum(each["trajectories"] for each in searched),
        "epochs": costs.epochs + sum(each["epochs"] or 0 for each in searched),
        "saved_epochs": sum(each.saved_epochs for each in models),
        "floor_seconds": floors,
        "seconds": costs.seconds + sum(each["seconds"] for each in searched) + floors + reading + REPORT_SECONDS,
        "disk_bytes": costs.disk_bytes + sum(each["disk_bytes"] for each in searched),
        "checkpoint_bytes": costs.checkpoint_bytes,
        "device": environment["device"],
        "threads": environment["threads"],
    }


@dataclass(frozen=True, eq=False)
class _Costs:
    """The prices of a plan. A searched model is planned with the first of its values."""

    study: StudyFile
    dataset: Dataset
    roles: Roles
    planned: Plan
    clock: Clock

    def of_model(self, name: str) -> ModelCost:
        """All that is trained for a model, whoever shares it."""
        planned, model = self.planned.models[name], self.study.models[name]
        lanes = self._lanes(planned)
        main = next(lane for lane in lanes if planned.job in lane.ids)
        cost = self.clock.costs([main])[main]
        own = {job for job in _jobs(planned)}
        asked = sum(job.stop.epochs for lane in lanes for job in lane.jobs if job.id in own)
        trained = sum(lane.epochs for lane in lanes)
        foreseen = foresee(model, scope_of(self.study, model, self.dataset, self.roles)) if model.search else None
        search = self._search(foreseen) if foreseen else None
        return ModelCost(
            model=name,
            job=planned.job,
            jobs=len(own) + (search["jobs"] if search else 0),
            trajectories=len(lanes) + (search["trajectories"] if search else 0),
            seeds=len(planned.seeds),
            folds=len(planned.folds),
            parameters=cost.parameters,
            steps_an_epoch=cost.steps_an_epoch,
            epochs=cost.epochs,
            all_epochs=trained + (search["epochs"] or 0 if search else 0),
            saved_epochs=max(0, asked - trained) + (search["saved_epochs"] or 0 if search else 0),
            seconds=self._seconds(lanes) + (search["seconds"] if search else 0),
            memory_bytes=cost.memory_bytes,
            disk_bytes=self._bytes(lanes) + (search["disk_bytes"] if search else 0),
            search=search,
        )

    @property
    def finals(self) -> int:
        """Networks on all rows: one a model that is cross-validated and whose test is opened."""
        wanted = self.study.open_test
        if not self.study.folds:
            return 0
        return {"chosen": 1, "all": len(self.planned.models)}[wanted] if isinstance(wanted, str) else len(wanted)
