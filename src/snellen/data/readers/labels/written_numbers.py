"""Labels that are whole numbers written with a decimal point, as pandas writes a column that had an empty cell."""

from __future__ import annotations

import re
from collections.abc import Sequence

from snellen.errors import shown

NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


def first_fraction(labels: Sequence[str]) -> int | None:
    """The index of the first label that is not a whole number, if all are numbers or empty; else None."""
    if not all(not label or NUMBER.fullmatch(label) for label in labels):
        return None
    return next((place for place, label in enumerate(labels) if label.partition(".")[2].strip("0")), None)


def as_whole_numbers(labels: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """The labels without a decimal point, and the remark on that, if all are whole numbers; else unchanged. Empty ones
    stay empty."""
    kinds = {*labels}
    written = sorted(label for label in kinds if "." in label)
    if not written or not all(not label or NUMBER.fullmatch(label) for label in kinds):
        return labels, None
    if first_fraction(sorted(kinds)) is not None:
        return labels, None
    plain = {label: label.partition(".")[0].removeprefix("+") if "." in label else label for label in kinds}
    said = f"The labels are whole numbers with a decimal point: {shown(written[0])} is read as {plain[written[0]]}."
    return [plain[label] for label in labels], said
