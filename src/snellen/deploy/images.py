"""Opens image files, folders, files of arrays and data sets for prediction, in the form that a model takes. What only
training needs may be missing: labels, several classes, or an image of each class.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from snellen.data import catalog
from snellen.data.dataset import Dataset, Excluded
from snellen.data.decoding.decoder import SUFFIXES, read_content
from snellen.data.load import find, read
from snellen.data.readers import parquet_images
from snellen.data.readers.image_files import manifest
from snellen.data.readers.image_files.by_content import is_image_file
from snellen.data.readers.image_files.image_zip import is_zip_of_images
from snellen.data.readers.reader import Options
from snellen.data.readers.registry import READERS
from snellen.data.readers.text import check_text
from snellen.data.streams import reachable
from snellen.deploy.array_files import arrays_of, batch_of
from snellen.deploy.batch import LISTED, Batch, Reading
from snellen.deploy.image_files import Listed, has_images, list_folder, read_files
from snellen.deploy.image_lists import read_manifest, read_parquet, read_zip
from snellen.errors import DataError, StudyError
from snellen.models.given_images import as_input
from snellen.models.input_contract import Input
from snellen.phrases import some


def open_images(
    sources: Sequence[str | Path],
    contract: Input,
    data_folder: Path | None,
    *,
    classes: Sequence[str] = (),
    reading: Reading | None = None,
    whole: bool = False,
) -> Iterator[Batch]:
    """The images of all sources, in batches of one source each: an image file, a folder of image files at any depth, a
    file of arrays, or anything that a study can read. contract: the input of the model, to which all images are
    converted. classes: those of the model, which may be names of folders. reading: records what was converted, left
    out, or could not be read. whole: whether a folder is one batch. Raises DataError for a source that does not exist,
    before anything is read, and at the end if no image could be read.
    """
    reading, answered = reading or Reading(), False
    first: tuple[str, DataError | StudyError] | None = None
    reading.source_of = {} if len(sources) > 1 else None
    for source, path, files in _together(_found(sources, data_folder, reading)):
        reading.sources += 1
        failed_before = len(reading.failed)
        try:
            with reachable():
                for batch in _open(source, path, files, contract, data_folder, classes, reading, whole):
                    answered = True
                    yield batch
        except (DataError, StudyError) as error:
            reading.failed.append(Excluded(source, str(error).removeprefix(f"{source}: ")))
            first = first or (source, error)
        if not answered and first is None and len(reading.failed) > failed_before:
            first = source, unreadable(reading.failed)
    if not answered and first is not None:
        raise _with_source(*first) if len(sources) == 1 or len(reading.failed) == 1 else unreadable(reading.failed)


def _with_source(source: str, error: DataError | StudyError) -> DataError | StudyError:
    """The error with the source in front, unless it is there already."""
    if not str(error).startswith(Path(source).name):
        error.places.append(source)
    return error


def _found(sources: Sequence[str | Path], data_folder: Path | None, reading: Reading) -> list[tuple[str, Path | None]]:
    """Each source with its path, None for a known data set. A repeated source is left out and recorded."""
    found: dict[str, tuple[str, Path | None]] = {}
    for given in sources:
        source = str(given)
        if not source:
            raise DataError("an empty name", expected="a file, a folder or a known data set", hint="An unset variable?")
        path = None if source in catalog.NAMES else find(source, data_folder)
        if path is None and source not in catalog.NAMES:
            read(source, Options(), data_folder)  # its message says where it was looked for
        key = source if path is None else os.path.realpath(path)
        if key in found:
            reading.remarks.append(f"{source} was given more than once and is answered once.")
        found.setdefault(key, (source, path))
    return list(found.values())


def _together(sources: Sequence[tuple[str, Path | None]]) -> Iterator[tuple[str, Path | None, list[Path]]]:
    """Each source. Consecutive image files of one folder, as a shell makes of `*.png`, become one source with its
    files, so that they are predicted together."""

    def folder(numbered: tuple[int, tuple[str, Path | None]]) -> Path | int:
        number, (_, path) = numbered
        return path.parent if path is not None and not path.is_dir() and is_image_file(path) else number

    for place, group in groupby(enumerate(sources), folder):
        some = [each for _, each in group]
        source, path = some[0]
        yield source, path, [file for _, file in some if file] if isinstance(place, Path) else []


def _open(
    source: str,
    path: Path | None,
    files: Sequence[Path],
    contract: Input,
    data_folder: Path | None,
    classes: Sequence[str],
    reading: Reading,
    whole: bool,
) -> Iterator[Batch]:
    if path is None:
        yield _read_data_set(source, contract, data_folder, reading, "")
        return
    parent = path.parent.as_posix()
    if files:
        reading.expect_no_options("image files")
        names = [file.name for file in files]
        listed = Listed(lambda row: read_content(files[row]), names, parent, files=files)
        yield from read_files(listed, contract, reading, whole)
        return
    check_text(path.name, "a file or folder name")
    if read_rows := arrays_of(path):
        yield batch_of(read_rows(path, contract, reading), parent, contract, reading)
    elif path.is_dir() and has_images(path, reading):
        reading.expect_no_options("a folder of images")
        listed = list_folder(path, path.as_posix(), classes, reading)
        yield from read_files(listed, contract, reading, whole)
    elif parquet_images.READER.recognises(path):
        yield from read_parquet(path, contract, reading, whole)
    elif manifest.READER.recognises(path):
        yield from read_manifest(path, contract, reading, whole)
    elif is_zip_of_images(path):
        reading.expect_no_options("a zip of images")
        yield from read_zip(path, contract, classes, reading, whole)
    elif path.is_dir() and not any(reader.recognises(path) for reader in READERS.values()):
        expected = f"image files ({', '.join(SUFFIXES)}), arrays or tables"
        raise DataError("no images in this folder", found=_named_content(path), expected=expected)
    else:
        yield _read_data_set(path, contract, data_folder, reading, parent)


def _read_data_set(
    source: str | Path, contract: Input, data_folder: Path | None, reading: Reading, place: str
) -> Batch:
    """Reads a complete data set, as for training. source: the name of a data set, whose pixel scale is known, or a
    path."""
    given = reading.options
    options = Options(keys=given.keys, pixel_range=given.pixel_range, size=given.size)
    dataset = read(source, options, data_folder)
    scale = dataset.pixel_range if isinstance(source, str) else given.pixel_range
    return batch_of_dataset(dataset, contract, reading, scale, place)


def batch_of_dataset(
    dataset: Dataset, contract: Input, reading: Reading, scale: tuple[float, float] | None, place: str = ""
) -> Batch:
    """All images of a data set with their labels. scale: their black and white; None: determined from the pixels."""
    images = as_input(dataset.images, contract, reading.conversions, scale)
    return Batch(
        dataset.ids.tolist(),
        images,
        dataset.labels,
        dataset.classes,
        dataset.official_test,
        dataset.official_validation,
        place,
        numbered=True,
    )


def _named_content(folder: Path) -> str:
    names = sorted(each.name for each in folder.iterdir())
    return some(names, LISTED) if names else "nothing"


def unreadable(failed: Sequence[Excluded], others: bool = False) -> DataError:
    """The error for images that cannot be read. others: whether other images can be read."""
    if len(failed) == 1:
        return DataError(failed[0].reason, where=failed[0].file)
    listed = "; ".join(f"{each.file}: {each.reason}" for each in failed[:LISTED])
    more = f"; and {len(failed) - LISTED:,} more" if len(failed) > LISTED else ""
    problem = f"{len(failed):,} images cannot be read" if others else f"none of {len(failed):,} images can be read"
    return DataError(problem, found=f"{listed}{more}")
