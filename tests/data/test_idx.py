"""Protects the IDX reader: official files exactly, each fault with file and byte offset, no allocation on a lie."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs

from snellen.data.load import read
from snellen.data.readers.idx import read_idx
from snellen.errors import DataError

IMAGES = cases.idx_bytes(cases.IMAGES)


@needs("mnist")
def test_mnist_is_the_published_one() -> None:
    names = [REAL_DATA / "mnist" / f"{name}.gz" for name in cases.IDX_NAMES]
    arrays = [read_idx(path, 3 if "images" in path.name else 1) for path in names]
    sha = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    assert sha == "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"


@needs("mnist")
def test_mnist_by_name() -> None:
    mnist = read("mnist", data_folder=REAL_DATA)
    assert (len(mnist), mnist.shape, mnist.classes) == (70_000, (28, 28, 1), tuple("0123456789"))
    assert (
        mnist.official_test is not None and mnist.official_test.sum() == 10_000 and mnist.official_test[60_000:].all()
    )
    assert np.bincount(mnist.labels)[[0, 5]].tolist() == [5923 + 980, 5421 + 892]  # LeCun's published class counts
    assert mnist.ids[[17, 60_000]].tolist() == ["train-images-idx3-ubyte:17", "t10k-images-idx3-ubyte:0"]


def test_names_with_a_dot_and_mixed_compression(tmp_path: Path) -> None:
    folder = cases.write_idx(tmp_path / "dots")
    for file in list(folder.iterdir()):
        file.rename(folder / file.name.replace("-idx", ".idx"))
    labels = folder / "train-labels.idx1-ubyte"
    labels.with_name(f"{labels.name}.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    dataset = read(folder)
    cases.assert_same(dataset, cases.expected())
    assert dataset.ids[0] == "train-images.idx3-ubyte:0"


def test_ids_do_not_depend_on_compression(tmp_path: Path) -> None:
    plain, gzipped = read(cases.write_idx(tmp_path / "a")), read(cases.write_idx_gz(tmp_path / "b"))
    assert plain.ids.tolist() == gzipped.ids.tolist()


def test_test_part_alone(tmp_path: Path) -> None:
    folder = cases.write_idx(tmp_path / "bad")
    for name in cases.IDX_NAMES[:2]:
        (folder / name).unlink()
    with pytest.raises(DataError, match=r"bad: no training part; expected train-images-idx3-ubyte"):
        read(folder)


@pytest.mark.parametrize("name", cases.IDX_NAMES)
def test_one_file_of_a_pair_missing(tmp_path: Path, name: str) -> None:
    folder = cases.write_idx(tmp_path / "bad")
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        read(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (cases.idx_bytes(cases.LABELS), "file: byte 0: wrong magic number; found 0x00000801; expected 0x00000803"),
        (b"\x00\x00\x0d\x03" + IMAGES[4:], "byte 0: wrong magic number; found 0x00000d03"),
        (IMAGES[:3], "byte 3: the header ends early; found 3 bytes; expected 4 bytes"),
        (IMAGES[:15], "byte 15: the header ends early; found 11 bytes; expected 12 bytes"),
        (IMAGES[:-1], "byte 255: the length is not the declared one; found 239 bytes of data; expected 240 bytes"),
        (IMAGES + b"x", "byte 256: the length is not the declared one; found 241 bytes of data; expected 240 bytes"),
        (b"\x00\x00\x08\x03" + struct.pack(">3I", 2**32 - 1, 28, 28), "too many rows declared; found 4,294,967,295"),
        (b"\x00\x00\x08\x03" + struct.pack(">3I", 10, 60_000, 60_000), "rows too large"),
    ],
)
def test_faults_of_plain_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_idx(tmp_path / "file", 3)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(IMAGES[:-1]), "byte 255: the length is not the declared one; found 239 bytes of data"),
        (gzip.compress(IMAGES + b"x"), "byte 256: too many bytes; found more; expected 240 bytes of data"),
        (gzip.compress(IMAGES)[:-9], "cannot be read"),
        (gzip.compress(IMAGES)[:-6] + b"\0" + gzip.compress(IMAGES)[-5:], "incorrect data check"),
        (gzip.compress(IMAGES) + b"x", "cannot be read: the compressed data end early"),
    ],
)
def test_faults_of_gzipped_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_idx(tmp_path / "file", 3)
    assert message in str(error.value)


@pytest.mark.parametrize("images", [0, 150_000])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, images: int) -> None:
    header = b"\x00\x00\x08\x03" + struct.pack(">3I", 150_000, 28, 28)
    (tmp_path / "bomb").write_bytes(gzip.compress(header + bytes(784 * images), 1))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"declares implausibly much data; found 117,600,000 bytes"):
            read_idx(tmp_path / "bomb", 3)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_header_that_declares_a_tebibyte(tmp_path: Path) -> None:
    header = b"\x00\x00\x08\x03" + struct.pack(">3I", 2**22, 512, 512)
    (tmp_path / "plain").write_bytes(header + bytes(100))
    (tmp_path / "gzipped").write_bytes(gzip.compress(header + bytes(100)))
    with pytest.raises(DataError, match=r"found 100 bytes of data; expected 1,099,511,627,776"):
        read_idx(tmp_path / "plain", 3)
    with pytest.raises(DataError, match=r"implausibly much"):
        read_idx(tmp_path / "gzipped", 3)
