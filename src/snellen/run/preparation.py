"""The first arrow of a run: its folder, its device, and what it is about to do, written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.data.dataset import Dataset
from snellen.files import hashes, journal
from snellen.files.atomic import move_into, partly_moved, write_json, write_text
from snellen.files.clock import now
from snellen.files.stored import read_as
from snellen.limits import MAX_THREADS
from snellen.models.forward import resident
from snellen.study.document import Document, expect_short, to_yaml
from snellen.study.found import Found
from snellen.study.plan import Plan
from snellen.study.schema import StudyFile
from snellen.train.batches import ResidentData
from snellen.train.environment import settle
from snellen.train.perform import RunContext

RETIRED = (
    "study.yaml",
    "data.json",
    "plan.json",
    "floors.json",
    "evaluation.json",
    "scores.parquet",
    "findings.json",
    "search",
    "models",
    "report.html",
    "pages",
    "report.json",
    "resolved.yaml",
)
"""What moves to history/N when the study or its data change."""


@dataclass(frozen=True)
class Settings:
    """How to run, not what. out: the run directory, runs/<study> when None. device: auto, cpu, cuda, cuda:1 or mps.
    workers: processes that train at the same time, as many as threads when None."""

    out: Path | None = None
    device: str = "auto"
    threads: int | None = None
    data_folder: Path | None = None
    workers: int | None = None


@with_config(ConfigDict(extra="allow", strict=True))
class Environment(TypedDict, total=False):
    """What of environment.json a run goes on with."""

    device: Annotated[str, Field(max_length=100)]
    threads: Annotated[int, Field(ge=1, le=MAX_THREADS)]


_ENVIRONMENT = TypeAdapter(Environment)


def settled(folder: Path, settings: Settings) -> dict[str, Any]:
    """Sets device and threads: as given, else as the run was begun with; journals what changed since."""
    path = folder / "environment.json"
    stored = read_as(_ENVIRONMENT, path) if path.exists() else Environment()
    before = dict(stored)
    environment = settle(settings.device, settings.threads, before)
    changed = {key: [before[key], now] for key, now in environment.items() if before.get(key, now) != now}
    if changed:
        journal.append(folder / "journal.jsonl", {"event": "continued elsewhere", "changed": changed, "time": now()})
    write_json(path, environment)
    return environment


def begin(
    folder: Path,
    document: Document,
    study: StudyFile,
    environment: Mapping[str, Any],
    data: Mapping[str, Any],
) -> None:
    """Moves an earlier, different study to history/N, then writes what this run is."""
    resolved = to_yaml(study.model_dump(mode="json"))
    expect_short(resolved, "resolved.yaml")
    texts = {"resolved.yaml": resolved, "data.json": _json_text(data)}
    number = 1 + max((int(each.name) for each in folder.glob("history/*") if each.name.isdigit()), default=0)
    retired = folder / "history" / str(number)
    changed = any((folder / name).exists() and (folder / name).read_bytes() != texts[name].encode() for name in texts)
    if changed or partly_moved(retired):
        hashes.release(folder, hashes.below(folder / "search"))
        move_into(retired, [folder / name for name in RETIRED])
    write_text(folder / "study.yaml", document.text)
    write_text(folder / "data.json", texts["data.json"])
    write_text(folder / "resolved.yaml", resolved)
    journal.append(folder / "journal.jsonl", {"event": "run started", "environment": dict(environment), "time": now()})


def write_plan(folder: Path, planned: Plan, found: Found) -> None:
    """plan.json: the jobs of each model and curve, and the values that its searches found."""
    models = {name: each.as_json() for name, each in planned.models.items()}
    curves = [each.as_json() for each in planned.curves]
    write_json(folder / "plan.json", {"models": models, "curves": curves, **found.as_json()})
    main = {name: each.job for name, each in planned.models.items()}
    journal.append(folder / "journal.jsonl", {"event": "planned", "models": main, "time": now()})


def workplace(folder: Path, sealed: Dataset, environment: Mapping[str, Any], workers: int | None = None) -> RunContext:
    """Where the jobs are performed: the pictures on the device, test labels sealed. workers: None for one a thread."""
    device = environment["device"]
    material = ResidentData(resident(sealed.images, device), torch.from_numpy(sealed.labels).to(device))
    strategy = {key: environment[key] for key in ("device", "threads", "torch", "processor")}
    return RunContext(folder, sealed, material, strategy, workers or environment["threads"])


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
