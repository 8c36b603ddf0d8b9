"""The state of a pack after a whole epoch: everything needed to continue exactly as without an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NotRequired

import numpy as np
import torch
from pydantic import ConfigDict, Field, with_config
from torch import Tensor
from typing_extensions import TypedDict

from snellen.train.kept_epoch import EarlyStopping, Kept, Weights

Values = dict[str, Tensor]


@with_config(ConfigDict(extra="allow", strict=True, allow_inf_nan=False))
class EpochRecord(TypedDict):
    """One epoch of history.json. loss, accuracy: means over the epoch while the weights changed, in training mode;
    validation: after the epoch, in evaluation mode, None without validation rows. learning_rate: of the last step.
    seconds: wall clock, divided evenly among the lanes that trained together."""

    epoch: Annotated[int, Field(ge=1)]
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float


class StoppingRecord(TypedDict):
    """An EarlyStopping in JSON. improved_epoch, improved_value: only where they are not the best ones."""

    best_epoch: int
    best_value: float
    epoch: int
    improved_epoch: NotRequired[int]
    improved_value: NotRequired[float]


class ProgressRecord(TypedDict):
    """A Progress in JSON, without its arrays."""

    keepers: list[StoppingRecord]
    history: list[EpochRecord]
    failure: str | None


class SnapshotRecord(TypedDict):
    """A Snapshot in JSON, without its arrays."""

    epoch: int
    alive: list[int]
    progress: list[ProgressRecord]


@dataclass(frozen=True, eq=False)
class Progress:
    """How far one lane has come. kept: one per job. failure: why it cannot go on."""

    kept: tuple[Kept, ...]
    history: tuple[EpochRecord, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """epoch: reached by the lanes still in training. alive: their places in the pack. theta: (A, P) their parameters;
    state, slots: name -> (A, ...). lanes: one per lane of the pack, also of those that have left."""

    epoch: int
    alive: tuple[int, ...]
    theta: Tensor
    state: Values
    slots: Values
    lanes: tuple[Progress, ...]

    def without(self, places: Sequence[int]) -> Snapshot:
        """The same after the lanes in these places of the pack have left training."""
        stay = [number for number, place in enumerate(self.alive) if place not in places]
        if len(stay) == len(self.alive):
            return self
        return Snapshot(
            self.epoch,
            tuple(self.alive[number] for number in stay),
            self.theta[stay],
            {name: value[stay] for name, value in self.state.items()},
            {name: value[stay] for name, value in self.slots.items()},
            self.lanes,
        )

    def alone(self, place: int) -> Snapshot:
        """The one lane in this place, as a pack of its own."""
        only = self.without([other for other in range(len(self.lanes)) if other != place])
        alive = (0,) if only.alive else ()
        return Snapshot(self.epoch, alive, only.theta, only.state, only.slots, (self.lanes[place],))


def together(parts: Sequence[Snapshot]) -> Snapshot:
    """The pack of lanes that are alive and at the same epoch, one in each part."""
    return Snapshot(
        parts[0].epoch,
        tuple(range(len(parts))),
        torch.cat([part.theta for part in parts]),
        {name: torch.cat([part.state[name] for part in parts]) for name in parts[0].state},
        {name: torch.cat([part.slots[name] for part in parts]) for name in parts[0].slots},
        tuple(part.lanes[0] for part in parts),
    )


def current_arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """The arrays that the next epoch starts from."""
    return {"theta": _array(snapshot.theta), **_prefixed("state", snapshot.state), **_prefixed("slot", snapshot.slots)}


def kept_arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """The kept weights of every job of every lane, the last ones of jobs that are done, their slots, and margins."""
    return {
        f"{place}.{number}:{name}": value
        for place, lane in enumerate(snapshot.lanes)
        for number, kept in enumerate(lane.kept)
        for name, value in _kept_arrays(kept).items()
    }


def _kept_arrays(kept: Kept) -> dict[str, np.ndarray]:
    own = {"theta": _array(kept.theta), **_prefixed("state", kept.state)}
    if kept.margins is not None:
        own["margins"] = _array(kept.margins)
    if kept.slots is not None:
        own |= _prefixed("slot", kept.slots)
    if kept.last is None:
        return own
    return {**own, "last:theta": _array(kept.last.theta), **_prefixed("last:state", kept.last.state)}


def record_of(snapshot: Snapshot) -> SnapshotRecord:
    """All else that a snapshot holds."""
    lanes = [
        ProgressRecord(
            keepers=[_stopping_record(kept.stopping) for kept in lane.kept],
            history=list(lane.history),
            failure=lane.failure,
        )
        for lane in snapshot.lanes
    ]
    return {"epoch": snapshot.epoch, "alive": list(snapshot.alive), "progress": lanes}


def _stopping_record(stopping: EarlyStopping) -> StoppingRecord:
    record: StoppingRecord = {
        "best_epoch": stopping.best_epoch,
        "best_value": stopping.best_value,
        "epoch": stopping.epoch,
    }
    if (stopping.improved_epoch, stopping.improved_value) != (stopping.best_epoch, stopping.best_value):
        record |= {"improved_epoch": stopping.improved_epoch, "improved_value": stopping.improved_value}
    return record


def _stopping(record: StoppingRecord) -> EarlyStopping:
    best_epoch, best_value = record["best_epoch"], record["best_value"]
    improved = record.get("improved_epoch", best_epoch), record.get("improved_value", best_value)
    return EarlyStopping(best_epoch, best_value, record["epoch"], *improved)


def restored(
    record: SnapshotRecord, current: dict[str, np.ndarray], kept: dict[str, np.ndarray], device: str
) -> Snapshot:
    """The snapshot that the three functions above took apart. Raises KeyError where an array is missing."""
    return Snapshot(
        epoch=record["epoch"],
        alive=tuple(record["alive"]),
        theta=_tensor(current["theta"], device),
        state=_under("state", current, device),
        slots=_under("slot", current, device),
        lanes=tuple(_progress(place, each, kept, device) for place, each in enumerate(record["progress"])),
    )


def _progress(place: int, record: ProgressRecord, kept: dict[str, np.ndarray], device: str) -> Progress:
    of_jobs = []
    for number, stopping in enumerate(record["keepers"]):
        own = {name.split(":", 1)[1]: value for name, value in kept.items() if name.startswith(f"{place}.{number}:")}
        of_jobs.append(_kept(_stopping(stopping), own, device))
    return Progress(tuple(of_jobs), tuple(record["history"]), record["failure"])


def _kept(stopping: EarlyStopping, own: dict[str, np.ndarray], device: str) -> Kept:
    last = None
    if "last:theta" in own:
        last = Weights(_tensor(own["last:theta"], device), _under("last:state", own, device))
    margins = _tensor(own["margins"], device) if "margins" in own else None
    slots = _under("slot", own, device) or None
    return Kept(stopping, _tensor(own["theta"], device), _under("state", own, device), last, margins, slots)


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _tensor(value: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(value).to(device)


def _prefixed(prefix: str, values: Values) -> dict[str, np.ndarray]:
    return {f"{prefix}:{name}": _array(value) for name, value in values.items()}


def _under(prefix: str, arrays: dict[str, np.ndarray], device: str) -> Values:
    head = f"{prefix}:"
    return {name.removeprefix(head): _tensor(value, device) for name, value in arrays.items() if name.startswith(head)}
