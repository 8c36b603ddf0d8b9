"""The number of images in and below each folder, from the paths of all files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from snellen.data.decoding.decoder import SUFFIXES

OTHER_SUFFIXES = frozenset(
    (
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".md", ".rst", ".html", ".htm"),
        *(".log", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ods", ".rtf", ".tex", ".ini", ".cfg", ".db", ".sqlite"),
        *(".py", ".ipynb", ".m", ".r", ".sh", ".bat", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
        *(".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl", ".parquet", ".feather", ".pt", ".pth", ".ckpt", ".onnx"),
        *(".safetensors", ".keras", ".tflite", ".pb", ".mp4", ".avi", ".mov", ".mkv", ".wav", ".mp3"),
        *(".lnk", ".url", ".sha256", ".md5"),
    )
)
"""Suffixes of other files that are often beside images, and are skipped. Every other file may be an image."""


DATA_SUFFIXES = frozenset((".csv", ".tsv", ".parquet", ".npy", ".npz", ".mat", ".h5", ".hdf5"))
"""Suffixes of files for other readers: tables and arrays."""


def may_be_image(path: str) -> bool:
    """Whether a file may be an image: its suffix is missing, unknown, or that of an image."""
    return suffix(path) not in OTHER_SUFFIXES


def suffix(path: str) -> str:
    """The suffix in lower case, with its dot; empty without one."""
    name = name_of(path)  # not PurePosixPath: 15 us, for a million files
    return name[name.rfind(".") :].lower() if "." in name[1:] else ""


class FolderTree:
    """Folders by their paths with forward slashes, "" for the source itself.

    loose: files with the suffix of an image directly in a folder; first_loose: one of them. below: number of files at
    any depth that may be images. others: number of other files at any depth.
    """

    def __init__(self, files: Iterable[str], folders: Iterable[str]) -> None:
        self.loose, self.below, self.others = Counter[str](), Counter[str](), Counter[str]()
        self.all, self.first_loose = {"", *folders}, dict[str, str]()
        for file in files:
            place, kind = file.rpartition("/")[0], suffix(file)
            if kind in SUFFIXES:
                self.loose[place] += 1
                self.first_loose.setdefault(place, file)
            (self.others if kind in OTHER_SUFFIXES else self.below)[place] += 1
        for counts in (self.below, self.others):
            _add_up(counts)
        self.all |= {*self.below, *self.others}
        self._folders: dict[str, list[str]] = {}
        for folder in sorted(self.all - {""}):
            if self.below[folder]:
                self._folders.setdefault(folder.rpartition("/")[0], []).append(folder)

    def folders(self, folder: str) -> list[str]:
        """The folders directly in `folder` that hold files which may be images, in order."""
        return self._folders.get(folder, [])

    def names(self, folder: str) -> list[str]:
        """The same, by name instead of path."""
        return [name_of(each) for each in self.folders(folder)]

    def only_folder(self, folder: str) -> str | None:
        """The only folder in `folder`, if all images are in folders in it; else None."""
        below = self.folders(folder)
        if len(below) != 1 or self.loose[folder] or self.loose[below[0]] or not self.folders(below[0]):
            return None
        return below[0]

    def innermost(self, folder: str, known: Iterable[str] = ()) -> str:
        """`folder`, or the folder inside it that holds all class folders. known: names of classes."""
        while (below := self.only_folder(folder)) and name_of(below) not in known:
            folder = below
        return folder

    def without_images(self) -> list[str]:
        """The topmost folders without images at any depth."""
        empty = {folder for folder in self.all if not self.below[folder]}
        return sorted(folder for folder in empty - {""} if folder.rpartition("/")[0] not in empty)


def name_of(folder: str) -> str:
    """The last part of a path."""
    return folder.rpartition("/")[2]


def _add_up(counts: Counter[str]) -> None:
    """Adds the files of each folder to all folders above it."""
    for folder, number in list(counts.items()):
        while folder:
            folder = folder.rpartition("/")[0]
            counts[folder] += number
