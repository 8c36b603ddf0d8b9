"""One side of `snellen compare`: a model of a finished run, and its images by content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from snellen.data.load import read
from snellen.data.splits import vault
from snellen.errors import DataNotFound, RunError, UnknownName, unknown
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.chosen_by_search import chosen_by_search, folds_were_ranked
from snellen.evaluate.cross_validation import HELD_OUT, HeldOut, held_out
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.record import RunRecord
from snellen.files.hashing import digest_arrays
from snellen.study.data_settings import options_of, split_of_study

ROLES = ("train", "validation", "calibration", "test")
Key = tuple[object, int]
"""An image by content, and its number among identical images in one role."""


@dataclass(frozen=True, eq=False)
class ComparedSide:
    """name: as it is printed, RUN:MODEL."""

    name: str
    record: RunRecord
    model: str

    @staticmethod
    def of(text: str) -> ComparedSide:
        """The side named by RUN, which means its chosen model, or by RUN:MODEL. Raises RunError and UnknownName."""
        folder, model = Path(text), ""
        if not folder.exists() and ":" in text:
            before, _, model = text.rpartition(":")
            folder = Path(before)
        record = RunRecord.open(folder)
        if not record.done:
            raise RunError("no model of this run was trained to the end", where=str(folder))
        if model and model not in record.done:
            raise unknown("model of this run", model, record.done, where=str(folder))
        model = model or evaluations.load(record).ranked[0]
        return ComparedSide(f"{folder}:{model}", record, model)

    @cached_property
    def evaluation(self) -> Evaluation:
        """The scores of its run."""
        return evaluations.load(self.record)

    def networks(self, role: str) -> Networks | None:
        """Its labelled predictions on a role; on the test only if the study opened it."""
        if role == "test" and self.model not in self.evaluation.opened:
            return None
        return networks_on(self.record, self.model, role)

    @cached_property
    def folds(self) -> HeldOut | None:
        """Its predictions over folds; None if there are fewer than two."""
        return held_out(self.record, self.model)

    def why_selected(self, role: str) -> str | None:
        """Why its answers on these images are optimistic, which is so if it was chosen by them; None if it was not."""
        ranked, by = self.evaluation.ranked, self.evaluation.by
        if role == "test":
            return None
        what = "folds" if role == HELD_OUT else "images"
        by_search = (
            folds_were_ranked(self.record, self.model)
            if role == HELD_OUT
            else self.model in chosen_by_search(self.record, [self.model])
        )
        if by_search:
            return f"a search chose {self.name} by these {what}"
        if len(ranked) > 1 and ranked[0] == self.model and (by == "folds") == (role == HELD_OUT):
            return f"{self.name} was chosen among {len(ranked)} models by these {what}"
        return None

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """(n,) rows of the data set by role."""
        stored = {role: self.record.predictions(self.model, role) for role in ROLES[:-1]}
        found = {role: each.rows for role, each in stored.items() if each is not None}
        return {**found, "test": vault.test_rows(self.record.folder)}

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its data set."""
        return self.record.data["data"]["fingerprint"]


@dataclass(frozen=True, eq=False)
class Contents:
    """The images of a side. by_role: the images of each role; of_row: the key of the image of a row."""

    by_role: Mapping[str, list[Key]]
    of_row: Callable[[int], object]


def contents(sides: Sequence[ComparedSide], data_folder: Path | None) -> list[Contents]:
    """The images of each side. For the same data set the row number is the key; otherwise the images are read and
    hashed. Raises RunError if they are needed and not on this machine."""
    same = len({side.fingerprint for side in sides}) == 1
    return [_contents(side, int if same else _digest(side, data_folder)) for side in sides]


def _contents(side: ComparedSide, of_row: Callable[[int], object]) -> Contents:
    return Contents(
        {role: _counted([of_row(row) for row in rows.tolist()]) for role, rows in side.rows.items()}, of_row
    )


def _digest(side: ComparedSide, data_folder: Path | None) -> Callable[[int], object]:
    """The digest of the image of a row, and of its pixel range."""
    study = side.record.study
    try:
        dataset = read(study.data.source, options_of(study), data_folder)
    except (DataNotFound, UnknownName):
        hint = "Name their folder with --data-dir or in SNELLEN_DATA."
        raise RunError(
            "the runs have different data, and the images of one are not here: which images they share is unknown",
            where=side.name,
            hint=hint,
        ) from None
    if study.data.reviews is not None:
        dataset = split_of_study(study, dataset, side.record.folder).dataset
    if dataset.fingerprint != side.fingerprint:
        raise RunError(
            "these are not the images of the run",
            where=side.name,
            found=dataset.fingerprint,
            expected=side.fingerprint,
        )
    white = np.array(dataset.pixel_range, np.float64)

    @cache
    def digest(row: int) -> object:
        return digest_arrays(dataset.images[row], white)

    return digest


def _counted(contents: Sequence[object]) -> list[Key]:
    seen, keys = Counter[object](), list[Key]()
    for content in contents:
        keys.append((content, seen[content]))
        seen[content] += 1
    return keys
