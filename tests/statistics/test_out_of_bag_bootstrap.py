"""Protects comparisons with what a search chose: the best of many equal networks is not above another of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from snellen.errors import StudyError
from snellen.statistics import out_of_bag_bootstrap as module
from snellen.statistics.mcnemar import Discordance, discordance_of
from snellen.statistics.out_of_bag_bootstrap import RESAMPLES, out_of_bag

RANDOM = np.random.default_rng(31)
RIGHT = RANDOM.random((6, 150)) < np.array([[0.8], [0.82], [0.7], [0.8], [0.6], [0.81]])


def equal_networks(count: int, images: int, shared: float, generator: np.random.Generator) -> np.ndarray:
    """(M, N) of one accuracy, 0.9; shared: how much of what makes an image hard is the same for all."""
    common, own = generator.standard_normal(images), generator.standard_normal((count, images))
    return np.asarray(np.sqrt(shared) * common + np.sqrt(1 - shared) * own + ndtri(0.9) > 0)


def test_each_image_is_scored_by_what_is_chosen_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, with the same draws."""
    monkeypatch.setattr(module, "RESAMPLES", 40)
    generator = np.random.Generator(np.random.Philox(5))
    drawn = (generator.random((40, 150)) * 150).astype(int)
    scores: list[list[float]] = [[] for _ in range(150)]
    for row in drawn:
        chosen = max(range(6), key=lambda model: RIGHT[model, row].mean())
        for image in set(range(150)) - set(row.tolist()):
            scores[image].append(float(RIGHT[chosen, image]))
    np.testing.assert_allclose(out_of_bag(RIGHT, seed=5).scores_N, [np.mean(each) for each in scores])


@pytest.mark.parametrize("chunk", [1, 1_000, 10**9])
def test_the_memory_it_may_use_changes_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    whole = out_of_bag(RIGHT, seed=3)
    monkeypatch.setattr(module, "CHUNK", chunk)
    np.testing.assert_array_equal(out_of_bag(RIGHT, seed=3).scores_N, whole.scores_N)
    assert whole.chosen_M.sum() == pytest.approx(1) and RESAMPLES == 2_000


def test_one_measure_chooses_and_another_is_averaged() -> None:
    """The first has the better scores, the second the better answers."""
    found = out_of_bag(np.array([[1.0] * 50, [0.0] * 50]), np.array([[0.0] * 50, [1.0] * 50]))
    assert found.scores_N.max() == 0 and found.chosen_M.tolist() == [1, 0]


@pytest.mark.parametrize(("candidates", "shared"), [(18, 0.0), (18, 0.7), (50, 0.5)])
def test_the_best_of_equal_networks_is_rarely_above_another(
    monkeypatch: pytest.MonkeyPatch, candidates: int, shared: float
) -> None:
    """On 400 images, in 400 searches: at most 2.5 % and two standard errors; as it stands in 8 % and more."""
    monkeypatch.setattr(module, "RESAMPLES", 300)
    generator = np.random.default_rng([candidates, round(10 * shared)])
    above = naive = 0
    for _ in range(400):
        right = equal_networks(candidates + 1, 400, shared, generator)
        tried, other = right[:-1], right[-1]
        scores = out_of_bag(tried).scores_N
        counts = Discordance(float((scores * (1 - other)).sum()), float(((1 - scores) * other).sum()), 400)
        above += counts.limits()[0] > 0
        naive += discordance_of(tried[tried.mean(1).argmax()], other).limits()[0] > 0
    assert above / 400 <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 400)
    assert naive / 400 > 0.08, "else the test shows nothing"


def test_images_of_which_none_is_left_out_are_a_clear_error() -> None:
    with pytest.raises(StudyError, match="too few images to correct the score of a choice; found 1"):
        out_of_bag(RIGHT[:, :1])
