"""The columns of a pixel CSV: the use of each, and the order of the pixels in the image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from snellen.data.readers.column_names import FLAGS, SURE_ROLES, columns_called, is_called, plain
from snellen.data.readers.csv.header import is_header, is_mangled
from snellen.data.readers.csv.lines import Form, is_number
from snellen.data.readers.csv.pixel_names import INDEX, MAX_NUMBER_DIGITS, NAMELESS, Places, find_places
from snellen.data.readers.csv.pixel_text import is_pixel_text
from snellen.data.readers.role_names import role_of
from snellen.errors import DataError, shown, unknown
from snellen.phrases import some

USES = ("label", "id", "role", "pixels")
"""The uses of columns that `keys` can name; pixels: the column with all pixels of an image as one text."""

SHOWN = 5
"""The most names of columns that a message quotes."""


@dataclass(frozen=True, eq=False)
class Columns:
    """names: those of all columns of the file. pixels: positions of the pixel columns, in the order of the image's
    pixels. label, ids, role, text: positions of these columns; text: a column with all pixels as one text. has_label:
    None if only values can show whether the first or last of `pixels` is the label. shape, num_channels: from the
    names, as in Places. others: positions of columns that are not used. remarks: sentences for the user. may_lack: uses
    whose cells may be empty."""

    names: Sequence[str]
    form: Form
    has_header: bool
    pixels: np.ndarray
    label: int | None = None
    ids: int | None = None
    role: int | None = None
    text: int | None = None
    has_label: bool | None = None
    shape: tuple[int, ...] | None = None
    num_channels: int | None = None
    others: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()

    def text_uses(self) -> dict[str, int]:
        """The columns that are read as text, except the pixels: use to position."""
        places = {"label": self.label, "id": self.ids, "role": self.role}
        return {use: place for use, place in places.items() if place is not None}


@dataclass
class _Search:
    """The state of the search. names, example: those of all columns, and their cells in the first row. left: positions
    of columns without a use. uses: use to position. ignored: positions that certainly hold no pixels."""

    names: Sequence[str]
    example: Sequence[str]
    form: Form
    left: list[int]
    uses: dict[str, int]
    ignored: set[int] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    def take(self, use: str, places: Sequence[int], what: str) -> None:
        """Gives this use to the only one of some columns, unless the study named another. Raises DataError for
        several."""
        if use in self.uses or not places:
            return
        if len(places) > 1:
            raise self.ambiguous(what, places, use)
        self.uses[use] = places[0]
        self.drop(places)

    def drop(self, places: Sequence[int]) -> None:
        gone = {*places}
        self.left = [place for place in self.left if place not in gone]

    def called(self, use: str, tiers: slice = slice(None)) -> list[int]:
        """The columns without a use that have the most usual names for this use."""
        found = columns_called(use, [self.names[place] for place in self.left], tiers)
        return [place for place in self.left if self.names[place] in found]

    def cell(self, place: int) -> str:
        return self.example[place] if place < len(self.example) else ""

    def ambiguous(self, what: str, places: Sequence[int], use: str) -> DataError:
        some = ", ".join(self.names[place] or "a column without a name" for place in places[:SHOWN]) or "none"
        hint = f"Name it with `keys: {{{use}: ...}}`, its name or its number counting from 0."
        return DataError(f"cannot tell the {what}", found=some, expected="one, such as label", hint=hint)


def find_columns(lines: Sequence[list[str]], form: Form, keys: Mapping[str, str], header: bool | None) -> Columns:
    """The columns of a file with these first lines. keys: use to name or number of a column; header: whether line 1 is
    a header; both from the study. Raises DataError if a use is not clear, and for missing pixels."""
    for use in keys:
        if use not in USES:
            raise unknown("key", use, USES, where="keys")
    first, below = (lines[0] if lines else []), (lines[1] if len(lines) > 1 else [])
    has_header = is_header(first, below or None, form) if header is None else header
    names = _as_wide(first, lines[1:]) if has_header else [f"{place}" for place in range(len(first))]
    example = below if has_header else first
    uses = {use: _position(name, names, use) for use, name in keys.items()}
    empty = _empty_columns(first, example) if len(names) == len(example) or not example else set()
    left = [place for place in range(len(names)) if place not in empty and place not in uses.values()]
    search = _Search(names, example, form, left, uses)
    search.take("pixels", [place for place in left if is_pixel_text(search.cell(place))], "column of pixels")
    if has_header:
        if all(is_number(name, form) for name in first) or is_mangled(first):
            search.remarks.append(_of_numeric_header(first))
        _by_name(search)
    if "pixels" in search.uses:
        places = None
        _beside_text(search)
    elif has_header:
        places = _by_series(search)
    else:
        places = None
        texts = [place for place in search.left if not is_number(search.cell(place), form)]
        search.take("role", [place for place in texts if role_of(search.cell(place))][:1], "column with the parts")
        search.take("label", [place for place in texts if place not in search.uses.values()], "label column")
    return _complete(search, places, has_header, empty)


def _as_wide(names: list[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """As many names as the first rows have cells: in tables written by R, the column of row names has no name; pandas
    and spreadsheets may end lines with a separator. Raises DataError if it is not clear which column has no name."""
    if not rows or len(rows[0]) != len(names) + 1:
        return names
    if not rows[0][-1]:
        return [*names, ""]
    starts = [row[0] for row in rows]
    counted = len(starts) > 1 and all(each.isdecimal() and len(each) <= MAX_NUMBER_DIGITS for each in starts)
    counted = counted and all(int(other) == int(one) + 1 for one, other in pairwise(starts))
    if counted or not re.fullmatch(r"[-+\d.,eE]*", starts[0]):
        return ["", *names]
    raise DataError(
        "a column without a name, first or last",
        found=f"{len(names):,} names in line 1, {len(rows[0]):,} cells in the next; it begins with "
        f"{', '.join(starts)} if first, {', '.join(row[-1] for row in rows)} if last",
        expected="a name for each column",
        hint="Write the missing name into line 1, such as `label` at its end.",
    )


def _of_numeric_header(first: Sequence[str]) -> str:
    some = f"{', '.join(first[:3])}, ..., {first[-1]}"
    if is_mangled(first):
        return (
            f"line 1 ({some}) is an image that another program took for column names: it is a header here and no "
            "image; write the file again without it to keep that image"
        )
    return f"line 1 ({some}) is a header of numbers, not an image"


def _empty_columns(first: Sequence[str], example: Sequence[str]) -> set[int]:
    """Drops the last column if lines end with a separator."""
    last = max(len(first), len(example)) - 1
    return {last} if last > 0 and not "".join([*first[last:], *example[last:]]) else set()


def _position(name: str, names: Sequence[str], use: str) -> int:
    if name in names:
        return list(names).index(name)
    if re.fullmatch(r"-?\d{1,7}", name) and -len(names) <= int(name) < len(names):
        return int(name) % len(names)
    raise unknown("column", name, names, where=f"keys.{use}")


def _by_name(search: _Search) -> None:
    """Label, parts, ids and index by their usual names."""
    search.take("label", search.called("label"), "label column")
    search.take("role", search.called("role", SURE_ROLES), "column with the parts")
    flags = [place for place in search.left if plain(search.names[place]) in FLAGS]
    if flags:
        found, hint = shown(search.names[flags[0]]), "Write a column `split` with train, validation or test instead."
        raise DataError("a column that marks parts in a form that is not read", found=found, hint=hint)
    if search.left[:1] == [0] and INDEX.fullmatch(search.names[0]):
        search.ignored.add(0)
        search.drop([0])
        search.remarks.append("the first column has no name: it numbers the rows and is not a pixel")
    ids = [place for place in search.left if any(is_called(use, search.names[place]) for use in ("id", "path"))]
    search.take("id", ids[:1], "id column")
    search.ignored |= {*ids}
    search.drop(ids)


def _by_series(search: _Search) -> Places | None:
    """The pixels by the series that names form, and the label as the remaining column; None if they form no series."""
    names = {place: search.names[place] for place in search.left}
    mangled = is_mangled([*names.values()])
    places = None if mangled else find_places(names)
    extras = [*names] if places is None else sorted({*names}.difference(places.columns.tolist()))
    parts = [place for place in extras if not mangled and role_of(search.cell(place))]
    search.take("role", parts, "column with the parts")
    if mangled or all(is_number(name, search.form) for name in names.values()):
        return places  # the label is the first or last of the numbers
    nameless = [place for place in extras if place in {*search.left} and NAMELESS.fullmatch(search.names[place])]
    named = [place for place in extras if place in {*search.left} and not re.search(r"\d$", search.names[place])]
    candidates = sorted({*named, *nameless})
    if places is None and not candidates and "label" not in search.uses:
        raise search.ambiguous("label column", [], "label")
    search.take("label", candidates if "label" not in search.uses else [], "label column")
    if search.uses.get("label") in nameless:
        search.remarks.append("the label is read from the only column without a name that is no pixel")
    return places


def _beside_text(search: _Search) -> None:
    """Beside a text of pixels, a column with a part's name as value holds the parts, and the only other column is the
    label."""
    search.take("role", [place for place in search.left if role_of(search.cell(place))], "column with the parts")
    if "label" not in search.uses:
        search.take("label", search.left, "label column")


def _complete(search: _Search, places: Places | None, has_header: bool, empty: set[int]) -> Columns:
    uses, names = search.uses, search.names
    text = uses.get("pixels")
    pixels = np.array([] if text is not None else search.left, np.int64) if places is None else places.columns
    pixels = pixels[~np.isin(pixels, [*uses.values()])]
    if not len(pixels) and text is None:
        found = ", ".join(map(shown, names[:SHOWN])) or "an empty file"
        raise DataError("no columns of pixels", found=found, expected="a column for each pixel, or one with all")
    if places is None and has_header:
        twice = [name for name, count in Counter(names[place] for place in pixels.tolist()).items() if count > 1]
        if twice and len(twice) < len(pixels) // 2 and len({names[place] for place in pixels.tolist()}) > 1:
            raise DataError("a column given twice", found=", ".join(map(shown, twice[:SHOWN])), where="line 1")
    used = {*pixels.tolist(), *uses.values()}
    others = tuple(place for place in range(len(names)) if place not in used)
    unused = [names[place] for place in others if place not in empty and place not in search.ignored]
    if unused:
        left = some([shown(name) for name in unused], SHOWN)
        search.remarks.append(f"columns that are neither pixels nor used otherwise: {left}")
    if places is not None and not np.array_equal(places.columns, np.sort(places.columns)):
        search.remarks.append("the columns of pixels are put in the order that their names say")
    by_values = places is None or places.of_any_column or all(is_number(names[place], search.form) for place in pixels)
    return Columns(
        names=names,
        form=search.form,
        has_header=has_header,
        pixels=pixels,
        label=uses.get("label"),
        ids=uses.get("id"),
        role=uses.get("role"),
        text=text,
        has_label="label" in uses or (None if by_values and text is None else False),
        shape=None if places is None else places.shape,
        num_channels=None if places is None else places.num_channels,
        others=others,
        remarks=tuple(search.remarks),
    )
