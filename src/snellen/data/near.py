"""Pictures that are almost the same: bursts of photographs, copies shifted, rescaled, brightened or compressed again.

Candidates share a perceptual hash: the signs of the 63 lowest frequencies about their median (after C. Zauner,
Implementation and Benchmarking of Perceptual Image Hash Functions, 2010), here of the middle of one picture against
every small shift of the middle of the other. Those whose pixels then correlate are near, and near ones are joined.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.groups import join_pairs
from snellen.data.slices import row_slices
from snellen.data.store import is_kept, kept_array
from snellen.files.hashing import identity
from snellen.limits import MAX_NEAR_IMAGES

SIDE = 8
"""Frequencies in each direction; with them a hash has 63 bits, and is 64 bits wide."""

SHIFT_SIDES = 16
"""A shift of one sixteenth of the shorter side is looked for: two pixels of 32."""

MAX_BITS = 6
"""Bits in which the hashes of candidates differ at most: noise of 3 % of white changes 6 of 63 in 99 of 100 pictures
of CIFAR-10, compression as JPEG at quality 50 changes 4."""

MIN_CORRELATION = 0.97
"""At 0.95 one chain of 572 thin ones runs through the 10,000 test pictures of MNIST; at 0.97 the largest has 12. Nine
in ten pictures of CIFAR-10 compressed as JPEG at quality 50 correlate by as much with what they were."""

BLOCK = 2**18
"""Pairs of hashes compared at a time: 2 MB."""

VERSION = 1
"""Raised when the same pictures would give other groups."""


def near_groups(dataset: Dataset) -> np.ndarray:
    """(N,) int64: the lowest row to which each picture is near, directly or through others; itself when to none.

    Found once for the same pictures, then taken from the user's cache: 10,000 of 32x32 take about 6 s.
    """
    return kept_array(_key(dataset), lambda: join_pairs(len(dataset), *near_pairs(dataset.images)))


def near_groups_at_hand(dataset: Dataset) -> np.ndarray | None:
    """The same where it takes seconds: for small data sets, and for those in the cache; None for others."""
    return near_groups(dataset) if len(dataset) <= MAX_NEAR_IMAGES or is_kept(_key(dataset)) else None


def _key(dataset: Dataset) -> str:
    return f"near/{identity([VERSION, dataset.fingerprint])}"


def near_pairs(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) and (M,) rows of (N, H, W, C) pictures: each pair that is near under some shift, the lower row first."""
    margin = min(images.shape[1:3]) // SHIFT_SIDES
    middle = _hashes(images, margin, 0, 0)
    found = []
    for down, right in _shifts(margin):
        for one, other in _candidates(middle, _hashes(images, margin, down, right)):
            near = _correlation(images, one, other, margin, down, right) >= MIN_CORRELATION
            found.append(np.stack([one[near], other[near]]))
    pairs = np.unique(np.sort(np.concatenate(found, axis=1), axis=0), axis=1)
    return pairs[0], pairs[1]


def _shifts(margin: int) -> list[tuple[int, int]]:
    """Half of all shifts up to `margin`: the other half is the same with the pictures exchanged."""
    sides = range(-margin, margin + 1)
    return [(down, right) for down in sides for right in sides if (down, right) >= (0, 0)]


def _window(images: np.ndarray, margin: int, down: int, right: int) -> np.ndarray:
    """The pictures without `margin` pixels on each side, `down` and `right` of the middle."""
    height, width = images.shape[1:3]
    return images[:, margin + down : height - margin + down, margin + right : width - margin + right]


def _hashes(images: np.ndarray, margin: int, down: int, right: int) -> np.ndarray:
    """(N,) uint64 perceptual hashes of a window of each picture, of all its channels together."""
    hashes = np.empty(len(images), np.uint64)
    weights = np.uint64(1) << np.arange(SIDE * SIDE - 1, dtype=np.uint64)
    for part in row_slices(images):
        grey = _window(images[part], margin, down, right).sum(axis=3, dtype=np.float32)
        waves = [_cosines(size) for size in grey.shape[1:]]
        low = (waves[0] @ grey @ waves[1].T).reshape(len(grey), -1)[:, 1:]
        hashes[part] = (low > np.median(low, axis=1, keepdims=True)) @ weights
    return hashes


def _cosines(size: int) -> np.ndarray:
    """(SIDE, size) float32: the lowest frequencies of the discrete cosine transform."""
    places = (np.arange(size) + 0.5) / size
    return np.cos(np.pi * np.arange(SIDE)[:, None] * places).astype(np.float32)


def _candidates(ones: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of different rows whose hashes differ in few bits, in blocks that stay in the processor's cache."""
    step = max(1, BLOCK // len(others))
    for start in range(0, len(ones), step):
        bits = np.bitwise_count(ones[start : start + step, None] ^ others)
        alike = np.flatnonzero(bits <= MAX_BITS)  # over one axis: four times as fast as np.nonzero over two
        one, other = alike // len(others) + start, alike % len(others)
        yield one[one != other], other[one != other]


def _correlation(
    images: np.ndarray, ones: np.ndarray, others: np.ndarray, margin: int, down: int, right: int
) -> np.ndarray:
    """(M,) correlations of the pixels of pairs under a shift; 0 for a picture of one value."""
    found = np.zeros(len(ones), np.float32)
    for part in row_slices(np.broadcast_to(np.float32(0), (len(ones), *images.shape[1:]))):
        one = _standardised(_window(images[ones[part]], margin, 0, 0))
        other = _standardised(_window(images[others[part]], margin, down, right))
        found[part] = np.einsum("np,np->n", one, other)
    return found


def _standardised(images: np.ndarray) -> np.ndarray:
    """(N, pixels) float32 with mean 0 and length 1, or all 0."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels -= pixels.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    return np.asarray(np.divide(pixels, length, out=np.zeros_like(pixels), where=length > 0))
