"""The types of all readers: the options of a study for reading, and the functions of a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from snellen.data.dataset import Dataset
from snellen.data.decoding.channels import Background
from snellen.data.groups import Group
from snellen.data.resizing import Resizing


@dataclass(frozen=True)
class Options:
    """The options of a study for reading; None or empty means that the reader decides.

    kind: the name of a reader. keys: the names of arrays, for example {images: X, labels: y}, or of a manifest's
    columns. class_names: the K names, in the order of the labels. pixel_range: the values of black and white. classes:
    those to keep, in their new order. resizing: the size that images get. grey: whether colours then become one
    channel. size, channels, header: for pixel CSV files: (height, width) or (height, width, channels) of an image;
    whether all pixels of a colour follow each other (first) or the colours of a pixel (last); whether line 1 is a
    header. The others are for image files only: background, the colour behind transparent images; group, what the
    images of one group share (every split keeps a group together); on_bad_image, what happens to files that cannot be
    read; links, whether links in a folder, and paths in a manifest, may lead out of its folder. description: a
    description of the data that replaces the known one.
    """

    kind: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    pixel_range: tuple[float, float] | None = None
    classes: tuple[str, ...] | None = None
    resizing: Resizing | None = None
    grey: bool = False
    background: Background | None = None
    group: Group | None = None
    size: tuple[int, ...] | None = None
    channels: Literal["first", "last"] | None = None
    header: bool | None = None
    on_bad_image: Literal["exclude"] | None = None
    links: Literal["follow"] | None = None
    description: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The options that change the content, for cache keys, which contain the kind separately."""
        of_tables = {"size": self.size and list(self.size), "channels": self.channels, "header": self.header}
        return {
            "keys": dict(self.keys),
            "class_names": None if self.class_names is None else list(self.class_names),
            "pixel_range": None if self.pixel_range is None else [float(value) for value in self.pixel_range],
            "classes": None if self.classes is None else list(self.classes),
            "fit": self.resizing and self.resizing.model_dump(),
            "grey": self.grey,
            "background": self.background,
            "group": self.group and self.group.model_dump(),
            "on_bad_image": self.on_bad_image,
        } | {name: value for name, value in ({"links": self.links} | of_tables).items() if value is not None}


DEFAULT_OPTIONS = Options()
"""The options of a study without settings for reading."""


@dataclass(frozen=True)
class Opened:
    """A source whose files were listed once. files: the files whose bytes determine the Dataset. decode: returns the
    Dataset, with this name; it reads only `files`. remarks: sentences that follow from names, such as skipped files;
    those that follow from the content of `files` are in the Dataset."""

    files: Sequence[Path]
    decode: Callable[[str], Dataset]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """The reader of one kind of source. For bad files its functions raise only DataError. version: incremented if the
    same files give a different Dataset, so that older cache entries are not used. looks_for: a description of the
    source, for messages. recognises: whether there is such a source at a path. open: finds its files. of_image_files:
    whether each row is a separate file. of_pixel_tables: whether columns of a table are pixels.
    """

    version: int
    looks_for: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, Options], Opened]
    of_image_files: bool = False
    of_pixel_tables: bool = False


def opening(
    files: Callable[[Path, Options], Sequence[Path]], decode: Callable[[Path, Options, str], Dataset]
) -> Callable[[Path, Options], Opened]:
    """The `open` of a reader for sources of few files, from the functions that find and read them."""
    return lambda path, options: Opened(files(path, options), partial(decode, path, options))
