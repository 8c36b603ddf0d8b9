"""Protects first looks: counts, samples and means against the plain definitions, and that sealed labels stay unseen."""

from __future__ import annotations

import data_cases as cases
import numpy as np
import pytest

from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.class_images import (
    class_counts,
    class_images,
    mean_images,
    nearest_classes,
    random_rows,
    sample_rows,
)
from snellen.data.inspect.duplicate_sets import exact_duplicate_sets
from snellen.data.splits.roles import Split, assign
from snellen.errors import RunError


def test_counts_of_every_class_and_role() -> None:
    dataset = cases.expected()
    roles = assign(dataset, Split(validation=3))
    frame = class_counts(dataset, roles.rows)
    assert frame.columns == ["class", "role", "images"] and frame.height == 3 * 4
    assert frame.rows()[:4] == [("0", "train", 3), ("0", "validation", 1), ("0", "calibration", 0), ("0", "test", 2)]
    assert frame["images"].sum() == len(dataset)


def test_sealed_labels_are_not_counted() -> None:
    dataset = cases.expected()
    roles = assign(dataset, Split(validation=3))
    with pytest.raises(RunError, match=r"labels are sealed; found 6 of 6 rows"):
        class_counts(dataset.without_labels(roles.rows["test"]), roles.rows)


def test_samples_are_of_their_class_and_of_the_rows_given() -> None:
    dataset, rows = cases.expected(), np.array([0, 1, 2, 3, 6, 9, 13])
    sample = sample_rows(dataset, rows, 3, seed=0)
    assert sample.shape == (3, 3)
    for code, drawn in enumerate(sample):
        real = drawn[drawn >= 0]
        assert (dataset.labels[real] == code).all() and np.isin(real, rows).all() and len(set(real)) == len(real)
    assert (sample >= 0).sum(axis=1).tolist() == [3, 2, 1]
    np.testing.assert_array_equal(sample, sample_rows(dataset, rows, 3, seed=0))
    assert any((sample != sample_rows(dataset, rows, 3, seed)).any() for seed in range(1, 5))


def test_mean_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.slices.SLICE_BYTES", 500)
    dataset, rows = cases.expected(), np.array([0, 2, 3, 5, 8, 12, 15])
    means = mean_images(dataset, rows)
    for code in (0, 2):
        expected = dataset.images[rows[dataset.labels[rows] == code]].mean(axis=0)
        np.testing.assert_allclose(means[code], expected, rtol=1e-6)
    assert means.dtype == np.float32 and means.shape == (3, 5, 4, 1) and np.isnan(means[1]).all()


def test_variation_within_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.slices.SLICE_BYTES", 500)
    dataset, rows = cases.expected(), np.array([0, 2, 3, 5, 8, 12, 15])
    means, deviations = class_images(dataset, rows)
    np.testing.assert_array_equal(means, mean_images(dataset, rows))
    for code in (0, 2):
        expected = dataset.images[rows[dataset.labels[rows] == code]].std(axis=0)
        np.testing.assert_allclose(deviations[code], expected, rtol=1e-5, atol=1e-5)
    assert deviations.dtype == np.float32 and np.isnan(deviations[1]).all()


def test_some_rows_are_of_those_given() -> None:
    dataset, rows = cases.expected(), np.arange(1, 18, 2)
    drawn = random_rows(dataset, rows, 4, seed=0)
    assert len(drawn) == 4 and np.isin(drawn, rows).all() and (np.diff(drawn) > 0).all()
    assert any((drawn != random_rows(dataset, rows, 4, seed)).any() for seed in range(1, 5))
    np.testing.assert_array_equal(random_rows(dataset, rows, 100, seed=0), rows)


def test_nearest_classes_by_the_definition() -> None:
    means = np.random.default_rng(0).uniform(10, 20, (5, 4, 3, 3)).astype(np.float32)
    means[3] = np.nan
    distances, nearest = nearest_classes(means, (10.0, 20.0))
    for one, other in ((0, 1), (4, 2)):
        expected = np.sqrt(np.mean((means[one] - means[other]) ** 2)) / 10
        assert distances[one, other] == pytest.approx(expected, rel=1e-5)
    real = [0, 1, 2, 4]
    for one in real:
        assert nearest[one] == min((other for other in real if other != one), key=lambda other: distances[one, other])
    assert nearest[3] == -1 and np.isnan(distances[3]).all()


def test_repeated_images_start_with_contradictions() -> None:
    images = np.array([1, 2, 1, 3, 2, 4, 1, 3], np.uint8).reshape(-1, 1, 1, 1)
    labels = np.array([0, 0, 0, 1, 1, 2, 0, 1])
    found = [rows.tolist() for rows in exact_duplicate_sets(duplicate_groups(images), labels, 9)]
    assert found == [[1, 4], [0, 2, 6], [3, 7]]
    assert len(exact_duplicate_sets(duplicate_groups(images), labels, 2)) == 2
    assert exact_duplicate_sets(np.arange(8), labels, 9) == []
