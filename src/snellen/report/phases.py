"""The phases of a model's training as one history: epochs number through, from the first phase to the last."""

from __future__ import annotations

from typing import Any

from snellen.evaluate.record import RunRecord

Content = dict[str, Any]


def whole_history(record: RunRecord, model: str) -> list[Content]:
    """A record an epoch, of all phases: `phase` from 1, `epoch` counts on from those that the phases before trained."""
    found: list[Content] = []
    for phase, job in enumerate(record.planned[model].phases, 1):
        before = len(found)
        found += [
            {**each, "epoch": before + at, "phase": phase}
            for at, each in enumerate(record.folder_of(job).read_history(), 1)
        ]
    return found


def epochs_before(record: RunRecord, model: str) -> int:
    """The epochs that the phases before the last trained."""
    return sum(len(record.folder_of(job).read_history()) for job in record.planned[model].phases[:-1])


def phases_section(record: RunRecord, model: str) -> list[Content]:
    """Of each phase: its settings, the epochs it trained and the one it kept, counted through; its wall time."""
    found, before = [], 0
    for job, settings in zip(record.planned[model].phases, record.model(model).train, strict=True):
        folder = record.folder_of(job)
        result, trained = folder.read_result(), len(folder.read_history())
        found.append(
            {
                "settings": {**settings.model_dump(mode="json"), "seed": record.study.seed},
                "first_epoch": before + 1,
                "last_epoch": before + trained,
                "kept_epoch": before + result.kept_epoch if result and result.kept_epoch else None,
                "seconds": result.seconds if result else None,
            }
        )
        before += trained
    return found
