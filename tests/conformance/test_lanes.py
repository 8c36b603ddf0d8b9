"""Protects lanes: for every layer, optimizer, schedule and augmentation, a lane of a pack is what it would be alone.

The rule is that of the project: in float64, weights within 1e-9 and equal decisions after 3 epochs; in float32, weights
within 1e-4 of their size after 20 steps. The lanes differ in all that lanes may differ in, and one leaves early.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from needs import require
from training_cases import STEPS, TRAIN_ROWS, VALIDATION_ROWS, checkpoint, job, material, start

from snellen.models.activations import ACTIVATIONS
from snellen.models.features import FEATURES
from snellen.models.layers import LAYERS
from snellen.train import loop
from snellen.train.augment.registry import AUGMENTATIONS
from snellen.train.backend.choose import COMPILED, TORCH, backends_for
from snellen.train.lane import Lane
from snellen.train.optimizers import OPTIMIZERS
from snellen.train.schedules import SCHEDULES
from snellen.train.snapshot import Progress, Snapshot, Values
from snellen.train.strategy.packs import PER_LANE, batching_key, form_packs
from snellen.train.watcher import Silent

DENSE = {"dense": {"units": 8, "activation": "relu"}}
CONV = {"conv": {"filters": 3, "kernel": 3, "padding": "same", "activation": "relu"}}
DIFFERENT: list[dict[str, Any]] = [
    {"seed": 0},
    {"seed": 1, "learning_rate": 0.003, "weight_decay": 0.01, "clip_norm": 0.5, "epochs": 2},
    {"seed": 2, "label_smoothing": 0.1, "class_weights": (0.5, 1.0, 2.0), "schedule": {"cosine": {}}, "patience": 1},
]
COUNTS = (60, 59, 51)
NETWORKS: dict[str, list[Any]] = {
    "dense": ["flatten", DENSE],
    "oblong windows": [
        {"conv": {"filters": 4, "kernel": [2, 3], "strides": [1, 2], "padding": "same"}},
        {"conv": {"filters": 6, "kernel": [3, 2], "groups": 2, "dilation": [1, 2], "padding": "same"}},
        {"max_pool": {"size": [1, 2], "padding": "same"}},
        {"separable_conv": {"filters": 3, "kernel": [1, 2], "padding": "same"}},
        {"average_pool": {"size": [2, 1], "padding": "same"}},
        "flatten",
    ],
    "flatten": ["flatten"],
    "conv": [CONV, "flatten"],
    "depthwise_conv": [{"depthwise_conv": {"kernel": 3, "depth_multiplier": 2}}, "flatten"],
    "separable_conv": [{"separable_conv": {"filters": 3, "kernel": 3, "activation": "relu"}}, "flatten"],
    "max_pool": [CONV, "max_pool", "flatten"],
    "average_pool": [CONV, {"average_pool": {"size": 3, "padding": "same"}}, "flatten"],
    "global_average_pool": [CONV, "global_average_pool"],
    "global_max_pool": [CONV, "global_max_pool"],
    "zero_pad": ["zero_pad", CONV, "flatten"],
    "dropout": ["flatten", DENSE, {"dropout": 0.3}],
    "batch_norm": [CONV, "batch_norm", "flatten", DENSE, "batch_norm"],
    "layer_norm": [CONV, "layer_norm", "flatten"],
    "skip": [CONV, {"skip": [CONV, "batch_norm", {"dropout": 0.2}]}, "relu", "flatten"],
    "concatenate": [{"concatenate": [[], [CONV, "batch_norm"], [CONV, {"dropout": 0.2}]]}, "flatten"],
    "multiply": [CONV, {"multiply": [[], ["global_average_pool", {"dense": 3}, "sigmoid"]]}, "flatten"],
    **{
        name: ["flatten", {name: [[DENSE], [{"dense": 8}, "tanh"]]}]
        for name in ("add", "average", "maximum", "minimum")
    },
    "standardise": ["standardise", "flatten", DENSE],
    "pca": ["flatten", {"pca": 5}, DENSE],
    "whiten": ["flatten", "whiten", DENSE],
    "top_pixels": ["flatten", {"top_pixels": 9}, DENSE],
    "whiten_patches": [{"whiten_patches": {"kernel": 2, "keep": 3, "strides": 2}}, "relu", CONV, "flatten"],
    "unit_norm": [CONV, "unit_norm", "flatten"],
    "normalization": [{"normalization": {"mean": 0.5, "variance": [0.1]}}, CONV, "flatten"],
    "spatial_dropout": [CONV, {"spatial_dropout": 0.3}, "flatten"],
    "gaussian_noise": [CONV, {"gaussian_noise": 0.1}, "flatten"],
    "gaussian_dropout": ["flatten", DENSE, {"gaussian_dropout": 0.3}],
    "alpha_dropout": ["flatten", {"dense": {"units": 8, "activation": "selu"}}, {"alpha_dropout": 0.2}],
    **{name: ["flatten", {"dense": 8}, name] for name in ACTIVATIONS if name != "leaky_relu"},
    "prelu": [CONV, {"prelu": [1, 2]}, "flatten", {"dense": 8}, {"prelu": {"alpha_initializer": 0.25}}],
    "leaky_relu": ["flatten", {"dense": 8}, {"leaky_relu": 0.1}],
    "rescale": ["flatten", {"rescale": {"scale": 2.0, "offset": -0.5}}],
}
RULES: list[Any] = [
    "sgd",
    {"sgd": {"momentum": 0.9, "nesterov": True}},
    "adam",
    {"adam": {"amsgrad": True}},
    "adamw",
    "rmsprop",
    {"rmsprop": {"momentum": 0.5}},
    "nadam",
    "adamax",
    "adagrad",
    {"adagrad": {"initial_accumulator_value": 0.5}},
    "adadelta",
    "lion",
    {"muon": {"iterations": 3}},
]
COURSES: list[Any] = [
    "constant",
    {"cosine": {"warmup_epochs": 1}},
    {"linear": {"final": 0.1}},
    {"step": {"every_epochs": 1, "factor": 0.5}},
    {"exponential": 0.5},
    {"polynomial": 2},
    "one_cycle",
    {"reduce_on_plateau": {"patience": 1, "min_delta": 1.0, "factor": 0.5}},
]
STRONG_AND_WEAK: dict[str, tuple[Any, Any]] = {
    "shift": ({"shift": 0.3}, {"shift": 0.1}),
    "flip": ("flip", {"flip": {"probability": 0.1}}),
    "crop": ({"crop": 2}, {"crop": 1}),
    "rotate": ({"rotate": 30}, {"rotate": 5}),
    "scale": ({"scale": 0.3}, {"scale": 0.1}),
    "brightness": ({"brightness": 0.3}, {"brightness": 0.1}),
    "contrast": ({"contrast": 0.5}, {"contrast": 0.1}),
    "cutout": ({"cutout": 3}, {"cutout": 2}),
    "mixup": ({"mixup": 0.4}, {"mixup": {"alpha": 1.0, "probability": 0.5}}),
    "cutmix": ({"cutmix": 1.0}, {"cutmix": {"alpha": 0.5, "probability": 0.5}}),
}


def lanes(epochs: int = 3, **changes: Any) -> list[Lane]:
    """Three that may stand in one pack, with rows of their own. changes: a list gives each lane its own value."""
    found = []
    for number, (own, count) in enumerate(zip(DIFFERENT, COUNTS)):
        special = {name: value[number] if isinstance(value, tuple) else value for name, value in changes.items()}
        values = {"total_epochs": 3, "epochs": epochs, **own, **special}
        found.append(Lane((job(**values),), {"train": TRAIN_ROWS[:count], "validation": VALIDATION_ROWS}))
    return found


def trained(*pack: Lane, folder: Path, dtype: torch.dtype, shards: int = 1, backend: str = TORCH) -> Snapshot:
    begun = start(*pack)
    begun = replace(begun, theta=begun.theta.to(dtype), state=to(begun.state, dtype), slots=to(begun.slots, dtype))
    return loop.train(pack, material(), begun, checkpoint(folder), Silent(), shards=shards, backend=backend)


def to(values: Values, dtype: torch.dtype) -> Values:
    return {name: value.to(dtype) for name, value in values.items()}


def agree(pack: list[Lane], folder: Path) -> None:
    """All lanes form one pack, and each is in it what it is alone."""
    assert len({batching_key(lane) for lane in pack}) == 1
    in_float32 = ((torch.float32, 1e-4, backend) for backend in backends(pack))
    for dtype, tolerance, backend in ((torch.float64, 1e-9, TORCH), *in_float32):
        together = trained(*pack, folder=folder / f"{backend}-{dtype}", dtype=dtype, backend=backend)
        for number, lane in enumerate(pack):
            alone = trained(lane, folder=folder / f"{backend}-{dtype}-{number}", dtype=dtype, backend=backend)
            same(together.lanes[number], alone.lanes[0], tolerance if dtype == torch.float32 else 0.0)


def backends(pack: list[Lane]) -> tuple[str, ...]:
    """Torch, and the kernels where they are and know the network."""
    return backends_for(pack[0].trajectory, "cpu")


def same(packed: Progress, alone: Progress, relative: float) -> None:
    """relative: of the size of all weights; 0 for 1e-9 in each."""
    assert packed.failure is None and alone.failure is None
    assert packed.kept[0].stopping.best_epoch == alone.kept[0].stopping.best_epoch
    assert len(packed.history) == len(alone.history)
    found, wanted = packed.kept[0].theta, alone.kept[0].theta
    if relative:
        assert float((found - wanted).norm() / wanted.norm()) < relative
    else:
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)
    for name, value in alone.kept[0].state.items():
        torch.testing.assert_close(packed.kept[0].state[name], value, rtol=relative, atol=relative or 1e-9)


def test_every_kind_has_a_case() -> None:
    assert set(NETWORKS) - {"oblong windows"} == {*LAYERS, *FEATURES}
    assert {next(iter(each)) if isinstance(each, dict) else each for each in RULES} == set(OPTIMIZERS)
    assert {next(iter(each)) if isinstance(each, dict) else each for each in COURSES} == set(SCHEDULES)
    assert set(STRONG_AND_WEAK) == set(AUGMENTATIONS)


@pytest.mark.parametrize("kind", NETWORKS)
def test_layers(kind: str, tmp_path: Path) -> None:
    agree(lanes(layers=NETWORKS[kind]), tmp_path)


@pytest.mark.parametrize("kind", NETWORKS)
def test_layers_in_parts(kind: str, tmp_path: Path) -> None:
    """Threads that share the rows of each batch make the same step: statistics of batch norm and masks of dropout are
    of the whole batch. Batches of 16 rows in 5 parts, the last of 11."""
    one = lanes(layers=NETWORKS[kind], augment=[{"mixup": 0.4}])[1]
    whole, shared = (
        trained(one, folder=tmp_path / str(shards), dtype=torch.float64, shards=shards).lanes[0] for shards in (1, 5)
    )
    same(shared, whole, 0.0)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_kernels_train_as_torch_does(kind: str, tmp_path: Path) -> None:
    """Masks of dropout, filler rows, mixed labels, clipping and all that lanes differ in are the same for both."""
    pack = lanes(layers=NETWORKS[kind], augment=[{"mixup": 0.4}])
    require("kernels")
    if COMPILED not in backends(pack):
        pytest.skip("the kernels lack a layer")
    ours, torchs = (
        trained(*pack, folder=tmp_path / backend, dtype=torch.float32, backend=backend) for backend in (COMPILED, TORCH)
    )
    for found, wanted in zip(ours.lanes, torchs.lanes):
        same(found, wanted, 1e-4)
        assert not torch.equal(found.kept[0].theta, wanted.kept[0].theta)


@pytest.mark.parametrize("optimizer", RULES, ids=json.dumps)
def test_optimizers(optimizer: Any, tmp_path: Path) -> None:
    agree(lanes(layers=["flatten", DENSE], optimizer=optimizer), tmp_path)


DIFFERENT_RULES: list[tuple[Any, ...]] = [
    tuple({"sgd": {"momentum": momentum}} for momentum in (0.9, 0.5, 0.99)),
    tuple({"sgd": {"momentum": momentum, "nesterov": True}} for momentum in (0.9, 0.5, 0.99)),
    tuple({"adam": {"beta_1": beta, "beta_2": beta, "epsilon": 1 - beta}} for beta in (0.9, 0.5, 0.99)),
    tuple({"adamw": {"beta_2": beta, "amsgrad": True}} for beta in (0.9, 0.5, 0.99)),
    tuple({"rmsprop": {"rho": rho, "momentum": rho / 2}} for rho in (0.9, 0.5, 0.99)),
    tuple({"nadam": {"beta_1": beta, "beta_2": beta, "epsilon": 1 - beta}} for beta in (0.9, 0.5, 0.99)),
    tuple({"adagrad": {"initial_accumulator_value": value}} for value in (0.1, 0.5, 0.0)),
]


@pytest.mark.parametrize("rules", DIFFERENT_RULES, ids=json.dumps)
def test_numbers_of_optimizers_are_each_lanes_own(rules: tuple[Any, Any, Any], tmp_path: Path) -> None:
    agree(lanes(layers=["flatten", DENSE], optimizer=rules), tmp_path)


@pytest.mark.parametrize("schedule", COURSES, ids=json.dumps)
def test_schedules(schedule: Any, tmp_path: Path) -> None:
    """The lanes beside have other schedules, and a total of their own."""
    agree(lanes(schedule=(schedule, "constant", schedule), total_epochs=(3, 9, 5)), tmp_path)


def test_rates_reduced_on_a_plateau_are_each_lanes_own(tmp_path: Path) -> None:
    """Each follows its own measure with its own numbers, also when a lane beside it has left."""
    plateaus = tuple({"reduce_on_plateau": {"patience": each, "min_delta": 1.0, "factor": 0.5}} for each in (1, 1, 3))
    pack = lanes(7, schedule=plateaus, measure=("loss", "loss", "accuracy"), patience=None)
    agree(pack, tmp_path)
    for dtype in (torch.float32, torch.float64):
        together = trained(*pack, folder=tmp_path / f"again-{dtype}", dtype=dtype)
        rates = [[record["learning_rate"] for record in lane.history] for lane in together.lanes]
        assert rates[0] == [0.01 / 2 ** max(0, epoch - 1) for epoch in range(7)]
        assert rates[1] == [0.003] * 2
        assert rates[2] == [0.01] * 4 + [0.005] * 3


def test_the_rates_of_the_history_are_those_of_the_steps() -> None:
    """Reduced to nothing, a rate moves no weight: of one lane from the third epoch on. The loss of another falls in
    every epoch, so it goes on; it would not by the history of the first."""
    numbers = ((1, 1.0), (1, 1.0), (2, 0.0))
    plateaus = tuple(
        {"reduce_on_plateau": {"patience": patience, "min_delta": min_delta, "factor": 1e-30}}
        for patience, min_delta in numbers
    )
    pack = lanes(7, schedule=plateaus, optimizer="sgd", patience=None)
    training, snapshot = loop.Training.prepare(pack, material()), start(*pack)
    moved: dict[int, list[bool]] = {0: [], 1: [], 2: []}
    while snapshot.alive:
        alive, before, state = snapshot.alive, snapshot.theta, training.run_steps(snapshot, Silent()).state
        for number, place in enumerate(alive):
            moved[place].append(not torch.equal(before[number], state.theta[number]))
        snapshot = training.epoch(snapshot, Silent())
    assert moved == {0: [True] * 2 + [False] * 5, 1: [True] * 2, 2: [True] * 7}


@pytest.mark.parametrize("kind", STRONG_AND_WEAK)
def test_augmentations(kind: str, tmp_path: Path) -> None:
    strong, weak = STRONG_AND_WEAK[kind]
    agree(lanes(layers=["flatten", DENSE], augment=([strong], [weak], [strong])), tmp_path)


def test_twenty_steps_of_float32(tmp_path: Path) -> None:
    """With all that lanes differ in at once."""
    dropout = [
        ["flatten", DENSE, {"dropout": rate}, {"skip": [{"dropout": rate / 2}]}, {"add": [[], [{"dropout": rate}]]}]
        for rate in (0.2, 0.0, 0.5)
    ]
    steps = [[each, {"shift": 0.1}] for each in STRONG_AND_WEAK["flip"]]
    agree(lanes(20 // STEPS, layers=tuple(dropout), augment=(steps[0], steps[1], steps[0])), tmp_path)


def test_rates_of_dropout_are_each_lanes_own(tmp_path: Path) -> None:
    """Seed and all else equal: the lane without dropout ends as if none stood there."""
    layers = tuple(["flatten", DENSE, {"dropout": rate}] for rate in (0.0, 0.5, 0.9))
    same_seed = {"seed": 7, "learning_rate": 0.01, "weight_decay": 0.0, "clip_norm": None, "label_smoothing": 0.0}
    pack = lanes(3, layers=layers, **same_seed, class_weights=None, schedule="constant", patience=None)
    together = trained(*pack, folder=tmp_path / "pack", dtype=torch.float64)
    plain = lanes(3, layers=["flatten", DENSE], **same_seed, class_weights=None, schedule="constant", patience=None)[0]
    alone = trained(plain, folder=tmp_path / "alone", dtype=torch.float64).lanes[0]
    torch.testing.assert_close(together.lanes[0].kept[0].theta, alone.kept[0].theta, rtol=0, atol=1e-9)
    assert not torch.allclose(together.lanes[2].kept[0].theta, alone.kept[0].theta, atol=1e-2)


@pytest.mark.parametrize("clipping", ["clip_norm", "clip_parameter_norm", "clip_value"])
def test_penalties_and_clipping_are_each_lanes_own(clipping: str, tmp_path: Path) -> None:
    layers = tuple(
        [{"conv": {"filters": 3, "kernel": 3, "l1": l1}}, "flatten", {"dense": {"units": 8, "l2": l2}}]
        for l1, l2 in ((0.01, 0.0), (None, 0.1), (None, None))
    )
    clips: dict[str, Any] = {"clip_norm": None, clipping: (0.01, 0.1, None)}
    agree(lanes(layers=layers, **clips), tmp_path)


OTHER: list[dict[str, Any]] = [
    {"layers": ["flatten", {"dense": 9}]},
    {"layers": ["flatten", DENSE, {"dropout": 0.2}, {"dropout": 0.1}]},
    {"optimizer": "sgd"},
    {"optimizer": {"adam": {"amsgrad": True}}},
    {"optimizer": {"sgd": {"momentum": 0.9}}},
    {"optimizer": {"sgd": {"momentum": 0.9, "nesterov": True}}},
    {"batch_size": 15},
    {"augment": ["flip"]},
    {"augment": [{"shift": {"amount": 0.2, "fill": "zero"}}]},
    {"augment": [{"shift": {"amount": 0.2, "interpolation": "nearest"}}]},
    {"augment": [{"flip": "vertical"}]},
    {"augment": [{"cutout": {"size": 2, "value": 0.5}}]},
    {"augment": [{"cutout": 2}]},
]


def test_lanes_that_one_program_cannot_train_are_in_packs_of_their_own() -> None:
    pack = [Lane((job(**each),), {"train": TRAIN_ROWS, "validation": VALIDATION_ROWS}) for each in [{}, *OTHER]]
    assert [len(each) for each in form_packs(pack, lambda lane: 0)] == [1] * len(pack)
    assert "optimizer" not in PER_LANE
