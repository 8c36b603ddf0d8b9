"""Protects the resampling of many models at once: draws are fair, paired and stratified; F1 is scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score

from snellen.evaluate import intervals
from snellen.evaluate.bootstrap import drawn_counts, resample_answers, resample_confusions, resample_means
from snellen.evaluate.intervals import RESAMPLES

RANDOM = np.random.default_rng(11)
LABELS = RANDOM.integers(0, 4, 120)
PREDICTED = np.where(RANDOM.random((3, 120)) < 0.7, LABELS, RANDOM.integers(0, 4, (3, 120)))


def counts(strata: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(drawn_counts(len(LABELS), strata, seed)))


def test_every_image_is_drawn_as_often_as_any_other() -> None:
    """Counts are multinomial: mean 1, variance 1 - 1/n, and n images in each resample."""
    drawn = counts()
    assert drawn.shape == (RESAMPLES, 120) and (drawn.sum(1) == 120).all()
    assert np.abs(drawn.mean(0) - 1).max() < 4.5 / np.sqrt(RESAMPLES)
    assert drawn.var(0).mean() == pytest.approx(1 - 1 / 120, rel=0.02)


def test_strata_keep_their_size_and_their_own_images() -> None:
    drawn = counts(LABELS)
    sizes = np.bincount(LABELS)
    for label, size in enumerate(sizes):
        own = drawn[:, np.equal(LABELS, label)]
        assert (own.sum(1) == size).all()
        assert own.var(0).mean() == pytest.approx(1 - 1 / size, rel=0.03)
    assert (counts().astype(int) @ np.eye(4, dtype=int)[LABELS] != sizes).any()


def test_names_of_strata_do_not_matter() -> None:
    np.testing.assert_array_equal(counts(LABELS), counts(LABELS * 10 - 7))


@pytest.mark.parametrize("block", [1, 1_000, 10**9])
def test_the_memory_it_may_use_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    whole = counts(LABELS, 3)
    monkeypatch.setattr(intervals, "CHUNK", block)
    np.testing.assert_array_equal(counts(LABELS, 3), whole)


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(counts(seed=4), counts(seed=4))
    assert (counts(seed=4) != counts(seed=5)).any()


def test_means_are_those_of_the_redrawn_images() -> None:
    """Each image written out as often as it was drawn."""
    losses = RANDOM.exponential(size=(3, 120))
    means, drawn = resample_means(losses, LABELS, 9), counts(LABELS, 9).astype(int)
    for row in (0, 7, RESAMPLES - 1):
        images = np.repeat(np.arange(120), drawn[row])
        np.testing.assert_allclose(means[row], losses[:, images].mean(1))


def test_models_are_resampled_together() -> None:
    """Means of two models vary together as theory says: covariance of the answers over n."""
    right = PREDICTED == LABELS
    np.testing.assert_allclose(np.cov(resample_means(right).T), np.cov(right, ddof=0) / 120, rtol=0.2, atol=1e-4)


def test_confusions_are_those_of_the_redrawn_images() -> None:
    """Macro and weighted F1 and precision of scikit-learn, with each image weighted by how often it was drawn."""
    found, drawn = resample_confusions(LABELS, PREDICTED, 4, LABELS, 2), counts(LABELS, 2)
    for row in (0, 5, RESAMPLES - 1):
        for model, predicted in enumerate(PREDICTED):
            about = {"sample_weight": drawn[row], "zero_division": 0.0}
            for average in ("macro", "weighted"):
                assert found.mean("f1", average)[row, model] == pytest.approx(
                    f1_score(LABELS, predicted, average=average, **about)
                )
            each = precision_score(LABELS, predicted, average=None, **about)
            np.testing.assert_allclose(found.each("precision")[row, model], each)


def test_images_that_are_answered_alike_may_be_redrawn_together() -> None:
    """As image by image: the same class sizes, and F1 of each network, and of their mean, with the same spread."""
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], [300, 200, 100])
    first = np.where(generator.random(600) < 0.8, labels, generator.integers(0, 3, 600))
    answers = np.stack([np.where(generator.random(600) < 0.9, first, generator.integers(0, 3, 600)) for _ in range(3)])
    together = resample_answers(labels, answers, 3, seed=1)
    assert together.hits.shape == (RESAMPLES, 3, 3) and together.support.tolist() == [300, 200, 100]
    assert (together.predicted.sum(-1) == 600).all()
    quick = together.mean("f1", "macro")
    slow = resample_confusions(labels, answers, 3, labels, seed=2).mean("f1", "macro")
    np.testing.assert_allclose(quick.mean(0), slow.mean(0), atol=0.002)
    np.testing.assert_allclose(np.cov(quick.T), np.cov(slow.T), rtol=0.15)
