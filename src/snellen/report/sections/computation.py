"""How the networks of a run were computed, from the records of its packs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snellen.evaluate.record import RunRecord
from snellen.report.types import ComputationJson
from snellen.train.strategy.record import read_pack

UNNAMED: dict[str, Any] = {
    **{"way": "torch", "kernels": "off", "parts": 1, "chosen_by": "rule", "step_ms": None, "threads": None}
}
"""Of packs that were recorded before there was a choice."""


def computed_section(record: RunRecord) -> list[ComputationJson]:
    """A row for all packs of the same models that were computed alike. side_by_side: lanes of the largest pack;
    step_ms: of a step and lane, None where the rule decided unmeasured.

    No models: earlier phases, and networks of earlier studies in this directory.
    """
    names, packs = dict(_names(record)), dict[tuple[Any, ...], list[ComputationJson]]()
    for path in sorted(record.folder.glob("packs/*/pack.json")):
        pack = read_pack(path)
        models = sorted({names[job] for lane in pack["lanes"] for job in lane if job in names})
        one = _of_pack(models, len(pack["lanes"]), UNNAMED | pack["strategy"])
        packs.setdefault((*models, *(one[name] for name in UNNAMED)), []).append(one)  # type: ignore[literal-required]
    rows = (_sum(alike) for alike in packs.values())
    return sorted(rows, key=lambda row: (not row["models"], row["models"]))


def _of_pack(models: list[str], lanes: int, how: Mapping[str, Any]) -> ComputationJson:
    return {
        "models": models,
        "packs": 1,
        "lanes": lanes,
        "side_by_side": lanes,
        "way": how["way"],
        "kernels": how["kernels"],
        "parts": how["parts"],
        "chosen_by": how["chosen_by"],
        "step_ms": how["step_ms"],
        "threads": how["threads"],
    }


def _sum(alike: Sequence[ComputationJson]) -> ComputationJson:
    lanes = [one["lanes"] for one in alike]
    return {**alike[0], "packs": len(alike), "lanes": sum(lanes), "side_by_side": max(lanes)}


def _names(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Jobs, and the model that each is of."""
    for curve in record.curves:
        yield from ((job, curve.model) for job in curve.jobs)
    for model, searched in record.searched:
        yield from ((job, model) for trial in searched.trials for job in trial.jobs)
    for model, planned in record.planned.items():
        folds = (fold.job for fold in planned.folds)
        yield from ((job, model) for job in (*planned.seeds.values(), *planned.phases, *folds, *planned.final))
