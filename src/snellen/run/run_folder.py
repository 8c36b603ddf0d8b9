"""The run directory: what is written at the start of a run, and the device and data that its jobs use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from snellen.data.dataset import Dataset
from snellen.data.reviews import Reviews
from snellen.data.splits.roles import DEFAULT_VALIDATION
from snellen.errors import SnellenError
from snellen.evaluate.data_file import DataFile
from snellen.files import hashes, journal
from snellen.files.atomic import move_into, partly_moved, write_bytes, write_json, write_text
from snellen.files.clock import now
from snellen.files.stored import read_as, read_json, read_text
from snellen.models.forward import resident
from snellen.study.data_settings import REVIEWS
from snellen.study.document import Document, expect_short, parse, to_yaml
from snellen.study.plan import Plan
from snellen.study.plan_file import PlanFile
from snellen.study.schema import StudyFile
from snellen.study.search_results import SearchResults
from snellen.train.batches import ResidentData
from snellen.train.environment import Environment, PackEnvironment, current_environment
from snellen.train.frozen_features import Progress, quiet
from snellen.train.run_context import RunContext

RETIRED = (
    "study.yaml",
    "data.json",
    "reviews.csv",
    "reviewed.json",
    "backbones.json",
    "plan.json",
    "floors.json",
    "costs.json",
    "evaluation.json",
    "scores.parquet",
    "epochs.csv",
    "findings.json",
    "search",
    "models",
    "report.html",
    "pages",
    "report.json",
    "resolved.yaml",
)
"""The files that move to history/N if the study or its data change."""


@dataclass(frozen=True)
class Settings:
    """How a study is run. out: the run directory, runs/<study> when None. device: auto, cpu, cuda, cuda:1 or mps.
    workers: processes that train at the same time, as many as threads when None."""

    out: Path | None = None
    device: str = "auto"
    threads: int | None = None
    data_folder: Path | None = None
    workers: int | None = None


_ENVIRONMENT = TypeAdapter(Environment)


def settle_environment(folder: Path, settings: Settings) -> Environment:
    """Chooses device and threads: those of `settings`, else those of environment.json. Writes that file, and the
    changes into the journal."""
    path = folder / "environment.json"
    before: Environment = read_as(_ENVIRONMENT, path) if path.exists() else {}
    environment = current_environment(settings.device, settings.threads, before)
    earlier: dict[str, Any] = {**before}
    changed = {key: [earlier[key], value] for key, value in environment.items() if earlier.get(key, value) != value}
    if changed:
        journal.append(folder / "journal.jsonl", {"event": "continued elsewhere", "changed": changed, "time": now()})
    write_json(path, environment)
    return environment


def begin_run(
    folder: Path,
    document: Document,
    study: StudyFile,
    environment: Environment,
    data: DataFile,
    reviews: Reviews | None = None,
) -> None:
    """Moves files of an earlier, different study to history/N, then writes study.yaml, data.json, resolved.yaml and
    a copy of the reviews."""
    resolved, facts = to_yaml(_resolved(study, data)), _json_text(data)
    expect_short(resolved, "resolved.yaml")
    number = 1 + max((int(each.name) for each in folder.glob("history/*") if each.name.isdigit()), default=0)
    retired = folder / "history" / str(number)
    if _is_another_study(folder, resolved, facts) or partly_moved(retired):
        paths = [folder / name for name in RETIRED]
        hashes.release(folder, [*paths, *hashes.below(*paths)])
        move_into(retired, paths)
        hashes.note_new(folder, hashes.below(retired))
    with hashes.rewriting(folder, [folder / "study.yaml"]):
        write_text(folder / "study.yaml", document.text)
    write_text(folder / "data.json", facts)
    if reviews is not None:
        write_bytes(folder / REVIEWS, reviews.content)
    write_text(folder / "resolved.yaml", resolved)
    journal.append(folder / "journal.jsonl", {"event": "run started", "environment": dict(environment), "time": now()})


def _is_another_study(folder: Path, resolved: str, facts: str) -> bool:
    """Whether the folder has a study with other values, or other properties of the data. Keys that a later version of
    Snellen adds to a file, such as a setting with its default, do not make it another study; nor does `acknowledge`."""
    study, data = folder / "resolved.yaml", folder / "data.json"
    try:
        if study.exists() and study.read_bytes() != resolved.encode():
            before, after = (parse(text, "resolved.yaml").study() for text in (read_text(study), resolved))
            if _without_reasons(before) != _without_reasons(after):
                return True
        return data.exists() and data.read_bytes() != facts.encode() and not _keeps(read_json(data), json.loads(facts))
    except SnellenError:  # damaged, or written by a version with keys that no longer exist
        return True


def _without_reasons(study: StudyFile) -> StudyFile:
    return study.model_copy(update={"acknowledge": {}})


def _keeps(before: Any, after: Any) -> bool:
    """Whether all values of `before` are in `after`, which may have additional keys, and other wording of its rules."""
    if isinstance(before, dict) and isinstance(after, dict):
        same = (key == "rules" or _keeps(value, after.get(key)) for key, value in before.items())
        return before.keys() <= after.keys() and all(same)
    return bool(before == after)


def _resolved(study: StudyFile, data: DataFile) -> dict[str, Any]:
    """All values of the study, with the share of validation rows if these were drawn."""
    values = study.model_dump(mode="json")
    if study.split.validation is None and not data["roles"].get("official_validation"):
        values["split"]["validation"] = DEFAULT_VALIDATION
    return values


def write_plan(folder: Path, planned: Plan, results: SearchResults) -> None:
    """Writes plan.json, and the main job of each model into the journal."""
    write_json(folder / "plan.json", PlanFile.of(planned.models, planned.curves, results).as_json())
    main = {name: each.job for name, each in planned.models.items()}
    journal.append(folder / "journal.jsonl", {"event": "planned", "models": main, "time": now()})


def run_context(
    folder: Path,
    sealed: Dataset,
    environment: Environment,
    workers: int | None = None,
    margins: bool = False,
    backbones: Path | None = None,
    progress: Progress = quiet,
    rows: np.ndarray | None = None,
) -> RunContext:
    """The objects that all jobs of a run share: its folder, and the images on the device. workers: one per thread if
    None. margins: whether margins of training rows are recorded. backbones: the folder of backbone weights, if it is
    not that of the run. progress: shows the progress of feature extraction. rows: those that have a role; all if
    None."""
    device = environment["device"]
    material = ResidentData(resident(sealed.images, device), torch.from_numpy(sealed.labels).to(device))
    recorded = PackEnvironment(
        device=device,
        threads=environment["threads"],
        torch=environment["torch"],
        processor=environment["processor"],
    )
    workers = workers or environment["threads"]
    return RunContext(
        folder, sealed, material, recorded, workers, margins, backbones=backbones, progress=progress, rows=rows
    )


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
