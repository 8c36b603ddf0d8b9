"""Usual names of the columns of tables, for labels, paths, ids, parts and groups; for all kinds of tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "path": (
        ("path", "file", "filename", "image"),
        (
            *("filename", "filenames", "filepath", "filepaths", "paths", "files", "images", "imagepath", "imagefile"),
            *("imagename", "imagefilename", "img", "imgpath", "imgfile", "imgname", "picture", "photo"),
        ),
        ("imageid", "imgid", "pictureid", "idcode"),
        ("id", "name"),
    ),
    "label": (
        ("label", "class"),
        ("labels", "classes", "classname", "classlabel", "labelname"),
        (
            *("category", "categoryname", "target", "targets", "breed", "species", "diagnosis", "dx", "disease"),
            *("variety", "emotion", "expression", "letter", "digit", "genre", "kind", "type", "tag"),
        ),
        ("classid", "y"),
    ),
    "id": (("id", "ids", "sampleid", "rowid", "uid", "uuid", "index", "idx", "key"),),
    "role": (
        ("role",),
        ("split",),
        (
            *("splits", "roles", "usage", "set", "subset", "partition", "datasplit", "datasetsplit", "splitname"),
            *("traintest", "trainvaltest"),
        ),
        ("dataset", "part", "phase"),
    ),
    "group": (("group",),),
    "page": (("page",),),
}
"""Use to names. Names of the first tuple are usual, in upper or lower case; the others are compared without spaces,
underscores and hyphens, tuple by tuple."""

CERTAIN_LABELS = {
    *(name for names in NAMES["label"][:2] for name in names),
    *("category", "target", "targets", "species", "emotion", "letter", "digit", "classid", "y"),
}
"""Names that show that a line is a header; others, such as disease, may be the class in a first row."""

FLAGS = {
    *("istest", "istrain", "istraining", "isval", "isvalid", "isvalidation", "train", "test"),
}
"""Names of columns that mark one part, whose values are ambiguous."""

SURE_ROLES = slice(3)
"""The names of columns with the parts that are certain without looking at values."""

MANIFEST_TIERS = {"label": 3}
"""A column y beside paths is usually a coordinate."""


def plain(name: str) -> str:
    """A name without spaces, underscores and other separators, in lower case."""
    return re.sub(r"[\W_]+", "", name).lower()


def is_usual(use: str, name: str) -> bool:
    """Whether the use of a column with this name is so usual that it needs no remark."""
    return name.strip().lower() in NAMES[use][0]


def is_called(use: str, name: str, tiers: slice = slice(None)) -> bool:
    """Whether a name is among those of a use. tiers: which of its tuples count."""
    return any(_is_in(use, tier, name) for tier in range(len(NAMES[use]))[tiers])


def columns_called(use: str, names: Sequence[str], tiers: slice = slice(None)) -> list[str]:
    """The columns with the most usual names of a use; if there are several, the choice is ambiguous."""
    found = ([name for name in names if _is_in(use, tier, name)] for tier in range(len(NAMES[use]))[tiers])
    return next(filter(None, found), [])


def _is_in(use: str, tier: int, name: str) -> bool:
    return name.strip().lower() in NAMES[use][0] if tier == 0 else plain(name) in NAMES[use][tier]
