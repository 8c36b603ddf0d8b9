"""Folders whose names contain class and part: `cat_train`, `cat_test`, `dog_train`, `dog_test`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from shlex import quote

from snellen.data.dataset import PartRole
from snellen.data.readers.image_files.folder_tree import FolderTree, name_of
from snellen.data.readers.role_names import role_of

SHOWN_MOVES = 6
WORD = re.compile(r"[^\W_]+")


def split_name(name: str) -> tuple[str, PartRole] | None:
    """The class and the part that a name means, when its first or last word is the name of a part; else None."""
    words = list(WORD.finditer(name))
    if len(words) < 2:
        return None
    first, last = role_of(words[0][0]), role_of(words[-1][0])
    if bool(first) == bool(last):
        return None
    if first:
        return name[words[1].start() :], first
    return (name[: words[-2].end()], last) if last else None


def combined_names(tree: FolderTree, folders: Iterable[str]) -> dict[str, tuple[str, PartRole]]:
    """The class and the part of each folder if that is certain: every name contains both, each of at least two classes
    has the same parts, including training, and images directly in its folders. Otherwise empty."""
    found: dict[str, tuple[str, PartRole]] = {}
    for folder in folders:
        said = split_name(name_of(folder))
        if said is None or tree.folders(folder):
            return {}
        found[folder] = said
    classes, roles = {label for label, _ in found.values()}, {role for _, role in found.values()}
    pairs = {*found.values()}
    complete = len(pairs) == len(found) == len(classes) * len(roles)
    return found if complete and "train" in roles and len(roles) > 1 and len(classes) > 1 else {}


def lines_that_move(tree: FolderTree, folders: Iterable[str]) -> str | None:
    """Commands that move folders into folders of the parts in their names; None if the names are not classes and
    parts."""
    moves = list[str]()
    labels = set[str]()
    for folder in folders:
        said = split_name(name_of(folder))
        if said is None or tree.folders(folder):
            return None
        label, role = said
        above = posixpath.join(folder.rpartition("/")[0], role)
        moves.append(f"mkdir -p {quote(above)} && mv {quote(folder)} {quote(posixpath.join(above, label))}")
        labels.add(label)
    more = ", and so on" if len(moves) > SHOWN_MOVES else ""
    return f"{' && '.join(moves[:SHOWN_MOVES])}{more}" if len(labels) > 1 else None
