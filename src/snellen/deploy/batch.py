"""Batches of images to predict, and remarks for the user on how they were read."""

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
    """Images of one source, in the form that the model takes. images: (N, H, W, C). labels: (N,) int64 in `classes`,
    NO_LABEL for an image without a label; test, validation: (N,) bool for official parts; each is None if the source
    has none. place: the folder that ids are relative to, which distinguishes equal ids of several sources. numbered:
    whether ids are made of file and row, counting from 0, because the source has no ids."""

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
    """How sources are read, and a record of it. options: the user's settings, as in the `data` section of a study.
    failed: images that could not be read. passed_over: names of files in folders that are not images. hidden: number of
    hidden files. again: files that are in an earlier source too. remarks: other sentences for the user. sources: the
    number of sources opened so far; source_of: the source of each file by number, None if there is only one source."""

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
        """Raises StudyError if options for arrays and tables are given for another kind of source."""
        for name, option in (("keys", "--key"), ("size", "--size")):
            if getattr(self.options, name):
                raise StudyError(f"{option} is for arrays and tables", found=what, hint="Predict these without it.")

    def is_new(self, file: Path) -> bool:
        """Whether no earlier source has this file; a repeated file is recorded in `again`. Needs `source_of`."""
        if self.source_of is None:
            return True
        real = os.path.realpath(file)
        if self.source_of.setdefault(real, self.sources) == self.sources:
            return True
        self.again.append(str(file))
        return False

    def sentences(self, contract: Input) -> list[str]:
        """All sentences for the user, each once, except about `failed`."""
        texts = [*self.conversions.sentences(contract), *Counter(self.remarks)]
        if self.again:
            these = "is" if len(self.again) == 1 else "are"
            number = plural(len(self.again), "image")
            texts.append(f"{number} ({some(self.again, LISTED)}) {these} in more than one source, and answered once.")
        if self.passed_over:
            texts.append(f"Passed over what is not an image: {some(self.passed_over, LISTED)}.")
        if self.hidden:
            texts.append(f"Passed over {plural(self.hidden, 'hidden file')}, which systems leave beside images.")
        return texts
