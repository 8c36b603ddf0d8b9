"""Protects the numbers of maps: each against scikit-learn, SciPy or a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.explain.maps.quality import brightness_levels, informative_pair, map_quality, mixed_pairs, stands_out


def cloud(rows: int = 300, width: int = 6, seed: int = 0) -> np.ndarray:
    """(rows, width) float32 noise."""
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_trustworthiness_is_that_of_scikit_learn(k: int) -> None:
    from sklearn.manifold import trustworthiness

    values = cloud()
    maps = {"first two": values[:, :2], "by lot": cloud(width=3, seed=1)}
    seen = map_quality(values, maps, np.arange(len(values)), k)
    for name, places in maps.items():
        assert seen.scores[name][:, 0].mean() == pytest.approx(
            trustworthiness(values, places, n_neighbors=k), abs=1e-12
        )


def test_neighbours_and_how_many_a_map_keeps_are_those_of_scikit_learn() -> None:
    from sklearn.neighbors import NearestNeighbors

    values, judged, k = cloud(700), np.arange(0, 700, 2), 7
    seen = map_quality(values, {"map": values[:, :2]}, judged, k)

    def found(space: np.ndarray) -> np.ndarray:
        return np.asarray(NearestNeighbors(n_neighbors=k).fit(space).kneighbors()[1][judged])

    assert [set(row) for row in seen.neighbours] == [set(row) for row in found(values)]
    kept = [len(set(a) & set(b)) / k for a, b in zip(found(values), found(values[:, :2]))]
    np.testing.assert_allclose(seen.scores["map"][:, 1], kept)


def test_a_copy_of_the_values_is_trusted_fully_and_equal_rows_do_no_harm() -> None:
    values = np.repeat(cloud(40), 3, axis=0)
    seen = map_quality(values, {"copy": values}, np.arange(120), 5)
    assert seen.scores["copy"].mean(0) == pytest.approx([1, 1])


def test_equal_places_do_no_harm_where_small_floats_are_flushed() -> None:
    """Training flushes them, and a tree of neighbours may then split for ever."""
    import torch

    places = np.random.default_rng(0).integers(0, 3, (400, 2)).astype(np.float32)
    torch.set_flush_denormal(True)
    try:
        seen = map_quality(cloud(400), {"map": places}, np.arange(400), 10)
    finally:
        torch.set_flush_denormal(False)
    assert seen.scores["map"][:, 0].mean() == pytest.approx(0.5, abs=0.05)  # a map by lot


def test_mixed_classes_are_found_with_their_share_and_its_interval() -> None:
    """Class 0 has 1 in 4 neighbours of class 1, class 1 has 1 in 2 of class 0, class 2 none but its own."""
    labels = np.repeat([0, 1, 2], 100)
    near = np.repeat(labels[:, None], 4, axis=1)
    near[:100:2, :2] = 1  # every other image has 2 of 4
    near[100:200, :2] = 0
    pairs = mixed_pairs(labels, near, 4)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    assert pairs[0].share == pytest.approx((0.25 + 0.5) / 2)
    error = np.sqrt(np.tile([0.5, 0.0], 50).var(ddof=1) / 100) / 2
    assert pairs[0].standard_error == pytest.approx(error)
    assert pairs[0].high - pairs[0].share == pytest.approx(1.98422 * error, rel=1e-5)  # t, 99 degrees of freedom
    assert pairs[1].share == pairs[2].high == 0
    assert stands_out(pairs)


def test_no_pair_stands_out_when_classes_are_named_by_lot() -> None:
    """Five classes by lot: one of ten pairs is always the most mixed, and is called so in at most 5 % of data sets."""
    generator = np.random.default_rng(0)
    called = 0
    for _ in range(200):
        labels = generator.integers(0, 5, 300)
        called += stands_out(mixed_pairs(labels, generator.integers(0, 5, (300, 10)), 5))
    assert called <= 10


def test_the_telling_pair_is_the_one_with_most_mutual_information() -> None:
    from sklearn.metrics import mutual_info_score

    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, 800)
    levels = generator.integers(0, 4, (800, 9)).astype(np.uint8)
    levels[:, 7] = np.where(generator.random(800) < 0.8, labels // 2, levels[:, 7])
    levels[:, 2] = np.where(generator.random(800) < 0.7, labels % 2, levels[:, 2])
    pair, bits = informative_pair(levels, labels, 4)
    brute = {
        (a, b): mutual_info_score(labels, levels[:, a].astype(int) * 4 + levels[:, b]) / np.log(2)
        for a in range(9)
        for b in range(a + 1, 9)
    }
    assert pair == (2, 7) == max(brute, key=lambda each: brute[each])
    assert bits == pytest.approx(brute[pair], abs=1e-9)


def test_two_pixels_that_tell_the_class_only_together_are_found_among_the_candidates() -> None:
    generator = np.random.default_rng(1)
    levels = generator.integers(0, 2, (600, 5)).astype(np.uint8)
    pair, bits = informative_pair(levels, (levels[:, 1] ^ levels[:, 4]).astype(np.int64), 2)
    assert pair == (1, 4)
    assert bits == pytest.approx(1, abs=0.01)


def test_brightness_has_four_equal_steps_and_colours_are_averaged() -> None:
    grey = np.array([0, 63, 64, 127, 128, 191, 192, 255], np.uint8).reshape(1, 2, 4, 1)
    assert brightness_levels(grey).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]]
    assert brightness_levels(np.array([[[[255, 0, 0]]]], np.uint8)).tolist() == [[1]]
