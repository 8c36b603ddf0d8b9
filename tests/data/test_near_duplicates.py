"""Protects near-duplicates: shifted, rescaled, brightened and compressed copies are found, other images are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import data_cases
import numpy as np
import pytest
from needs import REAL_DATA, needs
from PIL import Image

from snellen.data.dataset import Dataset
from snellen.data.inspect import near_duplicates
from snellen.data.inspect.near_duplicates import near_pairs
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.data.splits.left_out import left_out_rows
from snellen.data.splits.roles import Roles, Split, assign, near_in_two_roles

COUNT = 60


def sets_of(dataset: Dataset) -> np.ndarray:
    return near_duplicates.near_duplicates(dataset).sets


def scenes(count: int = COUNT, side: int = 36, seed: int = 0) -> np.ndarray:
    """(count, side, side, 3) uint8: different smooth images with some detail, as photographs are."""
    random, places = np.random.default_rng(seed), np.linspace(0, np.pi, side)
    waves = np.cos(np.arange(12)[:, None] * places)
    tones = random.normal(size=(count, 1, 12, 12)) + 0.3 * random.normal(size=(count, 3, 12, 12))
    weights = tones / (1 + np.hypot(*np.indices((12, 12)))) ** 1.3
    pictures = np.einsum("ncij,iy,jx->nyxc", weights, waves, waves)
    low, high = (edge(pictures, axis=(1, 2, 3), keepdims=True) for edge in (np.min, np.max))
    return np.asarray((pictures - low) / (high - low) * 255).astype(np.uint8)


def shifted(down: int, right: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pictures: pictures[:, 2 + down : 34 + down, 2 + right : 34 + right]


def by_pillow(change: Callable[[Image.Image], Image.Image]) -> Callable[[np.ndarray], np.ndarray]:
    middle = shifted(0, 0)
    return lambda pictures: np.stack([np.asarray(change(Image.fromarray(each))) for each in middle(pictures)])


def compressed(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=60)
    return Image.open(stream)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "shifted by one": shifted(1, 0),
    "shifted by two": shifted(-2, 2),
    "compressed": by_pillow(compressed),
    "rescaled": by_pillow(lambda picture: picture.resize((24, 24)).resize((32, 32))),
    "darker": lambda pictures: (shifted(0, 0)(pictures) * 0.7 + 20).astype(np.uint8),
    "noisy": lambda pictures: shifted(0, 0)(pictures) + np.random.default_rng(1).normal(0, 5, (COUNT, 32, 32, 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(change: str) -> None:
    pictures = scenes()
    both = np.concatenate([shifted(0, 0)(pictures), CHANGES[change](pictures)])
    found = set(zip(*(rows.tolist() for rows in near_pairs(both)), strict=True))
    pairs = {(row, row + COUNT) for row in range(COUNT)}
    assert len(found & pairs) >= 0.95 * COUNT and not found - pairs


def test_different_images_are_not() -> None:
    ones, others = near_pairs(scenes(500, seed=3))
    assert not len(ones) and not len(others)
    assert not len(near_pairs(np.zeros((5, 16, 16, 1), np.uint8))[0])  # of one value: exact copies, found elsewhere


def test_near_ones_are_joined_through_one_that_is_near_to_both() -> None:
    burst = np.concatenate([shifted(0, step)(scenes(1)) for step in (-2, 0, 2)])
    images = np.concatenate([shifted(0, 0)(scenes(4, seed=9)), burst])
    dataset = from_arrays(images, [0, 1, 0, 1, 0, 1, 0])
    assert (4, 6) not in set(zip(*(rows.tolist() for rows in near_pairs(images)), strict=True))
    assert sets_of(dataset).tolist() == [0, 1, 2, 3, 4, 4, 4]


def chain(links: int) -> np.ndarray:
    """(links, 32, 32, 3): a scene that moves on by two pixels in each image."""
    return np.concatenate([scenes(1, side=2 * links + 32)[:, 8:40, 2 * n : 2 * n + 32] for n in range(links)])


def test_a_chain_is_no_set() -> None:
    """Each image is near to the next; in a set all are near to one."""
    dataset = from_arrays(chain(30), np.arange(30) % 2)
    near = near_duplicates.near_duplicates(dataset)
    pairs = set(zip(*near.pairs.tolist(), strict=True))
    assert {(row, row + 1) for row in range(29)} <= pairs and (0, 29) not in pairs
    names, sizes = np.unique(near.sets, return_counts=True)
    assert 1 < sizes.max() <= 5
    for name in names:
        members = set(np.flatnonzero(near.sets == name).tolist())
        assert any(all(a == b or (min(a, b), max(a, b)) in pairs for b in members) for a in members)


def test_a_chain_into_an_official_test_loses_its_near_end_alone() -> None:
    images = np.concatenate([chain(30), scenes(10, side=32, seed=9)])
    official = np.arange(40) == 0
    dataset = replace(from_arrays(images, np.arange(40) % 2), official_test=official)
    near = near_duplicates.near_duplicates(dataset)
    roles = assign(dataset, Split(near_duplicates="together"))
    to_test = near.near_to(np.flatnonzero(official)) & ~official
    assert [each.row for each in roles.left_out] == np.flatnonzero(to_test).tolist() and 1 <= to_test.sum() <= 3
    between = near_in_two_roles(near, roles)
    assert not np.isin(between, roles.rows["test"]).any(), "no training image is near to one of the test"
    [found] = left_out_rows(dataset, roles)
    assert (found.reason, found.rows, found.of) == ("related to official test", int(to_test.sum()), 39)


def test_a_group_with_a_image_near_the_official_test_leaves_whole() -> None:
    images = np.concatenate([shifted(0, 0)(scenes()), shifted(1, 0)(scenes())[:1]])
    groups = np.append(np.arange(COUNT) // 3, 99)
    dataset = replace(from_arrays(images, np.arange(COUNT + 1) % 2), groups=groups, official_test=groups == 99)
    roles = assign(dataset, Split(near_duplicates="together"))
    assert [(each.row, each.twin) for each in roles.left_out] == [(row, COUNT) for row in range(3)]


def test_near_to_given_rows() -> None:
    near = near_duplicates.NearDuplicates(np.array([0, 1, 2, 1, 4]), np.array([[0, 1], [1, 2]]))
    assert near.near_to(np.array([3])).tolist() == [True, True, True, True, False]
    assert near.near_to(np.array([0])).tolist() == [True, True, False, True, False]
    assert near.sets.tolist() == [0, 0, 0, 0, 4]


@pytest.mark.parametrize("shape", [(8, 8, 1), (1, 40, 3), (5, 3, 4), (28, 28, 1)])
def test_images_of_any_shape(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(2).integers(0, 256, (30, *shape), dtype=np.uint8)
    images[7] = images[3]
    ones, others = near_pairs(images)
    assert (3, 7) in set(zip(ones.tolist(), others.tolist(), strict=True)) or shape[0] == 1
    np.testing.assert_array_equal(np.stack(near_pairs(images.astype(np.float32))), np.stack([ones, others]))


def test_bands_find_what_all_pairs_find(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs of hashes differ in none to seven bits, wherever these are."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**63, 400, dtype=np.uint64)
    flips = np.array([sum(1 << int(bit) for bit in random.choice(63, row % 8, replace=False)) for row in range(200)])
    hashes[200:] = hashes[:200] ^ flips.astype(np.uint64)
    for band in range(7):  # six bits, one in each of the other bands
        hashes[200 + band] = hashes[band] ^ np.uint64(sum(1 << (7 * 4 + other) for other in range(7) if other != band))
    others = random.permutation(hashes)

    def found() -> list[tuple[int, int]]:
        return sorted(
            (int(a), int(b)) for one, other in near_duplicates._candidates(hashes, others) for a, b in zip(one, other)
        )

    everything = found()
    bits = np.bitwise_count(hashes[:, None] ^ others)
    assert everything == [(a, b) for a, b in np.argwhere(bits <= near_duplicates.MAX_BITS).tolist() if a != b]
    monkeypatch.setattr(near_duplicates, "MAX_ALL_PAIRS", 0)
    monkeypatch.setattr(near_duplicates, "BLOCK", 3)
    assert found() == everything and len(everything) > 500


def test_copies_are_joined_whatever_they_show() -> None:
    """Blank ones too, which correlate with nothing, and in a number of which all pairs would take hours."""
    blank = np.zeros((50_000, 8, 8, 1), np.uint8)
    images = np.concatenate([blank, data_cases.arrays(8, 8)[0][..., None], blank])
    groups = sets_of(from_arrays(images, np.arange(len(images)) % 2))
    assert (groups[:50_000] == 0).all() and (groups[-50_000:] == 0).all()
    np.testing.assert_array_equal(groups[50_000:50_012], np.arange(50_000, 50_012))


def test_found_once_then_kept(monkeypatch: pytest.MonkeyPatch, own_folders: Path) -> None:
    dataset = from_arrays(np.concatenate([shifted(0, 0)(scenes(9)), shifted(1, 0)(scenes(9))]), np.arange(18) % 2)
    first = sets_of(dataset)
    [file] = (own_folders / "cache/near").glob("*/array.npy")
    file.write_bytes(file.read_bytes()[:-1])
    np.testing.assert_array_equal(sets_of(dataset), first)
    monkeypatch.setattr(near_duplicates, "near_pairs", lambda _: pytest.fail("looked for again"))
    np.testing.assert_array_equal(sets_of(dataset), first)


@pytest.mark.parametrize("seed", range(5))
def test_kept_on_one_side_when_the_study_says_so(seed: int) -> None:
    pictures = scenes()
    images = np.concatenate([shifted(0, 0)(pictures), shifted(1, 1)(pictures)])
    dataset = from_arrays(images, np.tile(np.arange(COUNT) % 2, 2))
    apart = assign(dataset, Split(seed=seed))
    together = assign(dataset, Split(seed=seed, near_duplicates="together"))

    def parted(roles: Roles) -> int:
        """Scenes of which one image is in the test part and the other is not."""
        return int((np.bincount(roles.rows["test"] % COUNT) == 1).sum())

    assert parted(apart) > 5 and parted(together) == 0
    assert abs(len(together.rows["test"]) - 24) <= 1


def test_training_images_near_those_of_an_official_test_leave() -> None:
    pictures = scenes()
    official = np.repeat([False, True], [COUNT, 5])
    images = np.concatenate([shifted(0, 0)(pictures), shifted(1, 0)(pictures[10:15])])
    dataset = replace(from_arrays(images, np.arange(COUNT + 5) % 2), official_test=official)
    roles = assign(dataset, Split(near_duplicates="together"))
    assert [(each.row, each.twin) for each in roles.left_out] == [(row, COUNT + row - 10) for row in range(10, 15)]
    assert {each.reason for each in roles.left_out} == {"related to official test"}


@needs("mnist")
def test_thin_ones_of_mnist_form_no_chain() -> None:
    mnist = read("mnist", data_folder=REAL_DATA)
    part = replace(mnist, images=np.asarray(mnist.images[-5_000:]), fingerprint="last 5,000")
    _, sizes = np.unique(sets_of(replace(part, labels=mnist.labels[-5_000:])), return_counts=True)
    assert sizes.max() <= 20 and (sizes > 1).sum() < 100
