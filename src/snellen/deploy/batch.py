"""Images to predict as they are handed on, and what a user must know of how they were read."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snellen.data.dataset import Excluded
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.errors import StudyError
from snellen.models.given_images import Conversions
from snellen.models.input_contract import Input
from snellen.phrases import plural, some

NO_LABEL = -1
LISTED = 3


@dataclass(frozen=True, eq=False)
class Batch:
    """Images of one source, as the model takes them. images: (N, H, W, C). labels: (N,) int64 in `classes`, NO_LABEL
    where an image has none; test, validation: (N,) bool for official parts; each None when the source has none. place:
    the folder below which ids are paths, which tells equal ids of several sources apart. numbered: whether ids are
    made of file and row, counting from 0, because the source has none."""

    ids: list[str]
    images: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] | None = None
    test: np.ndarray | None = None
    validation: np.ndarray | None = None
    place: str = ""
    numbered: bool = False


@dataclass
class Reading:
    """How sources are read, and what happened meanwhile. options: what the user says of them, as a study would. failed:
    images that could not be read. passed_over: names of other files in folders. hidden: number of hidden files.
    again: files that an earlier source had too. remarks: whatever else must be said, a sentence each. sources: the
    number opened so far; source_of: that of the source of each file, None where there is only one."""

    options: Options = DEFAULT_OPTIONS
    conversions: Conversions = field(default_factory=Conversions)
    failed: list[Excluded] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    hidden: int = 0
    again: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    sources: int = 0
    source_of: dict[str, int] | None = None

    def expect_no_options(self, what: str) -> None:
        """Raises StudyError for options that say how arrays and tables are read, where the source is something else."""
        for name, option in (("keys", "--key"), ("size", "--size")):
            if getattr(self.options, name):
                raise StudyError(f"{option} is for arrays and tables", found=what, hint="Predict these without it.")

    def is_new(self, file: Path) -> bool:
        """Whether no earlier source had this file, where `source_of` notes the source of each; noted otherwise."""
        if self.source_of is None:
            return True
        real = os.path.realpath(file)
        if self.source_of.setdefault(real, self.sources) == self.sources:
            return True
        self.again.append(str(file))
        return False

    def sentences(self, contract: Input) -> list[str]:
        """All that must be said, but for `failed`; each sentence once."""
        said = [*self.conversions.sentences(contract), *Counter(self.remarks)]
        if self.again:
            these = "is" if len(self.again) == 1 else "are"
            number = plural(len(self.again), "image")
            said.append(f"{number} ({some(self.again, LISTED)}) {these} in more than one source, and answered once.")
        if self.passed_over:
            said.append(f"Passed over what is not an image: {some(self.passed_over, LISTED)}.")
        if self.hidden:
            said.append(f"Passed over {plural(self.hidden, 'hidden file')}, which systems leave beside images.")
        return said
