"""The rows of a study that commits a fault on purpose: other validation images than an honest split has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snellen.data.splits.split_data import SplitData
from snellen.errors import StudyError


def with_faults(data: SplitData, faults: Sequence[str]) -> SplitData:
    """The data with the faults that jobs commit, and other roles where a fault is about them; `data` itself without
    any. Every row still has one role.

    test_as_validation: the test images and the validation images change places, so that the test images stop and
    choose, and the others, which then have no part in it, are what is opened at the end. last_rows_validation: the last
    rows of training and validation together are the validation rows, as many as there were.
    """
    if not faults:
        return data
    rows = dict(data.roles.rows)
    if "test_as_validation" in faults:
        if not len(rows["test"]):
            raise StudyError("`test_as_validation` needs test images", hint="Add `split: {test: 0.2}`.")
        rows["validation"], rows["test"] = rows["test"], rows["validation"]
    if "last_rows_validation" in faults:
        both = np.union1d(rows["train"], rows["validation"])
        first = len(both) - len(rows["validation"])
        rows["train"], rows["validation"] = both[:first], both[first:]
    return replace(data, roles=replace(data.roles, rows=rows), faults=tuple(faults))
