"""Protects resuming: a checkpoint is complete, is refused when not this job's, and is old or new after a crash."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import training_cases as cases
from failing_disk import PowerCut, cut_after, full_after

from snellen.errors import IdentityError, StorageError
from snellen.files import tensors
from snellen.files.hashing import digest_file, identity
from snellen.train.lane import Lane
from snellen.train.resume_checkpoint import Checkpoint
from snellen.train.snapshot import Snapshot, current_arrays, kept_arrays, record_of
from snellen.train.watcher import Silent

OLD, NEW = 4, 5
WORK = cases.lane(
    layers=["flatten", {"dense": 8}, "batch_norm", "relu", {"dropout": 0.2}], measure="accuracy", epochs=9
)


def kept_epoch(snapshot: Snapshot) -> int:
    return snapshot.lanes[0].kept[0].stopping.best_epoch


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    """Before training and after each epoch; OLD and NEW keep the same earlier epoch."""
    training = cases.training(WORK)
    made = [cases.start(WORK)]
    for _ in range(NEW):
        made.append(training.epoch(made[-1], Silent()))
    assert kept_epoch(made[OLD]) == kept_epoch(made[NEW]) < OLD
    return made


@pytest.fixture
def folder(tmp_path: Path, snapshots: list[Snapshot]) -> Path:
    cases.checkpoint(tmp_path / "pack").save(snapshots[OLD])
    return tmp_path / "pack"


def values(snapshot: Snapshot | None) -> Any:
    """All that a snapshot holds, to be compared bit for bit."""
    if snapshot is None:
        return None
    arrays = [
        (name, array.tobytes()) for part in (current_arrays, kept_arrays) for name, array in part(snapshot).items()
    ]
    return arrays, record_of(snapshot)


def load(folder: Path) -> Snapshot | None:
    return cases.checkpoint(folder).load("cpu")


def go_on(snapshot: Snapshot) -> Any:
    """The state after one more epoch, without the clock."""
    arrays, plain = values(cases.training(WORK).epoch(snapshot, Silent()))
    for record in plain["progress"][0]["history"]:
        record["seconds"] = 0
    return arrays, plain


def test_what_is_saved_is_loaded_and_goes_on_alike(folder: Path, snapshots: list[Snapshot]) -> None:
    loaded = load(folder)
    assert loaded is not None
    assert values(loaded) == values(snapshots[OLD])
    assert go_on(loaded) == go_on(snapshots[OLD])
    assert load(folder / "absent") is None


PLATEAU = {"reduce_on_plateau": {"patience": 2, "min_delta": 0.1, "cooldown": 1, "factor": 0.3}}


@pytest.mark.parametrize(
    "changes", [{"patience": 2, "min_delta": 0.1, "start_from_epoch": 2}, {"schedule": PLATEAU}], ids=str
)
def test_interrupted_after_every_epoch_it_is_the_same_training(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What depends on the validation values so far, to the bit."""
    work = cases.lane(epochs=9, measure="accuracy", **changes)
    whole = go_on_to_the_end(cases.start(work), work, lambda snapshot: snapshot)

    def stored(snapshot: Snapshot) -> Snapshot:
        folder = tmp_path / str(snapshot.epoch)
        cases.checkpoint(folder).save(snapshot)
        loaded = load(folder)
        assert loaded is not None
        return loaded

    assert values(go_on_to_the_end(cases.start(work), work, stored)) == values(whole)
    rates = {record["learning_rate"] for record in whole.lanes[0].history}
    assert (OLD <= whole.epoch < 9) if "patience" in changes else len(rates) >= 3


def go_on_to_the_end(snapshot: Snapshot, work: Lane, between: Callable[[Snapshot], Snapshot]) -> Snapshot:
    """Until the lane is done, without the clock."""
    training = cases.training(work)
    while snapshot.alive:
        snapshot = between(training.epoch(snapshot, Silent()))
        for record in snapshot.lanes[0].history:
            record["seconds"] = 0
    return snapshot


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes checkpoint.json and makes it belong together again."""
    path = folder / "checkpoint.json"
    stored = json.loads(path.read_text())
    change(stored)
    stored["sha256"] = identity({name: value for name, value in stored.items() if name != "sha256"})
    path.write_text(json.dumps(stored))


def fields(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a JSON tree lies."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from fields(inner, (*place, key))


def dropped(stored: Any, place: tuple[Any, ...]) -> None:
    for key in place[:-1]:
        stored = stored[key]
    del stored[place[-1]]


def test_no_field_can_be_dropped(folder: Path, snapshots: list[Snapshot]) -> None:
    """Every value of checkpoint.json, whether or not the file's own hash is made to fit."""
    path = folder / "checkpoint.json"
    stored = json.loads(path.read_text())
    for place in fields(stored):
        changed = copy.deepcopy(stored)
        dropped(changed, place)
        path.write_text(json.dumps(changed))
        with pytest.raises(IdentityError):
            load(folder)
        if place == ("sha256",):
            continue
        rewritten(folder, lambda _: None)
        assert outcome(folder) != values(snapshots[OLD]), place


def outcome(folder: Path) -> Any:
    try:
        return values(load(folder))
    except IdentityError:
        return "refused"


@pytest.mark.parametrize("role", ["current", "kept"])
def test_no_array_can_be_dropped(folder: Path, snapshots: list[Snapshot], role: str) -> None:
    """Even with all hashes made to fit: going on fails, or ends elsewhere."""
    [path] = folder.glob(f"{role}-*")
    arrays = tensors.load(path)[0]
    assert len(arrays) == {"current": 5, "kept": 3}[role], "theta, two moving statistics, two slots of Adam"
    expected = go_on(snapshots[OLD])
    for name in arrays:
        tensors.save(path, {other: array for other, array in arrays.items() if other != name})
        digest = digest_file(path)

        def fit(stored: dict[str, Any], digest: str = digest) -> None:
            stored["files"][role]["sha256"] = digest

        rewritten(folder, fit)
        try:
            loaded = load(folder)
            assert loaded is not None
            assert go_on(loaded) != expected, name
        except (IdentityError, KeyError):
            pass


def test_every_changed_byte_is_noticed(folder: Path, snapshots: list[Snapshot]) -> None:
    random = np.random.default_rng(0)
    for path in folder.iterdir():
        content = path.read_bytes()
        for index in random.choice(len(content), min(len(content), 150), replace=False):
            changed = bytes([content[index] ^ 1 << int(random.integers(8))])
            path.write_bytes(content[:index] + changed + content[index + 1 :])
            assert outcome(folder) in ("refused", values(snapshots[OLD])), f"{path.name} byte {index}"
        path.write_bytes(content[:-1])
        assert outcome(folder) in ("refused", values(snapshots[OLD]))
        path.write_bytes(content)
    assert outcome(folder) == values(snapshots[OLD])


@pytest.mark.parametrize("role", ["current", "kept"])
def test_a_changed_weight_is_told(folder: Path, role: str) -> None:
    [path] = folder.glob(f"{role}-*")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(IdentityError, match=rf"{role}-.* is missing or was changed; expected SHA-256 .*Remove .*pack"):
        load(folder)
    path.unlink()
    with pytest.raises(IdentityError, match="is missing or was changed"):
        load(folder)


def test_another_jobs_checkpoint_is_refused_naming_field_old_and_new(folder: Path) -> None:
    for lanes in ([["other"]], [["job"], ["other"]], [["job", "other"]], []):
        with pytest.raises(
            IdentityError, match=r"checkpoint.json: `lanes` does not match; found \[\['job'\]\]"
        ) as caught:
            Checkpoint(folder, lanes).load("cpu")
        assert f"expected {lanes}" in str(caught.value)


def test_another_format_is_refused_naming_field_old_and_new(folder: Path) -> None:
    rewritten(folder, lambda stored: stored.update(format=7))
    with pytest.raises(IdentityError, match=r"checkpoint.json: `format` does not match; found 7; expected 2"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"format": 2, "lanes": [["job"]]}'])
def test_what_is_no_checkpoint_is_refused(folder: Path, text: str) -> None:
    (folder / "checkpoint.json").write_text(text)
    with pytest.raises(IdentityError, match=r"checkpoint.json"):
        load(folder)


def test_every_prefix_of_a_save_is_the_old_or_the_new_checkpoint(tmp_path: Path, snapshots: list[Snapshot]) -> None:
    """Both have the file of the kept epoch in common."""
    seen = []
    for operations in count():
        folder = tmp_path / str(operations)
        checkpoint = cases.checkpoint(folder)
        checkpoint.save(snapshots[OLD])
        try:
            with cut_after(operations):
                checkpoint.save(snapshots[NEW])
            break
        except PowerCut:
            seen.append(snapshots_of(folder, snapshots))
    assert seen == sorted(seen), "an old checkpoint after the new one"
    assert set(seen) == {OLD, NEW}
    assert len(list(folder.iterdir())) == 3


def snapshots_of(folder: Path, snapshots: list[Snapshot]) -> int:
    """Which of the snapshots is stored."""
    found = values(load(folder))
    return next(epoch for epoch in (OLD, NEW) if found == values(snapshots[epoch]))


def test_a_full_disk_keeps_the_old_checkpoint(folder: Path, snapshots: list[Snapshot]) -> None:
    size = sum(path.stat().st_size for path in folder.iterdir())
    for room in np.linspace(0, size - 100, 64).astype(int).tolist():
        checkpoint = cases.checkpoint(folder)
        with full_after(room), pytest.raises(StorageError, match="the disk is full"):
            checkpoint.save(snapshots[NEW])
        assert snapshots_of(folder, snapshots) == OLD
        assert not list(folder.glob(".*"))
    checkpoint.save(snapshots[NEW])
    assert snapshots_of(folder, snapshots) == NEW
    assert len(list(folder.iterdir())) == 3


def test_it_is_saved_when_due_and_once_an_epoch(
    tmp_path: Path, snapshots: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path, [["job"]], 10, now[0])
    checkpoint.save(snapshots[0])
    saved = []
    for epoch, seconds in ((OLD - 1, 109.9), (OLD, 110.0), (NEW, 119.9)):
        now[0] = seconds
        checkpoint.save_when_due(snapshots[epoch])
        saved.append((tmp_path / "checkpoint.json").exists() and snapshots_of(tmp_path, snapshots))
    assert saved == [False, OLD, OLD]
    before = (tmp_path / "checkpoint.json").stat().st_mtime_ns
    checkpoint.save(snapshots[OLD])
    assert (tmp_path / "checkpoint.json").stat().st_mtime_ns == before
    assert torch.equal(checkpoint.load("cpu").theta, snapshots[OLD].theta)  # type: ignore[union-attr]
