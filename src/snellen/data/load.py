"""Reads a source, a known name or a path, as a Dataset: finds the files and the reader, and uses the cache."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from snellen.data import catalog, dataset_cache
from snellen.data.dataset import Dataset
from snellen.data.decoding.decoder import in_threads
from snellen.data.known_content import with_known_names
from snellen.data.preprocessing import preprocess
from snellen.data.readers.labels.class_names import with_normal_names
from snellen.data.readers.not_recognised import contents, reading_hint
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.readers.registry import READERS
from snellen.data.readers.text import check_text
from snellen.data.streams import exists, open_data, reachable, readable
from snellen.errors import DataError, DataNotFound, StudyError, located, unknown
from snellen.files.cache import cache_folder
from snellen.files.hashing import digest_stream, identity

__all__ = ["Options", "find", "read"]


def read(source: str | Path, options: Options = DEFAULT_OPTIONS, data_folder: Path | None = None) -> Dataset:
    """The data set with the known name `source`, or at that path; a Path object is never a name. Names as in Keras and
    torchvision (`fashion_mnist`, `CIFAR10`) are known too, if there is no such path.

    A path is tried as given; then names and paths are looked for in `data_folder`, $SNELLEN_DATA and the user's cache.
    Raises UnknownName, DataNotFound listing every place, or DataError naming file, row or byte offset. Files are
    decoded once; afterwards the decoded arrays are memory-mapped from the cache.
    """
    source = _as_known(source, data_folder)
    if isinstance(source, str) and source in catalog.BUNDLED:
        return _read_bundled(source, options)
    path = _locate(source, data_folder)
    published = catalog.PUBLISHED.get(source) if isinstance(source, str) else None
    kind = options.kind or (published.kind if published else _find_kind(path))
    if kind not in READERS:
        raise unknown("reader", kind, READERS, where="kind")
    return _read_files(path, kind, options, published)


def _read_bundled(name: str, options: Options) -> Dataset:
    key = identity(["bundled", name, version("scikit-learn"), options.as_json()])
    _check_options(options, False, False)
    dataset = dataset_cache.cached_dataset(key, name, lambda: preprocess(catalog.BUNDLED[name].read(options), options))
    return replace(dataset, description=options.description or catalog.BUNDLED[name].about)


def _read_files(path: Path, kind: str, options: Options, published: catalog.Published | None) -> Dataset:
    reader, name = READERS[kind], path.resolve().stem if path.is_file() else path.resolve().name
    if published and options.class_names is None:
        options = replace(options, class_names=published.classes)

    if reader.of_image_files:
        options = with_normal_names(options)
    _check_options(options, reader.of_image_files, reader.of_pixel_tables)
    with located(str(path)), reachable():
        check_text(name, "a file or folder name")
        opened = reader.open(path, options)
        digest = partial(_digest, source=path, of_image_files=reader.of_image_files)
        digests = in_threads(digest, opened.files)  # hashing releases the GIL: half the time on two cores
        contents = [[_relative_name(file, path), sha] for file, sha in zip(opened.files, digests, strict=True)]
        key = identity([kind, reader.version, options.as_json(), contents, published and published.fingerprint])

        def decode() -> Dataset:
            dataset = opened.decode(name)
            if published:
                published.check(dataset)
            elif reader.of_pixel_tables and _may_be_named(dataset, options):
                dataset = with_known_names(dataset)
            return preprocess(dataset, options)

        dataset = dataset_cache.cached_dataset(key, name, decode)
        known = published.about if published else dataset.description
        remarks = (*opened.remarks, *dataset.remarks)
        return replace(dataset, remarks=remarks, description=options.description or known)


def _may_be_named(dataset: Dataset, options: Options) -> bool:
    """False if the study names its classes, or chooses them by their numbers."""
    by_number = options.classes is not None and set(options.classes) <= set(dataset.classes)
    return options.class_names is None and not by_number


def _check_options(options: Options, of_image_files: bool, of_pixel_tables: bool) -> None:
    """Raises StudyError for options of image files with arrays, and of pixel CSV files with anything else."""
    for name in () if of_pixel_tables else ("size", "channels", "header"):
        if getattr(options, name) is not None:
            raise StudyError(f"`{name}` is for pixel CSV files only", where="data", hint="Remove it.")
    for name in () if of_image_files else ("background", "group", "on_bad_image", "links"):
        if getattr(options, name) is not None:
            raise StudyError(f"`{name}` is for image files only", where="data", hint="Remove it.")


def _relative_name(file: Path, source: Path) -> str:
    """The name of a file in the cache key: its path below the folder of the source, which may name its class."""
    below = f"{source if source.is_dir() else source.parent}{os.sep}"
    return str(file)[len(below) :].replace(os.sep, "/") if str(file).startswith(below) else file.name


def _digest(path: Path, source: Path, of_image_files: bool) -> str | None:
    """SHA-256 of a file; None for one that does not exist. None also for one image of many that cannot be read (a named
    pipe, a device, no permission): decoding reports or excludes it."""
    try:
        if not path.exists():
            return None
        with located(path.name), readable(), open_data(path) as file:
            return digest_stream(file)
    except (DataError, OSError):
        if of_image_files and path != source:
            return None
        raise


def _find_kind(path: Path) -> str:
    """The only reader that recognises what is at `path`. Raises DataError for none and for several."""
    with located(str(path)), reachable():
        kinds = [kind for kind, reader in READERS.items() if reader.recognises(path)]
        if len(kinds) == 1:
            return kinds[0]
        if kinds:
            raise DataError("more than one kind of data", found=" and ".join(kinds), hint="Say which with `kind`.")
        hint, found = reading_hint(path), contents(path)
        expected = "; or ".join(reader.looks_for for reader in READERS.values()) if hint is None else None
        raise DataError("no reader recognises this", found=found, expected=expected, hint=hint)


def _locate(source: str | Path, data_folder: Path | None) -> Path:
    """The first place where `source` exists. Raises UnknownName or DataNotFound."""
    place, places = find(source, data_folder), _places(source, data_folder)
    if place:
        return place
    if isinstance(source, str) and source not in catalog.NAMES and source == Path(source).stem:
        raise unknown("file, folder or data set", source, catalog.NAMES)
    raise DataNotFound(
        "no data found",
        found=f"nothing at {', '.join(str(place) for place in places)}",
        where=str(source),
        hint=_advice(source),
    )


def find(source: str | Path, data_folder: Path | None) -> Path | None:
    """The place of the data of a name or path on this machine; None if they are not found."""
    name_or_path = _as_known(source, data_folder)
    return next((place for place in _places(name_or_path, data_folder) if exists(place)), None)


def _as_known(source: str | Path, data_folder: Path | None) -> str | Path:
    """The known name that `source` means, if nothing has that path; otherwise `source`."""
    if not isinstance(source, str) or source in catalog.NAMES or source != Path(source).stem:
        return source
    known = catalog.known_name(source) if not any(map(exists, _places(source, data_folder))) else None
    return known or source


def _advice(source: str | Path) -> str:
    elsewhere, name = "If you have them, name their folder with --data-dir or in SNELLEN_DATA", str(Path(source))
    return f"Download them with `snellen data fetch {name}`. {elsewhere}." if name in catalog.NAMES else f"{elsewhere}."


def _places(source: str | Path, data_folder: Path | None) -> list[Path]:
    """The places to look, in order: an absolute path unchanged; known names never in the working folder."""
    path, given = Path(source).expanduser(), os.environ.get("SNELLEN_DATA")
    folders = [data_folder, Path(given) if given else None, cache_folder() / "datasets"]
    below = [folder / path for folder in folders if folder]
    if path.is_absolute():
        return [path]
    if source not in catalog.NAMES:
        return [path, *below]
    file = catalog.PUBLISHED[str(source)].file if source in catalog.PUBLISHED else None
    return [each / file for each in below] + [each.parent / file for each in below] if file else below
