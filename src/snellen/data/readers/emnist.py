"""EMNIST: IDX files named after their split, images transposed, letters counted from 1.

G. Cohen et al.: EMNIST, an extension of MNIST to handwritten letters, 2017, https://www.nist.gov/itl/products-and-services/emnist-dataset.
"""

from __future__ import annotations

import re
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

from snellen.data.dataset import Dataset, PartRole
from snellen.data.readers.arrays import TRAIN_TEST, Part, assemble
from snellen.data.readers.idx import read_idx
from snellen.data.readers.reader import Options, Reader, opening
from snellen.errors import DataError, located, unknown

ROLES = ("train", "test")
IMAGES, LABELS = "emnist-{}-{}-images-idx3-ubyte", "emnist-{}-{}-labels-idx1-ubyte"
TRAINING = re.compile(r"emnist-(\w+)-train-images-idx3-ubyte(\.gz)?")

FIRST_LABEL = {"letters": 1}
"""Other splits start at 0."""

CLASSES = {
    "letters": ascii_uppercase,
    "digits": digits,
    "mnist": digits,
    "byclass": digits + ascii_uppercase + ascii_lowercase,
    "bymerge": digits + ascii_uppercase + "abdefghnqrt",
    "balanced": digits + ascii_uppercase + "abdefghnqrt",
}


def _splits(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    return sorted({match[1] for file in path.iterdir() if (match := TRAINING.fullmatch(file.name))})


def _split(path: Path, options: Options) -> str:
    """The split that the study names with `keys: {split: letters}`, or the only one in the folder."""
    splits = _splits(path)
    for key in options.keys:
        if key != "split":
            raise unknown("key", key, ["split"], where="keys")
    chosen = options.keys.get("split")
    if chosen is None and len(splits) != 1:
        hint = "Say which with `keys: {split: ...}`."
        raise DataError("not one split", found=", ".join(splits) or "none", hint=hint)
    if chosen is not None and chosen not in splits:
        raise unknown("split", chosen, splits, where="keys.split")
    return chosen or splits[0]


def _pairs(path: Path, split: str) -> list[tuple[Path, Path]]:
    """Image and label file of the training part and, if present, of the test part."""
    pairs = []
    for role in ROLES:
        names = IMAGES.format(split, role), LABELS.format(split, role)
        found = [path / spelling for name in names for spelling in (name, f"{name}.gz") if (path / spelling).is_file()]
        if len(found) == 2:
            pairs.append((found[0], found[1]))
        elif found or role == "train":
            present = ", ".join(file.name for file in found) or "none"
            raise DataError("images or labels are missing", found=present, expected=" and ".join(names))
    return pairs


def _files(path: Path, options: Options) -> list[Path]:
    return [file for pair in _pairs(path, _split(path, options)) for file in pair]


def _part(images: Path, labels: Path, split: str, role: PartRole) -> Part:
    first, codes = FIRST_LABEL.get(split, 0), read_idx(labels, 1)
    if (codes < first).any():
        with located(labels.name):
            raise DataError("label out of range", found=int(codes.min()), expected=f"{first} or more")
    names = images.name.removesuffix(".gz"), labels.name.removesuffix(".gz")
    return Part(read_idx(images, 3).transpose(0, 2, 1), codes - first, *names, role)


def _decode(path: Path, options: Options, name: str) -> Dataset:
    split = _split(path, options)
    parts = [_part(*pair, split, role) for role, pair in zip(TRAIN_TEST, _pairs(path, split), strict=False)]
    known = tuple(CLASSES[split]) if split in CLASSES else None
    return assemble(parts, options.class_names or known, options.pixel_range, name)


READER = Reader(
    version=1,
    looks_for="a folder with the IDX files of one split of EMNIST",
    recognises=lambda path: bool(_splits(path)),
    open=opening(_files, _decode),
)
