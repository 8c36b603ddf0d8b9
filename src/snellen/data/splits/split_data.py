"""The data of a study with duplicates, roles, folds and class means, which are computed once for all following
steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.class_images import mean_images
from snellen.data.inspect.near_duplicates import NearDuplicates, near_duplicates
from snellen.data.splits.applied_reviews import AppliedReviews
from snellen.data.splits.divided_test import divided_test_sentence
from snellen.data.splits.folds import Fold, make_folds
from snellen.data.splits.roles import Roles, Split, assign_related, units_of
from snellen.files.hashing import canonical_json, digest, digest_arrays
from snellen.limits import MAX_NEAR_IMAGES

HASHED = ("train", "validation", "calibration")


@dataclass(frozen=True, eq=False)
class RoleRows:
    """Rows by role, and the SHA-256 of the content of those that the identity of a job or baseline names. faults: what
    jobs on these rows do wrong on purpose, by the names of `study.on_purpose`."""

    rows: Mapping[str, np.ndarray]
    sha256: Mapping[str, str]
    faults: tuple[str, ...] = ()

    @staticmethod
    def of(dataset: Dataset, rows: Mapping[str, np.ndarray], faults: tuple[str, ...] = ()) -> RoleRows:
        """These rows with their hashes."""
        return RoleRows(rows, {role: content_sha256(dataset, rows[role]) for role in HASHED if role in rows}, faults)

    def with_train(self, dataset: Dataset, train: np.ndarray) -> RoleRows:
        """The same rows, with other training rows."""
        sha256 = {**self.sha256, "train": content_sha256(dataset, train)}
        return replace(self, rows={**self.rows, "train": train}, sha256=sha256)

    def inner(self) -> RoleRows:
        """The training and validation rows only."""
        return replace(self, rows={role: self.rows[role] for role in ("train", "validation")})


@dataclass(frozen=True, eq=False)
class SplitData:
    """A data set with its duplicates, roles and folds. duplicates: (N,) see `duplicate_groups`. units: (N,) see
    `units_of`. folds: those that the study asks for. faults: those that the study commits on purpose. unreviewed,
    applied: the data before the reviews of the study, and the changes by these; None without reviews.
    """

    dataset: Dataset
    split: Split
    duplicates: np.ndarray
    units: np.ndarray
    roles: Roles
    folds: tuple[Fold, ...]
    faults: tuple[str, ...] = ()
    unreviewed: SplitData | None = None
    applied: AppliedReviews | None = None

    @cached_property
    def sealed(self) -> Dataset:
        """The data set without the labels of the test."""
        return self.dataset.without_labels(self.roles.rows["test"])

    @cached_property
    def used(self) -> np.ndarray:
        """All rows that have a role, ascending: in the split, in a fold, or before the reviews."""
        folds = [rows for fold in self.folds for rows in fold.rows.values()]
        before = [self.unreviewed.used] if self.unreviewed else []
        return np.unique(np.concatenate([*self.roles.rows.values(), *folds, *before]))

    @cached_property
    def divided_test(self) -> str | None:
        """A sentence if the validation images are from the official test; else None."""
        if self.split.validation_from_test is None:
            return None
        return divided_test_sentence(self.roles.rows, self.split.seed)

    @cached_property
    def main(self) -> RoleRows:
        """The rows of the study's split, without those of the test."""
        rows = {role: rows for role, rows in self.roles.rows.items() if role != "test" and len(rows)}
        return RoleRows.of(self.dataset, rows, self.faults)

    @cached_property
    def fold_rows(self) -> list[tuple[Fold, RoleRows]]:
        """Each fold, and its rows with their hashes."""
        return [(fold, RoleRows.of(self.dataset, fold.rows, self.faults)) for fold in self.folds]

    @cached_property
    def class_means(self) -> np.ndarray:
        """(K, H, W, C) float32: the mean training image of each class; see `mean_images`."""
        return mean_images(self.dataset, self.roles.rows["train"])

    @cached_property
    def near_duplicates(self) -> NearDuplicates | None:
        """The near-duplicates; None for many images, unless the split keeps near-duplicates together."""
        looked_for = self.split.near_duplicates or len(self.dataset) <= MAX_NEAR_IMAGES
        return near_duplicates(self.dataset) if looked_for else None


def split_data(dataset: Dataset, split: Split, folds: tuple[int, int] | None = None) -> SplitData:
    """Duplicates, roles and folds of a data set. folds: the number of folds and of repeats."""
    duplicates = duplicate_groups(dataset.images)
    units = units_of(dataset, duplicates, split)
    roles = assign_related(dataset, split, duplicates, units)
    made = make_folds(dataset, roles, split, duplicates, units, *folds) if folds else []
    return SplitData(dataset, split, duplicates, units, roles, tuple(made))


def content_sha256(dataset: Dataset, rows: np.ndarray) -> str:
    """SHA-256 of the stored images, pixel range, labels and order of `rows`; ids and other rows are not included."""
    content = digest_arrays(dataset.images[rows], dataset.labels[rows])
    return digest(content.encode(), canonical_json(list(map(float, dataset.pixel_range))))
