"""The flow: one study, each arrow once, in order. Running again runs only what has no result yet."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen.data import vault
from snellen.data.dataset import Dataset
from snellen.data.readers import read
from snellen.data.roles import Roles, assign
from snellen.data.tone import Tone, tone_of
from snellen.errors import RunError
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.choose import ranking, to_open
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.explain.thumbnails import Thumbnails, draw, load_thumbnails, save_thumbnails
from snellen.files import journal
from snellen.files.atomic import move_into, partly_moved, read_json, remove_leftovers, write_json, write_text
from snellen.files.locks import exclusive
from snellen.findings import rules
from snellen.findings.finding import Facts
from snellen.findings.rules import Judgement
from snellen.models.bundle import Description, Input, save_bundle
from snellen.models.forward import resident
from snellen.report import page
from snellen.report.card import model_card
from snellen.report.content import Content, collect, drawn_rows
from snellen.report.data import describe
from snellen.study.document import Document, to_yaml
from snellen.study.plan import Plan, options_of, plan, split_of
from snellen.study.schema import StudyFile
from snellen.train.engine import Material, Silent
from snellen.train.environment import settle
from snellen.train.perform import Workplace, perform, predict_role, tidy
from snellen.train.results import Result

RETIRED = (
    "study.yaml",
    "data.json",
    "plan.json",
    "evaluation.json",
    "scores.parquet",
    "findings.json",
    "models",
    "report.html",
    "report.json",
    "resolved.yaml",
)
"""What moves to history/N when the study or its data change."""


@dataclass(frozen=True)
class Settings:
    """How to run, not what. out: the run directory, runs/<study> when None. device: auto, cpu, cuda, cuda:1 or mps."""

    out: Path | None = None
    device: str = "auto"
    threads: int | None = None
    data_folder: Path | None = None


class RunWatcher(Silent):
    """Is told how a run goes on; this one says nothing."""

    def read(self, dataset: Dataset, roles: Roles) -> None:
        """The data are there."""

    def planned(self, plan: Plan, finished: int) -> None:
        """finished: jobs that have a result from an earlier run."""

    def started(self, model: str) -> None:
        """A job begins."""

    def ended(self, model: str, result: Result) -> None:
        """A job is over."""

    def reporting(self) -> None:
        """All jobs are over."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A run whose report is written. failed: models whose job failed."""

    folder: Path
    record: RunRecord
    evaluation: Evaluation
    judgement: Judgement
    failed: tuple[str, ...]

    @property
    def report(self) -> Path:
        """The report, to open in a browser."""
        return self.folder / "report.html"


def run(
    document: Document,
    study: StudyFile,
    settings: Settings,
    watcher: RunWatcher | None = None,
    dataset: Dataset | None = None,
) -> Finished:
    """Runs a study into its directory. dataset: pictures in memory, instead of those that the study names.

    Raises RunLocked at once when another process runs it; KeyboardInterrupt (also on SIGTERM) after a checkpoint.
    """
    watcher = watcher or RunWatcher()
    folder = settings.out or Path("runs") / study.study
    with exclusive(folder), _terminable():
        remove_leftovers(folder)
        environment = _settled(folder, settings)
        dataset = dataset or read(study.data.source, options_of(study), settings.data_folder)
        roles = assign(dataset, split_of(study))
        watcher.read(dataset, roles)
        planned = plan(study, dataset, roles)
        _begin(folder, document, study, environment, planned, describe(study, dataset, roles))
        place = _workplace(folder, vault.seal(folder, dataset, roles), environment)
        _perform_all(planned, roles, place, watcher)
        watcher.reporting()
        record = RunRecord.open(folder)
        opened = _open_tests(record, roles, place)
        evaluation = evaluations.evaluate(record, opened, vault.count_openings(folder))
        finished = _tell(record, evaluation, dataset)
        journal.append(folder / "journal.jsonl", {"event": "run finished", "time": _now()})
    return finished


def report(folder: Path) -> Finished:
    """Writes the report of a run again, from its stored files alone."""
    record = RunRecord.open(folder)
    with exclusive(folder):
        return _tell(record, evaluations.load(record), None)


def _settled(folder: Path, settings: Settings) -> dict[str, Any]:
    """Sets device and threads: as given, else as the run was begun with; journals what changed since."""
    path = folder / "environment.json"
    before = read_json(path) if path.exists() else {}
    environment = settle(settings.device, settings.threads, before)
    changed = {key: [before[key], now] for key, now in environment.items() if before.get(key, now) != now}
    if changed:
        journal.append(folder / "journal.jsonl", {"event": "continued elsewhere", "changed": changed, "time": _now()})
    write_json(path, environment)
    return environment


def _begin(
    folder: Path,
    document: Document,
    study: StudyFile,
    environment: Mapping[str, Any],
    planned: Plan,
    data: Mapping[str, Any],
) -> None:
    """Moves an earlier, different study to history/N, then writes what this run is."""
    resolved = to_yaml(study.model_dump(mode="json"))
    texts = {"resolved.yaml": resolved, "data.json": _json_text(data)}
    number = 1 + max((int(each.name) for each in folder.glob("history/*") if each.name.isdigit()), default=0)
    retired = folder / "history" / str(number)
    changed = any((folder / name).exists() and (folder / name).read_text("utf-8") != texts[name] for name in texts)
    if changed or partly_moved(retired):
        move_into(retired, [folder / name for name in RETIRED])
    write_text(folder / "study.yaml", document.text)
    write_text(folder / "data.json", texts["data.json"])
    write_json(folder / "plan.json", {"models": dict(planned.models)})
    write_text(folder / "resolved.yaml", resolved)
    started = {"event": "run started", "models": dict(planned.models), "environment": dict(environment), "time": _now()}
    journal.append(folder / "journal.jsonl", started)


def _workplace(folder: Path, sealed: Dataset, environment: Mapping[str, Any]) -> Workplace:
    device = environment["device"]
    material = Material(resident(sealed.images, device), torch.from_numpy(sealed.labels).to(device))
    strategy = {key: environment[key] for key in ("device", "threads", "torch", "processor")}
    return Workplace(folder, sealed, material, {"name": "one at a time", **strategy})


def _perform_all(planned: Plan, roles: Roles, place: Workplace, watcher: RunWatcher) -> None:
    """Every job without a result, in the order of the study."""
    finished = [job for job in planned.lanes if place.folder(job).read_result()]
    watcher.planned(planned, len(finished))
    rows = {role: roles.rows[role] for role in ("train", "validation", "calibration") if len(roles.rows[role])}
    names = {job: name for name, job in reversed(list(planned.models.items()))}
    for job, lane in planned.lanes.items():
        if job in finished:
            tidy(lane, place)
            continue
        watcher.started(names[job])
        result = perform(lane, rows, place, watcher)
        journal.append(place.run / "journal.jsonl", {"event": f"job {result.status}", "job": job, "time": _now()})
        watcher.ended(names[job], result)


def _open_tests(record: RunRecord, roles: Roles, place: Workplace) -> list[str]:
    """Compares predictions with test labels for the models that the study opens the test for; once a job."""
    opened = to_open(record, ranking(record)) if len(roles.rows["test"]) else []
    fingerprint = vault.stored_fingerprint(record.folder)
    for model in opened:
        folder, job = record.job(model), record.models[model]
        if folder.was_opened(fingerprint):
            continue
        predictions = predict_role("test", roles.rows["test"], job, place)
        reason = f"open_test: {record.study.open_test}"
        labels = vault.open_test(record.folder, study=record.study.study, job=job, model=model, reason=reason)
        folder.write_predictions(predictions.labelled(labels))
        folder.write_opened(fingerprint)
    return opened


def _tell(record: RunRecord, evaluation: Evaluation, dataset: Dataset | None) -> Finished:
    """Scores, findings, bundles and the report. dataset: None when only stored files may be used."""
    evaluations.save(record, evaluation)
    facts = Facts(record, evaluation)
    judgement = rules.judge(facts)
    rules.save(facts, judgement)
    content = collect(record, evaluation, judgement)
    thumbnails = _thumbnails(record.folder, content, dataset)
    _save_bundles(record, content)
    write_json(record.folder / "report.json", content)
    write_text(record.folder / "report.html", page.render(content, thumbnails))
    failed = tuple(model for model, result in record.results.items() if result.status == "failed")
    return Finished(record.folder, record, evaluation, judgement, failed)


def _thumbnails(folder: Path, content: Content, dataset: Dataset | None) -> Thumbnails:
    path = folder / "figures" / "thumbnails.safetensors"
    if dataset is None:
        if not path.exists():
            raise RunError("the stored pictures are missing", where=str(path), hint="Run the study again.")
        return load_thumbnails(path)
    thumbnails = draw(dataset, drawn_rows(content))
    save_thumbnails(path, thumbnails)
    return thumbnails


def _save_bundles(record: RunRecord, content: Content) -> None:
    """One bundle a model that ended well; `chosen` in evaluation.json tells which one the study chose."""
    low, high = content["data"]["pixel_range"]
    height, width, channels = content["data"]["shape"]
    tone = _training_tone(content)
    for model in record.done:
        folder = record.job(model)
        description = Description(
            name=model,
            study=record.study.study,
            job=record.models[model],
            input=Input(
                height=height,
                width=width,
                channels=channels,
                pixel_range=(low, high),
                fit=record.study.data.fit,
                background=record.study.data.background,
            ),
            classes=record.classes,
            layers=folder.read_job().trajectory.layers,
            weights_sha256=record.results[model].sha256["weights.safetensors"],
            tone=tone,
        )
        save_bundle(
            record.folder / "models" / model, description, folder.weights.read_bytes(), model_card(content, model)
        )


def _training_tone(content: Content) -> Tone:
    """That of all training pictures, by the mean picture of each class and how many there are."""
    data = content["data"]
    counts = [row["train"] for row in data["counts"]]
    return tone_of(np.average(np.array(data["means"]), axis=0, weights=counts).reshape(data["shape"]))


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: it saves first. Only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
