"""The uses of the columns of a manifest, by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from snellen.data.dataset import PartRole
from snellen.data.decoding.decoder import SUFFIXES
from snellen.data.readers.column_names import FLAGS, MANIFEST_TIERS, columns_called, is_called, is_usual, plain
from snellen.data.readers.image_files.one_hot import one_hot_columns, said_of_columns
from snellen.data.readers.role_names import role_of
from snellen.errors import SHOWN_ITEMS, DataError, shown, unknown
from snellen.phrases import some

USES = ("path", "label", "group", "role", "page")
"""The uses of columns."""

NEEDED = ("path", "label")
"""Uses that a table must have for training; for prediction the path is enough."""

ROW_NUMBERS = ("", "index", "unnamed0", "row")
"""Names of a column with row numbers, as pandas writes it."""

OF_GROUPS = {"patient", "subject", "person", "writer", "user", "case", "slide", "video", "scene", "session", "group"}
"""Words in names of columns whose values are shared by images that belong together."""

MANY_COLUMNS = 40
"""Tables with more columns probably hold pixels: less usual names are not searched."""


@dataclass(frozen=True)
class Columns:
    """names: use to column. remarks: sentences on columns without a usual name. one_hot: one-hot columns, if there is
    no label column."""

    names: Mapping[str, str]
    remarks: tuple[str, ...] = ()
    one_hot: tuple[str, ...] = ()


def choose_columns(
    names: Sequence[str],
    keys: Mapping[str, str],
    needed: Sequence[str] = NEEDED,
    first: Callable[[str], str] = lambda name: "",
    unlikely: Container[str] = (),
) -> Columns:
    """The columns that `keys` name, otherwise those with usual names, otherwise with less usual ones; the label may be
    one-hot or, if it is needed, the only remaining column; the column of the parts may also be one whose first cell is
    the name of a part. first: returns the first cell of a column. unlikely: columns that are considered last. Raises
    DataError if several columns fit, a needed one is missing, or a column marks parts in an unsupported form.
    """
    chosen = {use: keys[use] for use in USES if use in keys}
    for use, name in chosen.items():
        if name not in names:
            raise unknown("column", name, names, where=f"keys.{use}")
    remarks = list[str]()
    likely = [name for name in names if name not in unlikely]
    for use in USES:
        if use not in chosen and (found := _find(use, likely) or _find(use, names)):
            chosen[use] = found
            if not is_usual(use, found) and use != "role":
                remarks.append(f"The {use} of each image is read from the column `{found}`.")
    left = [name for name in names if name not in chosen.values() and plain(name) not in ROW_NUMBERS]
    one_hot = one_hot_columns(left, first) if "path" in chosen and "label" not in chosen else ()
    remarks += [said_of_columns(one_hot)] if one_hot else []
    only = [name for name in left if name not in unlikely] or left
    if "path" in chosen and "label" in needed and "label" not in chosen and not one_hot and len(only) == 1:
        chosen["label"] = only[0]
        remarks.append(f"The label of each image is read from `{only[0]}`, the only other column.")
    left = [name for name in left if name not in {*chosen.values(), *one_hot}]
    by_value = [name for name in left if role_of(first(name).strip())] if "role" not in chosen else []
    if len(by_value) == 1:
        chosen["role"] = by_value[0]
        left.remove(by_value[0])
    if "label" in needed and not {"path", "label"} <= {*keys}:
        if "role" not in chosen:
            _check_no_flags([*left, *one_hot], chosen)
        remarks += _said_of_unused(left, chosen) if not keys else []
    missing = [use for use in needed if use not in chosen and not (use == "label" and one_hot)]
    if missing:
        found_all = ", ".join(map(shown, names[:SHOWN_ITEMS]))
        line = ", ".join(f"{use}: COLUMN" for use in missing)
        raise DataError(
            f"no column for the {' and the '.join(missing)}",
            found=found_all,
            hint=f"Name it with `kind: manifest` and `keys: {{{line}}}`.",
        )
    return Columns(chosen, tuple(remarks), one_hot)


def _check_no_flags(names: Sequence[str], chosen: Mapping[str, str]) -> None:
    """Raises DataError for a column such as `is_test` or `is_training_image`."""
    for name in names:
        words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
        if plain(name) in FLAGS or (words[:1] == ["is"] and any(map(role_of, words))):
            named = ", ".join(f"{use}: {column}" for use, column in chosen.items() if use in NEEDED)
            raise DataError(
                "a column that marks parts in a form that is not read",
                found=shown(name),
                hint="Write a column `split` with train, validation or test instead. To use all rows alike: `kind: "
                f"manifest` and `keys: {{{named}}}`.",
            )


def _said_of_unused(names: Sequence[str], chosen: Mapping[str, str]) -> Iterator[str]:
    if not names:
        return
    groups = [name for name in names if {*re.split(r"[\W_]+", name.lower())} & OF_GROUPS and "group" not in chosen]
    line = f" `group: {groups[0]}` keeps images that share it on one side of every split." if groups else ""
    yield f"Columns that are not used: {some([shown(name) for name in names], SHOWN_ITEMS)}.{line}"


def path_column(names: Sequence[str]) -> str | None:
    """The column of the paths. Raises DataError if there are several."""
    return _find("path", names)


def _find(use: str, names: Sequence[str]) -> str | None:
    found = columns_called(use, names, slice(MANIFEST_TIERS.get(use) if len(names) <= MANY_COLUMNS else 1))
    if len(found) > 1:
        line = f"`keys: {{{use}: {found[0]}}}`"
        raise DataError(f"two columns could be the {use}", found=" and ".join(found), hint=f"Say which: {line}.")
    return found[0] if found else None


def roles_of(values: Sequence[str], column: str, given: bool) -> tuple[list[PartRole | None], tuple[str, ...]]:
    """The part of each row, None for a value that is not a part; and remarks. The column is ignored if it has a less
    usual name and no value that is a part; and, with any other name, if no value means training or some value is not a
    part. given: whether the study names the column."""
    known = {value: role_of(value.strip()) for value in set(values)}
    found, called_so = {*known.values()}, is_called("role", column)
    is_none = not any(found) if called_so else None in found or "train" not in found
    if is_none and not given and not is_usual("role", column):
        some = ", ".join(map(shown, sorted(known)[:3]))
        return ["train"] * len(values), (f"The column `{column}` ({some}) names no part of the data and is not used.",)
    return [known[value] for value in values], tuple(_said_of_roles(known, column))


def _said_of_roles(roles: Mapping[str, PartRole | None], column: str) -> Iterator[str]:
    usual = all(value.strip().lower() == role for value, role in roles.items())
    named = is_called("role", column)
    if not (usual and named) and all(roles.values()):
        said = ", ".join(f"{value.strip()} is {role}" for value, role in sorted(roles.items()))
        yield f"Parts of the data by the column `{column}`: {said}."


def names_images(line: str) -> bool:
    """Whether a line holds the name of an image file, so that it cannot be a header."""
    return any(word.lower().endswith(SUFFIXES) for word in re.split(r"[\s,;\"']+", line))
