"""Protects the metrics: every one agrees with scikit-learn, and where it defines the same, with torchmetrics, also
where classes are absent or never predicted.

Where a class is absent from the labels but predicted, the libraries differ; Snellen averages over the classes that
occur, which scikit-learn does when it is told them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as theirs
import torch
import torchmetrics.functional.classification as torch_theirs

from snellen.metrics.numbers import NUMBER_METRICS, class_numbers
from snellen.metrics.scores import METRICS, Counts, confusion


def draw(rows: int, classes: int, seed: int, absent: tuple[int, ...] = (), unpredicted: tuple[int, ...] = ()) -> tuple:
    """labels (N,) without the absent classes; probabilities (N, K) whose largest is never an unpredicted class."""
    generator = np.random.default_rng(seed)
    labels = generator.choice([k for k in range(classes) if k not in absent], rows)
    logits = generator.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[labels]
    logits[:, list(unpredicted)] = logits.min(1, keepdims=True) - 1
    probabilities = np.exp(logits)
    return labels, probabilities / probabilities.sum(1, keepdims=True)


DRAWS = {
    "two classes": draw(60, 2, 0),
    "ten classes": draw(500, 10, 1),
    "few images": draw(7, 10, 2),
    "one image": draw(1, 7, 3),
    "absent classes": draw(80, 8, 4, absent=(0, 7)),
    "classes never predicted": draw(80, 8, 5, unpredicted=(2, 3, 7)),
    "absent and never predicted": draw(80, 8, 6, absent=(1, 2), unpredicted=(1, 2, 5)),
    "one class only, predicted": draw(30, 6, 7, absent=(0, 1, 2, 3, 4), unpredicted=(0, 1, 2, 3, 4)),
    "none right": (np.zeros(20, np.int64), draw(20, 6, 8, absent=(0,), unpredicted=(0,))[1]),
}


def averaged(measure: Callable[..., float], average: str, labels: np.ndarray, probabilities: np.ndarray) -> float:
    occurring = np.unique(labels)
    return float(measure(labels, probabilities.argmax(1), labels=occurring, average=average, zero_division=0))


def top(k: int, labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float(theirs.top_k_accuracy_score(labels, probabilities, k=k, labels=range(probabilities.shape[1])))


SCIKIT_LEARN: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": lambda labels, probabilities: theirs.accuracy_score(labels, probabilities.argmax(1)),
    "loss": lambda labels, probabilities: theirs.log_loss(labels, probabilities, labels=range(probabilities.shape[1])),
    "top_2": partial(top, 2),
    "top_5": partial(top, 5),
    **{
        f"{average}_{name}": partial(averaged, getattr(theirs, f"{name}_score"), average)
        for average in ("macro", "weighted")
        for name in ("precision", "recall", "f1")
    },
}


def test_every_metric_has_a_reference() -> None:
    assert set(SCIKIT_LEARN) == set(METRICS)


@pytest.mark.parametrize(
    ("name", "draw_name"),
    [(name, key) for name in METRICS for key in DRAWS if DRAWS[key][1].shape[1] >= METRICS[name].min_classes],
)
def test_scikit_learn(name: str, draw_name: str) -> None:
    labels, probabilities = DRAWS[draw_name]
    value = METRICS[name].function(labels, probabilities)
    assert isinstance(value, float)
    assert value == pytest.approx(SCIKIT_LEARN[name](labels, probabilities), abs=1e-12)


@pytest.mark.parametrize("data", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.average])
def test_torchmetrics(name: str, data: tuple) -> None:
    """Class by class, and averaged by its rule where no class is predicted that does not occur."""
    labels, probabilities = data
    classes = probabilities.shape[1]
    average, _, written = name.partition("_")
    measure: Any = written
    function = getattr(torch_theirs, f"multiclass_{measure.replace('f1', 'f1_score')}")
    compute = partial(function, torch.tensor(probabilities), torch.tensor(labels), num_classes=classes)
    counts = Counts.of(confusion(labels, probabilities.argmax(1), classes))
    np.testing.assert_allclose(counts.per_class(measure), compute(average="none"), atol=1e-6)
    if not (counts.predicted[counts.support == 0]).any():
        assert METRICS[name].function(labels, probabilities) == pytest.approx(compute(average=average).item(), abs=1e-6)


@pytest.mark.parametrize("data", DRAWS.values(), ids=DRAWS)
def test_confusion_counts_true_by_predicted(data: tuple) -> None:
    labels, probabilities = data
    classes = probabilities.shape[1]
    expected = theirs.confusion_matrix(labels, probabilities.argmax(1), labels=range(classes))
    np.testing.assert_array_equal(confusion(labels, probabilities.argmax(1), classes), expected)


def test_ties_go_to_the_first_classes() -> None:
    """Six equal probabilities: only the first class is right, only the first two are in the top two."""
    labels, probabilities = np.arange(6), np.full((6, 6), 1 / 6)
    found = {name: METRICS[name].function(labels, probabilities) for name in ("accuracy", "top_2", "top_5")}
    assert found == {"accuracy": pytest.approx(1 / 6), "top_2": pytest.approx(2 / 6), "top_5": pytest.approx(5 / 6)}


def test_a_probability_of_zero_has_a_finite_loss() -> None:
    """87.3 nats: the smallest normal float32."""
    probabilities = np.array([[1.0, 0.0]], np.float32)
    assert METRICS["loss"].function(np.array([1]), probabilities) == pytest.approx(126 * np.log(2))


@pytest.mark.parametrize("name", METRICS)
def test_better_is_the_way_it_says(name: str) -> None:
    labels, worse = DRAWS["ten classes"]
    better = 0.5 * worse + 0.5 * np.eye(10)[labels]
    metric = METRICS[name]
    assert (metric.function(labels, better) > metric.function(labels, worse)) == metric.higher_is_better


OF_NUMBERS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"rmse": theirs.root_mean_squared_error}


def test_every_measure_of_numbers_has_a_reference() -> None:
    assert set(OF_NUMBERS) == set(NUMBER_METRICS)


@pytest.mark.parametrize("data", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("name", NUMBER_METRICS)
def test_scikit_learn_of_numbers(name: str, data: tuple) -> None:
    """Image by image, and from the confusion counts, as evaluation does; classes are called by uneven numbers."""
    labels, probabilities = data
    numbers = np.array([-2.5, 0, 1, 4, 4.25, 10, 100, 7, 3, 12])[: probabilities.shape[1]]
    predicted = probabilities.argmax(1)
    metric = NUMBER_METRICS[name]
    expected = OF_NUMBERS[name](numbers[labels], numbers[predicted])
    assert metric.function(numbers[labels], numbers[predicted]) == pytest.approx(expected, abs=1e-12)
    matrix = confusion(labels, predicted, len(numbers))
    assert metric.of_mean((matrix * metric.costs(numbers)).sum() / len(labels)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("classes", "numbers"),
    [
        (("0", "1", "10"), [0, 1, 10]),
        (("-1", "+2", "3.50"), [-1, 2, 3.5]),
        (("0", "one"), None),
        (("1", "nan"), None),
        (("1", "1e3"), None),
        (("1", "2 "), None),
        (("1", "\u0662"), None),
        (("1", "1" * 400), None),
    ],
)
def test_classes_are_numbers_only_when_all_are(classes: tuple[str, ...], numbers: list[float] | None) -> None:
    found = class_numbers(classes)
    assert (None if found is None else found.tolist()) == numbers
