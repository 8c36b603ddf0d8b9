"""Protects "training ended too early" from being said of noise: in simulated histories without improvement, and of
networks trained on permuted labels, it is said in at most 5 %; of trainings that were cut off, it is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from runs import blobs, findings_of

import snellen
from snellen.statistics.still_improving import WINDOW, Curve, still_improving

IMAGES, CLASSES = 200, 10


def curve(losses: Sequence[float], accuracies: Sequence[float] = (), images: int = IMAGES) -> Curve:
    """A network of these losses after each epoch, right on 80 % of the images unless told otherwise."""
    right = np.rint(np.array(accuracies or [0.8] * len(losses)) * images).astype(int)
    measured = np.array(losses, float)
    return Curve(measured, right, images, images // CLASSES, int(measured.argmin()) + 1)


def walk(epochs: int, memory: float, generator: np.random.Generator) -> Curve:
    """A network that does not improve: its loss scatters around a level (memory 0) or walks at random (memory 1)."""
    losses, noise = np.zeros(epochs), generator.normal(size=epochs)
    for epoch in range(epochs):
        losses[epoch] = noise[epoch] + (memory * losses[epoch - 1] if epoch else 0.0)
    return curve(list(losses), list(generator.binomial(IMAGES, 0.6, epochs) / IMAGES))


@pytest.mark.parametrize("memory", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("epochs", [2, 3, 6, 12])
def test_of_histories_without_improvement_few_are_said_to_improve(epochs: int, seeds: int, memory: float) -> None:
    generator = np.random.default_rng([epochs, seeds, int(10 * memory)])
    said = [still_improving([walk(epochs, memory, generator) for _ in range(seeds)]) for _ in range(300)]
    assert sum(each is not None for each in said) <= 24  # of 300 at 5 %, more happen in 1 of 50


def permuted(seed: int) -> snellen.Dataset:
    """Images whose labels mean nothing."""
    images, labels = blobs(240, classes=3, seed=seed)
    return snellen.from_arrays(images, np.random.default_rng(seed).permutation(labels))


@pytest.mark.parametrize("epochs", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_of_networks_trained_on_permuted_labels_few_are_said_to_improve(epochs: int, tmp_path: Path) -> None:
    """20 data sets, two rates each; the rule that went by the kept epoch alone said it of a quarter and more."""
    layers = ["flatten", {"dense": {"units": 16, "activation": "relu"}}]
    said = kept_last = 0
    for seed in range(20):
        models = {
            name: {"layers": layers, "train": {"learning_rate": rate}}
            for name, rate in (("quick", 1e-3), ("slow", 1e-4))
        }
        train = {"epochs": epochs, "batch_size": 32}
        study = snellen.Study(
            "null", data=permuted(seed), models=models, train=train, split={"test": 30, "validation": 0.3}
        )
        run = study.run(out=tmp_path / str(seed), device="cpu", threads=1, progress=False)
        said += sum(each.code == "SNL102" for each in findings_of(run.folder))
        kept_last += sum(run.record.results[model].kept_epoch == epochs for model in models)
    assert kept_last >= 10
    assert said <= 4  # of 40 at 5 %, more happen in 1 of 20


def test_what_was_cut_off_is_said_to_improve() -> None:
    falling = [2.0 / epoch for epoch in range(1, 11)]
    found = still_improving([curve(falling)])
    assert found is not None and (found.last, found.better, found.steps) == (1, WINDOW, WINDOW)
    assert found.test == "sign test" and found.p_value == pytest.approx(1 / 32)


def test_a_short_training_is_judged_by_its_accuracy() -> None:
    rising, level = [0.4, 0.6, 0.75], [0.72, 0.73, 0.74]
    found = still_improving([curve([2.0, 1.5, 1.0], rising)])
    assert found is not None and found.test == "Fisher's exact test" and found.p_value < 1e-6
    assert still_improving([curve([2.0, 1.5, 1.0], level)]) is None
    assert still_improving([curve([2.0, 1.0, 1.5], rising)]) is None
    assert still_improving([curve([1.0], [0.9])]) is None


def test_seeds_are_judged_together() -> None:
    """Two steps of one network are no evidence, six of three are; a third network that fell back does not undo it."""
    three = [curve([2.0, 1.5, 1.0]) for _ in range(3)]
    found = still_improving(three)
    assert found is not None and (found.networks, found.last, found.better, found.steps) == (3, 3, 6, 6)
    assert found.p_value == pytest.approx(1 / 64)
    long = [curve([3 - 0.1 * epoch for epoch in range(10)]) for _ in range(2)]
    back = curve([*[3 - 0.1 * epoch for epoch in range(9)], 2.9])
    found = still_improving([*long, back])
    assert found is not None and (found.networks, found.last) == (3, 2)
    assert still_improving([long[0], back, back]) is None


def test_a_network_that_knows_only_how_frequent_classes_are_is_not_improving() -> None:
    falling = [2.6 - 0.05 * epoch for epoch in range(10)]
    assert still_improving([curve(falling, [0.12] * 10)]) is None
    assert still_improving([curve(falling, [0.3] * 10)]) is not None
