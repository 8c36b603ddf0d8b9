"""NumPy's own files without pickle: an .npz file, a folder of .npy files, or one .npy file beside its labels.

Format: numpy.lib.format. The header is matched here by a regular expression; NumPy's own reader evaluates it as a
Python literal, warns, and raises a dozen kinds of errors when it is damaged.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.decoding.decoder import is_image
from snellen.data.readers import array_names
from snellen.data.readers.arrays import assemble
from snellen.data.readers.image_files.image_zip import names_in_zip
from snellen.data.readers.labels.stored_names import USUAL as USUAL_NAMES
from snellen.data.readers.labels.stored_names import stored_names
from snellen.data.readers.reader import Options, Reader, opening
from snellen.data.readers.zip_archives import check_member, is_zip, opened_zip
from snellen.data.streams import (
    check_dimensions,
    check_length,
    file_bytes,
    open_data,
    readable,
    take,
    take_rest,
)
from snellen.errors import DataError, located, shown
from snellen.limits import MAX_ARCHIVE_MEMBERS, MAX_DIRECTORY_BYTES

NPY_MAGIC = b"\x93NUMPY"
FIELD = r"'(descr|fortran_order|shape)': *('[^']*'|True|False|\((?:\d{1,15}, *)*(?:\d{1,15})?\))"
HEADER = re.compile(rf"\{{(?:{FIELD},? *){{3}}\}} *\n?")
"""Three fields in any order; a structured type has a list for `descr` and does not match."""

MAX_HEADER_BYTES = 10_000
"""NumPy's own bound; real headers have 64 to 128 bytes."""


@dataclass(frozen=True)
class Header:
    """The header of an .npy stream. type: as written. fortran_order: whether the first index varies fastest. offset,
    start: where the header and the values start, in bytes."""

    type: str
    shape: tuple[int, ...]
    fortran_order: bool
    offset: int
    start: int


def _read_npy(stream: IO[bytes], stored_bytes: int) -> np.ndarray:
    """The array of an .npy stream of `stored_bytes`. Raises DataError before allocating memory if the header does not
    fit the stored size."""
    header = _read_header(stream)
    data_type, shape, start = _parse_type(header.type, header.offset), header.shape, header.start
    num_bytes = data_type.itemsize * math.prod(shape)
    check_length(stored_bytes - start, num_bytes, start)
    flat = take_rest(stream, num_bytes, start).view(data_type)
    return flat.reshape(shape[::-1]).T if header.fortran_order else flat.reshape(shape)


def _read_header(stream: IO[bytes]) -> Header:
    magic = take(stream, 8)
    if magic[:6] != NPY_MAGIC or magic[6] not in (1, 2):
        raise DataError("not an .npy file of version 1 or 2", found=magic, expected=NPY_MAGIC, where="byte 0")
    length_bytes = 2 if magic[6] == 1 else 4
    header_bytes = int.from_bytes(take(stream, length_bytes, 8), "little")
    if header_bytes > MAX_HEADER_BYTES:
        raise DataError("header too long", found=header_bytes, expected=f"at most {MAX_HEADER_BYTES}", where="byte 8")
    start = 8 + length_bytes
    return _parse_header(take(stream, header_bytes, start).decode("latin-1"), start)


def _parse_header(text: str, offset: int) -> Header:
    fields = dict(re.findall(FIELD, text)) if HEADER.fullmatch(text) else {}
    if len(fields) != 3:
        expected = "descr, fortran_order and shape of a plain array"
        raise DataError("unreadable .npy header", found=shown(text), expected=expected, where=f"byte {offset}")
    shape = tuple(int(size) for size in re.findall(r"\d+", fields["shape"]))
    check_dimensions(shape)
    is_fortran = fields["fortran_order"] == "True"
    return Header(fields["descr"].strip("'"), shape, is_fortran, offset, offset + len(text))


def _parse_type(text: str, offset: int) -> np.dtype:
    if text.endswith("O"):
        hint = "It needs pickle, which can run code: save it as text, `labels.astype(str)`, or as numbers."
        raise DataError("an array of Python objects", found=shown(text), where=f"byte {offset}", hint=hint)
    if not re.fullmatch(r"[<>|=]?(b1|[iu][1248]|f[248]|[SU][1-9]\d{0,3})", text):
        raise DataError("unknown element type", found=shown(text), expected="numbers or text", where=f"byte {offset}")
    return np.dtype(text)


@dataclass(frozen=True)
class Container:
    """An .npz file or a folder of arrays. arrays: their names, each with its member or file name."""

    path: Path
    arrays: Mapping[str, str]
    is_folder: bool

    def read(self, name: str) -> np.ndarray:
        """The array of that name."""
        member = self.arrays[name]
        return _read_file(self.path / member) if self.is_folder else _read_member(self.path, member)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each array by its header; () if the header cannot be read: then `read` raises the error."""
        if self.is_folder:
            return {name: _shape_of(partial(open_data, self.path / file)) for name, file in self.arrays.items()}
        with _opened_zip(self.path) as archive:
            return {name: _shape_of(partial(archive.open, member)) for name, member in self.arrays.items()}

    def display_name(self, name: str) -> str:
        """The array's name in row ids and messages: `x_train.npy` or `FILE.npz/x_train`."""
        return self.arrays[name] if self.is_folder else f"{self.path.name}/{name}"


def _shape_of(opened: Callable[[], IO[bytes]]) -> tuple[int, ...]:
    try:
        with readable(), opened() as stream:
            return _read_header(stream).shape
    except DataError:
        return ()


def _read_file(path: Path) -> np.ndarray:
    with located(path.name), readable(), open_data(path) as stream:
        return _read_npy(stream, file_bytes(stream))


def _read_member(path: Path, member: str) -> np.ndarray:
    with located(member), _opened_zip(path) as archive:
        info = archive.getinfo(member)
        check_member(info, path.stat().st_size)
        with archive.open(info) as stream:
            return _read_npy(stream, info.file_size)


def read_lone_array(path: Path) -> np.ndarray | None:
    """The array of an .npy file, or the only one of an .npz file; None for an .npz file with several."""
    if _starts_with(path, NPY_MAGIC):
        return _read_file(path)
    container = container_of(path)
    names = list(container.arrays)
    return container.read(names[0]) if len(names) == 1 else None


def container_of(path: Path) -> Container:
    """The arrays of an .npz file, of a folder of .npy files, or of the folder of an .npy file."""
    if path.is_dir():
        return Container(path, {file.stem: file.name for file in sorted(path.glob("*.npy"))}, True)
    if _starts_with(path, NPY_MAGIC):
        return container_of(path.parent)
    with _opened_zip(path) as archive:
        members = [name for name in archive.namelist() if name.endswith(".npy")]
        for name in archive.namelist():
            if not name.endswith(
                ".npy"
            ):  # a name that is damaged in the directory, but not before the member, is not another file
                with readable():
                    archive.open(name).close()
        twice = [name for name, count in Counter(members).items() if count > 1]
        if twice:
            raise DataError("a member stored twice", found=", ".join(sorted(twice)), expected="each name once")
    return Container(path, {name.removesuffix(".npy"): name for name in members}, False)


def _opened_zip(path: Path) -> AbstractContextManager[zipfile.ZipFile]:
    return opened_zip(path, MAX_ARCHIVE_MEMBERS, MAX_DIRECTORY_BYTES)


def _starts_with(path: Path, magic: bytes) -> bool:
    if not path.is_file():
        return False
    with located(path.name), readable(), open_data(path) as file:
        return file.read(len(magic)) == magic


def _choose(path: Path, options: Options) -> tuple[Container, array_names.Chosen]:
    """The container, and the uses of its arrays. The labels of an .npy file are searched beside it."""
    named = {role: key.removesuffix(".npy") for role, key in options.keys.items()}
    container, remarks = container_of(path), list[str]()
    if _starts_with(path, NPY_MAGIC):
        named.setdefault("images", path.stem)
        beside = array_names.arrays_by_usual_name(container.arrays).get("labels")
        if "labels" not in named and beside:
            named["labels"] = beside
            remarks.append(f"The labels of {path.name} are read from {beside}.npy beside it.")
    shapes = container.shapes()
    chosen = array_names.choose_arrays(shapes, named)
    if remarks and not options.keys:
        chosen = array_names.with_roles(chosen, shapes)
    return container, replace(chosen, remarks=(*remarks, *chosen.remarks))


def _recognises(path: Path) -> bool:
    if path.is_dir():
        names = array_names.arrays_by_usual_name(container_of(path).arrays)
        return {"images", "labels"} <= set(names) or any(
            name.lower() in array_names.FIRST_NAMES for name in names.values()
        )
    return _starts_with(path, NPY_MAGIC) or (is_zip(path) and _is_zip_of_arrays(path))


def _is_zip_of_arrays(path: Path) -> bool:
    """Whether it has such a name, or holds arrays. If there are images too, only arrays with usual names count."""
    if path.suffix.lower() == ".npz":
        return True
    names = names_in_zip(path)
    arrays = {name.removesuffix(".npy"): name for name in names if name.endswith(".npy")}
    if not any(is_image(Path(name)) for name in names):
        return bool(arrays)
    return {"images", "labels"} <= {*array_names.arrays_by_usual_name(arrays)}


def _files(path: Path, options: Options) -> list[Path]:
    container, chosen = _choose(path, options)
    if not container.is_folder:
        return [path]
    names = [name for part in chosen.parts for name in part[1:]] + ([chosen.roles] if chosen.roles else [])
    names += [name for name in container.arrays if name.lower() in USUAL_NAMES and name not in names]
    return [container.path / container.arrays[name] for name in names]


def _decode(path: Path, options: Options, name: str) -> Dataset:
    container, chosen = _choose(path, options)
    parts = chosen.read(container.read, container.display_name)
    names, said = stored_names(container.shapes(), container.read, parts, options.class_names)
    return assemble(parts, names, options.pixel_range, name, (*chosen.remarks, *said))


READER = Reader(
    version=5,
    looks_for="an .npz file with images and labels (or x_train and y_train), or a folder with these as .npy files",
    recognises=_recognises,
    open=opening(_files, _decode),
)
