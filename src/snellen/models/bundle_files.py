"""The files of a bundle, in a folder or in a zip of it, each read up to a limit; nothing is extracted or followed."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from snellen.errors import BundleError, SnellenError, located, printable
from snellen.files.regular import open_regular
from snellen.limits import MAX_DESCRIPTION_BYTES, MAX_WEIGHTS_EXPANSION, SMALL_BYTES

Read = Callable[[str, int], bytes]
"""The content of the file of a name, of at most so many bytes."""

UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, NotImplementedError, ValueError, OverflowError),
)
"""What Python raises for names, files and links that are none, and for damaged, encrypted and unknown archives."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What zip programs write; LZMA and BZIP2 take as much memory as a stranger likes."""
PIECE_BYTES = 2**20
SHOWN_CHARACTERS = 500


@contextmanager
def bundle_files(path: Path, expected: str) -> Iterator[Read]:
    """How to read the files of a bundle folder or zip. Raises BundleError for anything else.

    expected: what a bundle is, for that message.
    """
    with _readable("no model bundle here"):  # a name that is too long, a folder that may not be entered
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        yield lambda name, limit: _read_file(path / name, limit)
        return
    if not is_file:
        raise BundleError("no model bundle here", expected=expected)
    with _readable("cannot be read"):
        raw = open_regular(path, BundleError)
    with raw, _Listing(io.FileIO(raw.fileno(), closefd=False)) as file:
        with _readable("damaged zip"):
            if not zipfile.is_zipfile(file):
                raise BundleError("no model bundle here", expected=expected)
            archive = zipfile.ZipFile(file)
        file.limit = None
        with archive:
            yield lambda name, limit: _read_member(archive, name, limit)


class _Listing(io.BufferedReader):
    """A file of which at most `limit` bytes are read at once: zipfile reads its list of members whole, and takes many
    times its size."""

    limit: int | None = MAX_DESCRIPTION_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if self.limit is not None and size is not None and size > self.limit:
            raise BundleError("too many members", found=f"a list of {size:,} bytes", expected=f"at most {self.limit:,}")
        return super().read(size)


def _read_file(path: Path, limit: int) -> bytes:
    with located(path.name), _readable("cannot be read"):
        if path.resolve(strict=True).parent != path.parent.resolve():
            raise BundleError("a link that leads out of the bundle", hint="Put the file itself there.")
        with open_regular(path, BundleError) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise BundleError("file too large", found=f"{size:,} bytes", expected=f"at most {limit:,} bytes")
            return file.read(limit)


def _read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One member as a capped stream; never extracted.

    In pieces: a piece ends where it is asked to, while a stream read at once is unpacked whole before it is cut at its
    declared size.
    """
    found = archive.namelist().count(name)
    if found != 1:
        raise BundleError("must be in the zip exactly once", found=found, where=name)
    member = archive.getinfo(name)
    if member.compress_type not in PACKED:
        raise BundleError("unknown packing", found=f"method {member.compress_type}", expected="0 or 8", where=name)
    limit = min(limit, max(SMALL_BYTES, MAX_WEIGHTS_EXPANSION * member.compress_size))
    if member.file_size > limit:
        found_bytes, expected = f"{member.file_size:,} bytes", f"at most {limit:,} bytes"
        raise BundleError("member too large", found=found_bytes, expected=expected, where=name)
    with located(name), _readable("damaged zip"), archive.open(member) as stream:
        return b"".join(iter(lambda: stream.read(PIECE_BYTES), b""))


@contextmanager
def _readable(problem: str) -> Iterator[None]:
    """Whatever Python says of a file that cannot be read is a BundleError."""
    try:
        yield
    except SnellenError:
        raise
    except FileNotFoundError:
        raise BundleError("missing file") from None
    except UNREADABLE as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise BundleError(f"{problem} ({shown(reason)})") from error


def shown(text: str) -> str:
    """A stranger's text in a message: not longer than a screen, without what a terminal would obey."""
    return printable(text, SHOWN_CHARACTERS)
