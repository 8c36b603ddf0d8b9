"""Protects the corruptions: what they keep, that they depend on nothing but the image, and that severities grow."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from snellen.explain.robustness.addressed import content_keys, random_shares, random_uint16, random_words
from snellen.explain.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupted

SHAPES = [(8, 8, 1), (28, 28, 1), (20, 33, 3), (64, 64, 4), (9, 8, 2)]
each = pytest.mark.parametrize("name", CORRUPTIONS)


def images(count: int, shape: tuple[int, ...] = (28, 28, 1)) -> np.ndarray:
    """A bright blob each on a darker ground, at different places."""
    generator = np.random.default_rng(3)
    height, width, channels = shape
    down, right = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    y, x = generator.uniform(0.3, 0.7, (2, count, 1, 1))
    blobs = np.exp(-((down - y) ** 2) / 0.02 - (right - x) ** 2 / 0.05)[..., None]
    return np.asarray(60 + 160 * blobs * generator.uniform(0.7, 1, (count, 1, 1, channels)), np.uint8)


@each
@pytest.mark.parametrize("shape", SHAPES)
def test_shape_type_and_given_images_stay(name: str, shape: tuple[int, ...]) -> None:
    given = images(5, shape)
    before = given.copy()
    for severity in SEVERITIES:
        found = corrupted(given, content_keys(given), name, severity)
        assert found.shape == given.shape and found.dtype == np.uint8
        assert np.array_equal(given, before)
        assert not np.array_equal(found, given)


@each
def test_an_image_is_changed_alike_wherever_it_stands(name: str) -> None:
    """Neither its row, nor the images beside it, nor an earlier call matters."""
    given = images(40)
    whole = corrupted(given, content_keys(given), name, 2)
    order = np.random.default_rng(0).permutation(40)[:17]
    part = corrupted(given[order], content_keys(given[order]), name, 2)
    assert np.array_equal(part, whole[order])
    assert np.array_equal(corrupted(given, content_keys(given), name, 2), whole)


@each
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3)])
def test_severities_are_ordered_by_distance(name: str, shape: tuple[int, ...]) -> None:
    given = images(60, shape)
    found = [corrupted(given, content_keys(given), name, severity).astype(float) for severity in SEVERITIES]
    distances = [float(np.sqrt(((one - given) ** 2).mean())) for one in found]
    assert 0 < distances[0] < distances[1] < distances[2]


@each
def test_parts_computed_together_do_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = images(30)
    whole = corrupted(given, content_keys(given), name, 3)
    monkeypatch.setattr("snellen.explain.robustness.corruptions.VALUES_AT_ONCE", 7 * 28 * 28)
    assert np.array_equal(corrupted(given, content_keys(given), name, 3), whole)


def test_none_is_an_answer_too() -> None:
    nothing = np.zeros((0, 8, 8, 3), np.uint8)
    for name in CORRUPTIONS:
        assert corrupted(nothing, content_keys(nothing), name, 1).shape == nothing.shape


def test_transparency_stays_under_changes_of_values() -> None:
    given = images(6, (16, 16, 4))
    for name in ("gaussian noise", "impulse noise", "brightness", "contrast", "erasing", "JPEG"):
        assert np.array_equal(corrupted(given, content_keys(given), name, 3)[..., 3], given[..., 3]), name


def test_the_bytes_are_pinned() -> None:
    """All but JPEG, which depends on the version of Pillow."""
    given = (np.arange(12 * 28 * 28) * 37 % 251).astype(np.uint8).reshape(12, 28, 28, 1)
    found = {name: corrupted(given, content_keys(given), name, 3).tobytes() for name in CORRUPTIONS if name != "JPEG"}
    assert {name: hashlib.sha256(content).hexdigest()[:12] for name, content in found.items()} == PINNED


def test_noise_has_the_moments_that_its_size_says() -> None:
    grey = np.full((2_000, 10, 10, 1), 128, np.uint8)
    grey[:, 0, 0, 0] = np.arange(2_000) % 256
    grey[:, 0, 1, 0] = np.arange(2_000) // 256  # all different
    keys = content_keys(grey)
    values = corrupted(grey, keys, "gaussian noise", 2)[:, 1:].astype(float)
    assert values.mean() == pytest.approx(128, abs=0.3) and values.std() == pytest.approx(25.5, rel=0.02)
    counts = corrupted(grey, keys, "shot noise", 2)[:, 1:].astype(float)
    assert counts.mean() == pytest.approx(128, abs=0.4)
    assert counts.std() == pytest.approx(255 * np.sqrt(128 / 255 * 20) / 20, rel=0.02)
    impulses = corrupted(grey, keys, "impulse noise", 2)[:, 1:]
    assert np.mean(impulses == 0) == pytest.approx(0.04, rel=0.05)
    assert np.mean(impulses == 255) == pytest.approx(0.04, rel=0.05)


def test_a_shift_by_whole_pixels_moves_them() -> None:
    """28 pixels, severity 2: 4 pixels in one of eight directions, the edge repeated."""
    given = images(50)
    found = corrupted(given, content_keys(given), "shift", 2)
    padded = np.pad(given, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    moved = {(y, x): padded[:, 4 - y : 32 - y, 4 - x : 32 - x] for y in (-4, 0, 4) for x in (-4, 0, 4) if y or x}
    for number, image in enumerate(found):
        assert any(np.array_equal(image, each[number]) for each in moved.values())


def test_rotation_and_blur_agree_with_scipy() -> None:
    from scipy.ndimage import gaussian_filter, rotate

    given = images(20)
    found = corrupted(given, content_keys(given), "rotation", 2).astype(float)
    for number, image in enumerate(found[..., 0]):
        both = [rotate(given[number, ..., 0].astype(float), angle, reshape=False, order=1, mode="nearest")
                for angle in (20, -20)]  # fmt: skip
        assert min(np.abs(image - each)[4:-4, 4:-4].max() for each in both) < 2
    blurred = corrupted(given, content_keys(given), "blur", 3).astype(float)
    expected = gaussian_filter(given.astype(float), (0, 2.52, 2.52, 0), mode="nearest", truncate=3.2)
    assert np.abs(blurred - expected).max() < 2


def test_random_numbers_are_uniform_and_apart() -> None:
    keys = content_keys(np.arange(20_000))
    shares = random_shares(keys, "a", 3)
    assert shares.min() >= 0 and shares.max() < 1
    assert np.histogram(shares, 10, (0, 1))[0] == pytest.approx(6_000, rel=0.05)
    assert abs(np.corrcoef(shares.T)[0, 1]) < 0.03
    assert abs(np.corrcoef(shares[:, 0], random_shares(keys, "b", 1)[:, 0])[0, 1]) < 0.03
    assert np.bincount(random_uint16(keys, "a", 7).ravel() >> 12, minlength=16) == pytest.approx(8_750, rel=0.06)
    assert len(np.unique(random_words(keys, "a", 2))) == 40_000


PINNED = {
    "gaussian noise": "cf2e59f142bb",
    "shot noise": "ab95261a50ff",
    "impulse noise": "f23d5f0df441",
    "blur": "bff388df7f20",
    "shift": "6be42c83b11c",
    "rotation": "ecea8ce44bfd",
    "scale": "831f5e189f0a",
    "shear": "7db1ae0e0a54",
    "brightness": "eeeb3e611c5d",
    "contrast": "f94ce421b2bf",
    "erasing": "e91d92bce7b0",
}
