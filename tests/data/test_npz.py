"""Protects the array reader: NumPy's files without pickle, arrays found by name, lies of headers refused unread."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import data_cases as cases
import numpy as np
import pytest

from snellen.data.load import Options, read
from snellen.errors import DataError, UnknownName


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def npy(array: np.ndarray, **fields: object) -> bytes:
    """`array` as .npy with header fields replaced."""
    stream = io.BytesIO()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | fields
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + array.tobytes()


def write_members(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("keys", [("images", "labels"), ("x_train", "y_train"), ("X_Train", "Y_TRAIN")])
def test_usual_names(tmp_path: Path, keys: tuple[str, str]) -> None:
    path = save(tmp_path / "a.npz", **{keys[0]: cases.IMAGES, keys[1]: cases.LABELS, "comment": np.arange(3)})
    dataset = read(path)
    np.testing.assert_array_equal(dataset.images[..., 0], cases.IMAGES)
    assert dataset.ids[7] == f"a.npz/{keys[0]}:7"


def test_names_given_by_the_study(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", X=cases.IMAGES, y=cases.LABELS, Xt=cases.TEST_IMAGES, yt=cases.TEST_LABELS)
    keys = {"images": "X", "labels": "y", "test_images": "Xt", "test_labels": "yt"}
    cases.assert_same(read(path, Options(keys=keys)), cases.expected())
    assert read(path, Options(keys=dict(list(keys.items())[:2]))).official_test is None


def test_one_npy_file_with_its_labels_named(tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", cases.IMAGES)
    np.save(tmp_path / "answers.npy", cases.LABELS)
    dataset = read(tmp_path / "pictures.npy", Options(keys={"labels": "answers.npy"}))
    np.testing.assert_array_equal(dataset.labels, cases.LABELS)
    assert (dataset.name, dataset.ids[2]) == ("pictures", "pictures.npy:2")
    with pytest.raises(
        DataError, match=r"no array for the labels; found .*`keys: {images: pictures, labels: answers}`"
    ):
        read(tmp_path / "pictures.npy")


def test_names_that_are_not_there(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", pictures=cases.IMAGES, labels=cases.LABELS)
    with pytest.raises(UnknownName, match=r"keys\.images: unknown array 'picture'.*Did you mean 'pictures'"):
        read(path, Options(keys={"images": "picture", "labels": "labels"}))
    with pytest.raises(UnknownName, match=r"unknown array 'image'.*Did you mean 'images'"):
        read(path, Options(keys={"image": "pictures"}))
    with pytest.raises(DataError, match=r"no array for the images; found photos \(12, 5, 4\), labels \(12,\)"):
        read(save(tmp_path / "c.npz", photos=cases.IMAGES, labels=cases.LABELS))
    with pytest.raises(DataError, match=r"no arrays for a training part"):
        read(save(tmp_path / "b.npz", other=cases.IMAGES))


def test_two_arrays_for_one_role(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", images=cases.IMAGES, x_train=cases.IMAGES, labels=cases.LABELS)
    with pytest.raises(DataError, match=r"two arrays could be the images; found images and x_train"):
        read(path)


def test_fortran_order_big_endian_and_text_labels(tmp_path: Path) -> None:
    images = np.asfortranarray(cases.IMAGES.astype(">f4") / 3)
    dataset = read(save(tmp_path / "a.npz", images=images, labels=np.array(["cat", "dog", "ant"])[cases.LABELS]))
    np.testing.assert_array_equal(dataset.images[..., 0], images)
    assert dataset.images.dtype == np.float32 and dataset.images.flags.c_contiguous
    assert dataset.classes == ("ant", "cat", "dog") and dataset.labels[:3].tolist() == [1, 2, 0]


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    trap = np.array([Trap()] * 12, dtype=object)
    path = save(tmp_path / "a.npz", images=cases.IMAGES, labels=trap)
    with pytest.raises(DataError, match=r"labels.npy: byte 10: an array of Python objects.*It needs pickle"):
        read(path)
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(trap))
    with pytest.raises(DataError, match=r"no reader recognises this"):
        read(tmp_path / "bare.npz")
    assert not (tmp_path / "sprung").exists()


def test_structured_and_complex_types(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unreadable .npy header"):
        read(save(tmp_path / "a.npz", images=np.zeros(12, [("a", "u1")]), labels=cases.LABELS))
    with pytest.raises(DataError, match=r"unknown element type; found '<c8'"):
        read(save(tmp_path / "b.npz", images=cases.IMAGES.astype(np.complex64), labels=cases.LABELS))


def test_a_member_stored_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"Duplicate"), zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, array in (("images", cases.IMAGES), ("labels", cases.LABELS), ("labels", 1 - cases.LABELS)):
            archive.writestr(f"{name}.npy", npy(array))
    with pytest.raises(DataError, match=r"a member stored twice; found labels.npy"):
        read(tmp_path / "a.npz")


def test_a_directory_that_hides_members(tmp_path: Path) -> None:
    """A wrong length in the entry of y_train swallows the entries of the test part; zipfile does not notice."""
    path = cases.write_npz(tmp_path / "a")
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)
    content[entry + 33] |= 1  # the length of the comment, by 256
    path.write_bytes(content)
    assert zipfile.ZipFile(path).namelist() == ["x_train.npy", "y_train.npy"]
    with pytest.raises(DataError, match=r"damaged zip directory; found 2 members"):
        read(path)


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = write_members(tmp_path / "a.npz", images=npy(cases.IMAGES), labels=npy(cases.LABELS))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images.npy: an encrypted member"):
        read(path)


def test_unknown_compression(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("images.npy", npy(cases.IMAGES))
        archive.writestr("labels.npy", npy(cases.LABELS))
    with pytest.raises(DataError, match=r"images.npy: unknown compression; found 14"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(12, 5, 5), (11, 5, 4), (2**40,), (2**22, 512, 512), (12, 2**30, 2**30)])
def test_a_header_that_disagrees_with_the_member(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_members(tmp_path / "a.npz", images=npy(cases.IMAGES, shape=shape), labels=npy(cases.LABELS))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"images.npy: .*(not the declared|too many rows|too large)"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    images = npy(np.zeros((150_000, 28, 28), np.uint8))
    path = write_members(tmp_path / "a.npz", images=images, labels=npy(cases.LABELS))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"images.npy: declares implausibly much data; found 117,600,128 bytes"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "header",
    [
        "{}",
        "[" * 5000,
        "{'descr': '<u1', 'shape': (1,)}",
        "__import__('os')",
        "{'descr': '<u1'" + ", 'shape': (1,)" * 9,
    ],
)
def test_hostile_headers(tmp_path: Path, header: str) -> None:
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    with pytest.raises(DataError, match=r"unreadable .npy header"):
        read(write_members(tmp_path / "a.npz", images=content, labels=npy(cases.LABELS)))


def test_a_folder_with_two_kinds(tmp_path: Path) -> None:
    folder = cases.write_idx(tmp_path / "both")
    np.save(folder / "images.npy", cases.IMAGES)
    np.save(folder / "labels.npy", cases.LABELS)
    with pytest.raises(DataError, match=r"more than one kind of data; found idx and arrays.*Say which with `kind`"):
        read(folder)
    assert read(folder, Options(kind="arrays")).ids[0] == "images.npy:0"
    assert read(folder, Options(kind="idx")).official_test is not None


def test_many_members_are_refused_before_they_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for number in range(70_000):
            archive.writestr(f"{number}.npy", b"")
    content = (tmp_path / "many.npz").read_bytes()
    lying = content[:-22] + content[-22:-14] + b"\1\0\1\0" + content[-10:]  # 1 member, and the wide numbers are kept
    monkeypatch.delattr(zipfile, "ZipFile")  # which lists them when it is made
    for name, stored in (("many.npz", content), ("lies.npz", lying)):
        (tmp_path / name).write_bytes(stored)
        with pytest.raises(DataError, match=r"too many members; found 70,000 members in a directory of 3,"):
            read(tmp_path / name)


def test_a_comment_may_follow_and_nothing_else(tmp_path: Path) -> None:
    path = cases.write_npz(tmp_path / "a")
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK\x05 from a stranger"
    cases.assert_same(read(path), cases.expected())
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="damaged zip directory"):
        read(path)
