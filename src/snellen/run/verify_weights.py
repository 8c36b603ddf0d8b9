"""Checks by stored weights, which predict the data again, and by training a job again."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from snellen.data.splits.split_data import SplitData
from snellen.errors import StudyError
from snellen.evaluate.final_epochs import final_epochs
from snellen.evaluate.model_choice import ranking, to_open
from snellen.evaluate.record import RunRecord
from snellen.files.atomic import write_bytes
from snellen.files.scratch import scratch
from snellen.files.stored import read_json
from snellen.models.predictions import Predictions
from snellen.models.pretrained import FOLDER
from snellen.phrases import plural
from snellen.run.run_folder import run_context
from snellen.run.verify_check import Check, compared
from snellen.study.curves import with_curves
from snellen.study.plan import plan, with_final
from snellen.study.search_results import apply_search_results
from snellen.train.baselines import predict_baseline
from snellen.train.environment import Environment, current_environment
from snellen.train.lane import Lane, pack_id
from snellen.train.results import JobFolder
from snellen.train.run_context import RunContext
from snellen.train.store_results import predict_role
from snellen.train.strategy.record import PackRecord, read_pack
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

ROUNDING = 1e-3
"""The largest difference between probabilities of a network on different machines and versions that rounding
explains."""
SAME = ("torch", "processor", "kernels")
"""The parts of the environment that must be equal for equal bits."""
CLOCKS = ("seconds", "step_ms", "time")


class _Difference(NamedTuple):
    """largest: the largest difference of two probabilities; 0 if the bits are equal."""

    name: str
    largest: float
    same: bool


def predictions_again(record: RunRecord, data: SplitData) -> Check:
    """Checks every stored prediction of every network and baseline with weights, and their labels if they have some."""
    environment = _environment(record)
    if isinstance(environment, Check):
        return environment
    context = run_context(record.folder, data.sealed, environment, 1, rows=data.used)
    packs = _packs(record)
    differences, missing = list[_Difference](), list[str]()
    for job in sorted(record.jobs):
        folder = record.folder_of(job)
        result = folder.read_result()
        if result is None or result.status != "done":
            continue
        if not folder.has_weights(result):
            missing.append(f"jobs/{job}: its weights are missing or changed")
            continue
        strategy: Mapping[str, Any] = packs[job]["strategy"] if job in packs else {}
        torch.set_num_threads(strategy.get("threads", environment["threads"]))
        for stored in _stored(folder):
            again = predict_role(stored.role, stored.rows, job, context)
            differences.append(_difference(f"jobs/{job}", stored, again, data.dataset.labels))
    for name, baseline in record.baselines.items():
        for stored in _stored(baseline.job):
            again = predict_baseline(name, stored.role, baseline, context, stored.rows)
            differences.append(_difference(f"floors/{baseline.path.name}", stored, again, data.dataset.labels))
    different = [each for each in differences if not each.same or each.largest > 0]
    details = [f"{each.name}: {_words(each)}" for each in different]
    what = f"{plural(len(differences), 'file')} of predictions, to the bit"
    reasons = _other_machine(record, environment)
    if different and reasons and all(each.same and each.largest < ROUNDING for each in different):
        largest = max(each.largest for each in different)
        why = f"the bits cannot be equal here: {'; '.join(reasons)}; largest difference {largest:.1e}"
        return Check("predictions", "not checked", what, (why, *missing))
    if missing and not details:
        return Check("predictions", "equal", what, tuple(missing))
    return compared("predictions", what, [*details, *missing] if details else [])


def trained_again(record: RunRecord, data: SplitData, job: str | None) -> Check:
    """Trains one job again, as the record of its pack says, in a temporary folder, and compares weights, predictions,
    losses, history and result, without times. job: None for a random one.
    """
    done = sorted(each for each in record.jobs if record.folder_of(each).is_done())
    if job is not None and job not in done:
        return Check("training", "not checked", "", (f"jobs/{job}: it was not trained to the end for this report",))
    environment = _environment(record)
    if isinstance(environment, Check):
        return Check("training", environment.outcome, "", environment.details)
    packs, lanes = _packs(record), _lanes(record, data)
    able = [each for each in done if each in packs and all(tuple(ids) in lanes for ids in packs[each]["lanes"])]
    if job is not None and job not in able:
        reason = "a trial of a search, or the record of its pack is missing: it cannot be trained by itself"
        return Check("training", "not checked", "", (f"jobs/{job}: {reason}",))
    if not able:
        return Check("training", "not checked", "", ("no job of this run can be trained by itself",))
    chosen = job or secrets.choice(able)
    pack = [lanes[tuple(ids)] for ids in packs[chosen]["lanes"]]
    with scratch(Path(tempfile.gettempdir()) / f"snellen-verify-{os.getpid()}") as folder:
        margins, backbones = _recorded_margins(record, chosen), record.folder / FOLDER
        context = run_context(folder, data.sealed, environment, 1, margins, backbones, rows=data.used)
        _prepare(record, pack, context)
        train_pack(pack, context, Silent())
        differences, count = _compare(record.folder_of(chosen), context.folder(chosen), pack, chosen)
    what = f"jobs/{chosen}: {plural(count, 'file')}"
    reasons = _other_machine(record, environment, packs[chosen]["strategy"])
    if differences and reasons:
        why = f"the bytes cannot be equal here: {'; '.join(reasons)}"
        return Check("training", "not checked", what, (why, *differences))
    return compared("training", what, differences)


def _environment(record: RunRecord) -> Environment | Check:
    """The environment of this machine, with the device and threads of the run; or a check that was not made, if the
    device is missing."""
    stored: Environment = read_json(record.folder / "environment.json")
    try:
        return current_environment(stored.get("device", "cpu"), stored.get("threads"), {})
    except StudyError as error:
        return Check("predictions", "not checked", "", (str(error),))


def _other_machine(record: RunRecord, here: Environment, recorded: Mapping[str, Any] | None = None) -> list[str]:
    """Reasons why bits may differ on this machine."""
    there: Mapping[str, Any] = {**read_json(record.folder / "environment.json"), **(recorded or {})}
    now: Mapping[str, Any] = {**here}
    return [
        f"{key} {there[key]} there, {now[key]} here"
        for key in SAME
        if key in there and there[key] not in (now[key], "off" if key == "kernels" else now[key])
    ]


def _packs(record: RunRecord) -> dict[str, PackRecord]:
    """The record of the pack of each job."""
    records = [read_pack(path) for path in sorted((record.folder / "packs").glob("*/pack.json"))]
    return {job: pack for pack in records for lane in pack["lanes"] for job in lane}


def _lanes(record: RunRecord, data: SplitData) -> dict[tuple[str, ...], Lane]:
    """The planned lanes by their jobs; trials of searches are not planned."""
    study = apply_search_results(record.study, record.found)
    planned = with_curves(plan(study, data, record.found.nested(record.study)), study, data)
    epochs = final_epochs(record, to_open(record, ranking(record)))
    if epochs:
        planned = with_final(planned, study, data, epochs)
    return {lane.ids: lane for lane in planned.lanes}


def _prepare(record: RunRecord, pack: list[Lane], context: RunContext) -> None:
    """Copies the files that training starts from: the record of the pack, and the results of the phase before."""
    name = f"packs/{pack_id(pack)}/pack.json"
    write_bytes(context.run / name, (record.folder / name).read_bytes())
    for before in (lane.trajectory.start for lane in pack):
        if before is not None:
            old, new = record.folder_of(before.id), context.folder(before.id)
            for file in (old.path / "job.json", old.result_path, old.weights, old.end):
                if file != old.end or file.exists():
                    write_bytes(new.path / file.name, file.read_bytes())


def _recorded_margins(record: RunRecord, job: str) -> bool:
    """Whether the job recorded margins while it was trained in its pack."""
    folder = record.folder_of(job)
    result = folder.read_result()
    return result is not None and folder.margins.name in result.sha256


def _compare(stored: JobFolder, again: JobFolder, pack: list[Lane], job: str) -> tuple[list[str], int]:
    """The differences in the files that training wrote, and the number of files."""
    lane = next(lane for lane in pack if job in lane.ids)
    paths = [again.weights, *map(again.predictions_path, lane.predicted), again.losses, again.margins, again.end]
    names = [path.relative_to(again.path).as_posix() for path in paths if path.exists()]
    wrong = [name for name in names if _bytes(stored.path / name) != (again.path / name).read_bytes()]
    if stored.read_job() != again.read_job():
        wrong.append("job.json")
    for name in ("history.json", "result.json"):
        one, other = (_without_clocks(read_json(folder.path / name)) for folder in (stored, again))
        if json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True):
            wrong.append(name)
    return [f"{name}: other bytes" for name in wrong], len(names) + 3


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_clocks(inner) for key, inner in value.items() if key not in CLOCKS}
    return [_without_clocks(inner) for inner in value] if isinstance(value, list) else value


def _stored(folder: JobFolder) -> list[Predictions]:
    roles = sorted(path.stem for path in (folder.path / "predictions").glob("*.safetensors"))
    return [each for role in roles if (each := folder.read_predictions(role)) is not None and len(each)]


def _difference(name: str, stored: Predictions, again: Predictions, labels: np.ndarray) -> _Difference:
    same = np.array_equal(stored.ids, again.ids) and np.array_equal(stored.predicted, again.predicted)
    same &= stored.labels is None or np.array_equal(stored.labels, labels[stored.rows])
    gaps = np.abs(stored.probabilities.astype(np.float64) - again.probabilities)
    return _Difference(f"{name}/predictions/{stored.role}", float(gaps.max()), bool(same))


def _words(difference: _Difference) -> str:
    if not difference.same:
        return f"other ids, labels or answers; probabilities differ by up to {difference.largest:.1e}"
    return f"probabilities differ by up to {difference.largest:.1e}"
