"""Groups of rows: named by the study, merged with others that share a row, or formed around representatives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from pathlib import PurePosixPath

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from snellen.data.dataset import PartRole
from snellen.errors import DataError, StudyError


class Group(BaseModel):
    """How a study defines groups of rows: by exactly one of these. column: a column of the manifest. level: a folder of
    the path, 1 for the first below the source. pattern: a regular expression searched in the path; the group is its
    parentheses, or the whole match without parentheses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    column: str | None = None
    level: int | None = Field(default=None, ge=1, strict=True)
    pattern: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Group:
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            found = " and ".join(given) or None
            raise StudyError("`group` needs exactly one key", found=found, expected="column, level or pattern")
        return self

    @field_validator("pattern")
    @classmethod
    def _is_an_expression(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise StudyError(f"not a regular expression: {error}", found=repr(pattern)) from None
        return pattern

    def of_path(self, path: str) -> str:
        """The group of a path with forward slashes. Raises DataError if the path has none."""
        if self.pattern is not None:
            match = re.search(self.pattern, path)
            if match is None:
                raise DataError("no group in this path", expected=f"a match of {self.pattern!r}")
            return "/".join(part or "" for part in match.groups()) if match.re.groups else match.group()
        folders = PurePosixPath(path).parts[:-1]
        if self.level is None or self.level > len(folders):
            expected = f"at least {self.level} for the group" if self.level else "a manifest with that column"
            raise DataError("no group in this path", found=f"{len(folders)} folders", expected=expected)
        return folders[self.level - 1]

    def of_row(self, path: str, role: PartRole) -> str:
        """The same for a row of an official part. Rows of a test or validation part without a group, because their
        names have another form, are separate groups."""
        try:
            return self.of_path(path)
        except DataError:
            if role == "train":
                raise
            return path


def first_occurrences(values: np.ndarray) -> np.ndarray:
    """(N,) int64: the first row with the same value, for each row."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def merge_groups(*groupings: np.ndarray) -> np.ndarray:
    """(N,) int64: the lowest row connected to each row, directly or through others, by any of the (N,) groupings."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_rows = len(groupings[0])
    ones = np.tile(np.arange(num_rows), len(groupings))
    others = np.concatenate([first_occurrences(values) for values in groupings])
    pairs = coo_array((np.ones(len(ones), bool), (ones, others)), shape=(num_rows, num_rows))
    return first_occurrences(connected_components(pairs, directed=False)[1])


def star_groups(num_rows: int, ones: np.ndarray, others: np.ndarray, fixed: Sequence[np.ndarray] = ()) -> np.ndarray:
    """(num_rows,) int64: the lowest row in the group of each row, by pairs of similar rows. Each group has a
    representative that is paired with every other member, so that a chain of pairs does not become one group. The next
    representative is always the row with the most pairs among rows without a group, the lowest of equal ones. fixed:
    (num_rows,) bool, one or more sets of rows that become representatives first. A row of a set is never in the group
    of another row of the set, and every row paired with a row of the set is in the group of such a row.
    """
    from scipy.sparse import coo_array

    both = np.concatenate([ones, others]), np.concatenate([others, ones])
    pairs = coo_array((np.ones(len(both[0]), bool), both), shape=(num_rows, num_rows)).tocsr()
    starts, partners = pairs.indptr, pairs.indices
    free, groups = np.ones(num_rows, bool), np.arange(num_rows)

    def members(row: int) -> np.ndarray:
        own = partners[starts[row] : starts[row + 1]]
        return np.append(own[free[own]], row)

    def close(rows: np.ndarray) -> None:
        free[rows] = False
        groups[rows] = rows.min()

    for first in fixed:
        rows = np.flatnonzero(free & first)
        free[rows] = False
        for row in rows.tolist():
            close(members(row))
    waiting = [(-len(members(row)), row) for row in np.flatnonzero(free & (np.diff(starts) > 0)).tolist()]
    heapify(waiting)
    while waiting:
        size, row = heappop(waiting)
        own = members(row)
        if free[row] and len(own) == -size:
            close(own)
        elif free[row]:
            heappush(waiting, (-len(own), row))  # some of its partners have got a group since
    return groups
