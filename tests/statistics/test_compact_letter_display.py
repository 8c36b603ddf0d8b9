"""Protects letter groups: two models share a letter if and only if they cannot be told apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.errors import StudyError
from snellen.statistics.compact_letter_display import letter_groups, letters


def matrix(count: int, pairs: list[tuple[int, int]]) -> np.ndarray:
    different = np.zeros((count, count), bool)
    for first, second in pairs:
        different[first, second] = different[second, first] = True
    return different


matrices = st.integers(1, 9).flatmap(
    lambda count: st.lists(st.booleans(), min_size=count**2, max_size=count**2).map(
        lambda flags: matrix(
            count, [tuple(pair) for pair in np.argwhere(np.triu(np.reshape(flags, (count, count)), 1))]
        )
    )
)


@given(matrices)
def test_two_models_share_a_letter_if_and_only_if_they_do_not_differ(different: np.ndarray) -> None:
    words = letters(letter_groups(different), len(different))
    for first, second in combinations(range(len(different)), 2):
        assert bool(set(words[first]) & set(words[second])) is not bool(different[first, second])
    assert all(words), "each model has a letter"


@given(matrices)
def test_groups_are_as_large_as_can_be(different: np.ndarray) -> None:
    """All sets of models that do not differ and to which none can be added, by trying every set."""
    count = len(different)
    free = [
        set(s) for n in range(1, count + 1) for s in combinations(range(count), n) if not different[np.ix_(s, s)].any()
    ]
    largest = [each for each in free if not any(each < other for other in free)]
    assert sorted(map(sorted, largest)) == sorted(map(sorted, letter_groups(different)))


def test_many_models_are_grouped() -> None:
    """Thirty models in a line, each told apart from those more than four places away: 26 groups of five."""
    places = np.arange(30)
    groups = letter_groups(np.abs(places[:, None] - places) > 4)
    assert groups == tuple(tuple(range(start, start + 5)) for start in range(26))


def test_the_published_clique_cover() -> None:
    """Gramm et al., Computational Statistics and Data Analysis 52 (2007), figure 2: four differences."""
    groups = letter_groups(matrix(5, [(0, 4), (1, 2), (1, 4), (2, 4)]))
    assert groups == ((0, 1, 3), (0, 2, 3), (3, 4))
    assert letters(groups, 5) == ("ab", "a", "b", "abc", "c")


def test_the_published_display_of_chicken_feeds() -> None:
    """Of R's chickwts, in the guide of the R package cld: casein a, horsebean b, linseed bc, meatmeal ac, soybean c,
    sunflower a."""
    different = matrix(6, [(0, 1), (0, 2), (0, 4), (1, 3), (1, 4), (1, 5), (2, 5), (4, 5)])
    assert letters(letter_groups(different), 6) == ("a", "b", "bc", "ac", "c", "a")


def test_the_best_come_first() -> None:
    """Model 2 leads, tied with 0; model 1 stands apart."""
    groups = letter_groups(matrix(3, [(0, 1), (1, 2)]), order=[2, 0, 1])
    assert groups == ((2, 0), (1,))
    assert letters(groups, 3) == ("a", "b", "a")


def test_all_alike_all_apart_and_none() -> None:
    assert letter_groups(matrix(4, [])) == ((0, 1, 2, 3),)
    assert letter_groups(~np.eye(3, dtype=bool)) == ((0,), (1,), (2,))
    assert letter_groups(np.zeros((0, 0), bool)) == ()


def test_letters_do_not_run_out() -> None:
    words = letters([(model,) for model in range(60)], 60)
    assert words[25:28] == ("z", "a'", "b'") and words[52] == "a''"
    assert len(set(words)) == 60


@pytest.mark.parametrize("wrong", [[[False, True], [False, False]], [[True]], [False]])
def test_what_is_no_matrix_of_differences_is_a_clear_error(wrong: list) -> None:
    with pytest.raises(StudyError, match="not a symmetric matrix"):
        letter_groups(np.array(wrong))
