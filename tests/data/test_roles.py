"""Protects the split: disjoint by row, id and image, exact in number, stratified, seeded, and honest about leaks."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from needs import REAL_DATA, needs

from snellen.data.dataset import Dataset
from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.near_duplicates import NearDuplicates
from snellen.data.load import read
from snellen.data.preprocessing import select_classes
from snellen.data.readers.arrays import from_arrays
from snellen.data.splits.left_out import left_out_rows
from snellen.data.splits.roles import ROLES, LeftOut, Roles, Split, assign, near_in_two_roles, prove_disjoint
from snellen.errors import RunError, StudyError


def read_dataset(images: Any, labels: Any, **options: Any) -> Dataset:
    """A data set whose image is the two-byte number given for each row."""
    return from_arrays(numbers(images), labels, pixel_range=(0, 255), **options)


def numbers(values: Any) -> np.ndarray:
    return np.asarray(values, ">u2").reshape(-1, 1, 1).view(np.uint8)


def shares(images: np.ndarray, rows: np.ndarray) -> set[int]:
    return set(images[rows].tolist())


@st.composite
def many(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Split]:
    """Labels of 2 to 5 unequal classes, images of which up to a third are copies, and a split."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    sizes = random.integers(40, 90, draw(st.integers(2, 5)))
    labels = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    images = np.arange(len(labels))
    copies = random.choice(len(labels), draw(st.integers(0, len(labels) // 3)), replace=False)
    images[copies] = random.integers(0, len(labels), len(copies))
    share = st.one_of(st.floats(0.1, 0.4), st.integers(10, 30))
    split = Split(draw(share), draw(share), draw(st.sampled_from([0, 0.5, 4])), draw(st.integers(0, 2**64 - 1)))
    return images, labels, split


@settings(deadline=None, max_examples=60)
@given(many())
def test_disjoint_exact_and_complete(case: tuple[np.ndarray, np.ndarray, Split]) -> None:
    images, labels, split = case
    try:
        roles = assign(read_dataset(images, labels), split)
    except StudyError:
        assume(False)
    rows = np.concatenate([roles.rows[role] for role in ROLES])
    assert np.sort(rows).tolist() == list(range(len(labels))) and not roles.left_out
    for position, one in enumerate(ROLES):
        assert (np.diff(roles.rows[one]) > 0).all() and roles.rows[one].dtype == np.int64
        for other in ROLES[position + 1 :]:
            assert not shares(images, roles.rows[one]) & shares(images, roles.rows[other])
    train, validation, calibration, test = (images[roles.rows[role]] for role in ROLES)
    held_out = np.concatenate([validation, calibration])
    assert_exact(test, np.concatenate([train, held_out]), split.test)
    assert_exact(held_out, train, split.validation)
    assert_exact(calibration, validation, split.calibration)


def assert_exact(chosen: np.ndarray, left: np.ndarray, share: float | None) -> None:
    """As many as asked for; fewer only when every image that is single among them was chosen."""
    assert share is not None
    values, counts = np.unique(np.concatenate([chosen, left]), return_counts=True)
    count = round(share * (len(chosen) + len(left))) if isinstance(share, float) else share
    singles_left = set(values[counts == 1].tolist()) & set(left.tolist())
    assert len(chosen) == count or (len(chosen) < count and not singles_left)


@settings(deadline=None, max_examples=60)
@given(many())
def test_stratified_to_within_one_row(case: tuple[np.ndarray, np.ndarray, Split]) -> None:
    _, labels, split = case
    roles = assign(read_dataset(np.arange(len(labels)), labels), replace(split, calibration=0))
    pool = np.arange(len(labels))
    for role in ("test", "validation"):
        chosen = roles.rows[role]
        ideal = np.bincount(labels[pool]) * len(chosen) / len(pool)
        assert (np.abs(np.bincount(labels[chosen], minlength=len(ideal)) - ideal) < 1).all()
        pool = np.setdiff1d(pool, chosen)


def test_fewer_training_rows_change_no_other_role() -> None:
    """Of each class as many in proportion, none of them elsewhere; the rest is left out and counted."""
    labels = np.repeat([0, 1, 2], [400, 200, 100])
    dataset = read_dataset(np.arange(len(labels)), labels)
    whole = assign(dataset, Split(test=70, validation=70))
    for share, count in ((140, 140), (0.5, 280)):
        fewer = assign(dataset, Split(test=70, validation=70, train=share))
        assert all(np.array_equal(fewer.rows[role], whole.rows[role]) for role in ROLES[1:])
        assert len(fewer.rows["train"]) == count
        assert np.bincount(labels[fewer.rows["train"]]).tolist() == [count * 4 // 7, count * 2 // 7, count // 7]
        assert set(fewer.rows["train"]) <= set(whole.rows["train"])
        (left_out,) = left_out_rows(dataset, fewer)
        assert (
            left_out.counts
            == f"{560 - count} images not drawn for training (`split.train`) ({(560 - count) / 7:.1f} % of 700)"
        )


@settings(deadline=None, max_examples=30)
@given(many())
def test_calibration_comes_out_of_validation_alone(case: tuple[np.ndarray, np.ndarray, Split]) -> None:
    images, labels, split = case
    dataset = read_dataset(images, labels)
    try:
        without, with_it = (
            assign(dataset, replace(split, calibration=0)),
            assign(dataset, replace(split, calibration=0.4)),
        )
    except StudyError:
        assume(False)
    for role in ("train", "test"):
        np.testing.assert_array_equal(without.rows[role], with_it.rows[role])
    both = np.union1d(with_it.rows["validation"], with_it.rows["calibration"])
    np.testing.assert_array_equal(without.rows["validation"], both)
    assert len(with_it.rows["calibration"])


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])
@given(many(), st.integers(2, 40), st.booleans())
def test_groups_stay_on_one_side(case: tuple[np.ndarray, np.ndarray, Split], num_groups: int, official: bool) -> None:
    """With exact copies, through which groups are joined: nothing that is connected is in two roles."""
    images, labels, split = case
    groups = np.random.default_rng(num_groups).integers(0, num_groups, len(labels))
    dataset = replace(read_dataset(images, labels), groups=groups)
    if official:
        dataset = replace(dataset, official_test=groups % 7 == 0)
    try:
        roles = assign(dataset, replace(split, test=None if official else split.test))
    except StudyError:
        assume(False)
    for position, one in enumerate(ROLES):
        for other in ROLES[position + 1 :]:
            assert not shares(images, roles.rows[one]) & shares(images, roles.rows[other])
            assert not shares(groups, roles.rows[one]) & shares(groups, roles.rows[other])
    for each in roles.left_out:
        assert dataset.official_test is not None and dataset.official_test[each.twin]
        same = images[each.row] == images[each.twin]
        assert each.reason == ("in official test" if same else "related to official test")


def test_groups_fill_a_role_as_nearly_as_they_can() -> None:
    labels, groups = np.arange(200) % 2, np.arange(200) // 10
    dataset = replace(read_dataset(range(200), labels), groups=groups)
    for seed in range(5):
        roles = assign(dataset, Split(test=43, validation=0.3, seed=seed))
        assert (len(roles.rows["test"]), len(roles.rows["validation"])) == (40, 50)
    large = replace(dataset, groups=np.arange(200) // 50)
    assert len(assign(large, Split(test=40, validation=60)).rows["test"]) == 50
    with pytest.raises(StudyError, match=r"no group is small enough for `split.test`; found groups of 50 and more"):
        assign(large, Split(test=10))


def test_seeds() -> None:
    digits = read("digits")
    first, again, other = (assign(digits, Split(seed=seed)) for seed in (0, 0, 1))
    for role in ("train", "validation", "test"):
        np.testing.assert_array_equal(first.rows[role], again.rows[role])
        assert (np.isin(first.rows[role], other.rows[role])).mean() < 0.9
    assert [len(first.rows[role]) for role in ROLES] == [1150, 288, 0, 359]


def test_the_split_of_a_seed_never_changes() -> None:
    """Runs that are resumed, and published splits, depend on it: a change here breaks them."""
    roles = assign(read_dataset(range(20), np.arange(20) % 2), Split(test=4, validation=4, calibration=2, seed=42))
    assert {role: rows.tolist() for role, rows in roles.rows.items()} == {
        "train": [0, 2, 3, 5, 7, 8, 11, 14, 15, 16, 18, 19],
        "validation": [12, 13],
        "calibration": [9, 10],
        "test": [1, 4, 6, 17],
    }


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_chosen_as_often_as_other_images(seed: int) -> None:
    """Placing copies first must not put them all into the test part, nor all into training."""
    images = np.concatenate([np.arange(600), np.arange(200)])
    roles = assign(read_dataset(images, np.arange(800) // 100 % 2), Split(test=0.25, seed=seed))
    copies = np.isin(images[roles.rows["test"]], np.arange(200)).mean()
    assert 0.35 < copies < 0.65  # half of all rows have a copy; standard error about 0.04


def test_more_copies_than_single_images() -> None:
    pairs = read_dataset(np.repeat(np.arange(50), 2), np.repeat(np.arange(50) % 2, 2))
    roles = assign(pairs, Split(test=21, validation=0.2))
    assert len(roles.rows["test"]) == 20  # pairs of one class cannot give an odd number
    mixed = read_dataset([*np.repeat(np.arange(10), 2), *range(50, 70)], np.repeat([0, 1], 20))
    roles = assign(mixed, Split(test=10, validation=0.2))
    assert np.bincount(mixed.labels[roles.rows["test"]]).tolist() == [4, 6]  # a single of the other class fills up


def test_assign_proves_what_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.splits.roles.stratified_choice", lambda pool, count, *_: pool[:count])
    with pytest.raises(RunError, match=r"train and test share images; found 1, such as 0"):
        assign(read_dataset([*range(17), 0], np.arange(18) % 3), Split(test=3, validation=6))


def official(**split: Any) -> Roles:
    """Training images 0..9, then 3 and 4 again; test images 3 (twice) and 20..23."""
    labels = np.arange(12) % 2
    dataset = read_dataset(
        [*range(10), 3, 4], labels, test_images=numbers([20, 3, 3, 21, 22, 23]), test_labels=np.arange(6) % 2
    )
    return assign(dataset, Split(validation=2, **split))


def test_rows_of_an_official_test_leave_training() -> None:
    roles = official()
    assert roles.rows["test"].tolist() == [12, 13, 14, 15, 16, 17]
    assert roles.left_out == (LeftOut(3, "in official test", 13), LeftOut(10, "in official test", 13))
    assert len(roles.rows["train"]) + len(roles.rows["validation"]) == 10


def test_dropping_exact_duplicates() -> None:
    leaked = [LeftOut(3, "in official test", 13), LeftOut(10, "in official test", 13)]
    assert official(drop_duplicates="exact").left_out == (*leaked,)
    dataset = read_dataset([*range(20), 4, 4, 5], [*np.arange(20) % 2, 0, 1, 1])
    roles = assign(dataset, Split(test=4, validation=4, drop_duplicates="exact"))
    assert roles.left_out == (LeftOut(20, "duplicate", 4), LeftOut(22, "duplicate", 5))  # row 21 has another label
    homes = [role for role in ROLES if {4, 21} & set(roles.rows[role].tolist())]
    assert len(homes) == 1


def test_an_official_test_and_a_wanted_one() -> None:
    with pytest.raises(StudyError, match=r"for data with an official test part; found 0.3.*remove `split.test`"):
        official(test=0.3)


def with_validation(**given: Any) -> Dataset:
    """40 rows outside, and 10 of a publisher's validation part: image 0 is in both, 45 in validation and test."""
    return read_dataset(
        range(40),
        np.arange(40) % 2,
        validation_images=numbers([0, *range(41, 50)]),
        validation_labels=np.arange(10) % 2,
        **given,
    )


def test_a_validation_part_is_the_validation() -> None:
    """Of data without a test part there is no test unless the split asks for one; it never takes validation rows."""
    alone = assign(with_validation(), Split())
    assert alone.rows["validation"].tolist() == list(range(40, 50)) and not len(alone.rows["test"])
    assert alone.left_out == (LeftOut(0, "in official validation", 40),) and len(alone.rows["train"]) == 39
    drawn = assign(with_validation(), Split(test=9))
    assert len(drawn.rows["test"]) == 9 and drawn.rows["test"].max() < 40 and len(drawn.rows["train"]) == 30
    assert drawn.rows["validation"].tolist() == alone.rows["validation"].tolist()


def test_validation_rows_that_are_in_the_test_are_left_out() -> None:
    dataset = with_validation(test_images=numbers([45, 60, 61, 62]), test_labels=np.arange(4) % 2)
    roles = assign(dataset, Split(calibration=3))
    assert LeftOut(45, "in official test", 50) in roles.left_out and roles.rows["test"].tolist() == [50, 51, 52, 53]
    held_out = np.union1d(roles.rows["validation"], roles.rows["calibration"])
    assert held_out.tolist() == [*range(40, 45), *range(46, 50)] and len(roles.rows["calibration"]) == 3


def test_an_official_validation_and_a_wanted_one() -> None:
    with pytest.raises(StudyError, match=r"official validation part; found 0.2.*remove `split.validation`"):
        assign(with_validation(), Split(validation=0.2))


def test_a_validation_part_changes_the_fingerprint() -> None:
    marked = with_validation()
    assert marked.fingerprint != read_dataset([*range(40), 0, *range(41, 50)], np.arange(50) % 2).fingerprint
    kept = select_classes(marked, ("1", "0"))
    assert kept.official_validation is not None and kept.official_validation.sum() == 10


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split(test=18), "impossible `split.test`; found 18; expected .* a count below 18"),
        (Split(test=1.0), "impossible `split.test`; found 1.0"),
        (Split(test=-0.1), "impossible `split.test`; found -0.1"),
        (Split(test=-3), "impossible `split.test`; found -3"),
        (Split(test=0.001), "impossible `split.test`; found 0.001"),
        (Split(test=3, validation=15), "impossible `split.validation`; found 15; expected .* a count below 15"),
        (Split(test=3, validation=4, train=100), "impossible `split.train`; found 100"),
        (Split(test=3, validation=4, calibration=4), "impossible `split.calibration`; found 4"),
        (Split(test=3, validation=0, calibration=0.5), "impossible `split.calibration`; found 0.5"),
        (Split(test=3, validation=2), "no validation row of class '2'; found 2 validation rows of 2 of 3 classes"),
        (
            Split(test=3, validation=4, calibration=2),
            "no validation row of class '1'; found 2 validation rows",
        ),
        (Split(test=3, validation=13), "no train row of class '0'; found 2 train rows of 2 of 3"),
        (Split(seed=-1), "bad `split.seed`; found -1"),
        (Split(seed=2**64), "bad `split.seed`"),
    ],
)
def test_impossible_splits(split: Split, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        assign(read_dataset(range(18), np.arange(18) % 3), split)


def test_no_test_and_no_validation() -> None:
    roles = assign(read_dataset(range(18), np.arange(18) % 3), Split(test=0, validation=0))
    assert [len(roles.rows[role]) for role in ROLES] == [18, 0, 0, 0]


def test_planted_faults_are_noticed() -> None:
    dataset = read_dataset([0, 1, 2, 3, 4, 0], [0, 1, 0, 1, 0, 1])

    def prove(train: list[int], test: list[int], ids: Any = dataset.ids) -> None:
        rows = dict(zip(ROLES, (np.array(rows, np.int64) for rows in (train, [], [], test)), strict=True))
        prove_disjoint(dataclasses.replace(dataset, ids=ids), Roles(rows, ()), duplicate_groups(dataset.images))

    prove([0, 1, 2, 5], [3, 4])
    grouped = dataclasses.replace(dataset, groups=np.array([0, 1, 2, 2, 3, 0]))
    rows = dict(zip(ROLES, (np.array(rows, np.int64) for rows in ([0, 1, 2, 5], [], [], [3, 4])), strict=True))
    with pytest.raises(RunError, match=r"train and test share groups; found 1, such as 2"):
        prove_disjoint(grouped, Roles(rows, ()), duplicate_groups(dataset.images))
    with pytest.raises(RunError, match=r"rows without exactly one role"):
        prove([0, 1, 2, 5], [3, 4, 5])
    with pytest.raises(RunError, match=r"rows without exactly one role"):
        prove([0, 1, 2, 5], [3])
    with pytest.raises(RunError, match=r"train and test share images; found 1, such as 0"):
        prove([0, 1, 2], [3, 4, 5])
    with pytest.raises(RunError, match=r"train and test share ids; found 1, such as a"):
        prove([0, 1, 2, 5], [3, 4], np.array(["a", "b", "c", "a", "d", "e"]))


@needs("mnist")
def test_mnist_shares_no_image_between_parts() -> None:
    mnist = read("mnist", data_folder=REAL_DATA)
    roles = assign(mnist, Split(validation=10_000))
    assert [len(roles.rows[role]) for role in ROLES] == [50_000, 10_000, 0, 10_000] and not roles.left_out


def test_near_pairs_count_when_their_images_have_two_roles() -> None:
    rows = {"train": [0, 1, 4], "validation": [2, 5], "calibration": [], "test": [3, 7]}
    roles = Roles({role: np.array(rows[role], np.int64) for role in ROLES}, ())
    copies = np.array([0, 1, 2, 3, 4, 5, 6, 6])  # rows 6 and 7 show one image, of which row 6 was left out
    near = NearDuplicates(copies, np.array([[0, 0, 2, 4], [1, 2, 5, 6]]))
    assert near_in_two_roles(near, roles).tolist() == [[0, 4], [2, 6]]
    assert near_in_two_roles(NearDuplicates(copies, np.empty((2, 0), np.int64)), roles).shape == (2, 0)
