"""hashes.jsonl: the SHA-256 of every stored file that a report, a run that goes on or a prediction reads.

A journal of records `{"format": 1, "files": {<path in the run>: <SHA-256>, or null}}`; later records replace earlier
ones. null: the file is about to be rewritten, so that a process killed before it records the new hash leaves a file
without a hash, not one that seems to have been changed. Files written before hashes.jsonl existed are not covered.
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
"""The longest path in a run (ours have up to 150 characters), and the longest name (no system allows more)."""
Change = Literal["changed", "missing"]


def note(run: Path, paths: Iterable[Path]) -> None:
    """Records the hashes of files that were just written; missing files are ignored."""
    _append(run, {_name(run, path): digest_file(path) for path in paths if path.is_file()})


def note_new(run: Path, paths: Iterable[Path]) -> None:
    """Records the hashes of files that have none, which a killed process left. A recorded hash is never replaced."""
    recorded = hashes(run)
    note(run, (path for path in paths if _name(run, path) not in recorded))


def release(run: Path, paths: Iterable[Path]) -> None:
    """Withdraws the hashes of files that will be rewritten or removed."""
    recorded = hashes(run)
    names = [_name(run, path) for path in paths]
    _append(run, {name: None for name in names if name in recorded})


@contextmanager
def rewriting(run: Path, paths: Sequence[Path]) -> Iterator[None]:
    """A context in which these files of a run are rewritten: their hashes are withdrawn before, and recorded after."""
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


def expect_unchanged(run: Path, *names: str) -> None:
    """Raises IdentityError if one of these files, or a file in these folders, has changed since it was written. Missing
    files are not an error here: reading them is. Files without a hash, as in runs of earlier versions, are not checked.
    """
    held = hashes(run).items()
    expected = {each: sha256 for each, sha256 in held if any(f"{each}/".startswith(f"{name}/") for name in names)}
    changed = sorted(name for name, change in changes(run, expected).items() if change == "changed")
    if changed:
        hint = "Write it again: snellen report, or run the study."
        raise IdentityError("changed after it was written", where=str(run / changed[0]), hint=hint)


def below(*folders: Path) -> list[Path]:
    """All files in these folders, in order, except those that are still being written."""
    paths = (path for folder in folders for path in sorted(folder.rglob("*")))
    return [path for path in paths if path.is_file() and not path.name.startswith(".")]


def _append(run: Path, files: Mapping[str, str | None]) -> None:
    if files:
        journal.append(run / FILE, {"format": FORMAT, "files": dict(files)})


def _name(run: Path, path: Path) -> str:
    return path.relative_to(run).as_posix()


def _is_inside(name: str) -> bool:
    """Whether it can be the path of a file in a run; some systems cannot look up longer paths."""
    return len(name) <= MAX_PATH_CHARACTERS and all(map(_is_name, name.split("/")))


def _is_name(part: str) -> bool:
    short = len(part.encode("utf-8", "surrogatepass")) <= MAX_PART_BYTES
    return short and part not in (".", "..") and PLAIN_NAME.fullmatch(part) is not None
