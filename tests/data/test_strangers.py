"""Protects from files that are traps, in every place where a reader meets one: pipes, devices, tebibytes of nothing,
names that are no text, paths too long, folders without end. One DataError each, in time."""

from __future__ import annotations

import gzip
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import data_cases as cases
import image_cases
import numpy as np
import pytest
from PIL import Image

from snellen.data.load import Options, find, read
from snellen.data.readers.arrays import from_arrays
from snellen.data.readers.registry import READERS, holds_image_files
from snellen.deploy.images import open_images
from snellen.errors import DataError, UnknownName
from snellen.init.survey import survey
from snellen.models.bundle import Input

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
CONTRACT = Input(height=4, width=4, channels=1, pixel_range=(0.0, 255.0))
WRITERS: dict[str, Callable[[Path], Path]] = {
    "idx": cases.write_idx,
    "idx.gz": cases.write_idx_gz,
    "npz": cases.write_npz,
    "npy": cases.write_npy,
    "cifar binary": cases.write_cifar_binary,
    "cifar python": cases.write_cifar_python,
    "csv": cases.write_csv,
    "csv.gz": cases.write_csv_gz,
    "emnist": cases.write_emnist,
    "hdf5": cases.write_hdf5,
    "mat": cases.write_mat,
    "folder": image_cases.write_folder,
    "manifest": image_cases.write_manifest,
    "zip": image_cases.write_zip,
}
each_format = pytest.mark.parametrize("name", WRITERS)


class Hang(BaseException):
    """Nothing that a reader could take for a fault of its file."""


@pytest.fixture(autouse=True)
def in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever takes 20 s hangs."""
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))

    def hang(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def a_file(source: Path) -> Path:
    """One file of a source: its last, which is neither the first looked at nor the only one looked at."""
    return source if source.is_file() else max(path for path in source.rglob("*") if path.is_file())


def refused(source: Path | str, message: str = ".") -> DataError:
    with pytest.raises(DataError, match=message) as error:
        read(source)
    text = str(error.value)
    text.encode()
    assert len(text) < 10_000 and "\x1b" not in text
    return error.value


@each_format
def test_a_pipe_in_the_place_of_a_file(name: str, tmp_path: Path) -> None:
    source = WRITERS[name](tmp_path / "good")
    file = a_file(source)
    file.unlink()
    os.mkfifo(file)
    try:
        read(source)  # what is no file is not there, and a test part need not be
    except DataError as error:
        assert str(source.parent) in str(error)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("what", ["/dev/zero", "pipe"])
def test_what_is_no_file_given_directly(kind: str, what: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError):
        read(tmp_path / what, Options(kind))


@pytest.mark.parametrize("suffix", ["png", "csv", "csv.gz", "npz", "npy", "parquet", "h5", "mat", "tsv"])
def test_a_pipe_with_the_name_of_a_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"pipe.{suffix}"
    os.mkfifo(path)
    refused(path)
    with pytest.raises(DataError):
        list(open_images([str(path)], CONTRACT, None))
    with pytest.raises(DataError):
        list(open_images([str(tmp_path)], CONTRACT, None))
    assert not holds_image_files(path)


@each_format
def test_a_tebibyte_of_nothing(name: str, tmp_path: Path) -> None:
    source = WRITERS[name](tmp_path / "good")
    os.truncate(a_file(source), 2**40)
    refused(source, "file too large|damaged zip directory")


@each_format
def test_a_gibibyte_of_nothing(name: str, tmp_path: Path) -> None:
    source = WRITERS[name](tmp_path / "good")
    os.truncate(a_file(source), 2**30)
    refused(source, "implausibly much|file too large|damaged zip directory")


@each_format
def test_a_name_that_is_no_text(name: str, tmp_path: Path) -> None:
    refused(WRITERS[name](tmp_path / "\udce9\x1b[31m"), r"\\udce9.*(is not valid text|no reader recognises this)")


def test_names_of_classes_and_files_that_are_no_text(tmp_path: Path) -> None:
    for number, (label, file) in enumerate((("caf\udce9", "a.png"), ("cat", "caf\udce9.png"))):
        root = tmp_path / f"pets{number}"
        for folder in (label, "dog"):
            (root / folder).mkdir(parents=True)
            Image.fromarray(np.zeros((4, 4), np.uint8)).save(root / folder / file)
        refused(root, r"caf\\udce9.*a (file|class) name is not valid text; found '.*caf\\udce9.*convmv")
        with pytest.raises(DataError, match="is not valid text"):
            survey(str(root))
    with pytest.raises(DataError, match="a file name is not valid text"):
        list(open_images([str(tmp_path / "pets1/cat")], CONTRACT, None))
    with pytest.raises(DataError, match="is not valid text"):
        list(open_images([str(tmp_path / "pets1/cat/caf\udce9.png")], CONTRACT, None))


@pytest.mark.parametrize("point", [0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF])
@pytest.mark.parametrize("order", "<>")
def test_labels_of_an_array_that_are_no_text(point: int, order: str, tmp_path: Path) -> None:
    labels = np.array(["cat", "dog"] * 3, f"{order}U4")
    labels.view(f"{order}u4")[9] = point
    with pytest.raises(DataError, match=rf"row 2: a label is not valid text; found 0x{point:x} as character 1"):
        from_arrays(np.zeros((6, 4, 4), np.uint8), labels)


@pytest.mark.parametrize("path", ["x" * 5_000, "a/" * 2_500, "/" + "x" * 300, "/" + "y/" * 2_500])
def test_paths_longer_than_any_system_opens(path: str, tmp_path: Path) -> None:
    for look in (read, survey, lambda source: find(source, None), lambda source: holds_image_files(Path(source))):
        with pytest.raises((DataError, UnknownName)) as error:
            look(path)
            raise DataError("nothing there")  # for `find`
        assert len(str(error.value)) < 10_000
    with pytest.raises((DataError, UnknownName)):
        list(open_images([path], CONTRACT, None))


def test_a_folder_whose_files_would_have_paths_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(16):
        Path("x" * 250).mkdir()
        monkeypatch.chdir("x" * 250)
    refused(Path.cwd())


def test_folders_in_folders_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pets/cat").mkdir(parents=True)
    with monkeypatch.context() as moved:
        moved.chdir(tmp_path / "pets/cat")
        for _ in range(200):
            Path("x").mkdir()
            os.chdir("x")
    refused(tmp_path / "pets", "folders too deep; found 33 in each other; expected at most 32")
    with pytest.raises(DataError, match="folders too deep"):
        survey(str(tmp_path / "pets"))


def test_links_in_circles(tmp_path: Path) -> None:
    root = image_cases.write_folder(tmp_path / "good")
    circle = root / "circle"
    circle.symlink_to(circle)
    assert len(read(root)) == 18  # it is no folder of a class
    (tmp_path / "alone").symlink_to(tmp_path / "alone")
    with pytest.raises((DataError, UnknownName)):
        read(str(tmp_path / "alone"))
    place = min(root.rglob("*.png")).parent
    (place / "up").symlink_to(root, target_is_directory=True)
    refused(root, "a linked folder")
    (place / "up").unlink()
    (place / "b.png").symlink_to(place / "b.png")
    refused(root, r"b\.png: cannot be read: .*Too many levels")


def test_members_of_gzip_files_with_nothing_in_them(tmp_path: Path) -> None:
    for write in (cases.write_idx_gz, cases.write_csv_gz):
        source = write(tmp_path / write.__name__)
        a_file(source).write_bytes(gzip.compress(b"") * 1_000_000)
        refused(source, "too many nearly empty members")
