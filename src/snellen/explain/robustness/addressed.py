"""Random bits for an image that depend only on its content and a name: splitmix64, in integers."""

from __future__ import annotations

import hashlib

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)


def content_keys(images: np.ndarray) -> np.ndarray:
    """(N,) uint64, one key for each image of (N, ...), computed from its bytes, so that its row does not matter."""
    digests = b"".join(hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def random_words(keys: np.ndarray, name: str, count: int) -> np.ndarray:
    """(N, count) uint64, uniform. keys: (N,) uint64. The words for different names are independent (Steele, Lea and
    Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014)."""
    named = np.frombuffer(hashlib.blake2b(name.encode(), digest_size=8).digest(), "<u8").astype(np.uint64)
    steps = np.arange(1, count + 1, dtype=np.uint64) * GAMMA
    return _mixed(_mixed(keys ^ named)[:, None] + steps)


def random_shares(keys: np.ndarray, name: str, count: int) -> np.ndarray:
    """(N, count) float64, uniform in [0, 1)."""
    return (random_words(keys, name, count) >> np.uint64(11)) * 2.0**-53


def random_uint16(keys: np.ndarray, name: str, count: int) -> np.ndarray:
    """(N, count) uint16, uniform: four from each word, lowest bits first."""
    words = random_words(keys, name, -(-count // 4))
    return words.astype("<u8").view("<u2").astype(np.uint16, copy=False)[:, :count]


def _mixed(words: np.ndarray) -> np.ndarray:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))
