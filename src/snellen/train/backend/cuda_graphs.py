"""Steps as CUDA graphs: one is captured and then repeated, a launch a step, whatever the number of its operations.

A graph repeats the same operations on the same memory. So all that differs from step to step - pictures, labels, rates,
the number of the step, the masks of dropout - is copied into tensors that stay where they are, and the weights move in
place. What a graph does is checked once, against the same step taken plainly; if it is anything else, or the step
cannot be captured, the pack goes on plainly and its record says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from snellen.models.keys import Randomness
from snellen.train.backend.thread_team import ThreadTeam
from snellen.train.state import Eager, Given, Moving, taken
from snellen.train.step import Mixed, Rule, StepOutcome, Workspace

Recorder = Callable[[Callable[[], None]], Callable[[], object]]
"""Given a step on static tensors it returns what repeats it; it may take the step any number of times."""
WARM_UPS = 3
"""Steps before a capture: libraries choose their algorithms and take their memory in the first."""
NEAR = 1e-5
"""Largest difference of a parameter after the checked step, as a share of the largest parameter of its lane."""
MOVED_NEAR = 1e-3
"""The same of slots and state: squares of gradients differ more than what they move."""


def captured(device: str, step: Callable[[], None]) -> Callable[[], object]:
    """Warms up and captures on a stream of its own, as CUDA asks for; raises RuntimeError where that fails."""
    with torch.cuda.device(device):
        stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            step()
    return graph.replay


class Graphs:
    """Whether the steps of a pack are captured. record: None where no device can. why: they are not, after all."""

    def __init__(self, record: Recorder | None, why: str | None = None) -> None:
        self.record, self.why, self.proven = record, why, False
        self._lanes: tuple[int, ...] = ()
        self._repeated: Repeated | None = None

    @staticmethod
    def on(device: str, strategy: Mapping[str, Any] | None = None) -> Graphs:
        """For a device, in torch's words. strategy: of a pack that has been begun; what failed is not tried again."""
        known = strategy or {}
        why = str(known.get("graphs_why")) if known.get("graphs") is False else None
        return Graphs(partial(captured, device) if torch.device(device).type == "cuda" else None, why)

    def told(self) -> dict[str, Any]:
        """For the record of the pack; nothing where nothing is known."""
        if self.record is not None and self.why is not None:
            return {"graphs": False, "graphs_why": self.why}
        return {"graphs": True} if self.proven else {}

    def release(self) -> None:
        """Gives the memory of the captured step back."""
        self._repeated = None

    def pace(self, alive: Sequence[int], rule: Rule, moving: Moving) -> Repeated | None:
        """Takes the steps of the lanes alive by a captured one, from `moving` on, which stays as it is; where lanes
        have left since, another is captured. None where none can be."""
        if self.record is None or self.why is not None:
            self.release()
            return None
        if self._repeated is None or self._lanes != tuple(alive):
            self.release()  # its memory is free before the next takes some
            self._lanes, self._repeated = tuple(alive), Repeated(self, self.record, rule, moving.clone())
        self._repeated.moving.take_over(moving)
        return self._repeated


class Repeated:
    """The steps of one epoch after another of the same lanes: the first is taken plainly and captured, the second
    checked, and all that look like them repeated. Others, such as a smaller last batch, are taken plainly."""

    def __init__(self, graphs: Graphs, record: Recorder, rule: Rule, moving: Moving) -> None:
        self.moving = moving
        self._graphs, self._record, self._rule = graphs, record, rule
        self._workspace = Workspace.of(rule.layout, moving.theta, ThreadTeam())
        self._body: Body | None = None
        self._again: Callable[[], object] | None = None
        self._checked = False

    def take(self, given: Given) -> StepOutcome:
        """One more step."""
        if self._graphs.why is not None or given.weights is not None:
            return self._plainly(given)
        if self._body is None:
            self._capture(given)
            return self._plainly(given)
        if self._again is None or not self._body.fits(given):
            return self._plainly(given)
        if not self._checked:
            self._check(given)
        return self._plainly(given) if self._graphs.why is not None else self._repeat(given)

    def reached(self) -> Moving:
        """Where the steps have led: copies, as the next epoch begins on the same tensors."""
        return self.moving.clone()

    def _plainly(self, given: Given) -> StepOutcome:
        outcome = taken(self._rule, self.moving, given, self._workspace)
        self.moving.take_over(replace(self.moving, state=outcome.state))
        return outcome

    def _repeat(self, given: Given) -> StepOutcome:
        assert self._body is not None and self._again is not None
        self._body.fill(given)
        self._again()
        return self._body.result()

    def _capture(self, given: Given) -> None:
        """The weights end where they were: a capture computes nothing, but steps before it do."""
        before = self.moving.clone()
        self._body = Body(
            self._rule, self.moving, Workspace.of(self._rule.layout, self.moving.theta, ThreadTeam()), given
        )
        try:
            self._again = self._record(self._body.run)
        except RuntimeError as error:
            self._give_up(f"the step cannot be captured: {str(error).splitlines()[0]}")
        self.moving.take_over(before)

    def _check(self, given: Given) -> None:
        """One step, of other pictures than were captured, and of another number and rate than it will be taken with."""
        before, expected = self.moving.clone(), self.moving.clone()
        changed = replace(given, step=given.step + 10, rate=given.rate / 2)
        self._repeat(changed)
        Eager(self._rule, expected, Workspace.of(self._rule.layout, expected.theta, ThreadTeam())).take(changed)
        different = difference(self.moving, expected)
        self.moving.take_over(before)
        if different is None:
            self._checked = self._graphs.proven = True
        else:
            self._give_up(f"the repeated step differs from the plain one by {different}")

    def _give_up(self, why: str) -> None:
        self._graphs.why, self._graphs.proven, self._again = why, False, None


def difference(found: Moving, expected: Moving) -> str | None:
    """By how much of the largest value of a lane, and where, if more than it may; None where it is near."""
    pairs = [("the parameters", found.theta, expected.theta, NEAR)]
    for own, theirs in ((found.state, expected.state), (found.slots, expected.slots)):
        pairs += [(name, value, theirs[name], MOVED_NEAR) for name, value in own.items()]
    for name, value, wanted, near in pairs:
        share = _share(value, wanted)
        if not share <= near:
            return f"{share:.1e} in {name}"
    return None


def _share(value: Tensor, wanted: Tensor) -> float:
    """Of tensors (L, ...): a lane that is no longer a number in both is the same in both."""
    same = (value == wanted) | (value.isnan() & wanted.isnan())
    apart = (value - wanted).abs().masked_fill(same, 0.0).flatten(1).amax(1)
    largest = wanted.nan_to_num(0.0, 0.0, 0.0).abs().flatten(1).amax(1)
    return float((apart / largest.clamp_min(torch.finfo(wanted.dtype).tiny)).max())


class Body:
    """One step on tensors that stay where they are."""

    def __init__(self, rule: Rule, moving: Moving, workspace: Workspace, like: Given) -> None:
        mixed = None if like.mixed is None else Mixed(like.mixed.labels.clone(), like.mixed.share.clone())
        step = torch.full((), float(like.step), dtype=torch.float64, device=like.x.device)
        self._masks = Masks()
        self._given = Given(like.x.clone(), like.labels.clone(), step, like.rate.clone(), self._masks, None, mixed)
        self._rule, self._moving, self._workspace = rule, moving, workspace
        self._outcome: StepOutcome | None = None

    def fits(self, given: Given) -> bool:
        """Whether this is a step like the one that was captured."""
        return given.x.shape == self._given.x.shape and (given.mixed is None) == (self._given.mixed is None)

    def fill(self, given: Given) -> None:
        """What the next step is given."""
        for own, theirs in (
            (self._given.x, given.x),
            (self._given.labels, given.labels),
            (self._given.rate, given.rate),
        ):
            own.copy_(theirs)
        if isinstance(self._given.step, Tensor):
            self._given.step.fill_(given.step)
        if self._given.mixed is not None and given.mixed is not None:
            self._given.mixed.labels.copy_(given.mixed.labels)
            self._given.mixed.share.copy_(given.mixed.share)
        self._masks.fill(given.key)

    def run(self) -> None:
        """The step."""
        self._outcome = taken(self._rule, self._moving, self._given, self._workspace)
        self._moving.take_over(replace(self._moving, state=self._outcome.state))

    def result(self) -> StepOutcome:
        """Of the step taken last: copies, as the next one writes to the same places."""
        assert self._outcome is not None
        logits, targets, labels = (
            each.clone() for each in (self._outcome.logits, self._outcome.targets, self._outcome.labels)
        )
        return StepOutcome(logits, targets, labels, self._moving.state)


@dataclass(frozen=True, eq=False)
class Masks:
    """Stands in for a Key where nothing may be drawn: its masks are drawn before, into places that it finds out when it
    is first asked. path: as of a Key."""

    path: tuple[str | int, ...] = ()
    places: dict[tuple[str | int, ...], tuple[tuple[float, ...], Tensor]] = field(default_factory=dict)

    def at(self, *steps: str | int) -> Masks:
        """The masks further down the path."""
        return Masks(self.path + steps, self.places)

    def keep_mask(self, rates: Sequence[float], like: Tensor) -> Tensor:
        """What was drawn; ones at first."""
        if self.path not in self.places:
            self.places[self.path] = tuple(rates), torch.ones(like.shape, dtype=like.dtype, device=like.device)
        return self.places[self.path][1].clone()

    def fill(self, key: Randomness) -> None:
        """Draws all of them from where the key is."""
        for path, (rates, place) in self.places.items():
            place.copy_(key.at(*path).keep_mask(rates, place))
