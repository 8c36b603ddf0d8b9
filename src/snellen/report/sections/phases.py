"""The phases of a model's training as one history: epochs number through, from the first phase to the last."""

from __future__ import annotations

from typing import Any

from snellen.evaluate.familiarity import familiarity_sentence, load_familiarity
from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import fitted_images, trained
from snellen.report.model_types import PhaseJson, ShippedJson

ReportJson = dict[str, Any]


def whole_history(record: RunRecord, model: str) -> list[dict[str, Any]]:
    """A record an epoch, of all phases: `phase` from 1, `epoch` counts on from those that the phases before trained."""
    found: list[dict[str, Any]] = []
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


def shipped_section(record: RunRecord, model: str) -> ShippedJson | None:
    """The network that is the model's bundle, as its own files tell; None while it is not trained to its end.

    phases: epochs trained and kept of each, and what chose the kept one (None: the last, by rule). roles: those whose
    numbers in this report are of this network. familiarity: a sentence.
    """
    planned = record.planned[model]
    job = planned.shipped
    found, result = trained(record, job), record.folder_of(job).read_result()
    if found is None or result is None or result.status != "done":
        return None
    final, settings = job in planned.final, record.model(model).train
    own = ["test"] if final else ["train", "validation", "calibration", *([] if planned.final else ["test"])]
    return {
        "job": job,
        "seed": record.folder_of(job).read_job().trajectory.seed,
        "seeds": len(planned.seeds),
        "final": final,
        "judges": ("seeds" if record.nested(model) else "folds") if final else None,
        "images": fitted_images(record, job),
        "roles": own,
        "familiarity": familiarity_sentence(load_familiarity(record.folder, job)),
        "phases": [
            {"settings": phase.model_dump(mode="json"), "epochs": epochs, "kept_epoch": kept, "by": by}
            for phase, epochs, kept, by in zip(settings, found.epochs, found.kept, found.by, strict=True)
        ],
    }


def phases_section(record: RunRecord, model: str) -> list[PhaseJson]:
    """Of each phase: its settings, the epochs it trained and the one it kept, counted through; its wall time."""
    found, before = list[PhaseJson](), 0
    for job, settings in zip(record.planned[model].phases, record.model(model).train, strict=True):
        folder = record.folder_of(job)
        result, trained = folder.read_result(), len(folder.read_history())
        first = {"continue"} if not found else set[str]()
        own = {key: value for key, value in settings.model_dump(mode="json").items() if key not in first}
        found.append(
            {
                "settings": {**own, "seed": record.study.seed},
                "first_epoch": before + 1,
                "last_epoch": before + trained,
                "kept_epoch": before + result.kept_epoch if result and result.kept_epoch else None,
                "seconds": result.seconds if result else None,
            }
        )
        before += trained
    return found
