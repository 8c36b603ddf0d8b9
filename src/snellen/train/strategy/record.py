"""packs/<id>/pack.json: which lane has which place in a pack, and how the pack is run. Written before training; a pack
that goes on, in this process or another, is run as its record says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.errors import IdentityError
from snellen.files.atomic import write_json
from snellen.files.stored import read_as
from snellen.kernels.library import instructions
from snellen.limits import MAX_THREADS
from snellen.train.backend.choose import COMPILED
from snellen.train.environment import PackEnvironment
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.strategy.cache import read_timings
from snellen.train.strategy.packs import cost_key
from snellen.train.strategy.rule import UNMEASURED, Strategy, Timings, choose_for_pack, describe


@with_config(ConfigDict(extra="allow", strict=True, allow_inf_nan=False))
class PackStrategy(PackEnvironment, total=False):
    """How a pack is run, and where. way: the backend; parts: batch shards. name: in words. kernels: the instructions
    they were compiled for, or off. step_ms: per step and lane, None where nothing was measured. graphs: whether steps
    were captured as a CUDA graph; graphs_why: why they could not be.

    Packs recorded before there were several backends have no `way`, those before there were shards no `parts`.
    """

    parts: Annotated[int, Field(ge=1, le=MAX_THREADS)]
    width: Annotated[int, Field(ge=1)]
    way: str
    name: str
    kernels: str
    chosen_by: str
    step_ms: float | None
    graphs: bool
    graphs_why: str


@with_config(ConfigDict(extra="allow", strict=True))
class PackRecord(TypedDict):
    """lanes: the ids of the jobs of each lane."""

    lanes: Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    strategy: PackStrategy


_RECORD = TypeAdapter(PackRecord)


def read_pack(path: Path) -> PackRecord:
    """A pack.json. Raises IdentityError for what is none."""
    try:
        return read_as(_RECORD, path)
    except IdentityError as error:
        error.hint = f"Remove {path.parent}."
        raise


def record_pack(lanes: Sequence[Lane], context: RunContext, max_threads: int | None = None) -> None:
    """Writes the pack.json of a pack, unless there is one. max_threads: None for those of the run."""
    path = record_path(lanes, context)
    if not path.exists():
        kind, device = cost_key(lanes[0]), context.material.device
        timings = read_timings(context.run, device).get(kind, UNMEASURED)
        chosen = choose_for_pack(lanes, max_threads or context.environment["threads"], device, timings)
        ids, strategy = [list(lane.ids) for lane in lanes], as_recorded(lanes, chosen, timings)
        write_json(path, {"lanes": ids, "kind": kind, "strategy": {**context.environment, **strategy}})


def recorded_strategy(lanes: Sequence[Lane], context: RunContext) -> PackStrategy:
    """How this pack is run, as its record has it."""
    return read_pack(record_path(lanes, context))["strategy"]


def note_in_record(lanes: Sequence[Lane], context: RunContext, known: Mapping[str, Any]) -> None:
    """Adds to the record of a pack what is known only after it was begun."""
    record = read_pack(record_path(lanes, context))
    write_json(record_path(lanes, context), {**record, "strategy": {**record["strategy"], **known}})


def record_path(lanes: Sequence[Lane], context: RunContext) -> Path:
    """The pack.json of a pack."""
    return context.pack_folder(lanes) / "pack.json"


def as_recorded(lanes: Sequence[Lane], chosen: Strategy, timings: Timings) -> PackStrategy:
    """A strategy in the words of pack.json."""
    measured = replace(chosen, threads=1) if len(lanes) > 1 else chosen
    timing = timings.get(measured)
    seconds = None if timing is None else timing.core if measured.threads == 1 else timing.wall
    return PackStrategy(
        name=describe(lanes, chosen),
        way=chosen.backend,
        width=chosen.width,
        parts=chosen.batch_shards,
        threads=chosen.threads,
        kernels=instructions() if chosen.backend == COMPILED else "off",
        chosen_by="rule" if timing is None else "measurement",
        step_ms=None if seconds is None else round(1e3 * seconds, 4),
    )
