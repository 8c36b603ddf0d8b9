"""Parquet files that contain images, in the form of Hugging Face: one file, or a folder with parts.

Columns: the bytes of image files, as binary or as {bytes, path}; labels, text or numbers; maybe `split` and `group`.
Names of classes are in the file's metadata (key `huggingface`). Files of a folder are named by their part, as
`train-00000-of-00002.parquet` or `test.parquet`, in the folder itself or in its `data`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.dataset import Dataset, PartRole
from snellen.data.readers.guarded import Guarded, opened
from snellen.data.readers.guarded_child import HUGGING_FACE
from snellen.data.readers.memory.columns import columns_by_use, keys_by_type, rows_of_columns
from snellen.data.readers.memory.rows import Rows, to_dataset
from snellen.data.readers.reader import Opened, Options, Reader
from snellen.data.readers.role_names import role_of
from snellen.data.streams import open_data, reachable, readable
from snellen.errors import SHOWN_ITEMS, DataError, located, shown

MAGIC = b"PAR1"
SUFFIX, FOLDER = ".parquet", "data"
NAME = re.compile(r"(?P<part>.+?)(-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]+)?)?\.parquet")
MAX_SAID_BYTES = 2**20
"""The longest metadata of columns that are read: 1,000 classes take 20 kB."""


def holds_images(path: Path) -> bool:
    """Whether a Parquet file has a column of image bytes. Raises DataError for a damaged file."""
    with located(path.name), readable(), open_data(path) as file:
        if file.peek(4)[:4] != MAGIC:
            return False
    status = path.stat()
    return _has_images(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _has_images(path: Path, changed: int, num_bytes: int) -> bool:
    """Cached, because starting the child process takes half a second, and several readers call it."""
    with opened("parquet_pictures", path) as file:
        return bool(_image_columns(file))


def _image_columns(file: Guarded) -> list[str]:
    return [name.removesuffix(":bytes") for name in file.arrays if name.endswith(":bytes")]


def _recognises(path: Path) -> bool:
    if path.is_dir():
        with reachable():
            files = _files_in(path)
        return bool(files) and holds_images(files[0])
    return path.is_file() and path.suffix.lower() == SUFFIX and holds_images(path)


def _files_in(folder: Path) -> list[Path]:
    """The Parquet files of a folder, or else of its `data`."""
    for place in (folder, folder / FOLDER):
        if place.is_dir() and (files := sorted(each for each in place.iterdir() if _is_parquet(each))):
            return files
    return []


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == SUFFIX and not file.name.startswith(".") and file.is_file()


def _parts(path: Path) -> list[tuple[Path, PartRole]]:
    """The files of a source, each with its part. Raises DataError for a name that is not that of a part, and for
    missing files."""
    if not path.is_dir():
        return [(path, "train")]
    files = _files_in(path)
    if not files:
        raise DataError("no Parquet files", expected="such as train-00000-of-00001.parquet")
    parts = [(file, _role(file)) for file in files]
    for file in files:
        missing = missing_shards(file, [each.name for each in files])
        if missing:
            hint = "Bring the missing files, or give the path of one file to use that alone."
            found = f"{file.name}, without {_some(missing)}"
            raise DataError("files of a part are missing", found=found, where=path.name, hint=hint)
    return parts


def files_to_predict(path: Path) -> list[tuple[Path, PartRole]]:
    """The files of a source, each with its part, "train" if its name has none."""
    return [(file, role_of_file(file) or "train") for file in (_files_in(path) if path.is_dir() else [path])]


def role_of_file(file: Path) -> PartRole | None:
    """The part in the name of a file."""
    match = NAME.fullmatch(file.name)
    return role_of(match["part"]) if match else None


def missing_shards(file: Path, names: Sequence[str]) -> list[str]:
    """For a file that is one of several of a part, the names of the other files that are not among `names`."""
    match = NAME.fullmatch(file.name)
    if not match or not match["count"]:
        return []
    part, count = match["part"], match["count"]
    there = {each["number"] for name in names if (each := NAME.fullmatch(name)) and each["part"] == part}
    numbers = (f"{number:05}" for number in range(int(count)))
    return [f"{part}-{number}-of-{count}{SUFFIX}" for number in numbers if number not in there]


def said_of_shard(file: Path) -> tuple[str, ...]:
    """The sentence on a file that is read alone although it is one of several."""
    others = missing_shards(file, [file.name])
    if not others:
        return ()
    beside = sum((file.parent / name).exists() for name in others)
    there = f"{beside:,} of them are in its folder, which can be given instead" if beside else "not in its folder"
    return (f"{file.name} is one of {len(others) + 1:,} files; the other {len(others):,} are not read ({there}).",)


def said_of_missing(files: Sequence[Path]) -> list[str]:
    """Sentences on files of parts that are not among these, of one folder."""
    names = [file.name for file in files]
    missing = dict.fromkeys(name for file in files for name in missing_shards(file, names))
    return [f"Files that belong to these, by their names, are not there: {_some([*missing])}."] if missing else []


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_ITEMS:,} more" if len(names) > SHOWN_ITEMS else ""
    return f"{', '.join(names[:SHOWN_ITEMS])}{more}"


def _role(file: Path) -> PartRole:
    role = role_of_file(file)
    if role is None:
        expected = "train, validation or test, as in train-00000-of-00001.parquet"
        hint = "Rename it, or give the path of one file."
        raise DataError("a file of an unknown part", found=shown(file.name), expected=expected, hint=hint)
    return role


def _decode(path: Path, options: Options, name: str) -> Dataset:
    keys = dict(options.keys)
    if options.group and options.group.column:
        keys["group"] = options.group.column
    with reachable():
        rows = [rows for file, role in _parts(path) for rows in _read(file, role, keys)]
    return to_dataset(rows, options, None, name)


@dataclass(frozen=True, eq=False)
class ImageTable:
    """An open file. names: those of all columns that can be read. kinds: Image, ClassLabel or another type, by
    column."""

    file: Guarded
    names: Sequence[str]
    kinds: Mapping[str, str]
    features: Mapping[str, Any]
    images: Sequence[str]

    def column(self, name: str) -> list[Any]:
        """The values of a column: the bytes of images, else numbers or text."""
        return _contents(self.file, name) if name in self.images else _values(self.file, name)

    def lenient_contents(self, name: str) -> list[bytes]:
        """The bytes of each image, empty for a row without an image."""
        return _contents(self.file, name, lenient=True)

    def class_names(self, label: str) -> tuple[str, ...] | None:
        """The names of the numbers in a column of labels, if the file has them."""
        return _class_names(self.features.get(label))


@contextmanager
def opened_table(path: Path, keys: Mapping[str, str]) -> Iterator[ImageTable]:
    """A file with images. keys: use to column."""
    with opened("parquet_pictures", path) as file:
        images, features = _image_columns(file), _features(file)
        kinds = {name: _kind(feature) for name, feature in features.items()} | dict.fromkeys(images, "Image")
        yield ImageTable(file, [*images, *_names_of_values(file, keys)], kinds, features, images)


def _read(path: Path, role: PartRole, keys: Mapping[str, str]) -> list[Rows]:
    """The rows of a file."""
    with opened_table(path, keys) as table:
        named = keys_by_type(table.kinds, keys)
        check_image_column(table, named)
        made = rows_of_columns(table.names, table.column, named, path.name, role)
        classes = table.class_names(named.get("label", "label"))
    return [replace(rows, class_names=classes, name=path.name) for rows in made]


def check_image_column(table: ImageTable, named: Mapping[str, str]) -> None:
    """Raises DataError if the column that is named for the images holds no images."""
    if "image" in named and named["image"] in table.names and named["image"] not in table.images:
        expected = " or ".join(table.images) or "a column of bytes"
        raise DataError("not a column of images", found=named["image"], expected=expected)


def _names_of_values(file: Guarded, keys: Mapping[str, str]) -> list[str]:
    """The columns without images; columns of fractions only if no other can be the label."""
    names = [name for name in file.arrays if ":" not in name]
    whole = [name for name in names if file.arrays[name].data_type.kind != "f" or name in keys.values()]
    return whole if "label" in keys or "label" in columns_by_use(whole, {}, ("label",)) else names


def _contents(file: Guarded, name: str, lenient: bool = False) -> list[bytes]:
    """The bytes of each image. lenient: whether images may be missing."""
    lengths = file.read(f"{name}:lengths")
    if (lengths < 0).any() or (not lenient and (lengths == 0).any()):
        row = int(np.argmin(lengths > 0))
        raise DataError("no image", found="no bytes", where=f"{name}: row {row}")
    ends = np.cumsum(lengths)
    content = file.read_bytes(f"{name}:bytes", int(ends[-1]) if len(ends) else 0).tobytes()
    return [content[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def _values(file: Guarded, name: str) -> list[Any]:
    values = file.read(name).tolist()
    return [each.decode() if isinstance(each, bytes) else each for each in values]


def _features(file: Guarded) -> dict[str, Any]:
    """The metadata of each column; empty without metadata."""
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


def _open(path: Path, options: Options) -> Opened:
    remarks = () if path.is_dir() else said_of_shard(path)
    return Opened([file for file, _ in _parts(path)], partial(_decode, path, options), remarks)


READER = Reader(
    version=2,
    looks_for="a Parquet file with a column of image bytes and one of labels, as Hugging Face writes them, or a "
    "folder with such files named `train-00000-of-00001.parquet`, `test-...` and maybe `validation-...`",
    recognises=_recognises,
    open=_open,
    of_image_files=True,
)
