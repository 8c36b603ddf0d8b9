"""hashes.jsonl: the SHA-256 of every stored file that a sentence of the report depends on.

A journal of records `{"format": 1, "files": {<path in the run>: <SHA-256>, or null}}`; later ones replace earlier ones.
null: about to be rewritten, so that a process killed before it records the new hash leaves a file without a hash, not
one that seems to have been changed. No file of a run that was written before this file existed is
covered.
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
"""Of a path in a run (ours have up to 150), and of a name in it (no system allows more)."""
Change = Literal["changed", "missing"]


def note(run: Path, paths: Iterable[Path]) -> None:
    """Records the hashes of files that were just written; missing files are ignored."""
    _append(run, {_name(run, path): digest_file(path) for path in paths if path.is_file()})


def note_new(run: Path, paths: Iterable[Path]) -> None:
    """The same for files without a hash, which a killed process left. A recorded hash is never replaced."""
    recorded = hashes(run)
    note(run, (path for path in paths if _name(run, path) not in recorded))


def release(run: Path, paths: Iterable[Path]) -> None:
    """Withdraws the hashes of files that will be rewritten or removed."""
    recorded = hashes(run)
    names = [_name(run, path) for path in paths]
    _append(run, {name: None for name in names if name in recorded})


@contextmanager
def rewriting(run: Path, paths: Sequence[Path]) -> Iterator[None]:
    """For a block that rewrites these files of a run."""
    release(run, paths)
    yield
    note(run, paths)


def hashes(run: Path) -> dict[str, str]:
    """The SHA-256 that each covered file must have, by its path in the run. Raises IdentityError for another format."""
    recorded: dict[str, str | None] = {}
    for record in journal.read(run / FILE):
        files = record.get("files")
        if record.get("format") != FORMAT or not isinstance(files, dict):
            where = str(run / FILE)
            raise IdentityError("not hashes of this format", found=record.get("format"), expected=FORMAT, where=where)
        recorded |= files
    return {name: sha256 for name, sha256 in recorded.items() if isinstance(sha256, str) and _is_inside(name)}


def changes(run: Path, expected: Mapping[str, str]) -> dict[str, Change]:
    """The files that are missing or have changed, by their path in the run."""
    changed: dict[str, Change] = {}
    for name, sha256 in expected.items():
        path = run / name
        if not path.exists():
            changed[name] = "missing"
        elif not path.is_file() or digest_file(path) != sha256:
            changed[name] = "changed"
    return changed


def below(*folders: Path) -> list[Path]:
    """All files in these folders, in order; without those that are still being written."""
    paths = (path for folder in folders for path in sorted(folder.rglob("*")))
    return [path for path in paths if path.is_file() and not path.name.startswith(".")]


def _append(run: Path, files: Mapping[str, str | None]) -> None:
    if files:
        journal.append(run / FILE, {"format": FORMAT, "files": dict(files)})


def _name(run: Path, path: Path) -> str:
    return path.relative_to(run).as_posix()


def _is_inside(name: str) -> bool:
    """Whether it can be the path of a file in a run; a longer one cannot be looked up on some systems."""
    return len(name) <= MAX_PATH_CHARACTERS and all(map(_is_name, name.split("/")))


def _is_name(part: str) -> bool:
    short = len(part.encode("utf-8", "surrogatepass")) <= MAX_PART_BYTES
    return short and part not in (".", "..") and PLAIN_NAME.fullmatch(part) is not None
