"""Measured timings, stored in the run, which keeps using them, and in the user's cache.

    <run>/strategies.json                        {kind of lane: [TimingRow, ...]}
    <cache>/strategies/<machine and kind>.json   {"machine": ..., "kind": ..., "table": [TimingRow, ...]}

A kind without timings in its run is decided by the rule. SNELLEN_STRATEGY: `measure`, the default, measures where the
training is long; `rule` never measures; `always` measures whatever is trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen import __version__
from snellen.errors import IdentityError, StorageError, unknown
from snellen.files.atomic import write_json
from snellen.files.cache import cache_folder
from snellen.files.hashing import digest_file, identity
from snellen.files.stored import read_as
from snellen.kernels.library import instructions, library
from snellen.train.backend.choose import backends_for
from snellen.train.environment import PackEnvironment
from snellen.train.lane import Lane
from snellen.train.strategy.measurement import measure
from snellen.train.strategy.packs import cost_key, estimated_seconds
from snellen.train.strategy.rule import UNMEASURED, Strategy, Timing, Timings, candidates

SETTING = "SNELLEN_STRATEGY"
SETTINGS = ("measure", "rule", "always")
LONG_SECONDS, MANY_STEPS = 180.0, 2_000
"""Work of all lanes of a kind together (seconds on one core, estimated without measurements; steps) above which
measuring for two seconds pays off: kernels need a third of the estimate, and a search stops most of its lanes early."""


@with_config(ConfigDict(extra="ignore", allow_inf_nan=False))
class TimingRow(TypedDict):
    """A strategy and its timing as stored. way: the backend; parts: batch shards."""

    way: str
    width: int
    parts: int
    threads: int
    wall: float
    core: float


@with_config(ConfigDict(extra="ignore"))
class CachedTimings(TypedDict):
    """A file of the user's cache. machine, kind: checked, because the file's name is only a part of their hash."""

    machine: dict[str, Any]
    kind: str
    table: list[TimingRow]


_RUN_FILE, _CACHE_FILE = TypeAdapter(dict[str, list[TimingRow]]), TypeAdapter(CachedTimings)


def read_timings(run: Path, device: str) -> dict[str, Timings]:
    """Those stored in a run, by kind of lane; none for a GPU. Raises IdentityError for a damaged file."""
    path = run / "strategies.json"
    if device != "cpu" or not path.exists():
        return {}
    try:
        return {kind: from_rows(rows) for kind, rows in read_as(_RUN_FILE, path).items()}
    except IdentityError:
        raise IdentityError("not a record of measured strategies", where=str(path), hint="Remove it.") from None


def settle_timings(run: Path, lanes: Iterable[Lane], environment: PackEnvironment) -> dict[str, Timings]:
    """The timings for all lanes about to be trained whose training is long: from the run, else the cache, else measured
    now. They are stored in the run before anything is trained."""
    timings = read_timings(run, environment["device"])
    missing = {
        kind: lane for kind, lane in _worth_measuring(lanes, environment["device"]).items() if kind not in timings
    }
    for kind, lane in missing.items():
        timings[kind] = _cached(kind, lane, environment) or _measured(kind, lane, environment)
    if missing:
        write_json(run / "strategies.json", {kind: to_rows(each) for kind, each in timings.items()})
    return timings


def cached_timings(lanes: Iterable[Lane], environment: PackEnvironment) -> dict[str, Timings]:
    """What a new run of these lanes would find in the cache."""
    worth = _worth_measuring(lanes, environment["device"])
    return {kind: _cached(kind, lane, environment) or UNMEASURED for kind, lane in worth.items()}


def to_rows(timings: Timings) -> list[TimingRow]:
    """For JSON."""
    return [
        TimingRow(
            way=each.backend,
            width=each.width,
            parts=each.batch_shards,
            threads=each.threads,
            wall=timing.wall,
            core=timing.core,
        )
        for each, timing in timings.items()
    ]


def from_rows(rows: Iterable[TimingRow]) -> Timings:
    """From JSON."""
    return {
        Strategy(row["way"], row["width"], row["parts"], row["threads"]): Timing(row["wall"], row["core"])
        for row in rows
    }


def _worth_measuring(lanes: Iterable[Lane], device: str) -> dict[str, Lane]:
    """A lane of each kind whose lanes together train long enough."""
    setting = os.environ.get(SETTING) or SETTINGS[0]
    if setting not in SETTINGS:
        raise unknown("strategy", setting, SETTINGS, where=SETTING)
    if setting == "rule" or device != "cpu":
        return {}
    by_kind: dict[str, list[Lane]] = {}
    for lane in lanes:
        by_kind.setdefault(cost_key(lane), []).append(lane)
    return {kind: same[0] for kind, same in by_kind.items() if setting == "always" or _is_long(same)}


def _is_long(lanes: list[Lane]) -> bool:
    steps = sum(lane.steps * lane.epochs for lane in lanes)
    return steps >= MANY_STEPS and sum(estimated_seconds([lane]) for lane in lanes) >= LONG_SECONDS


def _cached(kind: str, lane: Lane, environment: PackEnvironment) -> Timings | None:
    """The timings of this kind on this machine in the cache; a damaged file counts as none."""
    machine = _machine(lane, environment)
    with suppress(OSError, IdentityError):
        stored = read_as(_CACHE_FILE, _path(machine, kind))
        return from_rows(stored["table"]) if (stored["machine"], stored["kind"]) == (machine, kind) else None
    return None


def _measured(kind: str, lane: Lane, environment: PackEnvironment) -> Timings:
    """New timings, also stored in the cache where that can be written."""
    machine, timings = _machine(lane, environment), measure(lane, candidates(lane, environment["threads"]))
    with suppress(StorageError):
        write_json(_path(machine, kind), CachedTimings(machine=machine, kind=kind, table=to_rows(timings)))
    return timings


def _machine(lane: Lane, environment: PackEnvironment) -> dict[str, Any]:
    """All that the duration of a step depends on, besides the lane."""
    return {
        "processor": environment.get("processor"),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": environment["threads"],
        "torch": torch.__version__,
        "snellen": __version__,
        "kernels": [instructions(), _library_digest()],
        "ways": list(backends_for(lane.trajectory, "cpu")),
    }


def _library_digest() -> str | None:
    """Of the compiled kernels; None where there are none."""
    loaded = library()
    return None if loaded is None else digest_file(Path(loaded._name))


def _path(machine: Mapping[str, Any], kind: str) -> Path:
    return cache_folder() / "strategies" / f"{identity([machine, kind])[:32]}.json"
