"""Turns names from stored files into paths inside the run, and refuses any path that leads out of it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from snellen.errors import IdentityError, RunError
from snellen.limits import MAX_FOLDER_DEPTH

PLAIN_NAME = re.compile(r"[^/\\:\x00-\x1f\x7f-\x9f]{0,254}[^/\\:\x00-\x1f\x7f-\x9f. ]")
"""No separators, drive letters, alternate streams or control characters; no dots or spaces at the end, which Windows
drops; no name longer than all systems allow."""

RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows reserves for devices, with any extension."""


def is_reserved(name: str) -> bool:
    """Whether Windows reserves this name, so that no file or folder may have it."""
    return RESERVED.fullmatch(name.strip()) is not None


def inside(folder: Path, *names: str) -> Path:
    """`folder` / names, each of which is the name of one file or folder.

    Raises IdentityError for a name with separators, a drive letter or control characters, for `.` and `..`, for a name
    that Windows keeps for a device or would shorten, and where links lead out of `folder`.
    """
    for name in names:
        if not isinstance(name, str) or not PLAIN_NAME.fullmatch(name) or is_reserved(name):
            raise IdentityError("a name that leaves its folder", found=repr(name)[:100], where=str(folder))
    path = folder.joinpath(*names)
    try:
        within = path.resolve().is_relative_to(folder.resolve())
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # too long, a lone surrogate, or a cycle of links
        raise IdentityError(f"not the name of a file ({error})", where=repr(str(path))[:200]) from None
    if not within:
        raise IdentityError("a link that leaves its folder", found=repr(os.path.realpath(path)), where=str(path))
    return path


def expect_own_files(run: Path) -> None:
    """Raises RunError where anything below `run` is a link that leaves it, a pipe, a socket or a device.

    Called before anything in a directory from someone else is opened: reading a pipe would block for ever, and a link
    would read or replace a file elsewhere.
    """
    if not run.exists():
        return
    if not run.is_dir():
        raise RunError("not a folder", where=str(run), expected="the directory of a run, such as runs/digits")
    root = run.resolve()
    for folder, folders, files in os.walk(run):
        if len(Path(folder).parts) - len(run.parts) > MAX_FOLDER_DEPTH:
            raise RunError("folders too deep", expected=f"at most {MAX_FOLDER_DEPTH} in each other", where=str(run))
        for name in (*folders, *files):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode) and not Path(os.path.realpath(path)).is_relative_to(root):
                raise RunError("a link that leaves the run", found=repr(os.path.realpath(path)), where=str(path))
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
                hint = "Remove it: a run holds plain files and folders."
                raise RunError("not a plain file", where=str(path), hint=hint)


def expect_file(path: Path) -> int:
    """The size in bytes of a plain file, checked before it is opened: reading a pipe would block for ever.

    Raises FileNotFoundError where there is none, IdentityError for a folder, a pipe or a device.
    """
    try:
        status = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise IdentityError(f"cannot be read ({error.strerror or error})", where=str(path)) from None
    if not stat.S_ISREG(status.st_mode):
        raise IdentityError("not a plain file", where=str(path))
    return status.st_size
