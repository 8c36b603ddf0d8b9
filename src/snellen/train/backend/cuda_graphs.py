"""Steps as CUDA graphs: one step is captured and then repeated with a single launch, however many operations it has.

A graph repeats the same operations on the same memory. So whatever differs from step to step - images, labels,
learning rates, the number of the step, the masks of dropout - is copied into tensors that stay where they are, and the
weights change in place. A captured step is checked once against the plain step; if the two differ, or the step cannot
be captured, the pack is trained with plain steps and its record says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from snellen.models.keys import Randomness
from snellen.train.augment.mixing import Mixed
from snellen.train.step import Rule, StepInputs, StepOutcome, TorchBackend, TrainState, Workspace, training_step
from snellen.train.thread_team import ThreadTeam

Draw = Callable[[Randomness, Tensor], Tensor]
"""Random values like a tensor."""
Capture = Callable[[Callable[[], None]], Callable[[], object]]
"""Given a step on static tensors, returns a function that repeats it; it may run the step any number of times."""
WARM_UPS = 3
"""Steps before a capture: libraries choose their algorithms and allocate their memory in the first."""
THETA_TOLERANCE = 1e-5
"""Largest difference of a parameter after the checked step, as a share of the largest parameter of its lane."""
STATE_TOLERANCE = 1e-3
"""The same for slots and layer states: squares of gradients differ more than the parameters."""


def capture(device: str, step: Callable[[], None]) -> Callable[[], object]:
    """Warms up and captures on a separate stream, as CUDA requires; raises RuntimeError where that fails."""
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


class CudaGraphs:
    """Whether the steps of a pack are captured. capture: None where the device has no graphs. why_not: the reason why
    steps are not captured although it has."""

    def __init__(self, capture: Capture | None, why_not: str | None = None) -> None:
        self.capture, self.why_not, self.is_checked = capture, why_not, False
        self._alive: tuple[int, ...] = ()
        self._runner: GraphRunner | None = None

    @staticmethod
    def on(device: str, strategy: Mapping[str, Any] | None = None) -> CudaGraphs:
        """For a device, by its name in torch. strategy: of a pack that was begun before; what failed then is not tried
        again."""
        known = strategy or {}
        why_not = str(known.get("graphs_why")) if known.get("graphs") is False else None
        return CudaGraphs(partial(capture, device) if torch.device(device).type == "cuda" else None, why_not)

    def as_record(self) -> dict[str, Any]:
        """For the record of the pack; empty while nothing is known."""
        if self.capture is not None and self.why_not is not None:
            return {"graphs": False, "graphs_why": self.why_not}
        return {"graphs": True} if self.is_checked else {}

    def release(self) -> None:
        """Frees the memory of the captured step."""
        self._runner = None

    def runner(self, alive: Sequence[int], rule: Rule, state: TrainState) -> GraphRunner | None:
        """Takes the steps of the lanes alive from `state` on, which is not changed; None where steps are not captured.
        When lanes have left, another step is captured."""
        if self.capture is None or self.why_not is not None:
            self.release()
            return None
        if self._runner is None or self._alive != tuple(alive):
            self.release()  # frees its memory before the next allocates some
            self._alive, self._runner = tuple(alive), GraphRunner(self, self.capture, rule, state.clone())
        self._runner.state.copy_from(state)
        return self._runner


class GraphRunner:
    """A StepRunner for one epoch after another of the same lanes: the first step is plain and captured, the second is
    checked, and all like them are repeated. Others, such as a smaller last batch, are plain."""

    def __init__(self, graphs: CudaGraphs, capture: Capture, rule: Rule, state: TrainState) -> None:
        self.state = state
        self._graphs, self._capture_step, self._rule = graphs, capture, rule
        self._workspace = _workspace(rule, state)
        self._static: StaticStep | None = None
        self._replay: Callable[[], object] | None = None
        self._is_checked = False

    def run_step(self, inputs: StepInputs) -> StepOutcome:
        """One more step."""
        if self._graphs.why_not is not None or inputs.sample_weight is not None:
            return self._plain(inputs)
        if self._static is None:
            self._capture(inputs)
            return self._plain(inputs)
        if self._replay is None or not self._static.fits(inputs):
            return self._plain(inputs)
        if not self._is_checked:
            self._check(inputs)
        return self._plain(inputs) if self._graphs.why_not is not None else self._repeat(inputs)

    def reached(self) -> TrainState:
        """The state after all steps so far: copies, as the next epoch changes the same tensors."""
        return self.state.clone()

    def _plain(self, inputs: StepInputs) -> StepOutcome:
        return _step_in_place(self._rule, self.state, inputs, self._workspace)

    def _repeat(self, inputs: StepInputs) -> StepOutcome:
        assert self._static is not None and self._replay is not None
        self._static.fill(inputs)
        self._replay()
        return self._static.outcome()

    def _capture(self, inputs: StepInputs) -> None:
        """The state is restored: a capture computes nothing, but its warm-up steps do."""
        before = self.state.clone()
        self._static = StaticStep(self._rule, self.state, _workspace(self._rule, self.state), inputs)
        try:
            self._replay = self._capture_step(self._static.run)
        except RuntimeError as error:
            self._give_up(f"the step cannot be captured: {str(error).splitlines()[0]}")
        self.state.copy_from(before)

    def _check(self, inputs: StepInputs) -> None:
        """Compares one step with other images than were captured, another number and another learning rate."""
        before, expected = self.state.clone(), self.state.clone()
        changed = replace(inputs, step=inputs.step + 10, learning_rate=inputs.learning_rate / 2)
        self._repeat(changed)
        training_step(self._rule, expected, changed, _workspace(self._rule, expected))
        different = difference(self.state, expected)
        self.state.copy_from(before)
        if different is None:
            self._is_checked = self._graphs.is_checked = True
        else:
            self._give_up(f"the repeated step differs from the plain one by {different}")

    def _give_up(self, why_not: str) -> None:
        self._graphs.why_not, self._graphs.is_checked, self._replay = why_not, False, None


def _workspace(rule: Rule, state: TrainState) -> Workspace:
    """By torch, on one thread."""
    return Workspace(TorchBackend(rule.network.computed, rule.layout, state.theta), ThreadTeam())


def _step_in_place(rule: Rule, state: TrainState, inputs: StepInputs, workspace: Workspace) -> StepOutcome:
    """A training step after which every value is in the tensor where it was before."""
    moved = replace(state)
    outcome = training_step(rule, moved, inputs, workspace)
    state.copy_from(moved)
    return outcome


def difference(found: TrainState, expected: TrainState) -> str | None:
    """The first difference that is too large, as a share of the largest value of its lane, and where; None if none."""
    pairs = [("the parameters", found.theta, expected.theta, THETA_TOLERANCE)]
    for own, theirs in ((found.layers, expected.layers), (found.slots, expected.slots)):
        pairs += [(name, value, theirs[name], STATE_TOLERANCE) for name, value in own.items()]
    for name, value, other, tolerance in pairs:
        share = _largest_difference(value, other)
        if not share <= tolerance:
            return f"{share:.1e} in {name}"
    return None


def _largest_difference(value: Tensor, expected: Tensor) -> float:
    """Of tensors (L, ...), as a share of the largest value of a lane; NaN equals NaN: a lane may have diverged."""
    same = (value == expected) | (value.isnan() & expected.isnan())
    difference = (value - expected).abs().masked_fill(same, 0.0).flatten(1).amax(1)
    largest = expected.nan_to_num(0.0, 0.0, 0.0).abs().flatten(1).amax(1)
    return float((difference / largest.clamp_min(torch.finfo(expected.dtype).tiny)).max())


class StaticStep:
    """One step on tensors that stay where they are. like: inputs of the same shapes."""

    def __init__(self, rule: Rule, state: TrainState, workspace: Workspace, like: StepInputs) -> None:
        mixed = None if like.mixed is None else Mixed(like.mixed.labels.clone(), like.mixed.share.clone())
        step = torch.full((), float(like.step), dtype=torch.float64, device=like.x.device)
        self.masks = Masks()
        self.inputs = StepInputs(
            like.x.clone(), like.labels.clone(), step, like.learning_rate.clone(), self.masks, None, mixed
        )
        self._rule, self._state, self._workspace = rule, state, workspace
        self._outcome: StepOutcome | None = None

    def fits(self, inputs: StepInputs) -> bool:
        """Whether these inputs have the shapes of the captured ones."""
        return inputs.x.shape == self.inputs.x.shape and (inputs.mixed is None) == (self.inputs.mixed is None)

    def fill(self, inputs: StepInputs) -> None:
        """Copies the inputs of the next step."""
        own, masks = self.inputs, self.masks
        own.x.copy_(inputs.x)
        own.labels.copy_(inputs.labels)
        own.learning_rate.copy_(inputs.learning_rate)
        if isinstance(own.step, Tensor):
            own.step.fill_(inputs.step)
        if own.mixed is not None and inputs.mixed is not None:
            own.mixed.labels.copy_(inputs.mixed.labels)
            own.mixed.share.copy_(inputs.mixed.share)
        if inputs.key is not None:
            masks.fill(inputs.key)

    def run(self) -> None:
        """The step."""
        self._outcome = _step_in_place(self._rule, self._state, self.inputs, self._workspace)

    def outcome(self) -> StepOutcome:
        """Of the last step: copies, as the next one writes to the same places."""
        assert self._outcome is not None
        return StepOutcome(self._outcome.logits.clone(), self._outcome.targets.clone(), self._outcome.labels.clone())


@dataclass(frozen=True, eq=False)
class Masks:
    """Takes the place of a Key in a captured step, where nothing may be drawn: masks are drawn before the step, into
    tensors that are allocated when a layer first asks for its mask. path: as of a Key."""

    path: tuple[str | int, ...] = ()
    places: dict[tuple[str | int, ...], tuple[Draw, Tensor]] = field(default_factory=dict)

    def at(self, *steps: str | int) -> Masks:
        """The masks further down the path."""
        return Masks(self.path + steps, self.places)

    def keep_mask(self, rates: Sequence[float], like: Tensor) -> Tensor:
        """The mask that was drawn; ones at first."""
        return self._place(lambda key, place: key.keep_mask(rates, place), like)

    def normal(self, like: Tensor) -> Tensor:
        """The normal values that were drawn; ones at first."""
        return self._place(lambda key, place: key.normal(place), like)

    def _place(self, draw: Draw, like: Tensor) -> Tensor:
        if self.path not in self.places:
            self.places[self.path] = draw, torch.ones(like.shape, dtype=like.dtype, device=like.device)
        return self.places[self.path][1].clone()

    def fill(self, key: Randomness) -> None:
        """Draws all masks from `key`."""
        for path, (draw, place) in self.places.items():
            place.copy_(draw(key.at(*path), place))
