"""The columns of a pixel CSV: what each is for, and the order in which the pixels stand in the picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from snellen.data.readers.csv_header import is_header, is_mangled
from snellen.data.readers.csv_lines import Form, is_number
from snellen.data.readers.pixel_names import IDS, INDEX, LABELS, ROLES, find_places
from snellen.data.readers.pixel_text import is_pixel_text
from snellen.errors import DataError, shown, unknown

USES = ("label", "id", "role", "pixels")
"""The uses of columns that `keys` can name; pixels: the column with all pixels of a picture as one text."""


@dataclass(frozen=True, eq=False)
class Columns:
    """names: of all columns of the file. pixels: positions of the pixel columns, in the order of the picture's pixels.
    label, ids, role, text: positions of these columns; text: of all pixels as one text. has_label: None when only
    values can tell whether the first or last of `pixels` is the label. shape, num_channels: what the names say, as
    Places. others: positions of columns that are not used. remarks: what was found, for the user."""

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
    remarks: tuple[str, ...] = field(default=())


def find_columns(lines: Sequence[list[str]], form: Form, keys: Mapping[str, str], header: bool | None) -> Columns:
    """The columns of a file with these first two lines. keys: use to name or number of a column; header: whether line 1
    is a header; both from the study."""
    for use in keys:
        if use not in USES:
            raise unknown("key", use, USES, where="keys")
    first, below = (lines[0] if lines else []), (lines[1] if len(lines) > 1 else None)
    has_header = is_header(first, below, form) if header is None else header
    width = len(below if below and has_header else first)
    remarks = list[str]()
    if has_header:
        names = _as_wide(first, below or first)
        if all(is_number(name, form) for name in first) or is_mangled(first):
            remarks.append(_of_numeric_header(first))
    else:
        names = [f"{place}" for place in range(width)]
    example = below if has_header else first
    empty = _empty_columns(names if has_header else first, example)
    given = {use: _position(name, names, use) for use, name in keys.items()}
    left = [place for place in range(len(names)) if place not in empty and place not in given.values()]
    text = given.get("pixels", _text_column(left, example))
    if text is not None:
        left = [place for place in left if place != text]
    found = _named(left, names, example, given, text, form) if has_header else _unnamed(left, first, given, text, form)
    return _complete(found, names, form, has_header, left, given, text, empty, remarks)


def _as_wide(names: list[str], below: Sequence[str]) -> list[str]:
    """Names as many as the cells of the next line: of tables that R writes, the column of row names has none; pandas
    and spreadsheets end lines with a separator."""
    if len(below) == len(names) + 1:
        return [*names, ""] if not below[-1] else ["", *names]
    return names


def _of_numeric_header(first: Sequence[str]) -> str:
    some = f"{', '.join(first[:3])}, ..., {first[-1]}"
    if is_mangled(first):
        return (
            f"line 1 ({some}) is a picture that another program took for column names: it is a header here and no "
            "picture; write the file again without it to keep that picture"
        )
    return f"line 1 ({some}) is a header of numbers, not a picture"


def _empty_columns(names: Sequence[str], example: Sequence[str] | None) -> set[int]:
    """The last column where lines end with a separator."""
    last = len(names) - 1
    is_empty = last > 0 and not names[last] and not (example and example[last:] and example[last])
    return {last} if is_empty else set()


def _text_column(left: Sequence[int], example: Sequence[str] | None) -> int | None:
    found = [place for place in left if example and place < len(example) and is_pixel_text(example[place])]
    return found[0] if len(found) == 1 else None


def _position(name: str, names: Sequence[str], use: str) -> int:
    if name in names:
        return list(names).index(name)
    if re.fullmatch(r"-?\d{1,7}", name) and -len(names) <= int(name) < len(names):
        return int(name) % len(names)
    raise unknown("column", name, names, where=f"keys.{use}")


@dataclass
class _Found:
    uses: dict[str, int]
    pixels: np.ndarray
    has_label: bool | None
    shape: tuple[int, ...] | None = None
    num_channels: int | None = None
    remarks: list[str] = field(default_factory=list)


def _named(
    left: list[int],
    names: Sequence[str],
    example: Sequence[str] | None,
    given: Mapping[str, int],
    text: int | None,
    form: Form,
) -> _Found:
    """The columns below a header."""
    uses, remarks = dict[str, int](), list[str]()
    lower = {place: names[place].strip().lower() for place in left}
    for use, usual in (("label", LABELS), ("role", ROLES)):
        found = [place for place in left if re.sub(r"[\s-]+", "_", lower[place]) in usual]
        if use not in given and found:
            if len(found) > 1:
                which = "label column" if use == "label" else "column with the parts (train, test)"
                raise _ambiguous(which, [names[place] for place in found], use)
            uses[use] = found[0]
    if left and left[0] == 0 and INDEX.fullmatch(names[0]) and "id" not in given:
        uses["index"] = 0
    rest = [place for place in left if place not in uses.values()]
    ids = [place for place in rest if re.sub(r"[\s-]+", "_", lower[place]) in IDS]
    if ids and "id" not in given:
        uses["id"] = ids[0]
    rest = sorted({*rest}.difference(ids))
    if text is not None:
        return _Found(_with_only(uses, rest, names, given), np.array([], np.int64), "label" in {*uses, *given})
    numeric = all(is_number(names[place], form) for place in rest)
    places = (
        None if numeric and is_mangled([names[place] for place in rest]) else find_places({p: names[p] for p in rest})
    )
    extras = [] if places is None else sorted({*rest} - {*places.columns.tolist()})
    has_label: bool | None = "label" in uses or "label" in given
    if not has_label:
        candidates = [place for place in (rest if places is None else extras) if not re.search(r"\d$", names[place])]
        if numeric:
            has_label = None
        elif len(candidates) > 1 or (places is None and not candidates):
            raise _ambiguous("label column", [names[place] for place in candidates[:5]], "label")
        elif candidates:
            uses["label"], has_label = candidates[0], True
    used = {*uses.values(), *given.values(), *ids}
    if places is None:
        return _Found(uses, np.array([place for place in rest if place not in used], np.int64), has_label)
    if not np.array_equal(places.columns, np.sort(places.columns)):
        remarks.append("the columns of pixels are put in the order that their names say")
    return _Found(uses, places.columns, has_label, places.shape, places.num_channels, remarks)


def _with_only(uses: dict[str, int], rest: list[int], names: Sequence[str], given: Mapping[str, int]) -> dict[str, int]:
    """Beside a text of pixels, the only other column is the label, whatever its name."""
    if "label" in uses or "label" in given or not rest:
        return uses
    if len(rest) > 1:
        raise _ambiguous("label column", [names[place] for place in rest[:5]], "label")
    uses["label"] = rest[0]
    return uses


def _unnamed(left: list[int], first: Sequence[str], given: Mapping[str, int], text: int | None, form: Form) -> _Found:
    """The columns of a file without a header."""
    texts = [place for place in left if not is_number(first[place], form)]
    rest = left if text is not None else texts
    uses = dict[str, int]()
    if "label" not in given and rest:
        if len(rest) > 1:
            raise _ambiguous("label column", [f"{place} ({shown(first[place])})" for place in rest[:5]], "label")
        uses["label"] = rest[0]
    elif rest:
        uses = {}
    if text is not None:
        return _Found(uses, np.array([], np.int64), "label" in {*uses, *given})
    pixels = np.setdiff1d(np.array(left, np.int64), texts)
    return _Found(uses, pixels, True if "label" in {*uses, *given} else None)


def _ambiguous(what: str, found: Sequence[str], use: str) -> DataError:
    names = [name or "a column without a name" for name in found]
    hint = f"Name it with `keys: {{{use}: ...}}`, its name or its number counting from 0."
    return DataError(
        f"cannot tell the {what}", found=", ".join(names) or "none", expected="one, such as label", hint=hint
    )


def _complete(
    found: _Found,
    names: Sequence[str],
    form: Form,
    has_header: bool,
    left: Sequence[int],
    given: Mapping[str, int],
    text: int | None,
    empty: set[int],
    remarks: list[str],
) -> Columns:
    uses = found.uses | dict(given)
    pixels = found.pixels[~np.isin(found.pixels, list(uses.values()))]
    if not len(pixels) and text is None:
        some = ", ".join(map(shown, names[:5])) or "an empty file"
        raise DataError("no columns of pixels", found=some, expected="a column for each pixel, or one with all")
    used = {*pixels.tolist(), *uses.values()} | ({text} if text is not None else set())
    others = tuple(place for place in range(len(names)) if place not in used)
    if "index" in uses:
        remarks.append("the first column has no name and numbers the rows: it is not a pixel")
    unused = [names[place] for place in others if place not in empty]
    if unused:
        some = ", ".join(map(shown, unused[:5])) + (f" and {len(unused) - 5:,} more" if len(unused) > 5 else "")
        remarks.append(f"columns that are neither pixels nor used otherwise: {some}")
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if has_header and twice and found.shape is None and found.pixels.size and len(twice) < len(set(names)) // 2:
        raise DataError("a column given twice", found=", ".join(map(shown, twice[:5])), where="line 1")
    return Columns(
        names=names,
        form=form,
        has_header=has_header,
        pixels=pixels,
        label=uses.get("label"),
        ids=uses.get("id"),
        role=uses.get("role"),
        text=text,
        has_label=found.has_label,
        shape=found.shape,
        num_channels=found.num_channels,
        others=others + ((uses["index"],) if "index" in uses else ()),
        remarks=tuple(remarks + found.remarks),
    )
