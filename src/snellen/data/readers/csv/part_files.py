"""Which CSV files of a folder are its training, validation and test part, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snellen.data.dataset import PART_ROLES, PartRole
from snellen.data.readers.role_names import role_of
from snellen.errors import DataError

SUFFIXES = re.compile(r"\.(csv|tsv|txt)(\.gz)?$", re.IGNORECASE)
LABEL_WORDS = ("label", "labels", "target", "targets")


@dataclass(frozen=True)
class PartFiles:
    """The file of one part, and that of its labels if they are separate, as in X_train.csv and y_train.csv."""

    role: PartRole
    pixels: Path
    labels: Path | None


def is_csv(path: Path) -> bool:
    """Whether the suffix is that of a table in text, plain or gzipped."""
    return bool(SUFFIXES.search(path.name))


def plain_name(path: Path) -> str:
    """The name without `.gz`."""
    return re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE)


def part_files(path: Path) -> tuple[list[PartFiles], list[str]]:
    """The parts at a path, a file or a folder, and the names of CSV files in the folder that belong to none.

    Raises DataError for two files of one part, and for a folder without a training part.
    """
    if not path.is_dir():
        return [PartFiles("train", path, None)], []
    named, others = _by_role(path)
    parts = []
    for role in PART_ROLES:
        pixels, labels = ([file for file, is_labels in named[role] if is_labels == kind] for kind in (False, True))
        if len(pixels) > 1 or len(labels) > 1 or (role == "train" and not pixels):
            names = ", ".join(file.name for file in (pixels if len(pixels) != 1 else labels)) or "none"
            expected = f"{role}.csv or NAME_{role}.csv, maybe .gz"
            raise DataError(
                f"not one {role} file", found=names, expected=expected, hint="Or give the path of one file."
            )
        if pixels:
            parts.append(PartFiles(role, pixels[0], labels[0] if labels else None))
        else:
            others += [file.name for file in labels]
    return parts, sorted(others)


def training_file(folder: Path) -> Path | None:
    """A file with the pixels of a training part."""
    return next((file for file, is_labels in _by_role(folder)[0]["train"] if not is_labels), None)


def _by_role(folder: Path) -> tuple[dict[PartRole, list[tuple[Path, bool]]], list[str]]:
    """PartRole to (file, whether it holds labels only), and the names of the other CSV files."""
    named: dict[PartRole, list[tuple[Path, bool]]] = {role: [] for role in PART_ROLES}
    others = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or not is_csv(file) or not file.is_file():
            continue
        role, is_labels = _role_and_kind(file)
        if role is None:
            others.append(file)
        else:
            named[role].append((file, is_labels))
    if len(others) == 1 and not any(named.values()):
        named["train"].append((others.pop(), False))  # the only table there is
    return named, [file.name for file in others if not re.search(r"\.txt(\.gz)?$", file.name, re.IGNORECASE)]


def _role_and_kind(file: Path) -> tuple[PartRole | None, bool]:
    """The part that a file name means, by the only word in it that names a part; and whether the name means labels."""
    stem = SUFFIXES.sub("", file.name)
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", stem)]
    roles = _roles(words)
    return (roles[0] if len(set(roles)) == 1 else None), bool(
        {*words} & {*LABEL_WORDS} or "y" in words[:1] + words[-1:]
    )


def _roles(words: Sequence[str]) -> list[PartRole]:
    return [role for word in words if (role := role_of(word))]
