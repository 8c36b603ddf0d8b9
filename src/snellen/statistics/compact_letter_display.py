"""The compact letter display: models that cannot be told apart share a letter, and a model may have several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_lowercase

import numpy as np

from snellen.errors import StudyError


def letter_groups(different_MM: np.ndarray, order: Sequence[int] | None = None) -> tuple[tuple[int, ...], ...]:
    """The groups of models that cannot be told apart: two models share a group if and only if they do not differ.

    different_MM: symmetric bool, False on the diagonal. order: the models, best first (default: as they come); groups
    and their members stand in that order. Insert and absorb (Piepho, Journal of Computational and Graphical Statistics
    13, 2004): start with one group of all; each differing pair splits every group that holds both into one without the
    first and one without the second; a group inside another is dropped. No sweeping: groups stay as large as can be.
    """
    different = np.asarray(different_MM, bool)
    if different.ndim != 2 or (different != different.T).any() or np.diagonal(different).any():
        raise StudyError("the differences between models are not a symmetric matrix", found=f"shape {different.shape}")
    ranks = range(len(different)) if order is None else order
    sorted_pairs = np.argwhere(np.triu(different[np.ix_(ranks, ranks)])) if len(different) else np.empty((0, 2), int)
    groups = [frozenset(range(len(different)))] if len(different) else []
    for first, second in sorted_pairs.tolist():
        groups = _split(groups, first, second)
    return tuple(tuple(ranks[place] for place in group) for group in sorted(sorted(group) for group in groups))


def _split(groups: list[frozenset[int]], first: int, second: int) -> list[frozenset[int]]:
    """Splits the groups that hold both models; only the new groups can lie inside another group."""
    kept = [group for group in groups if not {first, second} <= group]
    halves = [group - {model} for group in groups if {first, second} <= group for model in (first, second)]
    for half in sorted(set(halves), key=len, reverse=True):
        if not any(half <= group for group in kept):
            kept.append(half)
    return kept


def letters(groups: Sequence[Sequence[int]], models: int) -> tuple[str, ...]:
    """One word for each model: the letters of its groups in order, such as "ab". After z come a', b' and so on."""
    words = [""] * models
    for index, group in enumerate(groups):
        name = ascii_lowercase[index % 26] + "'" * (index // 26)
        for model in group:
            words[model] += name
    return tuple(words)


def split_letters(word: str) -> list[str]:
    """The letters in a word of `letters`: "ab'" has a and b'."""
    return re.findall("[a-z]'*", word)
