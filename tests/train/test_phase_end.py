"""`continue: last`: a phase that goes on from the last weights of the one before, and the state of its optimizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from runs import blobs
from training_cases import TRAIN_ROWS, lane, material

import snellen
from snellen.errors import IdentityError
from snellen.files import tensors
from snellen.train.batches import Counted
from snellen.train.executors.sequential import is_finished, train_lanes
from snellen.train.job import Job
from snellen.train.lane import Lane
from snellen.train.phase_end import PhaseEnd
from snellen.train.run_context import RunContext
from snellen.train.snapshot import EpochRecord
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

DROPPED = ["flatten", {"dense": {"units": 8, "activation": "relu"}}, {"dropout": 0.2}]
NORMED = ["flatten", {"dense": {"units": 8, "activation": "relu"}}, "batch_norm"]
EVERYTHING: dict[str, Any] = {"layers": NORMED, "augment": [{"shift": 0.2}]}
STEPS = 4


class Interrupts(Silent):
    """Ctrl-C in the epoch after the first `epochs`."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def trained(self, place: int, record: EpochRecord) -> None:
        self.epochs -= 1
        if self.epochs < 0:
            raise KeyboardInterrupt


def place(folder: Path) -> RunContext:
    return RunContext(folder, snellen.from_arrays(*blobs(90), pixel_range=(0, 255)), material(), {"threads": 1})


def two(continues: str = "last", later: dict[str, Any] | None = None, **changes: Any) -> tuple[Lane, Lane]:
    """A phase and one that goes on from it."""
    first = lane(**changes)
    job = first.jobs[0]
    trajectory = job.trajectory.model_copy(update={"start": job, "continues": continues, **(later or {})})
    second = Job(trajectory=trajectory, stop=job.stop)
    return Lane(first.jobs, first.rows, None, first.ids), Lane((second,), first.rows)


def run(lanes: tuple[Lane, ...], path: Path) -> RunContext:
    context = place(path)
    for one in lanes:
        train_pack([one], context, Silent())
    return context


def weights(context: RunContext, one: Lane) -> bytes:
    return tensors_of(context.folder(one.ids[0]).weights)


def tensors_of(path: Path) -> bytes:
    """The arrays alone; the job is named beside them."""
    return tensors.pack(tensors.load(path)[0])


def losses(context: RunContext, *lanes: Lane) -> list[float]:
    return [each["loss"] for one in lanes for each in context.folder(one.ids[0]).read_history()]


@pytest.mark.parametrize("changes", [{"layers": DROPPED}, EVERYTHING])
@pytest.mark.parametrize(
    "optimizer",
    ["adam", {"adam": {"amsgrad": True}}, "rmsprop", "nadam", "adagrad", "muon", "sgd", {"sgd": {"momentum": 0.9}}],
)
def test_two_phases_that_go_on_are_one_training(tmp_path: Path, changes: dict[str, Any], optimizer: Any) -> None:
    """4 epochs and 4 more are 8, to the bit: slots, the correction of Adam's bias, the order of the images, dropout and
    augmentation all go on."""
    changes = {"optimizer": optimizer, "keep": "last", **changes}
    halves, whole = two(**changes), lane(**{**changes, "epochs": 8})
    parts, straight = run(halves, tmp_path / "parts"), run((whole,), tmp_path / "whole")
    assert weights(parts, halves[1]) == weights(straight, whole)
    assert losses(parts, *halves) == losses(straight, whole)


def test_a_fresh_start_is_another_training(tmp_path: Path) -> None:
    kept, last = two("kept", keep="last"), two(keep="last")
    one, other = run(kept, tmp_path / "kept"), run(last, tmp_path / "last")
    assert weights(one, kept[0]) == weights(other, last[0])
    assert weights(one, kept[1]) != weights(other, last[1])


def test_it_goes_on_from_the_last_weights_and_not_from_the_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kept epoch of the first phase is its second."""
    from snellen.train.epoch_results import Validation

    found = iter([3.0, 1.0, 2.0, 1.5, *[9.0] * 4])
    monkeypatch.setattr(Validation, "scores", lambda *_: (next(found), 0.5))
    halves = two(later={"learning_rate": 1e-12})
    context = run(halves, tmp_path)
    end = PhaseEnd.load(context.folder(halves[0].ids[0]).end, halves[0].trajectory, halves[0].ids[0], "cpu")
    folder = context.folder(halves[1].ids[0])
    _, parameters, _ = folder.load_network()
    after = torch.cat([value.flatten(1) for value in parameters.values()], 1)
    torch.testing.assert_close(after, end.weights.theta, atol=1e-8, rtol=0)
    assert end.counted == Counted(4, 4 * STEPS)
    _, kept, _ = context.folder(halves[0].ids[0]).load_network()
    assert not torch.allclose(after, torch.cat([value.flatten(1) for value in kept.values()], 1), atol=1e-4)


def test_steps_are_counted_with_the_batches_of_each_phase(tmp_path: Path) -> None:
    halves = two(later={"batch_size": 30})
    ended = Lane(halves[1].jobs, halves[1].rows, None, halves[1].ids)
    context = run((halves[0], ended), tmp_path)
    path = context.folder(ended.ids[0]).end
    assert PhaseEnd.read_counted(path, ended.ids[0]) == Counted(8, 4 * STEPS + 4 * len(TRAIN_ROWS) // 30)


@pytest.mark.parametrize("after", [1, 3])
def test_interrupted_in_either_phase_it_ends_with_the_same_bits(tmp_path: Path, after: int) -> None:
    halves, straight = two(**EVERYTHING), run(two(**EVERYTHING), tmp_path / "straight")
    context = place(tmp_path / "broken")
    for one in halves:
        with pytest.raises(KeyboardInterrupt):
            train_pack([one], context, Interrupts(after))
        assert context.checkpoint([one]).epoch == after
        train_pack([one], place(tmp_path / "broken"), Silent())
    for one in halves:
        assert weights(context, one) == weights(straight, one)
    end = [each.folder(halves[0].ids[0]).end.read_bytes() for each in (context, straight)]
    assert end[0] == end[1]


def test_lanes_of_a_pack_go_on_as_each_alone(tmp_path: Path) -> None:
    seeds = [two(seed=seed, optimizer="sgd") for seed in range(3)]
    context = place(tmp_path / "pack")
    for stage in zip(*seeds):
        train_lanes(stage, context, Named())
    for number, halves in enumerate(seeds):
        alone = run(halves, tmp_path / str(number))
        assert losses(context, *halves) == pytest.approx(losses(alone, *halves), abs=1e-6)
        ends = [tensors.load(each.folder(halves[0].ids[0]).end)[0]["counted"].tolist() for each in (context, alone)]
        assert ends == [[4, 16], [4, 16]]


class Named(Silent):
    """A watcher of packs."""

    def began(self, lanes: Any) -> None: ...
    def ended(self, lanes: Any) -> None: ...
    def switched_to(self, lanes: Any) -> None: ...


def test_lanes_that_stopped_at_different_epochs_are_not_one_pack(tmp_path: Path) -> None:
    """The count of steps is part of Adam's update: it is the pack's."""
    from snellen.train.executors.sequential import packs_of

    seeds = [two(seed=seed, epochs=epochs) for seed, epochs in ((0, 2), (1, 3), (2, 2))]
    context = place(tmp_path)
    train_lanes([first for first, _ in seeds], context, Named())
    packs = packs_of([second for _, second in seeds], context, None)
    assert [[one.trajectory.seed for one in pack] for pack in packs] == [[0, 2], [1]]


def test_a_phase_that_was_trained_before_is_trained_again_for_its_end(tmp_path: Path) -> None:
    """A study gets a phase with `continue: last` after its run: the same weights, and the end beside them."""
    halves = two()
    plain = Lane(halves[0].jobs, halves[0].rows)
    context = run((plain,), tmp_path)
    before = weights(context, plain)
    assert is_finished(plain, context) and not is_finished(halves[0], context)
    assert not context.folder(plain.ids[0]).end.exists()
    train_lanes([halves[0]], context, Named())
    assert is_finished(halves[0], context) and weights(context, plain) == before
    train_lanes([halves[1]], context, Named())
    assert context.folder(halves[1].ids[0]).is_done()
    result = context.folder(plain.ids[0]).read_result()
    assert result is not None and "end.safetensors" in result.sha256
    assert context.folder(plain.ids[0]).changed_files(result) == []


def test_without_an_end_the_phase_fails_and_says_so(tmp_path: Path) -> None:
    halves = two()
    context = run((Lane(halves[0].jobs, halves[0].rows), halves[1]), tmp_path)
    result = context.folder(halves[1].ids[0]).read_result()
    assert result is not None and result.status == "failed" and halves[0].ids[0] in str(result.reason)


def test_the_end_of_another_job_is_refused(tmp_path: Path) -> None:
    halves = two()
    context = run(halves[:1], tmp_path)
    path = context.folder(halves[0].ids[0]).end
    with pytest.raises(IdentityError, match="another job"):
        PhaseEnd.load(path, halves[0].trajectory, "0" * 16, "cpu")
    with pytest.raises(IdentityError, match="one side only"):
        PhaseEnd.load(path, lane(optimizer="sgd").trajectory, halves[0].ids[0], "cpu")


def test_an_older_job_keeps_its_id() -> None:
    """`continues` is in an identity only where it is `last`."""
    first, fresh = two("kept")
    _, goes_on = two()
    assert "continues" not in fresh.jobs[0].identity()["trajectory"]
    assert goes_on.jobs[0].identity()["trajectory"]["continues"] == "last"
    assert fresh.ids != goes_on.ids and first.ids == two()[0].ids
