"""Labels of images from the names of their folders, if these are classes of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import PartRole
from snellen.data.readers.image_files.combined_names import split_name
from snellen.data.readers.role_names import role_of
from snellen.deploy.batch import NO_LABEL


@dataclass(frozen=True, eq=False)
class FolderLabels:
    """labels: (N,) int64 in `classes`, NO_LABEL for an image outside of such folders. test, validation: (N,) bool, None
    without such a part."""

    labels: np.ndarray
    classes: tuple[str, ...]
    test: np.ndarray | None
    validation: np.ndarray | None


def labels_of_folders(paths: Sequence[str], known: Sequence[str]) -> FolderLabels | None:
    """The labels of images; None if no folder is a class of the model.

    paths: below the source, with forward slashes. The class is the first folder after those that all paths share,
    without names of parts (train, test): `photos/test/cat/1.png`, `photos/cat_test/1.png`. known: the classes of the
    model.
    """
    folders: list[Sequence[str]] = [path.split("/")[:-1] for path in paths]
    while (shared := _shared(folders)) and shared not in known and not role_of(shared):
        folders = [each[1:] for each in folders]
    roles = [role_of(each[0]) if each and each[0] not in known else None for each in folders]
    if said := _classes_and_parts(folders, known):
        folders, roles = [[label] for label, _ in said], [role for _, role in said]
    elif all(roles):
        folders = [_below_part(each, known) for each in folders]
    else:
        roles = [None] * len(folders)
    names = tuple(sorted({each[0] for each in folders if each}))
    if not set(names) & set(known):
        return None
    codes = {name: code for code, name in enumerate(names)}
    labels = np.array([codes[each[0]] if each else NO_LABEL for each in folders], np.int64)
    return FolderLabels(labels, names, _rows("test", roles), _rows("validation", roles))


def _classes_and_parts(folders: Sequence[Sequence[str]], known: Sequence[str]) -> list[tuple[str, PartRole]] | None:
    """The class and the part of each image if all folder names contain both, as `cat_train`; else None."""
    said = {name: split_name(name) for name in {each[0] if each else "" for each in folders}}
    found = {name: pair for name, pair in said.items() if pair is not None and name not in known and pair[0] in known}
    return [found[each[0]] for each in folders] if len(found) == len(said) else None


def _shared(folders: Sequence[Sequence[str]]) -> str | None:
    first = {each[0] if each else None for each in folders}
    return first.pop() if len(first) == 1 else None


def _below_part(folders: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    """The folders without those that name a part: `cat` for `seg_train/seg_train/cat`."""
    while folders and folders[0] not in known and role_of(folders[0]):
        folders = folders[1:]
    return folders


def _rows(role: PartRole, roles: Sequence[PartRole | None]) -> np.ndarray | None:
    return np.array([each == role for each in roles]) if role in roles else None
