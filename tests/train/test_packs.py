"""Protects packs: many lanes in one program are what each would be alone; one that fails, ends or pauses does not touch
the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import blobs
from training_cases import STEPS, TRAIN_ROWS, VALIDATION_ROWS, job, lane, material, train

import snellen
from snellen.errors import IdentityError
from snellen.files import tensors
from snellen.models.zoo import ZOO
from snellen.train import step_runner
from snellen.train.batches import Batches
from snellen.train.epoch_results import Validation
from snellen.train.executors.sequential import is_finished, train_lanes
from snellen.train.job import Job
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.step import training_step
from snellen.train.store_results import stop_lane
from snellen.train.strategy.packs import estimated_seconds, form_packs
from snellen.train.strategy.rule import DENSE_WIDTH, width_by_rule
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

LAYERS = ["flatten", {"dense": {"units": 8, "activation": "relu", "use_bias": False}}, "batch_norm", {"dropout": 0.2}]
"""No bias before the batch norm: its gradient is rounding alone, which Adam makes as large as any."""
DIFFERENT: list[dict[str, Any]] = [
    {"seed": 0},
    {"seed": 1, "learning_rate": 0.003, "epochs": 2},
    {"seed": 2, "weight_decay": 0.01, "schedule": {"cosine": {}}, "total_epochs": 4},
    {"seed": 0, "learning_rate": 0.001, "patience": 1},
]


def lanes(**changes: Any) -> list[Lane]:
    return [lane(**{"layers": LAYERS, **changes, **each}) for each in DIFFERENT]


class Quiet(Silent):
    """An executor's watcher that notes which packs were trained."""

    def __init__(self) -> None:
        self.packs: list[int] = []

    def began(self, lanes: Any) -> None:
        self.packs.append(len(lanes))

    def ended(self, lanes: Any) -> None:
        """Nothing."""

    def switched_to(self, lanes: Any) -> None:
        """Nothing."""


@pytest.mark.parametrize("optimizer", ["adam", {"sgd": {"momentum": 0.9}}, {"rmsprop": {"momentum": 0.5}}])
def test_lanes_are_what_each_would_be_alone(tmp_path: Path, optimizer: Any) -> None:
    """Rounding apart; the kept epochs and the length of training are the same."""
    together = train(*lanes(optimizer=optimizer), folder=tmp_path / "pack")
    assert together.alive == ()
    for number, one in enumerate(lanes(optimizer=optimizer)):
        alone = train(one, folder=tmp_path / str(number)).lanes[0]
        packed = together.lanes[number]
        assert packed.kept[0].stopping.best_epoch == alone.kept[0].stopping.best_epoch
        assert len(packed.history) == len(alone.history)
        torch.testing.assert_close(packed.kept[0].theta, alone.kept[0].theta, rtol=1e-4, atol=1e-5)
        for name, value in alone.kept[0].state.items():
            torch.testing.assert_close(packed.kept[0].state[name], value, rtol=1e-4, atol=1e-5)
        for record, other in zip(packed.history, alone.history):
            assert record["learning_rate"] == other["learning_rate"]
            assert record["loss"] == pytest.approx(other["loss"], rel=1e-4)
    assert len({len(progress.history) for progress in together.lanes}) > 1, "some lanes left before others"


def test_lanes_with_different_numbers_of_rows(tmp_path: Path) -> None:
    """The last batch is filled up with rows that count nothing: 60, 59 and 55 rows in batches of 16."""

    def cut(count: int) -> Lane:
        one = lane(layers=LAYERS)
        return Lane(one.jobs, {"train": TRAIN_ROWS[:count], "validation": VALIDATION_ROWS})

    together = train(cut(60), cut(59), cut(55), folder=tmp_path / "pack")
    for number, count in enumerate((60, 59, 55)):
        alone = train(cut(count), folder=tmp_path / str(number)).lanes[0]
        packed = together.lanes[number]
        torch.testing.assert_close(packed.kept[0].theta, alone.kept[0].theta, rtol=1e-3, atol=1e-4)
        for record, other in zip(packed.history, alone.history):
            assert record["accuracy"] == pytest.approx(other["accuracy"])
            assert record["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_a_lane_that_diverges_fails_alone(tmp_path: Path) -> None:
    fine = lane(layers=["flatten", *[{"dense": 32}] * 4], optimizer="sgd")
    broken = lane(layers=["flatten", *[{"dense": 32}] * 4], optimizer="sgd", learning_rate=1_000.0)
    together = train(broken, fine, folder=tmp_path / "pack")
    assert "with learning rate 1000; the last good epoch is 0" in str(together.lanes[0].failure)
    assert together.lanes[1].failure is None and len(together.lanes[1].history) == 4
    alone = train(fine, folder=tmp_path / "alone")
    torch.testing.assert_close(together.lanes[1].kept[0].theta, alone.lanes[0].kept[0].theta, rtol=1e-4, atol=1e-6)


def several(*stops: dict[str, Any]) -> Lane:
    """One trajectory with several stop rules."""
    return Lane(tuple(job(**each) for each in stops), {"train": TRAIN_ROWS, "validation": VALIDATION_ROWS})


def test_stop_rules_that_share_a_trajectory_are_what_each_would_be_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules: list[dict[str, Any]] = [
        {"epochs": 2},
        {"epochs": 6, "patience": 1},
        {"epochs": 6},
        {"epochs": 5, "measure": "accuracy"},
    ]
    values = {1: (3.0, 0.5), 2: (1.0, 0.6), 3: (2.0, 0.9), 4: (0.5, 0.2), 5: (0.7, 0.1), 6: (0.2, 0.1)}
    seen: list[int] = []

    def validate(*_: Any) -> tuple[float, float]:
        seen.append(len(seen) + 1)
        return values[seen[-1]]

    monkeypatch.setattr(Validation, "scores", validate)
    together = train(several(*rules), folder=tmp_path / "shared")
    assert [kept.stopping.best_epoch for kept in together.lanes[0].kept] == [2, 2, 6, 3]
    assert [kept.stopping.epoch for kept in together.lanes[0].kept] == [2, 3, 6, 5]
    for number, rule in enumerate(rules):
        seen.clear()
        alone = train(lane(**rule), folder=tmp_path / str(number)).lanes[0].kept[0]
        assert torch.equal(alone.theta, together.lanes[0].kept[number].theta)


def place(folder: Path) -> RunContext:
    return RunContext(folder, snellen.from_arrays(*blobs(90), pixel_range=(0, 255)), material(), {"threads": 1})


def stored(folder: Path, one: Job) -> Any:
    return tensors.load(folder / "jobs" / one.id / "weights.safetensors")[0]


def test_a_promoted_lane_goes_on_as_if_it_had_run_straight_through(tmp_path: Path) -> None:
    """Three pause after two epochs; two go on, from disk: the whole curve is the same, byte for byte."""
    trio = [lane(layers=["flatten", "batch_norm"], seed=seed) for seed in range(3)]
    for one in trio:
        train_pack([one], place(tmp_path / "straight"), Silent())
        train_pack([one], place(tmp_path / "rungs"), Silent(), until=2)
    rungs = place(tmp_path / "rungs")
    assert all(is_finished(one, rungs, 2) and not is_finished(one, rungs) for one in trio)
    for one in trio[:2]:
        train_pack([one], rungs, Silent())
        straight = place(tmp_path / "straight").folder(one.ids[0])
        promoted = rungs.folder(one.ids[0])
        assert [{**r, "seconds": 0} for r in promoted.read_history()] == [
            {**r, "seconds": 0} for r in straight.read_history()
        ]
        assert promoted.weights.read_bytes() == straight.weights.read_bytes()
        assert not rungs.paused(one).folder.exists()
    stop_lane(trio[2], "not among the best third", rungs)
    result = rungs.folder(trio[2].ids[0]).read_result()
    assert result is not None and (result.status, result.epochs) == ("stopped", 2)
    assert is_finished(trio[2], rungs, 2) and not is_finished(trio[2], rungs, 4)


def test_a_later_phase_begins_from_the_kept_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kept epoch of the first phase is its second of four, not its last."""
    losses = iter([3.0, 1.0, 2.0, 1.5, 9.0, 9.0])
    monkeypatch.setattr(Validation, "scores", lambda *_: (next(losses), 0.5))
    first = lane()
    trajectory = first.trajectory.model_copy(update={"start": first.jobs[0], "learning_rate": 1e-12})
    second = Job(trajectory=trajectory, stop=first.jobs[0].stop.model_copy(update={"epochs": 1}))
    train_pack([first], place(tmp_path), Silent())
    train_pack([Lane((second,), first.rows)], place(tmp_path), Silent())
    for name, value in stored(tmp_path, first.jobs[0]).items():
        np.testing.assert_allclose(stored(tmp_path, second)[name], value, atol=1e-9)


def test_a_phase_without_the_one_before_fails(tmp_path: Path) -> None:
    first = lane()
    trajectory = first.trajectory.model_copy(update={"start": first.jobs[0]})
    second = Lane((Job(trajectory=trajectory, stop=first.jobs[0].stop),), first.rows)
    train_pack([second], place(tmp_path), Silent())
    result = place(tmp_path).folder(second.ids[0]).read_result()
    assert result is not None and result.status == "failed" and first.ids[0] in str(result.reason)


def test_phases_have_randomness_of_their_own(tmp_path: Path) -> None:
    first = lane()
    later = first.trajectory.model_copy(update={"start": first.jobs[0]})
    second = Lane((Job(trajectory=later, stop=first.jobs[0].stop),), first.rows)
    orders = [Batches.of([each], material())._rows((0,), 0) for each in (first, second)]
    assert not torch.equal(torch.cat([rows for rows, _ in orders[0]], 1), torch.cat([rows for rows, _ in orders[1]], 1))


CONV = {"conv": {"filters": 2, "kernel": 3}}


def test_packs_are_formed_of_lanes_that_differ_in_numbers_only() -> None:
    """In the order of the plan, and evenly: twelve are two of six, not ten and two."""
    same, other = [lane(seed=seed) for seed in range(DENSE_WIDTH + 2)], lane(layers=["flatten"])
    packs = form_packs([*same[:3], other, *same[3:]], lambda _: 0)
    assert packs == [tuple(same[:6]), (other,), tuple(same[6:])]
    assert [len(pack) for pack in form_packs([lane(), lane(batch_size=15)], lambda _: 0)] == [1, 1]
    assert [len(pack) for pack in form_packs(same[:2], lambda one: one.trajectory.seed)] == [1, 1]


@pytest.mark.parametrize(
    ("layers", "shape", "wide"),
    [
        (["flatten"], (28, 28, 1), 10),
        (["max_pool", "flatten"], (28, 28, 1), 10),
        ([CONV, "flatten"], (8, 8, 1), 8),
        ([{"skip": [{"conv": {"filters": 1, "kernel": 3, "padding": "same"}}]}, "flatten"], (8, 8, 1), 8),
        (ZOO["lenet-5"], (32, 32, 1), 4),
        (ZOO["svhn-cnn-1"], (32, 32, 1), 1),
        (ZOO["vgg-small"], (32, 32, 3), 1),
    ],
)
def test_the_width_suits_the_network(layers: list[Any], shape: tuple[int, int, int], wide: int) -> None:
    assert width_by_rule(lane(layers=layers, input_shape=shape, classes=10)) == wide


@pytest.mark.parametrize(("layers", "wide"), [(["flatten"], 64), (ZOO["lenet-5"], 64), (ZOO["vgg-small"], 1)])
def test_small_networks_fill_a_gpu_together(layers: list[Any], wide: int) -> None:
    assert width_by_rule(lane(layers=layers, input_shape=(32, 32, 3), classes=10), device="cuda:0") == wide


def test_what_is_worth_two_processes_is_two_packs() -> None:
    """4 x 1 million steps of 0.3 ms at least; four lanes of four epochs are not worth it."""
    assert [len(pack) for pack in form_packs([lane(seed=seed, epochs=100_000) for seed in range(4)], lambda _: 0)] == [
        2,
        2,
    ]
    assert [len(pack) for pack in form_packs([lane(seed=seed) for seed in range(4)], lambda _: 0)] == [4]
    assert estimated_seconds([lane()] * 4, until=2) == pytest.approx(estimated_seconds([lane()] * 4) / 2)
    assert estimated_seconds([lane()], epoch=4) == 0 < estimated_seconds([lane()], until=3, epoch=2)


def test_an_interrupted_run_goes_on_with_the_packs_that_it_wrote_down(tmp_path: Path) -> None:
    """One lane of three has a result already: the pack is still one of three, so that its bits are the same."""
    trio = [lane(seed=seed) for seed in range(3)]
    train_lanes(trio, place(tmp_path / "whole"), Quiet())
    broken = place(tmp_path / "broken")
    train_lanes(trio, broken, Quiet())
    for one in trio[1:]:
        (broken.folder(one.ids[0]).path / "result.json").unlink()
    again = Quiet()
    train_lanes(trio, broken, again)
    assert again.packs == [3]
    for one in trio:
        whole = (place(tmp_path / "whole").folder(one.ids[0]).weights).read_bytes()
        assert broken.folder(one.ids[0]).weights.read_bytes() == whole
    nothing = Quiet()
    train_lanes(trio, broken, nothing)
    assert nothing.packs == []
    more = Quiet()
    train_lanes([*trio, lane(seed=9)], broken, more)
    assert more.packs == [1], "what is over stays as it is"


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packs/x").mkdir(parents=True)
    (tmp_path / "packs/x/pack.json").write_text("[]")
    with pytest.raises(IdentityError, match=r"packs/x/pack.json: Input should be an object; found \[\]"):
        train_lanes([lane()], place(tmp_path), Quiet())


def test_every_step_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many lanes, an epoch is as many calls as for one."""
    calls = []

    def noting(*arguments: Any) -> Any:
        calls.append(1)
        return training_step(*arguments)

    monkeypatch.setattr(step_runner, "training_step", noting)
    train(*[lane(seed=seed) for seed in range(5)], folder=tmp_path)
    assert len(calls) == 4 * STEPS
