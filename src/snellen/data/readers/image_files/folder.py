"""A folder of image files in a folder for each class, `photos/cat/1.jpg`, maybe with `train` and `test` above."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from snellen.data.decoding.decoder import is_image, start_of
from snellen.data.decoding.signatures import format_that_is_read
from snellen.data.readers.image_files.folder_layout import Layout, NoClassFolders, lay_out
from snellen.data.readers.image_files.folder_tree import DATA_SUFFIXES, FolderTree, may_be_image, name_of, suffix
from snellen.data.readers.image_files.labelled_images import LabelledFile, read_dataset, select_rows
from snellen.data.readers.image_files.tables_beside import line_for_tables
from snellen.data.readers.image_files.walk import Listing, files_below, list_folder
from snellen.data.readers.labels.class_names import normal_form, said_of_forms, said_of_names
from snellen.data.readers.reader import Opened, Options, Reader
from snellen.errors import DataError, located
from snellen.phrases import plural, some

MAX_OPENED = 100
"""The most files without the suffix of an image whose first bytes are read."""

NAMED_ITEMS = 5
"""The most folders and files that one sentence names."""


def rows_of(listing: Listing, root: Path, options: Options) -> tuple[list[LabelledFile], tuple[str, ...]]:
    """The rows of a data set, by path, and sentences on how folders were read and what was skipped. root: the folder or
    archive of the files. Raises DataError if it is not clear which folders are classes, and for a class that the study
    names but that has no images.
    """
    tree = FolderTree(listing.files, listing.folders)
    layout = lay_out(tree, options.keys, bool(options.group or options.class_names or options.classes))
    rows = [row for file in listing.files if (row := _row(file, root, layout, options))]
    _check_named_classes(tree, layout, options)
    if options.class_names is None:
        _check_several_classes(tree, layout)
    raw = [_class_of(folder, layout) for folder in layout.classes]
    remarks = (
        *layout.remarks,
        *listing.remarks(),
        *_said_of_others(tree, layout),
        *_said_of_data(listing.files, layout),
        *said_of_forms(raw),
        *said_of_names(rows),
    )
    return rows, remarks


def _row(file: str, root: Path, layout: Layout, options: Options) -> LabelledFile | None:
    """None for files outside the class folders, and for files whose suffix is not that of an image."""
    folder = _class_folder(file, layout)
    if folder is None or not may_be_image(file):
        return None
    with located(file):
        group = options.group.of_row(file, layout.classes[folder]) if options.group else None
    return LabelledFile(root / file, file, normal_form(_class_of(folder, layout)), layout.classes[folder], group, file)


def _class_folder(file: str, layout: Layout) -> str | None:
    """The class folder that a file is in, at any depth."""
    place = file.find("/")
    while place >= 0 and file[:place] not in layout.classes:
        place = file.find("/", place + 1)
    return file[:place] if place >= 0 else None


def _class_of(folder: str, layout: Layout) -> str:
    """The name of the class whose images are in a class folder."""
    if folder in layout.names:
        return layout.names[folder]
    return name_of(folder) if not layout.parts_below else name_of(folder.rpartition("/")[0])


def _check_named_classes(tree: FolderTree, layout: Layout, options: Options) -> None:
    places = {folder.rpartition("/")[0] for folder in layout.classes}
    filled = {normal_form(_class_of(folder, layout)) for folder in layout.classes}
    for folder in tree.without_images():
        label = normal_form(name_of(folder))
        if folder.rpartition("/")[0] in places and label not in filled and label in (options.classes or ()):
            raise DataError("an empty class folder", expected="at least one image", where=folder)


def _check_several_classes(tree: FolderTree, layout: Layout) -> None:
    """Raises DataError that names the folder which was read as the only class, and its content."""
    labels = {_class_of(folder, layout) for folder in layout.classes}
    if len(labels) > 1:
        return
    folder = min(layout.classes)
    inner = tree.names(folder)
    below = f" (it holds the folders {', '.join(inner[:NAMED_ITEMS])})" if inner else ""
    raise NoClassFolders(
        "cannot classify",
        found=f"1 classes: all {tree.below[folder]:,} images are in {folder}{below}",
        expected="a folder for each of at least two classes",
        hint="Give the folder in which the folders of the classes are, as the source.",
    )


def _said_of_others(tree: FolderTree, layout: Layout) -> Iterator[str]:
    """Sentences on folders without images, and on other files in class folders."""
    if empty := tree.without_images():
        others = {each: f" ({plural(tree.others[each], 'other file')})" if tree.others[each] else "" for each in empty}
        named = [f"{each}{other}" for each, other in others.items()]
        yield f"Folders without images are passed over: {some(named, NAMED_ITEMS)}."
    beside = [f"{folder} ({tree.others[folder]:,})" for folder in layout.classes if tree.others[folder]]
    if beside:
        yield f"Files that are no images are passed over in the class folders: {some(beside, NAMED_ITEMS)}."


def _said_of_data(files: Sequence[str], layout: Layout) -> Iterator[str]:
    """A sentence on tables and arrays outside the class folders, which may be the data that the user means."""
    beside = [file for file in files if suffix(file) in DATA_SUFFIXES and not _class_folder(file, layout)]
    if beside:
        yield f"Tables and arrays beside the class folders are not used: {some(beside, NAMED_ITEMS)}."


def _recognises(path: Path) -> bool:
    """Whether a folder in `path` holds an image, at any depth: by suffix, or by the first bytes of files with no or an
    unknown suffix."""
    if not path.is_dir():
        return False
    unknown = list[Path]()
    for file in files_below(path):
        if "/" in file and is_image(Path(file)):
            return True
        if "/" in file and len(unknown) < MAX_OPENED and may_be_image(file):
            unknown.append(path / file)
    inside = Path(os.path.realpath(path))
    return any(
        Path(os.path.realpath(file)).is_relative_to(inside) and format_that_is_read(start_of(file)) for file in unknown
    )


def _open(path: Path, options: Options) -> Opened:
    try:
        rows, remarks = rows_of(list_folder(path, options.links == "follow"), path, options)
    except NoClassFolders as error:
        error.hint = line_for_tables(path) or error.hint
        raise
    files = [row.file for row in select_rows(rows, options)[0]]
    return Opened(files, partial(read_dataset, rows, options), remarks)


READER = Reader(
    version=4,
    looks_for="a folder with a folder of images for each class, or `train` and `test` folders that hold such",
    recognises=_recognises,
    open=_open,
    of_image_files=True,
)
