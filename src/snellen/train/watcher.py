"""Who follows a training as it goes on: a progress display, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from snellen.train.snapshot import EpochRecord


class Watcher(Protocol):
    """Is called during training."""

    def stepped(self, step: int, steps: int) -> None:
        """After each of the `steps` of an epoch."""

    def trained(self, place: int, record: EpochRecord) -> None:
        """After each epoch of the lane at this place of the pack."""


class Silent:
    """A watcher that does nothing."""

    def stepped(self, step: int, steps: int) -> None:
        """Nothing."""

    def trained(self, place: int, record: EpochRecord) -> None:
        """Nothing."""


@dataclass(frozen=True, eq=False)
class OfSome:
    """Watches some lanes of a pack that are trained as a pack of their own. places: theirs in the whole pack."""

    watcher: Watcher
    places: Sequence[int]

    def stepped(self, step: int, steps: int) -> None:
        """As for the whole pack."""
        self.watcher.stepped(step, steps)

    def trained(self, place: int, record: EpochRecord) -> None:
        """With the place in the whole pack."""
        self.watcher.trained(self.places[place], record)
