"""Any source, a name or a path, to its Dataset: finds the files, the reader, and what the cache already holds."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from snellen.data import known, store
from snellen.data.adapt import adapt
from snellen.data.dataset import Dataset
from snellen.data.readers import cifar, emnist, folder, hdf5, idx, manifest, matlab, npz, pixel_csv
from snellen.data.readers.picture import in_threads
from snellen.data.readers.reader import UNSAID, Options, Reader
from snellen.data.readers.streams import exists, open_data, reachable, readable
from snellen.data.readers.text import check_text
from snellen.errors import DataError, DataNotFound, StudyError, located, unknown
from snellen.files.cache import cache_folder
from snellen.files.hashing import digest_stream, identity

__all__ = ["READERS", "Options", "Reader", "holds_picture_files", "read"]

READERS: dict[str, Reader] = {
    "idx": idx.READER,
    "arrays": npz.READER,
    "cifar": cifar.READER,
    "pixel_csv": pixel_csv.READER,
    "folder": folder.READER,
    "manifest": manifest.READER,
    "hdf5": hdf5.READER,
    "mat": matlab.READER,
    "emnist": emnist.READER,
}


def read(source: str | Path, options: Options = UNSAID, data_folder: Path | None = None) -> Dataset:
    """The data set called `source`, or at that path; a Path is never taken for a name.

    Looked for under `data_folder`, $SNELLEN_DATA and the user's cache; a path as it is before that. Raises UnknownName,
    DataNotFound with every place, or DataError naming file, row or byte offset. Decoded once, then memory-mapped.
    """
    if isinstance(source, str) and source in known.BUNDLED:
        return _read_bundled(source, options)
    path = _locate(source, data_folder)
    published = known.PUBLISHED.get(source) if isinstance(source, str) else None
    kind = options.kind or (published.kind if published else _find_kind(path))
    if kind not in READERS:
        raise unknown("reader", kind, READERS, where="kind")
    return _read_files(path, kind, options, published)


def holds_picture_files(path: Path) -> bool:
    """Whether what stands there is read picture by picture: classes in folders, or a manifest."""
    with located(str(path)), reachable():
        return any(reader.recognises(path) for reader in READERS.values() if reader.of_picture_files)


def _read_bundled(name: str, options: Options) -> Dataset:
    key = identity(["bundled", name, version("scikit-learn"), options.as_json()])
    _check_options(options, False)
    return store.kept(key, name, lambda: adapt(known.BUNDLED[name](options), options))


def _read_files(path: Path, kind: str, options: Options, published: known.Published | None) -> Dataset:
    reader, name = READERS[kind], path.resolve().stem if path.is_file() else path.resolve().name
    if published and options.class_names is None:
        options = replace(options, class_names=published.classes)

    def decode() -> Dataset:
        dataset = reader.decode(path, options, name)
        if published:
            published.check(dataset)
        return adapt(dataset, options)

    _check_options(options, reader.of_picture_files)
    with located(str(path)), reachable():
        check_text(name, "a file or folder name")
        files = reader.files(path, options)
        digests = in_threads(_digest, files)  # hashing lets go of the interpreter: half the time on two cores
        contents = [[_called(file, path), sha] for file, sha in zip(files, digests, strict=True)]
        key = identity([kind, reader.version, options.as_json(), contents, published and published.fingerprint])
        return store.kept(key, name, decode)


def _check_options(options: Options, of_picture_files: bool) -> None:
    """Raises StudyError for what can only be said of picture files, and for what these say themselves."""
    for name in ("background", "group", "on_bad_image") if not of_picture_files else ("pixel_range",):
        if getattr(options, name) is not None:
            problem = "beside" if of_picture_files else "without"
            hint = "They say themselves what is black and white." if of_picture_files else "Remove it."
            raise StudyError(f"`{name}` {problem} picture files", where="data", hint=hint)


def _called(file: Path, source: Path) -> str:
    """The name under which a file counts: in a folder its place below it, which may name its class."""
    below = f"{source}{os.sep}"
    return str(file)[len(below) :].replace(os.sep, "/") if str(file).startswith(below) else file.name


def _digest(path: Path) -> str:
    with located(path.name), readable(), open_data(path) as file:
        return digest_stream(file)


def _find_kind(path: Path) -> str:
    with located(str(path)), reachable():
        kinds = [kind for kind, reader in READERS.items() if reader.recognises(path)]
    if len(kinds) == 1:
        return kinds[0]
    raise DataError(
        "more than one kind of data" if kinds else "no data of a known kind",
        found=" and ".join(kinds) or None,
        expected="; or ".join(reader.looks_for for reader in READERS.values()),
        where=str(path),
        hint="Say which with `kind`." if kinds else _reading_hint(path),
    )


def _reading_hint(path: Path) -> str | None:
    """A table with other column names is the commonest reason why nobody knows a file."""
    if path.suffix.lower() not in manifest.SUFFIXES:
        return None
    return "Of a table that lists pictures, name the columns: `kind: manifest, keys: {path: ..., label: ...}`."


def _locate(source: str | Path, data_folder: Path | None) -> Path:
    """The first place of `source` that exists."""
    place, places = find(source, data_folder), _places(source, data_folder)
    if place:
        return place
    if isinstance(source, str) and source not in known.NAMES and source == Path(source).stem:
        raise unknown("file, folder or data set", source, known.NAMES)
    raise DataNotFound(
        "no data found",
        found=f"nothing at {', '.join(str(place) for place in places)}",
        where=str(source),
        hint=_advice(source),
    )


def find(source: str | Path, data_folder: Path | None) -> Path | None:
    """Where the data called `source`, or at that path, are on this machine; None when they are nowhere."""
    return next((place for place in _places(source, data_folder) if exists(place)), None)


def _advice(source: str | Path) -> str:
    elsewhere, name = "Name the folder that holds them with --data-dir or in SNELLEN_DATA", str(Path(source))
    return f"Get them with `snellen data fetch {name}`. {elsewhere}." if name in known.NAMES else f"{elsewhere}."


def _places(source: str | Path, data_folder: Path | None) -> list[Path]:
    """Where to look, in order; an absolute path has one place, a known name is not looked for in the working folder."""
    path, given = Path(source).expanduser(), os.environ.get("SNELLEN_DATA")
    folders = [data_folder, Path(given) if given else None, cache_folder() / "datasets"]
    below = [folder / path for folder in folders if folder]
    if path.is_absolute():
        return [path]
    return below if source in known.NAMES else [path, *below]
