"""Parquet files that hold the pictures themselves, in the form of Hugging Face: one file, or a folder with parts.

Columns: the bytes of picture files, as binary or as {bytes, path}; labels, text or numbers; maybe `split` and `group`.
Names of classes are in the file's metadata (key `huggingface`). Files of a folder are named by their part, as
`train-00000-of-00002.parquet` or `test.parquet`, in the folder itself or in its `data`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset, PartRole
from snellen.data.readers.guarded import Guarded, opened
from snellen.data.readers.guarded_child import HUGGING_FACE
from snellen.data.readers.memory.columns import columns_by_use, keys_by_type, rows_of_columns
from snellen.data.readers.memory.rows import Rows, to_dataset
from snellen.data.readers.reader import Options, Reader, opening
from snellen.data.readers.role_names import role_of
from snellen.data.streams import open_data, reachable, readable
from snellen.errors import DataError, located, shown

MAGIC = b"PAR1"
SUFFIX, FOLDER = ".parquet", "data"
NAME = re.compile(r"(?P<part>.+?)(-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?)?\.parquet")
MAX_SAID_BYTES = 2**20
"""Longest description of columns that is read: 1,000 classes take 20 kB."""


def holds_pictures(path: Path) -> bool:
    """Whether a Parquet file has a column of picture bytes. Raises DataError for a damaged file."""
    with located(path.name), readable(), open_data(path) as file:
        if file.peek(4)[:4] != MAGIC:
            return False
    status = path.stat()
    return _has_pictures(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _has_pictures(path: Path, changed: int, num_bytes: int) -> bool:
    """Starting the process that looks takes half a second; several readers ask."""
    with opened("parquet_pictures", path) as file:
        return bool(_picture_columns(file))


def _picture_columns(file: Guarded) -> list[str]:
    return [name.removesuffix(":bytes") for name in file.arrays if name.endswith(":bytes")]


def _recognises(path: Path) -> bool:
    if path.is_dir():
        with reachable():
            files = _files_in(path)
        return bool(files) and holds_pictures(files[0])
    return path.is_file() and path.suffix.lower() == SUFFIX and holds_pictures(path)


def _files_in(folder: Path) -> list[Path]:
    """The Parquet files of a folder, or else of its `data`."""
    for place in (folder, folder / FOLDER):
        if place.is_dir() and (files := sorted(each for each in place.iterdir() if _is_parquet(each))):
            return files
    return []


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == SUFFIX and not file.name.startswith(".") and file.is_file()


def _parts(path: Path) -> list[tuple[Path, PartRole]]:
    """The files of a source, each with its part. Raises DataError for a name of no part, and for missing files."""
    if not path.is_dir():
        return [(path, "train")]
    files = _files_in(path)
    if not files:
        raise DataError("no Parquet files", expected="such as train-00000-of-00001.parquet")
    return [(file, _role(file, files)) for file in files]


def _role(file: Path, files: list[Path]) -> PartRole:
    match = NAME.fullmatch(file.name)
    role = role_of(match["part"]) if match else None
    if match is None or role is None:
        expected = "train, validation or test, as in train-00000-of-00001.parquet"
        hint = "Rename it, or give the path of one file."
        raise DataError("a file of an unknown part", found=shown(file.name), expected=expected, hint=hint)
    siblings = [each for each in files if (other := NAME.fullmatch(each.name)) and other["part"] == match["part"]]
    if match["count"] and len(siblings) != int(match["count"]):
        found, expected = f"{len(siblings):,} files of {match['part']}", f"{int(match['count']):,}"
        raise DataError("files of a part are missing", found=found, expected=expected, where=file.name)
    return role


def _decode(path: Path, options: Options, name: str) -> Dataset:
    keys = dict(options.keys)
    if options.group and options.group.column:
        keys["group"] = options.group.column
    with reachable():
        rows = [rows for file, role in _parts(path) for rows in _read(file, role, keys)]
    return to_dataset(rows, options, None, name)


def _read(path: Path, role: PartRole, keys: Mapping[str, str]) -> list[Rows]:
    """The rows of a file."""
    with opened("parquet_pictures", path) as file:
        pictures, features = _picture_columns(file), _features(file)
        kinds = {name: _kind(feature) for name, feature in features.items()} | dict.fromkeys(pictures, "Image")
        names = [*pictures, *_names_of_values(file, keys)]
        named = keys_by_type(kinds, keys)
        if "image" in named and named["image"] in names and named["image"] not in pictures:
            expected = " or ".join(pictures) or "a column of bytes"
            raise DataError("not a column of pictures", found=named["image"], expected=expected)

        def column(name: str) -> list[Any]:
            return _contents(file, name) if name in pictures else _values(file, name)

        made = rows_of_columns(names, column, named, path.name, role)
        classes = _class_names(features.get(named.get("label", "label")))
    return [replace(rows, class_names=classes, name=path.name) for rows in made]


def _names_of_values(file: Guarded, keys: Mapping[str, str]) -> list[str]:
    """The columns without pictures; those of fractions only where no other can be the label."""
    names = [name for name in file.arrays if ":" not in name]
    whole = [name for name in names if file.arrays[name].data_type.kind != "f" or name in keys.values()]
    return whole if "label" in keys or "label" in columns_by_use(whole, {}, ("label",)) else names


def _contents(file: Guarded, name: str) -> list[bytes]:
    """The bytes of each picture."""
    lengths = file.read(f"{name}:lengths")
    if (lengths <= 0).any():
        row = int(np.argmin(lengths > 0))
        raise DataError("no picture", found="no bytes", where=f"{name}: row {row}")
    ends = np.cumsum(lengths)
    content = file.read_bytes(f"{name}:bytes", int(ends[-1]) if len(ends) else 0).tobytes()
    return [content[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def _values(file: Guarded, name: str) -> list[Any]:
    values = file.read(name).tolist()
    return [each.decode() if isinstance(each, bytes) else each for each in values]


def _features(file: Guarded) -> dict[str, Any]:
    """What the metadata say of each column; empty where they say nothing."""
    if HUGGING_FACE not in file.arrays:
        return {}
    if file.arrays[HUGGING_FACE].data_type.itemsize > MAX_SAID_BYTES:
        raise DataError("metadata too long", expected=f"at most {MAX_SAID_BYTES:,} bytes", where="huggingface")
    try:
        features = json.loads(file.read(HUGGING_FACE)[0])["info"]["features"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _kind(feature: Any) -> str:
    return str(feature.get("_type")) if isinstance(feature, dict) else ""


def _class_names(feature: Any) -> tuple[str, ...] | None:
    """The names of a ClassLabel column: a list, or a dict by number."""
    names = feature.get("names") if isinstance(feature, dict) else None
    if isinstance(names, dict):
        names = [names.get(str(number)) for number in range(len(names))]
    return tuple(names) if isinstance(names, list) and names and all(isinstance(each, str) for each in names) else None


READER = Reader(
    version=2,
    looks_for="a Parquet file with a column of picture bytes and one of labels, as Hugging Face writes them, or a "
    "folder with such files named `train-00000-of-00001.parquet`, `test-...` and maybe `validation-...`",
    recognises=_recognises,
    open=opening(lambda path, _: [file for file, _ in _parts(path)], _decode),
    of_picture_files=True,
)
