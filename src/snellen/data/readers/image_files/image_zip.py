"""A zip archive of image files in a folder for each class, read like the unpacked folder, without unpacking it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from snellen.data.dataset import Dataset
from snellen.data.decoding.decoder import is_image
from snellen.data.decoding.signatures import START_BYTES, format_that_is_read
from snellen.data.readers.image_files.folder import MAX_OPENED, rows_of
from snellen.data.readers.image_files.folder_tree import may_be_image
from snellen.data.readers.image_files.labelled_images import LabelledFile, read_dataset, select_rows
from snellen.data.readers.image_files.walk import Listing, system_name
from snellen.data.readers.reader import Opened, Options, Reader
from snellen.data.readers.zip_archives import check_member, is_zip, opened_zip
from snellen.data.streams import check_expansion, readable
from snellen.errors import DataError, located, shown
from snellen.limits import MAX_FOLDER_DEPTH, MAX_IMAGE_BYTES, MAX_ZIP_DIRECTORY_BYTES, MAX_ZIPPED_FILES

UTF8_NAME = 0x800
"""The flag of a member whose name is UTF-8. macOS writes UTF-8 names without it, which the standard library then
decodes as DOS code page 437."""


class ImageZip:
    """The members of an open zip archive by their paths with forward slashes, without folders."""

    def __init__(self, archive: zipfile.ZipFile, num_bytes: int) -> None:
        self._archive, self._num_bytes = archive, num_bytes
        self.members: dict[str, zipfile.ZipInfo] = {}
        self.folders: list[str] = []
        for info in archive.infolist():
            path = _path_of(info)
            if info.is_dir():
                self.folders.append(path)
            elif self.members.setdefault(path, info) is not info:
                raise DataError("a member stored twice", found=path, expected="each name once")
        if sum(info.compress_size for info in self.members.values()) > num_bytes:
            raise DataError("members that share their bytes", expected="each with its own")
        check_expansion(sum(info.file_size for info in self.members.values()), num_bytes)

    def listing(self) -> Listing:
        """The members, without files that systems leave behind, as for a folder."""
        found = Listing()
        for path in self.members:
            names = path.split("/")
            passed = next((name for part in names if (name := system_name(part))), None)
            if passed is None:
                found.files.append(path)
            else:
                found.passed_over[passed] += 1
        found.files.sort()
        found.folders = [path for path in self.folders if not any(map(system_name, path.split("/")))]
        return found

    def start(self, path: str) -> bytes:
        """The first bytes of a member, by which its format is recognised; empty for a damaged one."""
        try:
            check_member(self.members[path], self._num_bytes)
            with readable(), self._archive.open(self.members[path]) as stream:
                return stream.read(START_BYTES)
        except DataError:
            return b""

    def read(self, path: str) -> bytes:
        """The bytes of a member. Raises DataError if it is damaged or implausibly large."""
        info = self.members[path]
        check_member(info, self._num_bytes)
        if info.file_size > MAX_IMAGE_BYTES:
            found, expected = f"{info.file_size:,} bytes", f"at most {MAX_IMAGE_BYTES:,}"
            raise DataError("file too large", found=found, expected=expected)
        with readable(), self._archive.open(info) as stream:
            return stream.read()


def _path_of(info: zipfile.ZipInfo) -> str:
    """The path with forward slashes. Raises DataError for one that leaves the archive."""
    name = info.filename
    if not info.flag_bits & UTF8_NAME and not name.isascii():
        try:
            name = name.encode("cp437").decode()
        except UnicodeError as error:
            hint = "Unpack the archive, and rename such files."
            raise DataError("the name of a member is not UTF-8", found=shown(name), hint=hint) from error
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or PureWindowsPath(name).drive or ".." in pure.parts or not pure.parts:
        raise DataError("a member whose path leaves the archive", found=shown(name), expected="a relative path")
    if len(pure.parts) > MAX_FOLDER_DEPTH + 2:
        expected = f"at most {MAX_FOLDER_DEPTH}"
        raise DataError("folders too deep", found=f"{len(pure.parts) - 1} in each other", expected=expected)
    return pure.as_posix()


@contextmanager
def opened_images(path: Path) -> Iterator[ImageZip]:
    """The zip archive at a path, open for reading its images."""
    with located(path.name), opened_zip(path, MAX_ZIPPED_FILES, MAX_ZIP_DIRECTORY_BYTES) as archive:
        yield ImageZip(archive, path.stat().st_size)


def names_in_zip(path: Path) -> list[str]:
    """The names of the members of a zip archive, without files that systems leave behind; empty for any other file."""
    if not is_zip(path):
        return []
    with located(path.name), opened_zip(path, MAX_ZIPPED_FILES, MAX_ZIP_DIRECTORY_BYTES) as archive:
        return [name for name in archive.namelist() if not any(map(system_name, name.rstrip("/").split("/")))]


def is_zip_of_images(path: Path) -> bool:
    """Whether it is a zip archive with images; arrays beside them are skipped, as in a folder."""
    names = [] if path.suffix.lower() == ".npz" else names_in_zip(path)
    return any(is_image(Path(name)) for name in names) or _begin_as_images(path, names)


def _begin_as_images(path: Path, names: Sequence[str]) -> bool:
    """Whether one of the first members with an unknown suffix has the first bytes of an image."""
    unknown = [name for name in names if not name.endswith("/") and may_be_image(name)][:MAX_OPENED]
    if not unknown:
        return False
    try:
        with opened_images(path) as archive:
            return any(format_that_is_read(archive.start(name)) for name in unknown if name in archive.members)
    except DataError:
        return False


def _open(path: Path, options: Options) -> Opened:
    with opened_images(path) as archive:
        rows, remarks = rows_of(archive.listing(), Path(), options)
    select_rows(rows, options)
    return Opened([path], partial(_decode, path, rows, options), remarks)


def _decode(path: Path, rows: Sequence[LabelledFile], options: Options, name: str) -> Dataset:
    with opened_images(path) as archive:
        return read_dataset(rows, options, name, lambda row: archive.read(row.id))


READER = Reader(
    version=2,
    looks_for="a .zip file of such a folder",
    recognises=is_zip_of_images,
    open=_open,
    of_image_files=True,
)
