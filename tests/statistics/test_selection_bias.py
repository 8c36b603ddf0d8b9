"""Protects the score of a winner: it is that of images that did not choose it, so the best of ties is no result."""

from __future__ import annotations

import numpy as np
import pytest
from recipe_cases import Recipe, images

from snellen.errors import StudyError
from snellen.statistics.out_of_bag_bootstrap import out_of_bag
from snellen.statistics.selection_bias import NOT_COVERED, corrected_selection
from snellen.statistics.wilson_interval import wilson

RANDOM = np.random.default_rng(31)
RIGHT = RANDOM.random((6, 150)) < np.array([[0.8], [0.82], [0.7], [0.8], [0.6], [0.81]])


def test_it_is_the_mean_of_what_each_image_scores() -> None:
    found, bag = corrected_selection(RIGHT, 5), out_of_bag(RIGHT, seed=5)
    assert found.corrected == pytest.approx(bag.scores_N.mean())
    assert found.chosen == pytest.approx(tuple(bag.chosen_M))
    assert found.winner == RIGHT.mean(1).argmax()
    assert found.observed == RIGHT.mean(1).max()
    assert found.optimism == pytest.approx(found.observed - found.corrected)
    assert found.not_covered == NOT_COVERED


def test_limits_are_as_wide_as_those_of_one_network() -> None:
    found = corrected_selection(RIGHT)
    assert (found.low, found.high) == pytest.approx(tuple(wilson(150 * found.corrected, 150)))


def test_eighteen_tied_candidates_are_corrected_to_what_they_are() -> None:
    """80 searches among 18 equal recipes on 1,000 images: the winner's own score is 0.7 points and more too high, the
    corrected one within 0.1 points on average.

    Against the mean of the 18 on the same images, whose expectation is the truth: what the images add is taken out.
    """
    recipe, generator = Recipe(0.9, 0.0), np.random.default_rng(12)
    observed, corrected = [], []
    for draw in range(80):
        right = recipe.train(images(1_000, generator), 18, generator)
        found = corrected_selection(right, seed=draw)
        observed.append(found.observed - right.mean())
        corrected.append(found.corrected - right.mean())
    assert np.mean(observed) > 0.007
    assert abs(np.mean(corrected)) < 0.001


def test_limits_hold_the_truth_of_tied_candidates() -> None:
    recipe, generator = Recipe(0.9, 0.0), np.random.default_rng(13)
    found = [corrected_selection(recipe.train(images(400, generator), 6, generator), seed=n) for n in range(100)]
    assert sum(each.low is not None and each.low <= 0.9 <= (each.high or 0) for each in found) >= 93


def test_limits_of_losses_hold_the_truth_of_tied_candidates() -> None:
    generator = np.random.default_rng(14)
    found = [corrected_selection(-generator.exponential(0.4, (6, 200)), seed=n) for n in range(100)]
    assert sum(each.low is not None and each.low <= -0.4 <= (each.high or 0) for each in found) >= 93


def test_a_clear_winner_is_hardly_corrected() -> None:
    right = RIGHT.copy()
    right[3] = RANDOM.random(150) < 0.99
    found = corrected_selection(right)
    assert (found.winner, found.chosen[3]) == (3, 1.0)
    assert abs(found.optimism) < 0.002


def test_one_candidate_has_no_optimism() -> None:
    """Over 20 seeds: one correction alone varies by a tenth of a point, as 2,000 resamples of 150 images do."""
    assert abs(np.mean([corrected_selection(RIGHT[:1], seed=seed).optimism for seed in range(20)])) < 0.001


def test_losses_are_chosen_by_their_negative() -> None:
    losses = RANDOM.exponential([[0.5], [0.2], [0.6]], (3, 300))
    found = corrected_selection(-losses)
    assert found.winner == 1 and found.observed == pytest.approx(-losses[1].mean())


def test_of_equal_candidates_the_first_wins() -> None:
    found = corrected_selection(np.stack([RIGHT[0], RIGHT[0]]))
    assert (found.winner, found.chosen) == (0, (1.0, 0.0))


def test_images_of_which_none_is_left_out_are_a_clear_error() -> None:
    with pytest.raises(StudyError, match="too few images to correct the score of a choice; found 1"):
        corrected_selection(RIGHT[:, :1])
    assert corrected_selection(RIGHT[:, :2]).corrected <= 1, "resamples that leave none out do not count"
