"""`snellen verify`: checks that a finished run is unchanged and reproducible. Each check is independent, and says what
it compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from polars.exceptions import PolarsError

from snellen.data.load import read
from snellen.data.splits import vault
from snellen.data.splits.split_data import SplitData
from snellen.errors import DataError, DataNotFound, RunError, SnellenError, UnknownName, unknown
from snellen.evaluate.faulty_numbers import HONEST
from snellen.evaluate.record import RunRecord
from snellen.files import hashes, journal
from snellen.files.inside import expect_own_files
from snellen.phrases import plural
from snellen.run.verify_check import Check, compared
from snellen.run.verify_numbers import report_again, scores_again, scores_by_other_code
from snellen.run.verify_weights import predictions_again, trained_again
from snellen.study.data_settings import options_of, split_of_study

JOURNALS = ("hashes.jsonl", "journal.jsonl")
"""The journals, whose lines have checksums."""


def verify(folder: Path, data_folder: Path | None = None, job: str | None = None, draw: bool = False) -> list[Check]:
    """All checks of a finished run, in the order in which they depend on each other; the run is not changed. A run with
    faults on purpose is followed by the run without them in its folder. job: a job to train again, in a temporary
    folder; draw: whether to draw a job at random. Raises RunError for a folder that holds no finished run, UnknownName
    for a job that it does not have.
    """
    expect_own_files(folder)
    if not (folder / "report.json").is_file():
        hint = "Run its study, or write its report with `snellen report`."
        raise RunError("no finished run here", found="no report.json", where=str(folder), hint=hint)
    jobs = [each.name for each in (folder / "jobs").glob("*")]
    if job is not None and job not in jobs:
        raise unknown("job of this run", job, jobs)
    beside = verify(folder / HONEST, data_folder) if (folder / HONEST).is_dir() else []
    return _checks(folder, data_folder, job, draw) + [replace(one, name=f"{HONEST}: {one.name}") for one in beside]


def _checks(folder: Path, data_folder: Path | None, job: str | None, draw: bool) -> list[Check]:
    record = RunRecord(folder)
    checks = stored_files(folder)
    checks.append(_guarded("scores", lambda: scores_again(record)))
    checks.append(_guarded("scores by other code", lambda: scores_by_other_code(record)))
    checks.append(_guarded("report", lambda: report_again(record)))
    found: list[SplitData] = []
    checks.append(_guarded("data", lambda: _data(record, data_folder, found)))
    if not found:
        no = "these are not the data of the run" if checks[-1].outcome == "differs" else "the data were not found"
        checks.append(Check("predictions", "not checked", "", (no,)))
        if job or draw:
            checks.append(Check("training", "not checked", "", (no,)))
        return checks
    checks.append(_guarded("predictions", lambda: predictions_again(record, found[0])))
    if job or draw:
        checks.append(_guarded("training", lambda: trained_again(record, found[0], job)))
    return checks


def stored_files(folder: Path) -> list[Check]:
    """The checks of all files: by their hashes, and the two journals by the checksums of their lines."""
    return [_guarded("stored files", lambda: _files(folder)), _guarded("journals", lambda: _journals(folder))]


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """The result of a check, in which a stored file that cannot be read counts as a difference."""
    try:
        return check()
    except (SnellenError, PolarsError, ValueError, KeyError, TypeError, OSError) as error:
        return Check(name, "differs", "", (f"could not be computed: {error}",))


def _files(folder: Path) -> Check:
    expected = hashes.hashes(folder)
    changed = [f"{name}: {change}" for name, change in sorted(hashes.changes(folder, expected).items())]
    paths = (path.relative_to(folder).as_posix() for path in hashes.below(folder))
    paths = (name for name in paths if not name.startswith(f"{HONEST}/"))  # it is a run, which has its own hashes
    without = sorted(name for name in paths if name not in expected and name not in JOURNALS and not _is_lock(name))
    what = f"SHA-256 of {plural(len(expected), 'file')}"
    if without and not changed:
        note = "no hash was stored, as for other people's files and in runs of earlier versions"
        return Check("stored files", "equal", what, tuple(f"{name}: not checked, {note}" for name in without))
    return compared("stored files", what, changed)


def _is_lock(name: str) -> bool:
    return name.endswith(".lock")


def _journals(folder: Path) -> Check:
    there = [name for name in JOURNALS if (folder / name).is_file()]
    damage = {name: journal.damaged_at(folder / name) for name in there}
    wrong = [f"{name}: damaged at byte {offset}" for name, offset in damage.items() if offset is not None]
    missing = [f"{name}: missing" for name in JOURNALS if name not in there]
    return compared("journals", f"checksum of each line of {' and '.join(there) or 'none'}", wrong + missing)


def _data(record: RunRecord, data_folder: Path | None, split_data: list[SplitData]) -> Check:
    """Checks the data by their fingerprint, and the stored labels of the test part; comparing hashes is not an
    opening."""
    study, stored = record.study, record.data["data"]
    try:
        dataset = read(study.data.source, options_of(study), data_folder)
    except (DataNotFound, UnknownName) as error:
        in_memory = str(study.data.source).startswith("memory:")
        why = "the images were given in memory, and no file holds them" if in_memory else str(error)
        return Check("data", "not checked", "", (why,))
    try:
        data = split_of_study(study, dataset, record.folder)
    except DataError as error:
        return Check("data", "differs", f"{len(dataset):,} images", (str(error),))
    if data.dataset.fingerprint != stored["fingerprint"]:
        difference = f"fingerprint {data.dataset.fingerprint}, in the run {stored['fingerprint']}"
        return Check("data", "differs", f"{len(dataset):,} images", (difference,))
    split_data.append(data)
    wrong: list[str] = []
    if vault.test_fingerprint(dataset, data.roles) != vault.stored_fingerprint(record.folder):
        wrong.append("the test part is another than in the run")
    counts: dict[str, Any] = {role: len(rows) for role, rows in data.roles.rows.items()}
    stored_counts = record.data["roles"]["counts"]
    wrong += [
        f"{role}: {count:,} rows, in the run {stored_counts.get(role):,}"
        for role, count in counts.items()
        if stored_counts.get(role, count) != count
    ]
    return compared("data", f"fingerprint of {len(dataset):,} images, their roles, the test part", wrong)
