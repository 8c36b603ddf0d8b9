"""Trains packs one after another, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from snellen.train.batches import Counted
from snellen.train.environment import PackEnvironment
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.store_results import remove_checkpoints
from snellen.train.strategy.cache import settle_timings
from snellen.train.strategy.packs import are_worth_workers, cost_key, estimated_seconds, form_packs
from snellen.train.strategy.record import read_pack, record_pack
from snellen.train.strategy.rule import UNMEASURED, choose_side_by_side
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Watcher


class PackWatcher(Watcher, Protocol):
    """Is also called for each pack."""

    def began(self, lanes: Sequence[Lane]) -> None:
        """Before a pack is trained."""

    def ended(self, lanes: Sequence[Lane]) -> None:
        """After its results are stored."""

    def switched_to(self, lanes: Sequence[Lane]) -> None:
        """Following calls are about this pack, until the next call; several packs may train at once."""


def train_lanes(lanes: Sequence[Lane], context: RunContext, watcher: PackWatcher, until: int | None = None) -> None:
    """Trains every lane that has no result yet (or, with `until`, has not reached that epoch), in packs.

    All packs are recorded before the first is trained; those recorded by an interrupted run go on as they were.
    """
    train_packs(packs_of(lanes, context, until), context, watcher, until)


def train_packs(
    packs: Sequence[Sequence[Lane]], context: RunContext, watcher: PackWatcher, until: int | None = None
) -> None:
    """Trains recorded packs."""
    for pack in packs:
        watcher.began(pack)
        train_pack(pack, context, watcher, until)
        watcher.ended(pack)


def is_finished(lane: Lane, context: RunContext, until: int | None = None) -> bool:
    """True when all jobs of a lane are over, or it has paused at epoch `until` or later. A job that was trained before
    the study had a phase that goes on from its end is not over: it is trained again."""
    results = [context.folder(job.id).read_result() for job in lane.jobs]
    without_end = [job for job in lane.continued if not context.folder(job).end.exists()]
    if any(
        result is not None and result.status == "done" and job.id in without_end
        for job, result in zip(lane.jobs, results)
    ):
        return False
    if all(result is not None and (result.status != "stopped" or _reached(result.epochs, until)) for result in results):
        return True
    return until is not None and context.paused(lane).epoch >= until


def _reached_by(lane: Lane, context: RunContext) -> tuple[int, Counted]:
    """Where a lane stands: its epoch, and what its optimizer had counted before the first. Equal in a pack."""
    return context.paused(lane).epoch, context.counted(lane)


def _reached(epochs: int, until: int | None) -> bool:
    return until is not None and epochs >= until


def packs_of(lanes: Sequence[Lane], context: RunContext, until: int | None) -> list[Sequence[Lane]]:
    """Packs of the unfinished lanes: as recorded where they are, else newly formed and recorded.

    New packs get one thread each where they are worth several processes, however many there will be.
    """
    unfinished = dict.fromkeys(lane for lane in lanes if not is_finished(lane, context, until))
    packs: list[Sequence[Lane]] = []
    for pack in _recorded(lanes, context):
        if any(lane in unfinished for lane in pack):
            packs.append(pack)
            for lane in pack:
                unfinished.pop(lane, None)
        elif until is None:
            remove_checkpoints(pack, context)
    formed = form_packs(unfinished, lambda lane: _reached_by(lane, context), _width_of(unfinished, context))
    max_threads = 1 if is_for_workers(formed, context, until) else None
    for new in formed:
        record_pack(new, context, max_threads)
    return [*packs, *formed]


def _width_of(lanes: Iterable[Lane], context: RunContext) -> Callable[[Lane], int]:
    """The width of packs of lanes like a given one, from timings that are stored in the run first."""
    environment: PackEnvironment = {**context.environment, "device": context.material.device}
    timings = settle_timings(context.run, lanes, environment)

    def width_of(lane: Lane) -> int:
        return choose_side_by_side(lane, context.material.device, timings.get(cost_key(lane), UNMEASURED)).width

    return width_of


def is_for_workers(packs: Sequence[Sequence[Lane]], context: RunContext, until: int | None) -> bool:
    """Whether what remains of these packs is worth several processes."""
    return are_worth_workers(estimated_seconds(pack, until, context.paused(pack[0]).epoch) for pack in packs)


def _recorded(lanes: Sequence[Lane], context: RunContext) -> list[list[Lane]]:
    """The recorded packs of these lanes, ordered by the names of their folders; skips packs from an earlier rung that
    have lost lanes."""
    by_ids = {lane.ids: lane for lane in lanes}
    recorded = []
    for path in sorted((context.run / "packs").glob("*/pack.json")):
        ids = read_pack(path)["lanes"]
        pack = [by_ids[tuple(each)] for each in ids if tuple(each) in by_ids]
        if len(pack) == len(ids) and len({_reached_by(lane, context) for lane in pack}) == 1:
            recorded.append(pack)
    return recorded
