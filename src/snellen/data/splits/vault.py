"""The vault: test labels in a separate file, which is read by one function that records every call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field

from snellen.data.dataset import Dataset
from snellen.data.splits.roles import Roles
from snellen.errors import IdentityError, RunError, located
from snellen.files import journal, tensors
from snellen.files.cache import records_folder
from snellen.files.hashing import digest_arrays
from snellen.files.inside import inside
from snellen.files.stored import STORED

FILE = "test-labels.safetensors"
EVENT = "test opened"


@dataclass(frozen=True)
class Openings:
    """The number of times that the labels of one test part were opened: in this run directory, and by this user in all
    runs."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    this_run: Annotated[int, Field(ge=0)]
    ever: Annotated[int, Field(ge=0)]


def seal(folder: Path, dataset: Dataset, roles: Roles) -> Dataset:
    """Stores the test labels in `folder` and returns the data set without them."""
    rows = roles.rows["test"]
    arrays = {"rows": rows, "labels": dataset.unsealed_labels(rows)}
    tensors.save(folder / FILE, arrays, {"fingerprint": test_fingerprint(dataset, roles)})
    return dataset.without_labels(rows)


def test_fingerprint(dataset: Dataset, roles: Roles) -> str:
    """SHA-256 (hex) of the test part's images and labels only, so it is the same in every study with this test part."""
    rows = roles.rows["test"]
    return part_fingerprint(dataset.images[rows], dataset.unsealed_labels(rows))


def part_fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 (hex) of images and labels, in their order."""
    return digest_arrays(images, labels)


def open_test(folder: Path, *, study: str, job: str, model: str, reason: str) -> np.ndarray:
    """(n,) int64 labels of the test rows, ascending by row. Only final evaluation calls this.

    Before it returns, the opening is written to the user's log, which outlives runs, and to the run's journal. Raises
    RunError if the run has no test labels.
    """
    labels, fingerprint = _load(folder)
    record = record_opening(fingerprint, study=study, job=job, model=model, reason=reason)
    journal.append(folder / "journal.jsonl", record)
    return labels


def record_opening(fingerprint: str, *, study: str, job: str, model: str, reason: str) -> dict[str, str]:
    """Records an opening of the test part with this fingerprint in the user's log; returns the record."""
    record = {"event": EVENT, "study": study, "job": job, "model": model, "reason": reason}
    record |= {"fingerprint": fingerprint, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    journal.append(_log(fingerprint), record)
    return record


def record_use(folder: Path, *, study: str, job: str, model: str, reason: str) -> None:
    """Records, in the user's log and in the run's journal, that answers were compared with labels of images of the test
    part whose labels are in `folder`, without reading these."""
    record = record_opening(stored_fingerprint(folder), study=study, job=job, model=model, reason=reason)
    journal.append(folder / "journal.jsonl", record)


def times_opened(fingerprint: str) -> int:
    """The number of times that this user compared answers with the labels of the part with this fingerprint."""
    return len(journal.read(_log(fingerprint)))


def count_openings(folder: Path) -> Openings:
    """The number of times that the test part now in `folder` was opened; `ever` is at least `this_run`, even if the log
    was lost."""
    _, fingerprint = _load(folder)
    records = journal.read(folder / "journal.jsonl")
    this_run = sum(record.get("event") == EVENT and record.get("fingerprint") == fingerprint for record in records)
    return Openings(this_run, max(this_run, times_opened(fingerprint)))


def stored_fingerprint(folder: Path) -> str:
    """The fingerprint of the test part whose labels are in `folder`; this is not an opening."""
    return _load(folder)[1]


def test_rows(folder: Path) -> np.ndarray:
    """(n,) int64, ascending rows of the test part whose labels are in `folder`; this is not an opening."""
    arrays, _ = tensors.load(folder / FILE)
    with located(str(folder / FILE)):
        return tensors.array(arrays, "rows", np.int64, (None,))


def record_comparison(fingerprint: str, *, study: str, job: str, model: str, reason: str) -> bool:
    """Records that stored test answers of a job were used for one more comparison, unless the user's log has the same
    one; returns whether it was new."""
    known = journal.read(_log(fingerprint))
    if any(record.get("job") == job and record.get("reason") == reason for record in known):
        return False
    record_opening(fingerprint, study=study, job=job, model=model, reason=reason)
    return True


def _load(folder: Path) -> tuple[np.ndarray, str]:
    try:
        arrays, metadata = tensors.load(folder / FILE)
    except FileNotFoundError:
        raise RunError("the test labels are not here", where=str(folder / FILE), hint="Run the study again.") from None
    with located(str(folder / FILE)):
        if "fingerprint" not in metadata:
            raise IdentityError("no fingerprint of the test part")
        return tensors.array(arrays, "labels", np.int64, (None,)), metadata["fingerprint"]


def _log(fingerprint: str) -> Path:
    return inside(records_folder() / "openings", f"{fingerprint}.jsonl")
