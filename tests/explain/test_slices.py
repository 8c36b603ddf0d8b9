"""Protects weak slices: measures against drawings whose size and thickness are known, intervals and tests against
statsmodels and SciPy, and that errors which have nothing to do with the slices flag one in at most 5 % of runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.multitest import multipletests

from snellen.explain.errors.hard_images import answers_of_all, right_for_one, wrong_for_all
from snellen.explain.errors.slices import (
    Slice,
    Weakness,
    is_large_enough,
    measures,
    quarters,
    share,
    weaknesses,
)
from snellen.explain.foreground import brightness_of, foreground_masks, has_even_background, offsets, sizes, thicknesses
from snellen.models.predictions import Predictions
from snellen.statistics.independent_proportions import difference_limits, difference_p_value
from snellen.statistics.mantel_haenszel import weaker_within_classes


def drawing(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """(1, 20, 20) tones: white boxes (top, left, height, width) on black."""
    tones = np.zeros((1, 20, 20), np.float32)
    for top, left, height, width in boxes:
        tones[0, top : top + height, left : left + width] = 1
    return tones


@pytest.mark.parametrize("wide", [2, 4, 6])
def test_thickness_is_the_width_of_a_stroke(wide: int) -> None:
    """Of a stroke from edge to edge of a long image."""
    tones = np.zeros((1, 20, 200), np.float32)
    tones[0, 5 : 5 + wide, 2:-2] = 0.9
    assert thicknesses(foreground_masks(tones))[0] == pytest.approx(wide, rel=0.05)


def test_size_position_and_ground() -> None:
    tones = np.concatenate([drawing((8, 8, 4, 4)), drawing((0, 0, 4, 4)), 1 - drawing((8, 8, 4, 4)), drawing()])
    assert sizes(foreground_masks(tones)).tolist() == pytest.approx([0.04, 0.04, 0.04, 0])
    assert offsets(tones).tolist() == pytest.approx([0, np.hypot(8, 8), 0, 0], abs=1e-6)
    assert np.isnan(thicknesses(foreground_masks(tones))[3])
    assert has_even_background(tones)
    assert not has_even_background(np.random.default_rng(0).random((5, 20, 20), np.float32))


def test_tones_are_means_of_colours_and_alpha_is_none() -> None:
    images = np.zeros((1, 2, 2, 4), np.uint8)
    images[..., 0], images[..., 3] = 255, 99
    assert brightness_of(images, (0, 255)) == pytest.approx(np.full((1, 2, 2), 1 / 3))


def test_figures_are_measured_on_even_grounds_only() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)
    drawn = (255 * np.concatenate([drawing((5, 5, 5, 2 + at % 8)) for at in range(30)])[..., None]).astype(np.uint8)
    assert list(measures(noise, (0, 255))) == ["brightness", "contrast", "position"]
    assert list(measures(drawn, (0, 255))) == ["brightness", "contrast", "position", "size", "stroke"]


def test_quarters_part_all_values_and_leave_out_what_is_none() -> None:
    values = np.random.default_rng(0).random(200)
    values[:3] = np.nan
    found = quarters("size", values)
    members = np.stack([each.members for each in found])
    assert members.sum(0).tolist() == [0] * 3 + [1] * 197
    for each in found:
        assert each.low is not None and each.high is not None
        assert each.low <= values[each.members].min() and values[each.members].max() <= each.high
    assert quarters("size", np.zeros(200)) == []  # one value is no slice: there is no rest


def planted(slices: int, images: int, generator: np.random.Generator) -> list[Slice]:
    found = [each for at in range(slices) for each in quarters(f"m{at}", generator.random(images))]
    assert all(map(is_large_enough, found))
    return found


def test_numbers_are_those_of_scipy_and_statsmodels() -> None:
    generator = np.random.default_rng(1)
    slices, labels = planted(3, 400, generator), generator.integers(0, 4, 400)
    right = {"a": generator.random(400) < 0.9, "b": generator.random(400) < 0.8}
    found = weaknesses(slices, right, labels)
    tables = []
    for one in found:
        hits, inside = right[one.model], slices[one.slice].members
        counts = [[int((~hits & part).sum()), int((hits & part).sum())] for part in (inside, ~inside)]
        tables.append(counts)
        given = counts[0][1], sum(counts[0]), counts[1][1], sum(counts[1])
        assert (one.low, one.high) == pytest.approx(difference_limits(*given))
        mix = [hits[labels == code].mean() * (labels[inside] == code).mean() for code in range(4)]
        assert one.by_classes == pytest.approx(sum(mix))
    p_values = [difference_p_value(a, a + b, c, c + d) for (b, a), (d, c) in tables]
    assert [one.adjusted_p for one in found] == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_within_classes_is_the_test_of_cochran_mantel_and_haenszel() -> None:
    generator = np.random.default_rng(2)
    labels, right = generator.integers(0, 3, 300), generator.random(300) < 0.8
    slices, checked = planted(4, 300, generator), 0
    found = weaker_within_classes(np.stack([each.members for each in slices]), right, labels)
    for each, p_value in zip(slices, found, strict=True):
        tables = [
            np.array(
                [[(~right & part & own).sum(), (right & part & own).sum()] for part in (each.members, ~each.members)]
            )
            for own in (labels == code for code in range(3))
        ]
        excess = sum(table[0, 0] - table[0].sum() * table[:, 0].sum() / table.sum() for table in tables)
        two_sided = StratifiedTable(tables).test_null_odds(correction=True).pvalue
        if excess > 0.5:
            checked += 1
            assert p_value == pytest.approx(two_sided / 2)
        elif excess < 0:
            assert p_value > 0.5
    assert checked >= 3


def test_a_planted_weakness_is_found_and_one_of_hard_classes_is_told_apart() -> None:
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 4, 2000)
    slices = [
        Slice("m", "weak", 0, 1, generator.random(2000) < 0.25),
        Slice("m", "of class 0", 0, 1, (labels == 0) & (generator.random(2000) < 0.9)),
    ]
    chance = np.where(labels == 0, 0.8, 0.97) - 0.1 * slices[0].members
    weak, of_class = weaknesses(slices, {"a": generator.random(2000) < chance}, labels)
    assert weak.is_weak and weak.is_weak_within and weak.difference == pytest.approx(-0.1, abs=0.04)
    assert of_class.is_weak and not of_class.is_weak_within


def test_weaker_within_classes_needs_its_own_test() -> None:
    shares = share(80, 100), share(950, 1000)
    as_json: dict[str, Any] = {
        "model": "a",
        "slice": 0,
        "inside": shares[0],
        "outside": shares[1],
        "low": -0.2,
        "high": -0.1,
    }
    given = {**as_json, "low": -0.2, "high": -0.1, "adjusted_p": 0.001, "by_classes": 0.9, "adjusted_within": 0.001}
    assert Weakness(**given).is_weak_within
    for changes in ({"adjusted_within": 0.2}, {"by_classes": 0.79}, {"adjusted_p": 0.2}, {"high": 0.01}):
        assert not Weakness(**{**given, **changes}).is_weak_within


def test_errors_that_have_nothing_to_do_with_slices_are_seldom_called_so() -> None:
    """At most 5 % of 200 studies of two models, whose mistakes go answers_of_all, flag any of 12 slices."""
    generator, flagged = np.random.default_rng(0), 0
    for _ in range(200):
        slices, labels = planted(3, 600, generator), generator.integers(0, 10, 600)
        hard = generator.random(600) < 0.1
        right = {model: generator.random(600) < np.where(hard, 0.5, 0.98) for model in "ab"}
        flagged += any(one.is_weak for one in weaknesses(slices, right, labels))
    assert flagged <= 10


def answered(answers: list[int], confidence: list[float], rows: list[int]) -> Predictions:
    probabilities = np.full((len(answers), 3), 0.0, np.float32)
    for place, (answer, sure) in enumerate(zip(answers, confidence, strict=True)):
        probabilities[place] = (1 - sure) / 2
        probabilities[place, answer] = sure
    ids = np.array([f"r{row}" for row in rows])
    return Predictions("validation", np.array(rows), ids, np.array([row % 3 for row in rows]), probabilities)


def test_mistakes_of_all_and_what_one_model_alone_gets_right() -> None:
    rows = [0, 1, 2, 3, 4]  # true classes 0, 1, 2, 0, 1
    both = answers_of_all(
        {
            "a": answered([1, 1, 0, 2, 0], [0.6, 0.9, 0.7, 0.9, 0.8], rows),
            "b": answered([2, 0, 2, 2, 2], [0.6, 0.9, 0.6, 0.8, 0.9], rows),
            "c": answered([0, 0, 0, 0, 1, 0], [0.9] * 6, [1, 2, 3, 4, 5, 6]),
        }
    )
    assert both.rows.tolist() == [1, 2, 3, 4]
    assert [both.rows[place] for place in wrong_for_all(both)] == [4]
    alone = {model: both.rows[places].tolist() for model, places in right_for_one(both).items()}
    assert alone == {"a": [1], "b": [2], "c": [3]}
