"""Near-duplicates: bursts of photographs, and copies shifted, rescaled, brightened or compressed again.

Candidates have similar perceptual hashes: whether each of the 63 lowest frequencies is above their median (after C.
Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010), of the centre of one image and of
every small shift of the centre of the other. Candidates whose pixels correlate are near. Nearness is not transitive:
each of a thousand handwritten ones may be near to the next, and the first unlike the last; so sets of near images are
formed around representatives (`star_groups`), not along chains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.dataset_cache import cached_array, is_cached
from snellen.data.duplicates import duplicate_groups
from snellen.data.groups import star_groups
from snellen.data.slices import row_slices
from snellen.files.hashing import identity
from snellen.limits import MAX_NEAR_IMAGES

SIDE = 8
"""Frequencies in each direction; a hash then has 63 bits, stored in 64."""

SHIFT_SIDES = 16
"""Shifts up to one sixteenth of the shorter side are found: two pixels of 32."""

MAX_BITS = 6
"""Most bits in which the hashes of candidates differ: in 99 of 100 images of CIFAR-10, noise of 3 % of white changes
at most 6 of 63, and compression as JPEG at quality 50 at most 4."""

MIN_CORRELATION = 0.97
"""At 0.95, 572 thin ones of the 10,000 test images of MNIST are connected; at 0.97, 12. Nine in ten images of
CIFAR-10 still correlate by 0.97 with themselves after compression as JPEG at quality 50."""

BANDS = tuple(
    np.uint64(sum(1 << bit for bit in range(band, SIDE * SIDE - 1, MAX_BITS + 1))) for band in range(MAX_BITS + 1)
)
"""Seven bands of nine bits: hashes that differ in at most six bits are equal in at least one band. A band takes every
seventh bit, because neighbouring frequencies are correlated: 4 % of all pairs of MNIST share a band, and 8 % would if a
band were nine consecutive bits."""

MAX_ALL_PAIRS = 8_000
"""Up to this many images, comparing all pairs is faster than sorting bands."""

BLOCK = 2**18
"""Pairs of hashes compared at a time: 2 MB."""

MAX_EXPLORED_IMAGES = 100_000
"""Most images compared for an exploration page: the 70,000 of MNIST take half a minute, once."""

END = np.empty(0, np.int64)
CANDIDATE_BATCH = 2**14
"""Candidates whose pixels are compared in one call."""

VERSION = 3
"""Incremented if the same images would give different pairs, or the stored form changes."""


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """The near-duplicates among N images. copies: (N,) from `duplicate_groups`. pairs: (2, M) int64, the rows of two
    different images that are near, the lower first, each image by its first row."""

    copies: np.ndarray
    pairs: np.ndarray

    @cached_property
    def sets(self) -> np.ndarray:
        """(N,) int64: the lowest row in the set of each image. All images of a set are near, or equal, to one of
        them: a chain of near images is divided into several sets."""
        return np.asarray(star_groups(len(self.copies), *self.pairs)[self.copies])

    def near_to(self, rows: np.ndarray) -> np.ndarray:
        """(N,) bool: the rows with an image that is near or equal to that of one of `rows`."""
        found = np.zeros(len(self.copies), bool)
        found[self.copies[rows]] = True
        ones, others = self.pairs
        found[np.concatenate([ones[found[others]], others[found[ones]]])] = True
        return np.asarray(found[self.copies])


def near_duplicates(dataset: Dataset) -> NearDuplicates:
    """The near-duplicates of a data set. Computed once for the same images, then read from the user's cache."""
    copies = duplicate_groups(dataset.images)
    return NearDuplicates(copies, cached_array(_key(dataset), lambda: _pairs(dataset.images, copies)))


def near_duplicates_if_quick(dataset: Dataset, max_images: int | None = None) -> NearDuplicates | None:
    """The near-duplicates if there are at most `max_images` images (MAX_NEAR_IMAGES), or they are cached; otherwise
    None."""
    quick = len(dataset) <= (max_images or MAX_NEAR_IMAGES) or is_cached(_key(dataset))
    return near_duplicates(dataset) if quick else None


def _pairs(images: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """(2, M). Exact copies are left out: 60,000 blank images would share one hash."""
    first = np.flatnonzero(copies == np.arange(len(copies)))
    return np.stack([first[rows] for rows in near_pairs(images if len(first) == len(images) else images[first])])


def _key(dataset: Dataset) -> str:
    return f"near/{identity([VERSION, dataset.fingerprint])}"


def near_pairs(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) and (M,) rows of (N, H, W, C) images: each pair that is near under some shift, the lower row first."""
    margin = min(images.shape[1:3]) // SHIFT_SIDES
    hashes, found = _hashes(images, margin), []
    for down, right in _shifts(margin):
        for one, other in _batched(_candidates(hashes[0, margin], hashes[down, margin + right])):
            near = _correlation(images, one, other, margin, down, right) >= MIN_CORRELATION
            found.append(np.stack([one[near], other[near]]))
    pairs = np.unique(np.sort(np.concatenate(found, axis=1), axis=0), axis=1)
    return pairs[0], pairs[1]


def _shifts(margin: int) -> list[tuple[int, int]]:
    """Half of all shifts up to `margin`: the other half compares the same images in reverse."""
    sides = range(-margin, margin + 1)
    return [(down, right) for down in sides for right in sides if (down, right) >= (0, 0)]


def _window(images: np.ndarray, margin: int, down: int, right: int) -> np.ndarray:
    """The images without `margin` pixels on each side, shifted by `down` and `right`."""
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
    """Pairs of different rows whose hashes differ in at most MAX_BITS bits, each pair once."""
    bands = BANDS if len(ones) > MAX_ALL_PAIRS else (np.uint64(0),)
    for number, band in enumerate(bands):
        for some, rest in _rows_with_equal_bits(ones & band, others & band):
            one, other = _similar(ones, others, some, rest)
            difference = ones[one] ^ others[other]
            new = np.logical_and.reduce([one != other, *((difference & seen) != 0 for seen in bands[:number])])
            yield one[new], other[new]


def _batched(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same pairs in larger batches, for fewer calls."""
    ones, others = list[np.ndarray](), list[np.ndarray]()
    for one, other in chain(pairs, [(END, END)]):
        ones.append(one)
        others.append(other)
        if one is END or sum(map(len, ones)) >= CANDIDATE_BATCH:
            yield np.concatenate(ones), np.concatenate(others)
            ones, others = [], []


def _rows_with_equal_bits(ones: np.ndarray, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of each value that occurs in both arrays, in portions that fit the processor's cache."""
    one_order, other_order = np.argsort(ones, kind="stable"), np.argsort(others, kind="stable")
    values, starts, numbers = np.unique(ones[one_order], return_index=True, return_counts=True)
    places = np.searchsorted(others[other_order], values, "left"), np.searchsorted(others[other_order], values, "right")
    for start, number, left, right in zip(starts, numbers, *places, strict=True):
        step = max(1, BLOCK // max(1, right - left))
        for place in range(start, start + number if right > left else start, step):
            yield one_order[place : min(place + step, start + number)], other_order[left:right]


def _similar(ones: np.ndarray, others: np.ndarray, some: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of rows, one of `some` and one of `rest`, whose hashes differ in at most MAX_BITS bits."""
    bits = np.bitwise_count(ones[some, None] ^ others[rest])
    places = np.flatnonzero(bits <= MAX_BITS)  # of the flat array: four times as fast as np.nonzero of two axes
    return some[places // len(rest)], rest[places % len(rest)]


def _correlation(
    images: np.ndarray, ones: np.ndarray, others: np.ndarray, margin: int, down: int, right: int
) -> np.ndarray:
    """(M,) correlations of the pixels of pairs under a shift; 0 if an image has only one value."""
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
