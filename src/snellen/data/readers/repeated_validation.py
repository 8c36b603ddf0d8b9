"""A validation part that repeats the images of other parts validates nothing: found by content."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snellen.data.dataset import PartRole

MOST = 0.5
"""A part is not used when more than this share of its images is in others; fewer are left out one by one."""

BEGINS = "The validation part"


def repeated_validation(parts: Mapping[PartRole, tuple[str, np.ndarray]]) -> str | None:
    """The sentence on a validation part that is not to be used, None where it is.

    parts: role to the name of its images and their (n,) digests. Public SVHN files carry an X_val of training and
    test images together.
    """
    if "validation" not in parts:
        return None
    name, own = parts["validation"]
    found = {other: np.isin(own, digests) for role, (other, digests) in parts.items() if role != "validation"}
    if np.mean(np.any(list(found.values()), axis=0)) <= MOST:
        return None
    shared = " and ".join(f"{rows.sum():,} are also in {other}" for other, rows in found.items() if rows.any())
    return f"{BEGINS} {name} is not used: of its {len(own):,} images {shared}."


def is_about_repeated(remark: str) -> bool:
    """Whether a remark of a data set is the sentence of `repeated_validation`."""
    return remark.startswith(f"{BEGINS} ") and " are also in " in remark
