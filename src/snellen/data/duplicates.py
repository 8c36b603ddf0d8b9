"""Exact duplicates: rows with identical images, and images with contradicting labels."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from snellen.data.slices import row_slices
from snellen.errors import RunError

KEY_BYTES = 16


def image_keys(images: np.ndarray) -> np.ndarray:
    """(N,) 16-byte keys ("S16"): BLAKE2b of each image's pixels, without its shape; 70,000 images of MNIST take 0.1
    s."""
    keys = bytearray()
    for rows in row_slices(images):
        pixels = np.ascontiguousarray(images[rows]).reshape(rows.stop - rows.start, -1)
        if pixels.dtype.kind == "f":
            pixels = pixels + 0.0  # -0.0 equals 0.0 but has other bytes
        for image in pixels:
            keys += blake2b(image.data, digest_size=KEY_BYTES).digest()
    return np.frombuffer(bytes(keys), f"S{KEY_BYTES}")


def duplicate_groups(images: np.ndarray) -> np.ndarray:
    """(N,) int64: the lowest row with exactly the same image; the row itself for an image that occurs once.

    Rows with equal keys are also compared pixel by pixel, so that equality does not rest on the hash.
    """
    _, first, inverse = np.unique(image_keys(images), return_index=True, return_inverse=True)
    groups = first[inverse].astype(np.int64)
    copies = np.flatnonzero(groups != np.arange(len(groups)))
    for part in row_slices(copies):
        for row in copies[part]:
            if not np.array_equal(images[row], images[groups[row]]):
                raise RunError("two different images have one key", found=f"rows {groups[row]} and {row}")
    return groups


def conflicting_rows(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Ascending rows of the images with more than one label, including their first copy."""
    return np.flatnonzero(np.isin(groups, groups[labels != labels[groups]]))
