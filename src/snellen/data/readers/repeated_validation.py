"""Detects, by content, a validation part that repeats the images of other parts and so cannot validate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snellen.data.dataset import PartRole

MOST = 0.5
"""A part is not used if more than this share of its images is in others; fewer are left out individually."""

BEGINS = "The validation part"


def repeated_validation(parts: Mapping[PartRole, tuple[str, np.ndarray]]) -> str | None:
    """The sentence on a validation part that is not used, None if it is used. parts: role to the name of its images and
    their (n,) digests. Public SVHN files carry an X_val of training and test images together.
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
