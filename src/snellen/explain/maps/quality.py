"""How well a map keeps neighbours, which classes are neighbours in the original values, and the most informative
pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

AT_ONCE = 256
"""Rows whose distances to all others are in memory at once: 0.1 GB for 55,000 rows."""

LEVELS = 4
"""Levels of brightness that are distinguished when the information of pixels is computed."""

CANDIDATES = 256
"""The most informative single pixels, of which all pairs are compared."""


@dataclass(frozen=True, eq=False)
class MapQuality:
    """How well maps keep the neighbours of m rows. neighbours: (m, k) rows, the nearest in the original values. scores:
    by map, (m, 2): trustworthiness, and the share of the k nearest on the map that are among the k nearest in the
    original values."""

    neighbours: np.ndarray
    scores: dict[str, np.ndarray]


@dataclass(frozen=True)
class Pair:
    """Two classes. share: of the neighbours of an image of one class that are of the other, averaged over both
    directions, with 95 % limits."""

    first: int
    second: int
    share: float
    low: float
    high: float
    standard_error: float


def map_quality(values: np.ndarray, maps: Mapping[str, np.ndarray], judged: np.ndarray, k: int) -> MapQuality:
    """Neighbours of the rows `judged` among all (n, d) values, and how well each map, (n, 2 or 3), keeps them.

    The mean of the first scores estimates the trustworthiness of the whole map: T = 1 - 2 / (n k (2n - 3k - 1)) times
    the sum, over all rows and their k nearest on the map, of how far beyond k their rank in the values is (Venna and
    Kaski 2001); with all rows judged it is that number. k < n / 2.
    """
    nearest: list[np.ndarray] = []
    scores: dict[str, list[np.ndarray]] = {name: [] for name in maps}
    on_maps = {name: _nearest_on_map(places, judged, k) for name, places in maps.items()}
    for start, apart in _distances(values, judged):
        nearest.append(np.argpartition(apart, k - 1, axis=1)[:, :k])
        for name, chosen in on_maps.items():
            scores[name].append(_scores(apart, chosen[start : start + AT_ONCE]))
    return MapQuality(np.concatenate(nearest), {name: np.concatenate(parts) for name, parts in scores.items()})


def _distances(values: np.ndarray, judged: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each AT_ONCE judged rows: the index of the first, and their squared distances (m, n) to all rows; infinite to
    themselves."""
    from sklearn.metrics.pairwise import euclidean_distances

    for start in range(0, len(judged), AT_ONCE):
        rows = judged[start : start + AT_ONCE]
        apart = euclidean_distances(values[rows], values, squared=True)
        apart[np.arange(len(rows)), rows] = np.inf
        yield start, apart


def _nearest_on_map(places: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """(m, k) rows, the nearest others on a map. If more than k others are at the same position, any k of them."""
    from sklearn.neighbors import KDTree  # SciPy's crashes on equal zeros when torch flushes denormal floats

    found = KDTree(places).query(places[judged], k + 1, return_distance=False)
    itself = found == judged[:, None]
    itself[~itself.any(1), -1] = True  # not found, because others are at the same position: drop the last instead
    return np.asarray(found[~itself].reshape(len(judged), k))


def _scores(apart: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(m, 2) scores from (m, n) distances in the original values and the (m, k) nearest rows on the map."""
    n, k = apart.shape[1], chosen.shape[1]
    limits = np.take_along_axis(apart, chosen, axis=1)
    ranks = 1 + np.stack([(apart < limit[:, None]).sum(1) for limit in limits.T], axis=1)
    beyond = np.maximum(0, ranks - k).sum(1)
    return np.stack([1 - 2 * beyond / (k * (2 * n - 3 * k - 1)), (ranks <= k).mean(1)], axis=1)


def mixed_pairs(labels: np.ndarray, near_labels: np.ndarray, classes: int) -> list[Pair]:
    """All pairs of classes that have two judged rows at least, the largest share first.

    labels: (m,) of the judged rows. near_labels: (m, k) of their neighbours.
    """
    shares = np.stack([(near_labels == code).mean(1) for code in range(classes)], axis=1)
    seen = [code for code in range(classes) if (labels == code).sum() > 1]
    pairs = [_pair(first, second, shares, labels) for first, second in combinations(seen, 2)]
    return sorted(pairs, key=lambda pair: -pair.share)


def _pair(first: int, second: int, shares: np.ndarray, labels: np.ndarray) -> Pair:
    from snellen.statistics.student_t import Term, satterthwaite, t_limits

    ways = [shares[labels == first, second], shares[labels == second, first]]
    share = float(np.mean([way.mean() for way in ways]))
    terms = [Term(float(way.var(ddof=1)) / len(way) / 4, len(way) - 1) for way in ways]
    error = float(np.sqrt(sum(term.variance for term in terms)))
    if error == 0:
        return Pair(first, second, share, share, share, 0.0)
    low, high = t_limits(share, error, satterthwaite(error**2, terms))
    return Pair(first, second, share, max(0.0, low), min(1.0, high), error)


def stands_out(pairs: list[Pair]) -> bool:
    """Whether the share of the first of the sorted pairs is significantly larger than each other one (Bonferroni).

    Pairs with a common class share rows; treating them as independent makes the test stricter.
    """
    from scipy.special import ndtri

    first, others = pairs[0], pairs[1:]
    if first.share == 0:
        return False
    factor = -float(ndtri(0.025 / max(1, len(others))))
    return all(first.share - each.share > factor * (first.standard_error + each.standard_error) for each in others)


def brightness_levels(images: np.ndarray) -> np.ndarray:
    """(n, H * W) uint8 levels below LEVELS: the mean over channels of (n, H, W, C) uint8 images, in equal steps."""
    grey = images.mean(-1) if images.shape[-1] > 1 else images[..., 0]
    return (grey.reshape(len(images), -1) * (LEVELS / 256)).astype(np.uint8)


def informative_pair(levels: np.ndarray, labels: np.ndarray, classes: int) -> tuple[tuple[int, int], float]:
    """The pair of pixels whose levels together have the most mutual information with the class, and this information in
    bits; among all pairs of the CANDIDATES most informative single pixels."""
    alone = np.array([_bits(_joint(levels[:, [pixel]], labels, classes))[0, 0] for pixel in range(levels.shape[1])])
    candidates = np.sort(np.argsort(-alone, kind="stable")[:CANDIDATES])
    bits = np.triu(_bits(_joint(levels[:, candidates], labels, classes)), 1)
    first, second = np.unravel_index(bits.argmax(), bits.shape)
    return (int(candidates[first]), int(candidates[second])), float(bits[first, second])


def _joint(levels: np.ndarray, labels: np.ndarray, classes: int) -> Iterator[np.ndarray]:
    """For each class (M * LEVELS, M * LEVELS) counts of each pair of levels at each pair of M pixels."""
    for code in range(classes):
        own = levels[labels == code]
        hot = (own[:, :, None] == np.arange(LEVELS)).reshape(len(own), -1).astype(np.float32)
        yield (hot.T @ hot).astype(np.float64)


def _bits(joint: Iterator[np.ndarray]) -> np.ndarray:
    """(M, M) mutual information of the class with the levels of each pair of pixels, in bits."""
    from scipy.special import xlogy

    total, with_class, class_sizes = np.zeros(1), np.zeros(1), []
    for counts in joint:
        total, with_class = total + counts, with_class + _folded(xlogy(counts, counts))
        class_sizes.append(counts[:LEVELS, :LEVELS].sum())
    sizes, number = np.array(class_sizes), sum(class_sizes)
    nats = (with_class - _folded(xlogy(total, total)) - xlogy(sizes, sizes).sum() + xlogy(number, number)) / number
    return np.asarray(nats / np.log(2))


def _folded(table: np.ndarray) -> np.ndarray:
    """(M, M) sums over the levels of each pair of pixels."""
    pixels = len(table) // LEVELS
    return np.asarray(table.reshape(pixels, LEVELS, pixels, LEVELS).sum((1, 3)))
