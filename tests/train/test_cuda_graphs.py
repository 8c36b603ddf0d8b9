"""Protects steps that are captured once and repeated: on a device that only pretends, all but the capture itself; on a
GPU, where there is one, the capture too. What is repeated is the plain step, whatever differs from step to step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from device_cases import CASES, Strict, elsewhere, pack
from needs import needs
from pretend_device import PretendDevice, held
from runs import blobs
from training_cases import lane, material, start, training

import snellen
from snellen.train.backend.cuda_graphs import Capture, CudaGraphs, capture
from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.loop import Training
from snellen.train.run_context import RunContext
from snellen.train.snapshot import Snapshot
from snellen.train.strategy.record import recorded_strategy
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

every_case = pytest.mark.parametrize("changes", CASES.values(), ids=list(CASES))
on_a_gpu = needs("gpu")
Step = Callable[[], None]


class Tape:
    """A recorder as a graph is: repeats the step on the tensors that it was recorded with. recorded: how often."""

    def __init__(self) -> None:
        self.recorded = self.repeated = 0

    def __call__(self, step: Step) -> Callable[[], object]:
        self.recorded += 1
        for _ in range(3):
            step()

        def again() -> None:
            self.repeated += 1
            step()

        return again


def exact(snapshot: Snapshot) -> Snapshot:
    """In float64."""
    state, slots = ({name: value.double() for name, value in each.items()} for each in (snapshot.state, snapshot.slots))
    return replace(snapshot, theta=snapshot.theta.double(), state=state, slots=slots)


def run(lanes: list[Lane], images: ResidentData, graphs: CudaGraphs, epochs: int = 2) -> Snapshot:
    now, whole = exact(start(*lanes, images=images)), prepared(lanes, images, graphs)
    for _ in range(epochs):
        now = whole.epoch(now, Silent())
    return now


def prepared(lanes: list[Lane], images: ResidentData, graphs: CudaGraphs) -> Training:
    return replace(training(*lanes, images=images), graphs=graphs)


def expect_same(found: Snapshot, expected: Snapshot, near: float = 1e-12) -> None:
    pairs = [(found.theta, expected.theta)]
    for own, theirs in ((found.state, expected.state), (found.slots, expected.slots)):
        pairs += [(value, theirs[name]) for name, value in own.items()]
    for value, wanted in pairs:
        torch.testing.assert_close(held(value), held(wanted), rtol=near, atol=near)
    for lane_found, lane_expected in zip(found.lanes, expected.lanes, strict=True):
        for line, other in zip(lane_found.history, lane_expected.history, strict=True):
            assert line["loss"] == pytest.approx(other["loss"], rel=near)
            assert line["accuracy"] == other["accuracy"]


@every_case
def test_repeated_steps_are_the_plain_ones(changes: list[dict[str, Any]]) -> None:
    """In float64, over two epochs with smaller and filled last batches."""
    lanes, tape = pack(changes, uneven=len(changes) > 1), Tape()
    with PretendDevice().in_use():
        images, graphs = elsewhere(material()), CudaGraphs(tape)
        found = run(lanes, images, graphs)
        expect_same(found, run(lanes, images, CudaGraphs(None)))
    assert graphs.as_record() == {"graphs": True}
    assert (tape.recorded, tape.repeated) == (1, 14), "of 2 times 8 steps, the first and the last two are plain"


@every_case
def test_repeated_steps_wait_for_nothing(changes: list[dict[str, Any]]) -> None:
    """After the epoch in which a step was captured and checked."""
    lanes, device = pack(changes), PretendDevice()
    with device.in_use():
        images = elsewhere(material())
        whole = prepared(lanes, images, CudaGraphs(Tape()))
        now = whole.epoch(start(*lanes, images=images), Silent())
        whole.run_steps(now, Strict(device))
        assert whole.graphs.as_record() == {"graphs": True}


def test_a_filled_batch_of_full_size_is_not_repeated() -> None:
    """Its filler rows have no loss; those of the captured step have one."""
    lanes = [Lane(each.jobs, {**each.rows, "train": np.arange(rows)}) for each, rows in zip(pack([{}, {}]), (56, 53))]
    with PretendDevice().in_use():
        images, graphs = elsewhere(material()), CudaGraphs(Tape())
        expect_same(run(lanes, images, graphs), run(lanes, images, CudaGraphs(None)))
    assert graphs.is_checked


def test_when_lanes_leave_another_step_is_captured() -> None:
    lanes, tape = pack([{"epochs": epochs, "seed": epochs} for epochs in (1, 3, 3)]), Tape()
    with PretendDevice().in_use():
        images, graphs = elsewhere(material()), CudaGraphs(tape)
        found = run(lanes, images, graphs, epochs=3)
        expect_same(found, run(lanes, images, CudaGraphs(None), epochs=3))
    assert [len(each.history) for each in found.lanes] == [1, 3, 3]
    assert tape.recorded == 2


def test_a_lane_that_diverges_at_once_is_repeated_like_the_others() -> None:
    """It fails alone, and the others are still taken by a captured step."""
    lanes = pack([{"seed": 1}, {"seed": 2, "learning_rate": 1e200}])
    with PretendDevice().in_use():
        images, graphs = elsewhere(material()), CudaGraphs(Tape())
        found = run(lanes, images, graphs)
        expected = run(lanes, images, CudaGraphs(None))
        expect_same(found, expected)
    assert graphs.is_checked and found.alive == (0,)
    assert found.lanes[1].failure == expected.lanes[1].failure and "step 2 (epoch 1)" in str(found.lanes[1].failure)


def test_a_snapshot_stays_as_it_is_and_is_gone_on_from_again() -> None:
    """As after an interruption, or when the same steps are timed again and again: captured steps move other tensors."""
    lanes = pack(CASES["vgg"])
    with PretendDevice().in_use():
        images = elsewhere(material())
        whole = prepared(lanes, images, CudaGraphs(Tape()))
        first = whole.epoch(exact(start(*lanes, images=images)), Silent())
        before = replace(first, theta=first.theta.clone())
        second = whole.epoch(first, Silent())
        expect_same(first, before, near=0)
        expect_same(whole.epoch(first, Silent()), second, near=0)


def refuses(step: Step) -> Step:
    """Fails in the midst of a step."""
    step()
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


def repeats_nothing(step: Step) -> Step:
    """As if weights had moved to other memory since."""
    step()
    return lambda: None


def repeats_twice(step: Step) -> Step:
    """As if the weights had moved already."""

    def twice() -> None:
        step()
        step()

    return twice


def keeps_the_rate(step: Step) -> Step:
    """As if the rate had been a number and no tensor: what it is given later is not seen."""
    inputs = step.__self__.inputs  # type: ignore[attr-defined]
    rate = inputs.learning_rate.clone()

    def again() -> None:
        inputs.learning_rate.copy_(rate)
        step()

    return again


def keeps_the_number(step: Step) -> Step:
    """The same of the number of the step, which Adam's bias correction needs."""
    inputs = step.__self__.inputs  # type: ignore[attr-defined]
    number = inputs.step.clone()

    def again() -> None:
        inputs.step.copy_(number)
        step()

    return again


REASONS: dict[Capture, str] = {
    refuses: "the step cannot be captured: operation not permitted when stream is capturing",
    repeats_nothing: "the repeated step differs from the plain one by",
    repeats_twice: "the repeated step differs from the plain one by",
    keeps_the_rate: "the repeated step differs from the plain one by",
    keeps_the_number: "the repeated step differs from the plain one by",
}


@pytest.mark.parametrize("record", REASONS, ids=lambda each: each.__name__)
def test_what_cannot_be_repeated_is_done_plainly(record: Capture) -> None:
    """From the same weights on, and the reason is told; it is not tried again."""
    lanes = pack(CASES["vgg"])
    with PretendDevice().in_use():
        images, graphs = elsewhere(material()), CudaGraphs(record)
        expect_same(run(lanes, images, graphs), run(lanes, images, CudaGraphs(None)))
    told = graphs.as_record()
    assert told["graphs"] is False and told["graphs_why"].startswith(REASONS[record])


def test_only_a_gpu_captures_and_no_pack_that_could_not_before() -> None:
    assert CudaGraphs.on("cpu").capture is None and CudaGraphs.on("mps").capture is None
    assert (
        CudaGraphs.on("cpu", {"graphs": False, "graphs_why": "x"}).as_record() == {} == CudaGraphs.on("cpu").as_record()
    )
    record = CudaGraphs.on("cuda:1").capture
    assert isinstance(record, partial) and (record.func, record.args) == (capture, ("cuda:1",))
    assert CudaGraphs.on("cuda:1").as_record() == {}
    begun = CudaGraphs.on("cuda", {"graphs": False, "graphs_why": "it was so"})
    assert begun.why_not == "it was so" and begun.as_record() == {"graphs": False, "graphs_why": "it was so"}
    assert CudaGraphs.on("cuda", {"graphs": True}).why_not is None


@pytest.mark.parametrize("record", [Tape(), refuses], ids=["repeated", "refused"])
def test_the_record_of_the_pack_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: Capture) -> None:
    """And where nothing can be captured, on a CPU, it has no word of it."""
    own, plain = lane(batch_size=8), record_of(tmp_path / "plain", lane(batch_size=8))
    with monkeypatch.context() as patch:
        patch.setattr(CudaGraphs, "on", lambda device, strategy: CudaGraphs(record))
        told = record_of(tmp_path / "told", own)
    assert told.pop("graphs") is (record is not refuses)
    assert ("graphs_why" in told) is (record is refuses)
    told.pop("graphs_why", None)
    assert told == plain


def record_of(folder: Path, own: Lane) -> dict[str, Any]:
    """What the record of a pack of one lane says of how it was computed."""
    data = snellen.from_arrays(*blobs(90), pixel_range=(0, 255))
    place = RunContext(folder, data, material(), {"threads": 1})
    train_pack([own], place, Silent())
    assert place.folder(own.ids[0]).is_over()
    return dict(recorded_strategy([own], place))


@on_a_gpu
@every_case
def test_on_a_gpu_repeated_steps_are_the_plain_ones(changes: list[dict[str, Any]]) -> None:
    lanes = pack(changes, uneven=len(changes) > 1)
    images, graphs = on_gpu(material()), CudaGraphs.on("cuda")
    found = run(lanes, images, graphs)
    expect_same(found, run(lanes, images, CudaGraphs(None)), near=1e-9)
    assert graphs.as_record() == {"graphs": True}


@on_a_gpu
def test_on_a_gpu_another_step_is_captured_when_lanes_leave() -> None:
    lanes = pack([{"epochs": epochs, "seed": epochs} for epochs in (1, 3, 3)])
    images, graphs = on_gpu(material()), CudaGraphs.on("cuda")
    found = run(lanes, images, graphs, epochs=3)
    expect_same(found, run(lanes, images, CudaGraphs(None), epochs=3), near=1e-9)
    assert graphs.as_record() == {"graphs": True}


@on_a_gpu
def test_on_a_gpu_a_step_that_waits_is_not_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    """And training goes on: nothing of the failed capture is left."""
    from snellen.models.activations import Relu

    lanes, images = pack([{}]), on_gpu(material())
    expected = run(lanes, images, CudaGraphs(None))
    monkeypatch.setattr(Relu, "overwrite", lambda self, y: y.relu() if bool((y > -1e9).all()) else y)
    graphs = CudaGraphs.on("cuda")
    expect_same(run(lanes, images, graphs), expected, near=1e-9)
    assert graphs.as_record()["graphs_why"].startswith("the step cannot be captured")


def on_gpu(images: ResidentData) -> ResidentData:
    return ResidentData(images.images.cuda(), images.labels.cuda())
