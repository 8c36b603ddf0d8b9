"""A manifest: a CSV or Parquet file that lists images, each with its path, label, and maybe its group and role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from snellen.data.dataset import PartRole
from snellen.data.decoding.tiff_stack import PAGE_HINT, page_name
from snellen.data.readers.column_names import is_usual
from snellen.data.readers.csv.pixel_table import holds_pixels
from snellen.data.readers.image_files.labelled_images import LabelledFile, read_dataset, select_rows
from snellen.data.readers.image_files.manifest_columns import USES, names_images, path_column, roles_of
from snellen.data.readers.image_files.manifest_paths import find_images
from snellen.data.readers.image_files.manifest_table import Table, header_of, is_parquet, read_table
from snellen.data.readers.labels.class_names import normal_form, said_of_forms, said_of_names
from snellen.data.readers.labels.written_numbers import as_whole_numbers, first_fraction
from snellen.data.readers.parquet_images import holds_images
from snellen.data.readers.reader import Opened, Options, Reader
from snellen.data.readers.text_encoding import encoding_of
from snellen.data.streams import open_data, reachable, readable
from snellen.errors import DataError, located, shown, unknown
from snellen.limits import MAX_NAME_CHARACTERS

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
FOLDER = "folder"
"""The key that names the folder of the images; the others name columns."""

PAGE = re.compile(r"[0-9]{1,9}")

NO_LABELS = ("", "nan", "<na>", "null")
"""What programs write for a missing label, in lower case; `None` and `NA` may be classes."""


def _list_files(manifest: Path, options: Options) -> tuple[list[LabelledFile], tuple[str, ...]]:
    """Every row, in order, and remarks. Raises DataError naming the row of a bad, missing or repeated path, a bad label
    or role."""
    keys = dict(options.keys)
    folder = keys.pop(FOLDER, None)
    for use in keys:
        if use not in USES:
            raise unknown("column", use, (*USES, FOLDER), where="keys")
    if options.group and options.group.column:
        keys["group"] = options.group.column
    table = read_table(manifest, keys)
    with located(manifest.name), reachable():
        if not table.columns["path"]:
            raise DataError("no images", found="a header only")
        _check_lengths(table)
        follow, lenient = options.links == "follow", options.on_bad_image is not None
        paths = table.columns["path"]
        found = find_images(paths, manifest, table.place, folder=folder, follow=follow, lenient=lenient)
        roles, said = _roles(table, keys)
        pages = pages_of_rows(table, "page" in keys)
        labels, of_numbers = _whole_numbers(table)
        rows, first = list[LabelledFile](), dict[str, int]()
        for row, (file, name) in enumerate(zip(found.files, found.ids, strict=True)):
            place = table.place(row)
            with located(place):
                page = pages[row]
                earlier = first.setdefault(name if page is None else page_name(name, page), row)
                if earlier != row:
                    hint = PAGE_HINT if page is None and file.suffix.lower() in (".tif", ".tiff") else None
                    expected = f"only in {table.place(earlier)}"
                    raise DataError("the same image twice", found=name, expected=expected, hint=hint)
                group = _group(row, name, table.columns, roles[row], options)
                label = _label(labels, row)
            rows.append(LabelledFile(file, name, label, roles[row], group, f"{place}: {name}", page=page))
    return rows, (
        *table.chosen.remarks,
        *found.remarks,
        *said,
        *of_numbers,
        *said_of_forms(map(str.strip, table.columns["label"])),
        *said_of_names(rows),
        *_said_of_several(table.columns["label"]),
    )


def pages_of_rows(table: Table, given: bool) -> Sequence[int | None]:
    """The page of a TIFF file that each row names, from 0; None if it names none. given: whether the study names the
    column: then DataError is raised for a value that is not a number; otherwise such a column is not used."""
    cells = [cell.strip() for cell in table.columns.get("page", ())]
    wrong = next((row for row, cell in enumerate(cells) if cell and not PAGE.fullmatch(cell)), None)
    if wrong is not None and given:
        where = table.place(wrong)
        raise DataError("not the number of a page", found=shown(cells[wrong]), expected="0, 1, 2, ...", where=where)
    if wrong is not None or not cells:
        return [None] * len(table.columns["path"])
    return [int(cell) if cell else None for cell in cells]


def _check_lengths(table: Table) -> None:
    for use, values in table.columns.items():
        for row, value in enumerate(values):
            if len(value) > MAX_NAME_CHARACTERS:
                found, expected = f"{len(value):,} characters", f"at most {MAX_NAME_CHARACTERS:,}"
                raise DataError(f"too long for a {use}", found=found, expected=expected, where=table.place(row))


def _roles(table: Table, keys: Mapping[str, str]) -> tuple[Sequence[PartRole], tuple[str, ...]]:
    """The part of each row, and remarks. Raises DataError naming the row of a value that is not a part."""
    if "role" not in table.columns:
        return ["train"] * len(table.columns["path"]), ()
    values, column = table.columns["role"], table.chosen.names["role"]
    found, said = roles_of(values, column, "role" in keys)
    roles = list[PartRole]()
    for row, role in enumerate(found):
        if role is None:
            where, expected = table.place(row), "train, validation or test"
            raise DataError("unknown role", found=shown(values[row]), expected=expected, where=where)
        roles.append(role)
    return roles, said


def _whole_numbers(table: Table) -> tuple[Sequence[str], tuple[str, ...]]:
    """The labels, whole numbers without a decimal point, and the sentence on that. Raises DataError for fractions."""
    labels = ["" if cell.strip().lower() in NO_LABELS else cell.strip() for cell in table.columns["label"]]
    place = first_fraction(labels)
    if place is not None:
        raise DataError(
            "labels that are numbers with fractions",
            found=shown(labels[place]),
            expected="names of classes, or whole numbers",
            where=table.place(place),
            hint="A measured quantity is no class. If these are names of classes, write letters before them.",
        )
    whole, said = as_whole_numbers(labels)
    return (whole, (said,)) if said else (table.columns["label"], ())


def _label(cells: Sequence[str], row: int) -> str:
    label = cells[row].strip()
    if label.lower() in NO_LABELS:
        number = sum(cell.strip().lower() in NO_LABELS for cell in cells)
        found = f"{shown(cells[row])}, {number:,} of {len(cells):,} rows without one"
        hint = "Leave these rows out of the table: `snellen predict` can answer them."
        raise DataError("no label", found=found, hint=hint)
    return normal_form(label)


def _said_of_several(labels: Sequence[str]) -> Iterator[str]:
    """A remark on labels that look like several labels: `cat,bird` beside `cat`."""
    kinds = Counter(label.strip() for label in labels)
    several = [kind for kind in kinds if kinds.keys() & {part.strip() for part in re.split("[,;|]", kind)[:-1]}]
    if several:
        number = sum(kinds[kind] for kind in several)
        yield (
            f"{number:,} images look like having several labels, such as {shown(several[0])}; each combination is a "
            "class of its own. An image has one class here."
        )


def _group(row: int, name: str, columns: Mapping[str, Sequence[str]], role: PartRole, options: Options) -> str | None:
    if options.group and not options.group.column:
        return options.group.of_row(name, role)
    if "group" not in columns:
        return None
    if not columns["group"][row].strip():
        raise DataError(
            "no group", found=shown(columns["group"][row]), hint="Give an image without relatives a group of its own."
        )
    return columns["group"][row].strip()


def _recognises(path: Path) -> bool:
    """Whether it is a Parquet file, or text with a header and names of image files."""
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return False
    with located(path.name), readable(), open_data(path) as file:
        if is_parquet(file):
            return not holds_images(path)
        encoding_of(file)
        try:
            names, first = header_of(file)
        except DataError:
            return False
    if all(any(is_usual(use, name) for name in names) for use in ("path", "label")):
        return not holds_pixels(path)
    lists_images = any(map(names_images, names)) or _lists_images(path, names, first)
    return lists_images and not holds_pixels(path)


def _lists_images(path: Path, names: Sequence[str], first: Sequence[str]) -> bool:
    """Whether the first row names an image, in a column that may be the path. The label is determined later."""
    try:
        column = path_column(names)
        if column is None or len(first) != len(names):
            return False
        place = names.index(column)
        if names_images(first[place]):
            return True
        find_images([first[place]], path, lambda row: "line 2", folder=None, follow=False, lenient=False)
    except DataError:
        return False
    return True


def _open(path: Path, options: Options) -> Opened:
    rows, remarks = _list_files(path, options)
    files = dict.fromkeys(row.file for row in select_rows(rows, options)[0] if row.file.is_file())
    return Opened([path, *files], partial(read_dataset, rows, options), remarks)


READER = Reader(
    version=5,
    looks_for="a CSV or Parquet file with columns `path` and `label`, maybe `group`, `role` (train, test) and `page`",
    recognises=_recognises,
    open=_open,
    of_image_files=True,
)
