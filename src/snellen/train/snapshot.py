"""The state of a pack after a whole epoch: everything needed to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import ConfigDict, Field, with_config
from torch import Tensor
from typing_extensions import TypedDict

from snellen.train.early_stopping import EarlyStopping

Values = dict[str, Tensor]


@with_config(ConfigDict(extra="allow", strict=True, allow_inf_nan=False))
class EpochRecord(TypedDict):
    """One line of the history. loss, accuracy: running means over the epoch while the weights changed, in training
    mode; validation: after the epoch, in evaluation mode, None where no rows are left for it. learning_rate: of the
    last step. seconds: wall clock, shared evenly among the lanes that trained together."""

    epoch: Annotated[int, Field(ge=1)]
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters theta (1, P) and state name -> (1, ...) of one lane after some epoch."""

    theta: Tensor
    state: Values


@dataclass(frozen=True, eq=False)
class Kept:
    """What one job keeps: the epoch, and its parameters theta (1, P) and state name -> (1, ...). last: those of the
    epoch at which the job was done, where that is another one."""

    keeper: EarlyStopping
    theta: Tensor
    state: Values
    last: Weights | None = None


@dataclass(frozen=True, eq=False)
class Progress:
    """How far one lane has come. kept: one a job. failure: why it can not go on."""

    kept: tuple[Kept, ...]
    history: tuple[EpochRecord, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """epoch: trained by the lanes still in training. alive: their places in the pack. theta: (A, P) their parameters;
    state, slots: name -> (A, ...). lanes: one of each lane of the pack, those that have left included."""

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
    """One pack of lanes that are alive and at the same epoch, one of each part."""
    return Snapshot(
        parts[0].epoch,
        tuple(range(len(parts))),
        torch.cat([part.theta for part in parts]),
        {name: torch.cat([part.state[name] for part in parts]) for name in parts[0].state},
        {name: torch.cat([part.slots[name] for part in parts]) for name in parts[0].slots},
        tuple(part.lanes[0] for part in parts),
    )


def current_arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """What the next epoch starts from, as named arrays."""
    return {"theta": _array(snapshot.theta), **_prefixed("state", snapshot.state), **_prefixed("slot", snapshot.slots)}


def kept_arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """The kept weights of every job of every lane, and the last ones of those that are done, as named arrays."""
    return {
        f"{place}.{number}:{name}": value
        for place, lane in enumerate(snapshot.lanes)
        for number, kept in enumerate(lane.kept)
        for name, value in _kept_arrays(kept).items()
    }


def _kept_arrays(kept: Kept) -> dict[str, np.ndarray]:
    own = {"theta": _array(kept.theta), **_prefixed("state", kept.state)}
    if kept.last is None:
        return own
    return {**own, "last:theta": _array(kept.last.theta), **_prefixed("last:state", kept.last.state)}


def plain_values(snapshot: Snapshot) -> dict[str, Any]:
    """All else that a snapshot holds, as JSON values."""
    lanes = [
        {
            "keepers": [asdict(kept.keeper) for kept in lane.kept],
            "history": list(lane.history),
            "failure": lane.failure,
        }
        for lane in snapshot.lanes
    ]
    return {"epoch": snapshot.epoch, "alive": list(snapshot.alive), "progress": lanes}


def restored(
    plain: dict[str, Any], current: dict[str, np.ndarray], kept: dict[str, np.ndarray], device: str
) -> Snapshot:
    """The snapshot that the three functions above took apart; KeyError or TypeError when something is missing."""
    return Snapshot(
        epoch=plain["epoch"],
        alive=tuple(plain["alive"]),
        theta=_tensor(current["theta"], device),
        state=_under("state", current, device),
        slots=_under("slot", current, device),
        lanes=tuple(_progress(place, values, kept, device) for place, values in enumerate(plain["progress"])),
    )


def _progress(place: int, plain: dict[str, Any], kept: dict[str, np.ndarray], device: str) -> Progress:
    found = []
    for number, keeper in enumerate(plain["keepers"]):
        own = {name.split(":", 1)[1]: value for name, value in kept.items() if name.startswith(f"{place}.{number}:")}
        found.append(_kept(EarlyStopping(**keeper), own, device))
    return Progress(tuple(found), tuple(plain["history"]), plain["failure"])


def _kept(keeper: EarlyStopping, own: dict[str, np.ndarray], device: str) -> Kept:
    last = None
    if "last:theta" in own:
        last = Weights(_tensor(own["last:theta"], device), _under("last:state", own, device))
    return Kept(keeper, _tensor(own["theta"], device), _under("state", own, device), last)


def _array(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _tensor(value: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(value).to(device)


def _prefixed(prefix: str, values: Values) -> dict[str, np.ndarray]:
    return {f"{prefix}:{name}": _array(value) for name, value in values.items()}


def _under(prefix: str, arrays: dict[str, np.ndarray], device: str) -> Values:
    head = f"{prefix}:"
    return {name.removeprefix(head): _tensor(value, device) for name, value in arrays.items() if name.startswith(head)}
