"""What a study may say about its data source, and what a reader of one kind of source is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from snellen.data.dataset import Dataset
from snellen.data.groups import Group
from snellen.data.readers.picture import Background
from snellen.data.resize import Fit


@dataclass(frozen=True)
class Options:
    """What a study says about reading; None or empty leaves it to the reader.

    kind: the name of a reader. keys: for arrays, which array is which: any of images, labels, test_images,
    test_labels; for a manifest, which column is which. class_names: the K names, in the order of the labels.
    pixel_range: the values for black and white. classes: those to keep, in the order they get. fit: the size that
    pictures get. grey: whether colours become one channel, after that. The others are for picture files only:
    background, over which transparent ones are composited; group, what those have in common that no split may part;
    on_bad_image, what happens to those that cannot be read.
    """

    kind: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    pixel_range: tuple[float, float] | None = None
    classes: tuple[str, ...] | None = None
    fit: Fit | None = None
    grey: bool = False
    background: Background | None = None
    group: Group | None = None
    on_bad_image: Literal["exclude"] | None = None

    def as_json(self) -> dict[str, Any]:
        """What changes the content that is read, for identities; the kind is the reader's own."""
        return {
            "keys": dict(self.keys),
            "class_names": None if self.class_names is None else list(self.class_names),
            "pixel_range": None if self.pixel_range is None else [float(value) for value in self.pixel_range],
            "classes": None if self.classes is None else list(self.classes),
            "fit": self.fit and self.fit.model_dump(),
            "grey": self.grey,
            "background": self.background,
            "group": self.group and self.group.model_dump(),
            "on_bad_image": self.on_bad_image,
        }


UNSAID = Options()
"""The options of a study that says nothing about reading."""


@dataclass(frozen=True)
class Reader:
    """One kind of source. Every function may raise DataError and nothing else for bad files.

    version: raised when the same files would give another Dataset, so that older cache entries are not used.
    looks_for: what it reads, for messages. recognises: whether a path holds that. files: those whose bytes determine
    the Dataset. decode: the Dataset of that name; it reads only `files`. of_picture_files: whether each row is a file.
    """

    version: int
    looks_for: str
    recognises: Callable[[Path], bool]
    files: Callable[[Path, Options], list[Path]]
    decode: Callable[[Path, Options, str], Dataset]
    of_picture_files: bool = False
