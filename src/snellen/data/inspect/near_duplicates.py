"""Pictures that are almost the same: bursts of photographs, copies shifted, rescaled, brightened or compressed again.

Candidates share a perceptual hash: the signs of the 63 lowest frequencies about their median (after C. Zauner,
Implementation and Benchmarking of Perceptual Image Hash Functions, 2010), here of the middle of one picture against
every small shift of the middle of the other. Those whose pixels then correlate are near, and near ones are joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import duplicate_groups
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

BANDS = tuple(
    np.uint64(sum(1 << bit for bit in range(band, SIDE * SIDE - 1, MAX_BITS + 1))) for band in range(MAX_BITS + 1)
)
"""Seven times nine bits: hashes that differ in six at most have the same bits in one of them. Every seventh bit,
because neighbouring frequencies go together: of all pairs of MNIST 4 % share a band, 8 % one of nine bits in a row."""

FEW = 8_000
"""Of so few pictures all pairs are compared sooner than bands are sorted."""

BLOCK = 2**18
"""Pairs of hashes compared at a time: 2 MB."""

EXPLORED = 100_000
"""Most pictures that a look at the data compares: the 70,000 of MNIST take half a minute, once."""

END = np.empty(0, np.int64)
GATHERED = 2**14
"""Candidates whose pixels are compared in one call."""

VERSION = 2
"""Raised when the same pictures would give other groups."""


def near_groups(dataset: Dataset) -> np.ndarray:
    """(N,) int64: the lowest row to which each picture is near or equal, directly or through others, itself for none.

    Found once for the same pictures, then taken from the user's cache.
    """
    return kept_array(_key(dataset), lambda: _found(dataset.images))


def near_groups_at_hand(dataset: Dataset, most: int | None = None) -> np.ndarray | None:
    """The same for at most so many pictures (MAX_NEAR_IMAGES), and for those in the cache; None for others."""
    return near_groups(dataset) if len(dataset) <= (most or MAX_NEAR_IMAGES) or is_kept(_key(dataset)) else None


def _found(images: np.ndarray) -> np.ndarray:
    """Copies are joined without a look at their hashes, of which 60,000 blank pictures would share one."""
    copies = duplicate_groups(images)
    first = np.flatnonzero(copies == np.arange(len(copies)))
    ones, others = near_pairs(images if len(first) == len(images) else images[first])
    return join_pairs(
        len(images), np.concatenate([copies, first[ones]]), np.append(np.arange(len(copies)), first[others])
    )


def _key(dataset: Dataset) -> str:
    return f"near/{identity([VERSION, dataset.fingerprint])}"


def near_pairs(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) and (M,) rows of (N, H, W, C) pictures: each pair that is near under some shift, the lower row first."""
    margin = min(images.shape[1:3]) // SHIFT_SIDES
    hashes, found = _hashes(images, margin), []
    for down, right in _shifts(margin):
        for one, other in _gathered(_candidates(hashes[0, margin], hashes[down, margin + right])):
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


def _hashes(images: np.ndarray, margin: int) -> np.ndarray:
    """(1 + margin, 1 + 2 * margin, N) uint64: perceptual hashes of all windows, by shifts down from 0 and right from
    -margin, of all channels together. One pass: 60,000 of CIFAR-10 in 13 windows take 5 s."""
    height, width = images.shape[1:3]
    downs = np.stack([_waves(height, margin, shift) for shift in range(margin + 1)])
    rights = np.stack([_waves(width, margin, shift) for shift in range(-margin, margin + 1)])
    hashes = np.empty((len(downs), len(rights), len(images)), np.uint64)
    weights = np.uint64(1) << np.arange(SIDE * SIDE - 1, dtype=np.uint64)
    for part in row_slices(images):
        across = np.tensordot(images[part].sum(axis=3, dtype=np.float32), rights, ([2], [2]))
        low = np.tensordot(downs, across, ([2], [1])).transpose(0, 3, 2, 1, 4)
        low = low.reshape(*low.shape[:3], -1)[..., 1:]
        hashes[..., part] = (low > np.median(low, axis=3, keepdims=True)) @ weights
    return hashes


def _waves(size: int, margin: int, shift: int) -> np.ndarray:
    """(SIDE, size) float32: the lowest frequencies of the discrete cosine transform of a window, 0 outside it."""
    inner = size - 2 * margin
    waves = np.zeros((SIDE, size), np.float32)
    places = np.pi * (np.arange(inner) + 0.5) / inner
    waves[:, margin + shift : margin + shift + inner] = np.cos(np.arange(SIDE)[:, None] * places)
    return waves


def _candidates(ones: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of different rows whose hashes differ in few bits, each once."""
    bands = BANDS if len(ones) > FEW else (np.uint64(0),)
    for number, band in enumerate(bands):
        for some, rest in _sharing(ones & band, others & band):
            one, other = _alike(ones, others, some, rest)
            difference = ones[one] ^ others[other]
            new = np.logical_and.reduce([one != other, *((difference & seen) != 0 for seen in bands[:number])])
            yield one[new], other[new]


def _gathered(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same pairs, so many at a time that calling costs little."""
    ones, others = list[np.ndarray](), list[np.ndarray]()
    for one, other in chain(pairs, [(END, END)]):
        ones.append(one)
        others.append(other)
        if one is END or sum(map(len, ones)) >= GATHERED:
            yield np.concatenate(ones), np.concatenate(others)
            ones, others = [], []


def _sharing(ones: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of each value that stands among both, so many at a time that they stay in the processor's cache."""
    one_order, other_order = np.argsort(ones, kind="stable"), np.argsort(others, kind="stable")
    values, starts, numbers = np.unique(ones[one_order], return_index=True, return_counts=True)
    places = np.searchsorted(others[other_order], values, "left"), np.searchsorted(others[other_order], values, "right")
    for start, number, left, right in zip(starts, numbers, *places, strict=True):
        step = max(1, BLOCK // max(1, right - left))
        for place in range(start, start + number if right > left else start, step):
            yield one_order[place : min(place + step, start + number)], other_order[left:right]


def _alike(ones: np.ndarray, others: np.ndarray, some: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of rows, one of `some` and one of `rest`, whose hashes differ in few bits."""
    bits = np.bitwise_count(ones[some, None] ^ others[rest])
    alike = np.flatnonzero(bits <= MAX_BITS)  # over one axis: four times as fast as np.nonzero over two
    return some[alike // len(rest)], rest[alike % len(rest)]


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
    length = np.sqrt(np.einsum("np,np->n", pixels, pixels))[:, None]
    pixels /= np.where(length > 0, length, 1)
    return pixels
