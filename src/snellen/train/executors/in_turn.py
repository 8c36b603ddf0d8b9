"""Performs packs one after another, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from snellen.train.lane import Lane
from snellen.train.perform import RunContext, perform, record_pack, tidy
from snellen.train.strategy.cache import settle_tables
from snellen.train.strategy.packs import WORTH_SECONDS, form, kind_of, seconds
from snellen.train.strategy.record import read_pack
from snellen.train.strategy.rule import NOTHING, side_by_side
from snellen.train.watcher import Watcher


class PackWatcher(Watcher, Protocol):
    """Is told which pack is being trained."""

    def began(self, lanes: Sequence[Lane]) -> None:
        """Before a pack is trained."""

    def ended(self, lanes: Sequence[Lane]) -> None:
        """After its results are stored."""

    def turned(self, lanes: Sequence[Lane]) -> None:
        """What is told from now on is of this pack, until the next turn: several are trained at the same time."""


def perform_all(lanes: Sequence[Lane], place: RunContext, watcher: PackWatcher, until: int | None = None) -> None:
    """Every lane that has no result yet (or, with `until`, has not come so far), in packs.

    Packs are written down before the first is trained; those that an earlier, interrupted run wrote down are performed
    as they were.
    """
    perform_packs(packs_of(lanes, place, until), place, watcher, until)


def perform_packs(
    packs: Sequence[Sequence[Lane]], place: RunContext, watcher: PackWatcher, until: int | None = None
) -> None:
    """These packs, which are written down already."""
    for pack in packs:
        watcher.began(pack)
        perform(pack, place, watcher, until)
        watcher.ended(pack)


def is_finished(lane: Lane, place: RunContext, until: int | None = None) -> bool:
    """True when all jobs of a lane are over, or it has paused at epoch `until` or later."""
    results = [place.folder(job.id).read_result() for job in lane.jobs]
    if all(result is not None and (result.status != "stopped" or _reached(result.epochs, until)) for result in results):
        return True
    return until is not None and place.paused(lane).epoch >= until


def _reached(epochs: int, until: int | None) -> bool:
    return until is not None and epochs >= until


def packs_of(lanes: Sequence[Lane], place: RunContext, until: int | None) -> list[Sequence[Lane]]:
    """Packs of the unfinished lanes: as recorded where they are, else newly formed and recorded.

    New ones get one thread each where they are worth several processes, however many there will be.
    """
    left = dict.fromkeys(lane for lane in lanes if not is_finished(lane, place, until))
    packs: list[Sequence[Lane]] = []
    for pack in _recorded(lanes, place):
        if any(lane in left for lane in pack):
            packs.append(pack)
            for lane in pack:
                left.pop(lane, None)
        elif until is None:
            tidy(pack, place)
    formed = form(left, lambda lane: place.paused(lane).epoch, _width_of(left, place))
    most_threads = 1 if is_for_workers(formed, place, until) else None
    for new in formed:
        record_pack(new, place, most_threads)
    return [*packs, *formed]


def _width_of(lanes: Iterable[Lane], place: RunContext) -> Callable[[Lane], int]:
    """How many lanes like one of these are trained side by side; what that takes to know is written down."""
    device = place.material.device
    held = settle_tables(place.run, lanes, {**place.strategy, "device": device})
    return lambda lane: side_by_side(lane, device, held.get(kind_of(lane), NOTHING)).width


def is_for_workers(packs: Sequence[Sequence[Lane]], place: RunContext, until: int | None) -> bool:
    """Whether there is enough work beside the largest of these packs to be worth further processes."""
    left = sorted(seconds(pack, until, place.paused(pack[0]).epoch) for pack in packs)
    return len(left) > 1 and sum(left[:-1]) >= WORTH_SECONDS


def _recorded(lanes: Sequence[Lane], place: RunContext) -> list[list[Lane]]:
    """The packs of these lanes that were written down, in the order of their folders' names; not those of an earlier
    rung, some of whose lanes went on without the others."""
    by_ids = {lane.ids: lane for lane in lanes}
    found = []
    for path in sorted((place.run / "packs").glob("*/pack.json")):
        record = read_pack(path)
        pack = [by_ids[tuple(ids)] for ids in record["lanes"] if tuple(ids) in by_ids]
        if len(pack) == len(record["lanes"]) and len({place.paused(lane).epoch for lane in pack}) == 1:
            found.append(pack)
    return found
