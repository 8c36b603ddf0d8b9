"""What was measured of how packs can be computed: stored in the run, which holds on to it, and in the user's cache.

    <run>/strategies.json                        kind of lane -> rows of a table
    <cache>/strategies/<machine and kind>.json   {"machine": ..., "kind": ..., "table": rows}

Where a run has no table for a kind of lane, the rule decides. SNELLEN_STRATEGY: `measure`, the default, measures where
the training is long; `rule` never measures; `always` measures whatever is trained.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from snellen import __version__
from snellen.errors import IdentityError, StorageError, unknown
from snellen.files.atomic import write_json
from snellen.files.cache import cache_folder
from snellen.files.hashing import digest_file, identity
from snellen.files.stored import read_json
from snellen.kernels.library import instructions, library
from snellen.train.backend.choose import backends_for
from snellen.train.lane import Lane
from snellen.train.strategy.measurement import measure
from snellen.train.strategy.packs import kind_of, seconds
from snellen.train.strategy.rule import NOTHING, Table, as_rows, candidates, of_rows

SETTING = "SNELLEN_STRATEGY"
SETTINGS = ("measure", "rule", "always")
LONG_SECONDS, MANY_STEPS = 180.0, 2_000
"""Work of all lanes of a kind on one core, by the rule and to their ends, and their steps, from which two seconds are
worth it: kernels need a third of what the rule says, and a search stops most of its lanes early."""


def tables(run: Path, device: str) -> dict[str, Table]:
    """Those that a run holds on to, by kind of lane; none for a GPU. Raises IdentityError for a damaged file."""
    path = run / "strategies.json"
    if device != "cpu" or not path.exists():
        return {}
    try:
        return {kind: of_rows(rows) for kind, rows in read_json(path).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise IdentityError("not a record of measured strategies", where=str(path), hint="Remove it.") from None


def settle_tables(run: Path, lanes: Iterable[Lane], environment: Mapping[str, Any]) -> dict[str, Table]:
    """The tables of a run, and of all lanes that are about to be trained and worth it: as the run has them, else from
    the cache, else measured now; written down before anything is trained.

    environment: device, threads, torch and processor.
    """
    held = tables(run, environment["device"])
    missing = {kind: lane for kind, lane in _worth_it(lanes, environment["device"]).items() if kind not in held}
    for kind, lane in missing.items():
        held[kind] = _stored(kind, lane, environment) or _measured(kind, lane, environment)
    if missing:
        write_json(run / "strategies.json", {kind: as_rows(table) for kind, table in held.items()})
    return held


def stored_tables(lanes: Iterable[Lane], environment: Mapping[str, Any]) -> dict[str, Table]:
    """What a new run of these lanes would find in the cache."""
    worth = _worth_it(lanes, environment["device"])
    return {kind: _stored(kind, lane, environment) or NOTHING for kind, lane in worth.items()}


def _worth_it(lanes: Iterable[Lane], device: str) -> dict[str, Lane]:
    """A lane of each kind whose training is long enough, to the ends of all that were asked for."""
    setting = os.environ.get(SETTING) or SETTINGS[0]
    if setting not in SETTINGS:
        raise unknown("strategy", setting, SETTINGS, where=SETTING)
    if setting == "rule" or device != "cpu":
        return {}
    alike: dict[str, list[Lane]] = {}
    for lane in lanes:
        alike.setdefault(kind_of(lane), []).append(lane)
    return {kind: same[0] for kind, same in alike.items() if setting == "always" or _is_long(same)}


def _is_long(lanes: list[Lane]) -> bool:
    steps = sum(lane.steps * lane.epochs for lane in lanes)
    return steps >= MANY_STEPS and sum(seconds([lane]) for lane in lanes) >= LONG_SECONDS


def _stored(kind: str, lane: Lane, environment: Mapping[str, Any]) -> Table | None:
    """The table of this kind on this machine in the cache; one that is damaged counts as none."""
    machine = _machine(lane, environment)
    with suppress(OSError, IdentityError, KeyError, TypeError, ValueError):
        found = read_json(_path(machine, kind))
        return of_rows(found["table"]) if (found["machine"], found["kind"]) == (machine, kind) else None
    return None


def _measured(kind: str, lane: Lane, environment: Mapping[str, Any]) -> Table:
    """A new table, left in the cache where that can be written."""
    machine, table = _machine(lane, environment), measure(lane, candidates(lane, environment["threads"]))
    with suppress(StorageError):
        write_json(_path(machine, kind), {"machine": machine, "kind": kind, "table": as_rows(table)})
    return table


def _machine(lane: Lane, environment: Mapping[str, Any]) -> dict[str, Any]:
    """All that the time of a step depends on beside the lane."""
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
    """Of the kernels as they were built; None where there are none."""
    found = library()
    return None if found is None else digest_file(Path(found._name))


def _path(machine: Mapping[str, Any], kind: str) -> Path:
    return cache_folder() / "strategies" / f"{identity([machine, kind])[:32]}.json"
