"""Labels of pictures by the folders that they are in, where these are classes of the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.data.readers.labelled_pictures import ROLES, VALIDATION
from snellen.deploy.batch import NO_LABEL


def labels_of_folders(
    paths: Sequence[str], known: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None] | None:
    """(N,) int64 labels, their names, and (N,) bool of the test part or None; None where no folder is a class.

    paths: below the source, with forward slashes. A class is the first folder, after folders that all paths share and
    names of parts (train, test): `photos/test/cat/1.png`. known: the classes of the model.
    """
    folders, is_test = [path.split("/")[:-1] for path in paths], np.zeros(len(paths), bool)
    while (shared := _shared(folders)) and shared not in known and not _is_part(shared):
        folders = [each[1:] for each in folders]
    if all(each and _is_part(each[0]) and each[0] not in known for each in folders):
        is_test = np.array([ROLES.get(each[0].lower(), False) for each in folders])
        folders = [each[1:] for each in folders]
    labels = [each[0] if each else None for each in folders]
    names = tuple(sorted({label for label in labels if label is not None}))
    if not set(names) & set(known):
        return None
    codes = {name: code for code, name in enumerate(names)}
    found = np.array([NO_LABEL if label is None else codes[label] for label in labels], np.int64)
    return found, names, is_test if is_test.any() else None


def _shared(folders: Sequence[Sequence[str]]) -> str | None:
    first = {each[0] if each else None for each in folders}
    return first.pop() if len(first) == 1 else None


def _is_part(name: str) -> bool:
    return name.lower() in (*ROLES, *VALIDATION)
