"""Protects groups: no chains around representatives, patterns and official parts; names in natural order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_cases import save

from snellen.data.groups import Group, star_groups
from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.data.readers.text import natural_order
from snellen.data.splits.roles import Split, assign
from snellen.errors import DataError

RANDOM = np.random.default_rng(0)


def test_a_chain_of_pairs_is_several_groups() -> None:
    groups = star_groups(7, np.arange(6), np.arange(1, 7))
    assert groups.tolist() == [0, 0, 0, 3, 3, 3, 6]


def test_the_row_with_the_most_pairs_comes_first() -> None:
    assert star_groups(5, np.array([0, 1, 2, 3]), np.array([1, 3, 3, 4])).tolist() == [0, 1, 1, 1, 1]


def test_fixed_rows_take_theirs_first_and_stay_apart() -> None:
    ones, others = np.array([0, 1, 2, 3, 3]), np.array([1, 2, 3, 4, 5])
    fixed = np.array([True, False, False, False, True, True])
    assert star_groups(6, ones, others, [fixed]).tolist() == [0, 0, 2, 3, 3, 5]


def test_the_first_set_of_fixed_rows_takes_from_the_second() -> None:
    """Row 1 of the second set belongs to row 0 of the first; row 2, paired with row 1 alone, to neither."""
    first, second = np.array([True, False, False, False]), np.array([False, True, False, False])
    assert star_groups(4, np.array([0, 1, 2]), np.array([1, 2, 3]), [first, second]).tolist() == [0, 0, 2, 2]
    assert star_groups(4, np.array([0, 1, 2]), np.array([1, 2, 3]), [second]).tolist() == [0, 0, 0, 3]


@pytest.mark.parametrize("seed", range(5))
def test_every_member_is_paired_with_its_representative(seed: int) -> None:
    random = np.random.default_rng(seed)
    pairs = np.sort(random.choice(200, (150, 2)), axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    groups = star_groups(200, *pairs.T)
    np.testing.assert_array_equal(star_groups(200, *random.permutation(pairs).T[::-1]), groups)
    paired = {frozenset(pair) for pair in pairs.tolist()}
    for name in np.unique(groups):
        members = np.flatnonzero(groups == name).tolist()
        assert name == members[0]
        assert any(all(a == b or frozenset((a, b)) in paired for b in members) for a in members)


FOLDERS = {"train": "patient{}_{}.png", "test": "{}-{}.png"}


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Photographs of patients by class; the official test has file names of another form."""
    for part, form in FOLDERS.items():
        for number in range(12):
            name = form.format(number // 3, number)
            save(tmp_path / f"scans/{part}/{'ab'[number % 2]}/{name}", RANDOM.integers(0, 256, (6, 6), dtype=np.uint8))
    return tmp_path / "scans"


def test_a_pattern_need_not_match_the_official_test(patients: Path) -> None:
    options = Options(group=Group(pattern=r"patient(\d+)"))
    dataset = read(patients, options)
    assert dataset.groups is not None and dataset.official_test is not None
    assert len(np.unique(dataset.groups[~dataset.official_test])) == 4
    assert len(np.unique(dataset.groups[dataset.official_test])) == 12
    assert not assign(dataset, Split(validation=0.4)).left_out


def test_a_pattern_must_match_the_training_part(patients: Path) -> None:
    save(patients / "train/a/other.png", np.zeros((6, 6), np.uint8))
    with pytest.raises(DataError, match=r"other.png: no group in this path; expected a match of"):
        read(patients, Options(group=Group(pattern=r"patient(\d+)")))


def test_a_pattern_of_a_manifest_need_not_match_its_test(tmp_path: Path) -> None:
    lines = ["path,label,role"]
    for number in range(12):
        name = f"p{number // 3}_{number}.png" if number < 8 else f"{number}.png"
        save(tmp_path / name, RANDOM.integers(0, 256, (6, 6), dtype=np.uint8))
        lines.append(f"{name},{'ab'[number % 2]},{'train' if number < 8 else 'test'}")
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    dataset = read(tmp_path / "list.csv", Options(group=Group(pattern=r"p(\d+)_")))
    assert dataset.groups is not None and len(np.unique(dataset.groups)) == 3 + 4


def test_folders_in_natural_order(tmp_path: Path) -> None:
    """The order of people's s1 to s40, as in the faces of AT&T."""
    for number in (1, 2, 10, 21, 3):
        save(tmp_path / f"faces/s{number}/1.png", RANDOM.integers(0, 256, (6, 6), dtype=np.uint8))
    assert read(tmp_path / "faces").classes == ("s1", "s2", "s3", "s10", "s21")


@pytest.mark.parametrize(
    "names",
    [
        ("s1", "s2", "s10"),
        ("1", "2", "10"),
        ("01", "1", "02", "2"),
        ("a", "a1", "a1b", "a1b2", "a1b10", "a2", "b"),
        ("Cat", "cat", "cat 2", "cat 11"),
        ("", "x"),
        ("9" * 17, "1" + "0" * 17),
    ],
)
def test_natural_order(names: tuple[str, ...]) -> None:
    assert natural_order(RANDOM.permutation(names).tolist() * 2) == names
