"""How a pack is computed: by a rule, unless something else was measured to be much faster on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from snellen.kernels.library import instructions
from snellen.train.backend.choose import KERNELS, backends_for
from snellen.train.environment import ROWS_PER_PART, parts_for, threads_for
from snellen.train.lane import Lane
from snellen.train.strategy.packs import name_of, width

MUCH_FASTER = 0.85
"""Share of the rule's time below which something else is chosen: less can be chance where others use the machine too,
and then each new cache would have other bits."""
BUSY = 1.2
"""Wall time of one thread over its core time above which others use the machine: how long several threads wait for each
other then says nothing of another day."""


@dataclass(frozen=True)
class Strategy:
    """way: what computes a step. width: lanes side by side, at most. parts: of each batch, computed by a thread each.
    threads: of torch, or of the parts where there are several."""

    way: str
    width: int
    parts: int
    threads: int


@dataclass(frozen=True)
class Timing:
    """Of a step and lane, in seconds. wall: by the clock; core: of all cores together."""

    wall: float
    core: float


Table = Mapping[Strategy, Timing]
"""What was measured."""
NOTHING: Table = MappingProxyType({})


def by_rule(lane: Lane, lanes: int, most: int, device: str = "cpu") -> Strategy:
    """How a pack of so many lanes like this one is computed by at most `most` threads, without a measurement."""
    job, way = lane.jobs[0], backends_for(lane.trajectory, device)[0]
    parts = parts_for(job, lanes, most, way) if device == "cpu" else 1
    threads = parts if parts > 1 else threads_for(job, lanes, most)
    return Strategy(way, width(lane, way, device), parts, threads)


def of_pack(lanes: Sequence[Lane], most: int, device: str = "cpu", table: Table = NOTHING) -> Strategy:
    """How this pack is computed by at most `most` threads. table: of lanes of this kind on this machine."""
    rule = by_rule(lanes[0], len(lanes), most, device)
    if len(lanes) > 1:
        return replace(side_by_side(lanes[0], device, table), parts=1, threads=rule.threads)
    alone = replace(rule, width=1)
    usable = _usable(table, lanes[0], device)
    fits = {each: timing for each, timing in usable.items() if each.width == 1 and each.threads <= most}
    if most > 1 and not _was_busy(fits):
        return _choose(fits, alone, lambda timing: timing.wall)
    same = {each: timing for each, timing in fits.items() if each.threads == alone.threads}
    return _choose(same, alone, lambda timing: timing.core)


def side_by_side(lane: Lane, device: str = "cpu", table: Table = NOTHING) -> Strategy:
    """How many lanes like this one are trained side by side, at most, and in which way: by one thread, because other
    packs have the other cores."""
    way = backends_for(lane.trajectory, device)[0]
    rule = Strategy(way, width(lane, way, device), 1, 1)
    usable = _usable(table, lane, device)
    single = {each: timing for each, timing in usable.items() if each.threads == 1}
    return _choose(single, rule, lambda timing: timing.core)


def _usable(table: Table, lane: Lane, device: str) -> Table:
    """What can still be done: a run may go on where there are no kernels."""
    ways = backends_for(lane.trajectory, device)
    return {each: timing for each, timing in table.items() if each.way in ways}


def _was_busy(table: Table) -> bool:
    """Whether one thread had to wait for its core while this was measured."""
    return any(timing.wall > BUSY * timing.core for each, timing in table.items() if each.threads == 1)


def _choose(table: Table, rule: Strategy, cost: Callable[[Timing], float]) -> Strategy:
    """The rule's choice, unless the cheapest of the table costs much less."""
    if rule not in table:
        return rule
    best = min(table, key=lambda each: cost(table[each]))
    return best if cost(table[best]) < MUCH_FASTER * cost(table[rule]) else rule


def candidates(lane: Lane, most: int, device: str = "cpu") -> list[Strategy]:
    """What is worth a measurement: every way with half and twice the lanes of the rule and with one lane, by one thread
    as where every core has a pack of its own; and one lane by several threads."""
    ways = backends_for(lane.trajectory, device)
    single = [Strategy(way, each, 1, 1) for way in ways for each in _widths(width(lane, way))]
    several = [Strategy(way, 1, parts, parts) for way in ways for parts in _numbers_of_parts(lane, most)]
    return list(dict.fromkeys([*single, *several, replace(by_rule(lane, 1, most, device), width=1)]))


def _widths(wide: int) -> list[int]:
    """One, half, all and twice as many lanes."""
    return sorted({1, -(-wide // 2), wide, 2 * wide})


def _numbers_of_parts(lane: Lane, most: int) -> list[int]:
    """2, 4, 8 and so on, and as many as there are threads; no part of few rows."""
    most = min(most, lane.trajectory.batch_size // ROWS_PER_PART)
    return sorted({*(2**power for power in range(1, most.bit_length())), most} - {0, 1}) if most > 1 else []


def as_record(lanes: Sequence[Lane], chosen: Strategy, table: Table) -> dict[str, Any]:
    """For the record of a pack. step_ms: of a step and lane, None where nothing was measured."""
    key = replace(chosen, threads=1) if len(lanes) > 1 else chosen
    timing = table.get(key)
    cost = None if timing is None else timing.core if key.threads == 1 else timing.wall
    return {
        "name": name_of(lanes, chosen.parts, chosen.way),
        **asdict(chosen),
        "kernels": instructions() if chosen.way == KERNELS else "off",
        "chosen_by": "rule" if timing is None else "measurement",
        "step_ms": None if cost is None else round(1e3 * cost, 4),
    }


def as_rows(table: Table) -> list[dict[str, Any]]:
    """A table for JSON."""
    return [{**asdict(each), **asdict(timing)} for each, timing in table.items()]


def of_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table from JSON. Raises KeyError, TypeError or ValueError for what is none."""
    return {
        Strategy(str(row["way"]), int(row["width"]), int(row["parts"]), int(row["threads"])): Timing(
            float(row["wall"]), float(row["core"])
        )
        for row in rows
    }
