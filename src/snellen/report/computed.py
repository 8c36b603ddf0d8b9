"""How the networks of a run were computed, from the records of its packs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snellen.evaluate.record import RunRecord
from snellen.train.strategy.record import read_pack

Content = dict[str, Any]

UNNAMED: Mapping[str, Any] = {"way": "torch", "kernels": "off", "parts": 1, "chosen_by": "rule", "step_ms": None}
"""Of packs that were recorded before there was a choice."""


def computed_section(record: RunRecord) -> list[Content]:
    """A row for all packs of the same models that were computed alike. side_by_side: lanes of the largest pack;
    step_ms: of a step and lane, None where the rule decided unmeasured.

    No models: earlier phases, and networks of earlier studies in this directory.
    """
    names, rows = dict(_names(record)), dict[tuple[Any, ...], Content]()
    for path in sorted(record.folder.glob("packs/*/pack.json")):
        pack = read_pack(path)
        models = sorted({names[job] for lane in pack["lanes"] for job in lane if job in names})
        how = {name: pack["strategy"].get(name, usual) for name, usual in UNNAMED.items()}
        how["threads"] = pack["strategy"].get("threads")
        row = rows.setdefault((*models, *how.values()), {"models": models, "packs": 0, "lanes": 0, "side_by_side": 0})
        row |= {**how, "packs": row["packs"] + 1, "lanes": row["lanes"] + len(pack["lanes"])}
        row["side_by_side"] = max(row["side_by_side"], len(pack["lanes"]))
    return sorted(rows.values(), key=lambda row: (not row["models"], row["models"]))


def _names(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Jobs, and the model that each is of."""
    for curve in record.curves:
        yield from ((job, curve.model) for job in curve.jobs)
    for model, searched in record.searched:
        yield from ((job, model) for trial in searched.trials for job in trial.jobs)
    for model, planned in record.planned.items():
        folds = (fold.job for fold in planned.folds)
        yield from ((job, model) for job in (*planned.seeds.values(), *planned.phases, *folds, *planned.final))
