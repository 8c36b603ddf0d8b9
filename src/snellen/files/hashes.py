"""hashes.jsonl: the SHA-256 of every stored file that a report, a run that goes on or a prediction reads.

A journal of records `{"format": 1, "files": {<path in the run>: <SHA-256>, or null}}`; later ones count. null: about to
be written again, so that a process killed before the new hash stands here leaves a file without one, never a file
that seems to have been changed. A run from before there was this file has none, and no file of it is covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from snellen.errors import IdentityError
from snellen.files import journal
from snellen.files.hashing import digest_file
from snellen.files.inside import PLAIN_NAME

FORMAT = 1
FILE = "hashes.jsonl"
MAX_PATH_CHARACTERS, MAX_PART_BYTES = 1_000, 255
"""Of a path in a run, which has 150 characters, and of a name in it, which no system allows to be longer."""
Change = Literal["changed", "missing"]


def note(run: Path, paths: Iterable[Path]) -> None:
    """Writes down the hashes of files that were just written; what is not there is passed over."""
    _append(run, {_name(run, path): digest_file(path) for path in paths if path.is_file()})


def note_new(run: Path, paths: Iterable[Path]) -> None:
    """The same of those files that have no hash: a killed process left them. A hash that stands is never replaced."""
    held = hashes(run)
    note(run, (path for path in paths if _name(run, path) not in held))


def release(run: Path, paths: Iterable[Path]) -> None:
    """Takes back the hashes of files that are going to be written again, or removed."""
    held = hashes(run)
    names = [_name(run, path) for path in paths]
    _append(run, {name: None for name in names if name in held})


@contextmanager
def rewriting(run: Path, paths: Sequence[Path]) -> Iterator[None]:
    """For a block that writes these files of a run anew."""
    release(run, paths)
    yield
    note(run, paths)


def hashes(run: Path) -> dict[str, str]:
    """The SHA-256 that each covered file must have, by its path in the run. Raises IdentityError for another format."""
    held: dict[str, str | None] = {}
    for record in journal.read(run / FILE):
        files = record.get("files")
        if record.get("format") != FORMAT or not isinstance(files, dict):
            where = str(run / FILE)
            raise IdentityError("not hashes of this format", found=record.get("format"), expected=FORMAT, where=where)
        held |= files
    return {name: sha256 for name, sha256 in held.items() if isinstance(sha256, str) and _is_inside(name)}


def changes(run: Path, expected: Mapping[str, str]) -> dict[str, Change]:
    """The files that are not what was written, by their path in the run."""
    found: dict[str, Change] = {}
    for name, sha256 in expected.items():
        path = run / name
        if not path.exists():
            found[name] = "missing"
        elif not path.is_file() or digest_file(path) != sha256:
            found[name] = "changed"
    return found


def expect_unchanged(run: Path, *names: str) -> None:
    """Raises IdentityError where one of these files, or a file in these folders, is not what was written; a missing one
    is found by who reads it. A file without a hash is not covered: a run from before has some.
    """
    held = hashes(run).items()
    expected = {each: sha256 for each, sha256 in held if any(f"{each}/".startswith(f"{name}/") for name in names)}
    changed = sorted(name for name, change in changes(run, expected).items() if change == "changed")
    if changed:
        hint = "Write it again: snellen report, or run the study."
        raise IdentityError("changed after it was written", where=str(run / changed[0]), hint=hint)


def below(*folders: Path) -> list[Path]:
    """All files in these folders, in order; not those that are still being written."""
    paths = (path for folder in folders for path in sorted(folder.rglob("*")))
    return [path for path in paths if path.is_file() and not path.name.startswith(".")]


def _append(run: Path, files: Mapping[str, str | None]) -> None:
    if files:
        journal.append(run / FILE, {"format": FORMAT, "files": dict(files)})


def _name(run: Path, path: Path) -> str:
    return path.relative_to(run).as_posix()


def _is_inside(name: str) -> bool:
    """Whether it names a file of a run. Longer names than MAX_PATH_CHARACTERS are none: a system refuses to look."""
    return len(name) <= MAX_PATH_CHARACTERS and all(map(_is_name, name.split("/")))


def _is_name(part: str) -> bool:
    short = len(part.encode("utf-8", "surrogatepass")) <= MAX_PART_BYTES
    return short and part not in (".", "..") and PLAIN_NAME.fullmatch(part) is not None
