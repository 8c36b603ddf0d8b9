"""Protects the vault: no test label without two records of it, and counts that outlive the run directory."""

from __future__ import annotations

import json
from pathlib import Path

import data_cases as cases
import numpy as np
import pytest

from snellen.data.dataset import SEALED
from snellen.data.readers.arrays import from_arrays
from snellen.data.splits import vault
from snellen.data.splits.roles import Split, assign
from snellen.errors import IdentityError, RunError, StorageError

DATASET = cases.expected()
ROLES = assign(DATASET, Split(validation=3))
TEST = ROLES.rows["test"]
WHO = {"study": "s", "job": "3f2a", "model": "cnn", "reason": "chosen by validation"}


def test_sealing_takes_exactly_the_test_labels(tmp_path: Path) -> None:
    sealed = vault.seal(tmp_path, DATASET, ROLES)
    assert (sealed.labels[TEST] == SEALED).all() and (DATASET.labels[TEST] != SEALED).all()
    rest = np.setdiff1d(np.arange(len(DATASET)), TEST)
    np.testing.assert_array_equal(sealed.labels[rest], DATASET.labels[rest])


def test_opening_gives_the_labels_and_leaves_two_records(tmp_path: Path, own_folders: Path) -> None:
    vault.seal(tmp_path, DATASET, ROLES)
    np.testing.assert_array_equal(vault.open_test(tmp_path, **WHO), DATASET.labels[TEST])
    log = own_folders / "records/openings" / f"{vault.test_fingerprint(DATASET, ROLES)}.jsonl"
    for file in (tmp_path / "journal.jsonl", log):
        (line,) = file.read_text(encoding="utf-8").splitlines()
        record = json.loads(line)["record"]
        assert record.items() >= {"event": "test opened", **WHO}.items() and record["time"].endswith("+00:00")


@pytest.mark.parametrize("where", ["run", "user"])
def test_no_record_no_labels(tmp_path: Path, own_folders: Path, where: str) -> None:
    vault.seal(tmp_path, DATASET, ROLES)
    if where == "run":
        (tmp_path / "journal.jsonl").mkdir()
    else:
        (own_folders / "records/openings" / f"{vault.test_fingerprint(DATASET, ROLES)}.jsonl").mkdir(parents=True)
    with pytest.raises((StorageError, IdentityError, OSError)):
        vault.open_test(tmp_path, **WHO)


def test_counts_outlive_the_run(tmp_path: Path) -> None:
    for run, openings in (("a", 2), ("b", 3)):
        vault.seal(tmp_path / run, DATASET, ROLES)
        assert vault.count_openings(tmp_path / run).this_run == 0
        for _ in range(openings):
            vault.open_test(tmp_path / run, **WHO)
    assert vault.count_openings(tmp_path / "a") == vault.Openings(this_run=2, ever=5)
    assert vault.count_openings(tmp_path / "b") == vault.Openings(this_run=3, ever=5)


def test_a_lost_log_does_not_hide_openings_of_this_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.seal(tmp_path, DATASET, ROLES)
    vault.open_test(tmp_path, **WHO)
    monkeypatch.setenv("SNELLEN_RECORDS", str(tmp_path / "empty"))
    assert vault.count_openings(tmp_path) == vault.Openings(this_run=1, ever=1)


def test_the_fingerprint_is_of_the_test_part_alone() -> None:
    def other(training: np.ndarray, test: np.ndarray, labels: np.ndarray) -> str:
        dataset = from_arrays(training, cases.LABELS, test_images=test, test_labels=labels)
        return vault.test_fingerprint(dataset, assign(dataset, Split(validation=3)))

    same = vault.test_fingerprint(DATASET, ROLES)
    assert other(cases.IMAGES[::-1], cases.TEST_IMAGES, cases.TEST_LABELS) == same
    assert other(cases.IMAGES, cases.TEST_IMAGES ^ 1, cases.TEST_LABELS) != same
    assert other(cases.IMAGES, cases.TEST_IMAGES, cases.TEST_LABELS[::-1]) != same


def test_missing_damaged_or_sealed_twice(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the test labels are not here"):
        vault.open_test(tmp_path, **WHO)
    sealed = vault.seal(tmp_path, DATASET, ROLES)
    with pytest.raises(RunError, match=r"labels are sealed; found 6 of 6 rows"):
        vault.seal(tmp_path, sealed, ROLES)
    (tmp_path / vault.FILE).write_bytes(b"x" * 20)
    with pytest.raises(IdentityError):
        vault.open_test(tmp_path, **WHO)
