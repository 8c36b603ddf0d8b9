"""Protects the numbers of selectivity and of boxes, against scikit-learn, SciPy, NumPy and hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mutual_info_score, roc_auc_score

from snellen.explain.units.box_plots import boxes, overlaps, table, touching
from snellen.explain.units.selectivity import LEVELS, information_bits, selectivity
from snellen.explain.units.tables import correlations
from snellen.statistics.wilson_interval import wilson

CLASSES = 4


def drawn(images: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three units with many ties at 0, of which the first two tell classes apart; the third is silent."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, images)
    values = generator.normal(0, 1, (images, 3)) + np.stack([labels == 1, labels == 2, labels > 9], 1)
    values[:, 2] = 0
    return np.round(np.maximum(values, 0), 1).astype(np.float32), labels


def delong_error(positive: np.ndarray, scores: np.ndarray) -> float:
    """By all pairs of images, as DeLong 1988 defines it."""
    difference = scores[positive][:, None] - scores[~positive]
    pairs = (difference > 0) + 0.5 * (difference == 0)
    variances = [pairs.mean(axis).var(ddof=1) / pairs.shape[1 - axis] for axis in (0, 1)]
    return float(np.sqrt(sum(variances)))


def test_areas_intervals_and_p_values_are_those_of_other_implementations() -> None:
    values, labels = drawn()
    found = selectivity(values, labels, CLASSES)
    for unit in (0, 1):
        for label in range(CLASSES):
            positive = labels == label
            area, error = roc_auc_score(positive, values[:, unit]), delong_error(positive, values[:, unit])
            low, high = stats.norm.interval(0.95, area, error)
            assert found.area[unit, label] == pytest.approx(area, abs=1e-12)
            assert (found.low[unit, label], found.high[unit, label]) == pytest.approx((low, high), abs=1e-9)
            rank = stats.mannwhitneyu(
                values[positive, unit], values[~positive, unit], method="asymptotic", use_continuity=False
            )
            wald = 2 * stats.norm.sf(abs(area - 0.5) / ((high - area) / stats.norm.ppf(0.975)))
            assert found.p[unit, label] == pytest.approx(max(rank.pvalue, wald), rel=1e-6)


def test_a_silent_unit_tells_nothing() -> None:
    values, labels = drawn()
    found = selectivity(values, labels, CLASSES)
    assert found.area[2].tolist() == [0.5] * CLASSES and found.p[2].tolist() == [1.0] * CLASSES
    assert found.information[2] == 0 and found.active[2] == 0


def test_a_class_with_one_image_is_not_judged() -> None:
    labels = np.array([0] * 10 + [1])
    found = selectivity(np.arange(11.0)[:, None], labels, 2)
    assert np.isnan(found.area[0]).all() and (found.p[0] == 1).all()


def test_a_unit_that_three_images_activate_is_not_told_from_chance() -> None:
    values, labels = np.zeros((5000, 1)), np.arange(5000) % 10
    values[[7, 17, 27]] = 1
    rank = stats.mannwhitneyu(values[labels == 7, 0], values[labels != 7, 0], method="asymptotic")
    assert rank.pvalue < 1e-6 < 0.05 < selectivity(values, labels, 10).p[0, 7]


def test_information_is_the_plug_in_estimate_less_its_bias() -> None:
    generator = np.random.default_rng(1)
    labels, levels = generator.integers(0, 3, 1000), generator.integers(0, 8, 1000)
    levels[labels == 0] //= 3
    counts = np.zeros((8, 3))
    np.add.at(counts, (levels, labels), 1)
    bias = 7 * 2 / (2 * 1000)
    assert information_bits(counts) == pytest.approx((mutual_info_score(labels, levels) - bias) / np.log(2))


def test_information_of_noise_is_near_none_and_of_a_copy_all() -> None:
    labels = np.arange(8000) % CLASSES
    noise = np.random.default_rng(2).normal(size=8000)
    found = selectivity(np.stack([noise, labels.astype(float)], 1), labels, CLASSES)
    assert found.information[0] < 0.01
    assert found.information[1] == pytest.approx(2, abs=0.01) and LEVELS > CLASSES


def test_the_share_of_active_images_has_wilsons_interval() -> None:
    low, high = wilson(np.array([0, 3, 50]), 50)
    for at, hits in enumerate((0, 3, 50)):
        expected = stats.binomtest(hits, 50).proportion_ci(method="wilson")
        assert (low[at], high[at]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_boxes_are_numpys_quartiles_and_tukeys_whiskers() -> None:
    values, labels = drawn()
    values[5] = 40
    found = boxes(values, labels, CLASSES)
    for label in range(CLASSES):
        own = values[labels == label, 0]
        low, middle, high = np.percentile(own, [25, 50, 75])
        inside = own[(own >= low - 1.5 * (high - low)) & (own <= high + 1.5 * (high - low))]
        expected = [own.min(), inside.min(), low, middle, high, inside.max(), own.max(), own.mean()]
        np.testing.assert_allclose(found.numbers[:, 0, label], expected, rtol=1e-5)
    assert found.images.tolist() == np.bincount(labels).tolist()


def test_overlap_of_boxes_by_hand() -> None:
    labels = np.repeat([0, 1, 2], 5)
    values = np.array([0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 10, 10, 10, 10, 10.0])[:, None]
    found = boxes(values, labels, 4)  # boxes 1..3, 3..5 and 10..10; the fourth class has no images
    share, meet = overlaps(found)[0], touching(found)[0]
    assert share[0, 1] == 0 and meet[0, 1] and not meet[0, 2]
    assert share[2, 2] == 1 and np.isnan(share[0, 3]) and not meet[0, 3]
    wider = boxes(np.array([0, 1, 2, 3, 4, 1, 2, 3, 4, 5.0])[:, None], np.repeat([0, 1], 5), 2)
    assert overlaps(wider)[0, 0, 1] == pytest.approx(1 / 3)  # 1..3 and 2..4


def test_a_box_table_has_a_row_a_unit_and_class() -> None:
    values, labels = drawn()
    found = table(boxes(values, labels, CLASSES), "true", ("a", "b", "c", "d"))
    assert found.height == 12 and found["class"][:4].to_list() == ["a", "b", "c", "d"]
    assert found.filter(unit=1)["maximum"].max() == pytest.approx(float(values[:, 1].max()))


def test_correlations_are_numpys_without_the_silent_ones() -> None:
    values, _ = drawn()
    found = correlations(values)
    assert found[0, 1] == pytest.approx(np.corrcoef(values[:, 0], values[:, 1])[0, 1], abs=1e-9)
    assert found[2].tolist() == [0, 0, 0] and found[0, 0] == 0
