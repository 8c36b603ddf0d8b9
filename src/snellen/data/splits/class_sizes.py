"""Checks that every class has the images that the roles of a split need, and suggests what to write if not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.errors import StudyError, shown
from snellen.phrases import listing, plural, yaml_list

LISTED = 20
"""The most classes that a message names with their counts."""
LONGEST_LINE = 1_500
"""The most characters of a suggested line in a message; longer ones would be cut."""


@dataclass(frozen=True, eq=False)
class ClassSizes:
    """Numbers of images by class, (K,) each. images: all. in_test: those of an official test. usable: those of the
    others that are used. different: the different usable ones, where copies of one image, and images that stay
    together, count once."""

    images: np.ndarray
    in_test: np.ndarray
    usable: np.ndarray
    different: np.ndarray

    @staticmethod
    def of(
        dataset: Dataset, units: np.ndarray, usable: np.ndarray | None = None, test: np.ndarray | None = None
    ) -> ClassSizes:
        """units: (N,), equal for rows that stay together. usable, test: rows; those outside and in the official test if
        None."""
        labels, classes = dataset.labels, len(dataset.classes)
        official = np.zeros(len(labels), bool) if dataset.official_test is None else dataset.official_test
        test = np.flatnonzero(official) if test is None else test
        rows = np.flatnonzero(~official) if usable is None else usable
        pairs = np.unique(np.stack([units[rows], labels[rows]]), axis=1)
        counted = (labels, labels[test], labels[rows], pairs[1])
        return ClassSizes(*(np.bincount(each, minlength=classes) for each in counted))

    def described(self, classes: Sequence[str], chosen: Sequence[int]) -> str:
        """The classes of these numbers, each with its counts."""
        some = [f"{shown(classes[k])} ({self._counts(k)})" for k in chosen[:LISTED]]
        return listing([*some, f"{len(chosen) - LISTED:,} more"] if len(chosen) > LISTED else some)

    def _counts(self, k: int) -> str:
        left_out = self.images[k] - self.in_test[k] - self.usable[k]
        parts = [plural(int(self.images[k]), "image") if self.images[k] else "no image"]
        parts += [f"{self.in_test[k]:,} in the test"] if self.in_test[k] else []
        parts += [f"{left_out:,} left out"] if left_out else []
        parts += [f"{self.different[k]:,} different"] if self.different[k] < self.usable[k] else []
        return ", ".join(parts)


def check_classes(dataset: Dataset, rows: Mapping[str, np.ndarray], units: np.ndarray, needed: Sequence[str]) -> None:
    """Raises StudyError if a class has no row in one of the needed roles; it names all classes that are too small, or
    the share that is too small. rows: by role. units: (N,), equal for rows that stay together."""
    counts = {role: np.bincount(dataset.labels[rows[role]], minlength=len(dataset.classes)) for role in needed}
    missing = {role: np.flatnonzero(number == 0).tolist() for role, number in counts.items() if not number.all()}
    if not missing:
        return
    official = dataset.official_test is not None and rows.get("test") is not None
    drawn = [role for role in rows if len(rows[role]) and not (official and role == "test")]
    sizes = ClassSizes.of(dataset, units, np.concatenate([rows[role] for role in drawn]))
    roles = [role for role in drawn if role in needed or role in ("test", "held_out")]
    small = np.flatnonzero(sizes.different < len(roles)).tolist()
    if set(small) & {k for each in missing.values() for k in each}:
        raise too_small(dataset.classes, sizes, small, roles)
    role, absent = next(iter(missing.items()))
    if dataset.official_validation is not None:
        raise _none_given(dataset.classes, role, sizes, absent)
    raise _none_drawn(dataset.classes, role, int(counts[role].sum()), absent)


def _none_given(classes: Sequence[str], role: str, sizes: ClassSizes, absent: Sequence[int]) -> StudyError:
    """The error for an official part that lacks some classes."""
    part = "official validation" if role == "validation" else "training"
    return StudyError(
        f"no image of {plural(len(absent), 'class')} in the {part} part",
        found=sizes.described(classes, absent),
        expected="every class at least once",
        hint=f"Leave these classes out: {without(classes, absent)}." if len(classes) - len(absent) > 1 else None,
    )


def _none_drawn(classes: Sequence[str], role: str, number: int, absent: Sequence[int]) -> StudyError:
    """The error for a role with too few rows for all classes, although the classes have enough images. number: number
    of rows."""
    names = listing([shown(classes[k]) for k in absent[:LISTED]])
    more = f" and {len(absent) - LISTED:,} others" if len(absent) > LISTED else ""
    ask = (
        "fewer rows of other roles" if role == "train" else f"more: `split: {{{role}: {len(classes)}}}` is one a class"
    )
    leave = f", or leave classes out: {without(classes, absent)}" if len(classes) - len(absent) > 1 else ""
    return StudyError(
        f"no {role} row of class {names}{more}",
        found=f"{number:,} {role} rows of {len(classes) - len(absent)} of {len(classes)} classes",
        expected="every class at least once",
        hint=f"Ask for {ask}{leave}.",
    )


def too_small(classes: Sequence[str], sizes: ClassSizes, small: Sequence[int], roles: Sequence[str]) -> StudyError:
    """The error for classes with fewer different images than roles that need one."""
    need = f"at least {len(roles)} different images of each class, one each for {listing(name_of(r) for r in roles)}"
    left = [name for k, name in enumerate(classes) if k not in set(small)]
    leave = f"Leave them out: {without(classes, small)}. Or add images of them" if len(left) > 1 else "Add images"
    return StudyError(
        f"too few images of {plural(len(small), 'class')}",
        found=sizes.described(classes, small),
        expected=need,
        hint=f"{leave}.",
    )


def without(classes: Sequence[str], small: Sequence[int]) -> str:
    """The line of a study that leaves classes out, and its place."""
    line = f"classes: {yaml_list(name for k, name in enumerate(classes) if k not in set(small))}"
    if len(line) > LONGEST_LINE:
        return "`classes: [...]` under `data`, a list of those to keep (`snellen init` writes it)"
    return f"`{line}` under `data`"


def name_of(role: str) -> str:
    """The name of a role in a sentence."""
    return {"train": "training", "held_out": "the held-out part of a fold", "test": "the test"}.get(role, role)
