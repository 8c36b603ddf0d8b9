"""Protects nearest neighbours: the same as by all distances, never a point of its own."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from snellen.explain.data.nearest_neighbours import nearest, nearest_others, within_class

RANDOM = np.random.default_rng(0)
POINTS = RANDOM.normal(size=(300, 7)).astype(np.float32)


def test_they_are_those_of_all_distances() -> None:
    among = RANDOM.normal(size=(500, 7)).astype(np.float32)
    places, distances = nearest(POINTS, among, 4)
    every = cdist(POINTS.astype(float), among.astype(float))
    assert np.array_equal(places, np.argsort(every, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :4], rtol=1e-5)


def test_a_point_is_not_its_own_neighbour_also_among_equal_ones() -> None:
    points = np.concatenate([POINTS, np.repeat(POINTS[:1], 9, axis=0)])
    places, distances = nearest_others(points, 5)
    assert not (places == np.arange(len(points))[:, None]).any()
    every = cdist(points.astype(float), points.astype(float))
    np.fill_diagonal(every, np.inf)
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :5], atol=1e-3)


def test_fewer_are_given_where_there_are_no_more() -> None:
    assert nearest_others(POINTS[:3], 10)[0].shape == (3, 2)
    assert nearest_others(POINTS[:1], 10)[0].shape == (1, 0)
    assert nearest(POINTS[:2], POINTS[:0], 3)[1].shape == (2, 0)


def test_distances_within_a_class_look_at_no_other_class() -> None:
    labels = np.append(np.arange(299) % 3, 3)
    found = within_class(POINTS, labels, 5)
    for label in range(3):
        own = POINTS[labels == label].astype(float)
        expected = np.sort(cdist(own, own), axis=1)[:, 1:6].mean(axis=1)
        np.testing.assert_allclose(found[labels == label], expected, rtol=1e-5)
    assert np.isnan(found[299])
