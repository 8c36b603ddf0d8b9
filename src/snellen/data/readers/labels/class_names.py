"""Names of classes that look alike: composed and decomposed Unicode are one name, other similar names get a remark."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from snellen.data.readers.reader import Options

if TYPE_CHECKING:
    from snellen.data.readers.image_files.labelled_images import LabelledFile


def normal_form(name: str) -> str:
    """The name in Unicode's composed form (NFC): macOS writes file names decomposed, most other systems composed."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def with_normal_names(options: Options) -> Options:
    """The options with the names of classes in composed form."""
    class_names, classes = (
        None if names is None else tuple(map(normal_form, names)) for names in (options.class_names, options.classes)
    )
    return replace(options, class_names=class_names, classes=classes)


def said_of_forms(raw: Iterable[str]) -> Iterator[str]:
    """Sentences on names in two forms of Unicode, which are one class. raw: the names before normalisation."""
    forms: dict[str, set[str]] = {}
    for name in raw:
        forms.setdefault(normal_form(name), set()).add(name)
    for name, spelt in forms.items():
        if len(spelt) > 1:
            yield f"`{name}` is written in two forms of Unicode (NFC and NFD), which are read as one class."


def said_of_names(rows: Sequence[LabelledFile]) -> Iterator[str]:
    """Sentences on classes whose names differ only in capitals, spaces, hyphens or underscores."""
    alike: dict[str, list[str]] = {}
    counts = Counter(row.label for row in rows)
    for label in sorted(counts):
        alike.setdefault(re.sub(r"[\s_-]+", " ", label).strip().casefold(), []).append(label)
    for labels in alike.values():
        if len(labels) > 1:
            named = " and ".join(f"`{label}` ({counts[label]:,} images)" for label in labels)
            yield f"{named} are different classes with names that look alike. If they are one, give them one name."
