"""Pictures to predict as they are handed on, and what a user must know of how they were read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from snellen.data.dataset import Excluded
from snellen.models.given_pictures import Conversions
from snellen.models.input_contract import Input
from snellen.phrases import plural

NO_LABEL = -1
LISTED = 3


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures of one source, as the model takes them. images: (N, H, W, C). labels: (N,) int64 in `classes`, NO_LABEL
    where a picture has none; test, validation: (N,) bool for official parts; each None when the source has none. place:
    the folder below which ids are paths, which tells equal ids of several sources apart."""

    ids: list[str]
    images: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    test: np.ndarray | None = None
    validation: np.ndarray | None = None
    place: str = ""


@dataclass
class Reading:
    """What happened while sources were read. failed: pictures that could not be read. passed_over: names of other files
    in folders. hidden: number of hidden files. remarks: whatever else must be said, a sentence each."""

    conversions: Conversions = field(default_factory=Conversions)
    failed: list[Excluded] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    hidden: int = 0
    remarks: list[str] = field(default_factory=list)

    def sentences(self, contract: Input) -> list[str]:
        """All that must be said, but for `failed`; each sentence once."""
        said = [*self.conversions.sentences(contract), *Counter(self.remarks)]
        if self.passed_over:
            named = ", ".join(self.passed_over[:LISTED])
            more = f" and {len(self.passed_over) - LISTED:,} more" if len(self.passed_over) > LISTED else ""
            said.append(f"Passed over what is not a picture: {named}{more}.")
        if self.hidden:
            said.append(f"Passed over {plural(self.hidden, 'hidden file')}, which systems leave beside pictures.")
        return said
