"""Protects the CIFAR reader: the published files exactly, both layouts alike, class names, CIFAR-100's two labels."""

from __future__ import annotations

import hashlib
from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs

from snellen.data.load import Options, read
from snellen.errors import DataError, UnknownName

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = cases.CIFAR
NAMES = {"fine": ["ant", "bee", "cow", "dog"], "coarse": ["small", "large"]}


@needs("cifar-10")
def test_cifar_10_is_the_published_one() -> None:
    dataset = read("cifar-10", data_folder=REAL_DATA)
    assert (len(dataset), dataset.shape, dataset.classes[6:8]) == (60_000, (32, 32, 3), ("frog", "horse"))
    assert np.bincount(dataset.labels).tolist() == [6000] * 10
    assert dataset.ids[[10_001, 50_000]].tolist() == ["data_batch_2.bin:1", "test_batch.bin:0"]
    assert dataset.official_test is not None
    training = ~dataset.official_test
    means = dataset.images[training].reshape(-1, 3).mean(axis=0) / 255
    np.testing.assert_allclose(means, [0.49139968, 0.48215841, 0.44653091], atol=1e-8)
    parts = dataset.images[training], dataset.labels[training], dataset.images[~training], dataset.labels[~training]
    state = hashlib.sha256()
    for part in parts:
        state.update(part.astype(np.uint8).tobytes())
    assert state.hexdigest() == "80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660"


def test_class_names_of_both_layouts(tmp_path: Path) -> None:
    binary, python = cases.write_cifar_binary(tmp_path / "a"), cases.write_cifar_python(tmp_path / "b")
    (binary / "batches.meta.txt").write_text("ant\nbee\ncow\n\n")
    (python / "batches.meta").write_bytes(b"\x80\x02}(U\x0blabel_names](U\x03antU\x03beeU\x03coweu.")
    assert read(binary).classes == read(python).classes == ("ant", "bee", "cow")
    assert read(binary).fingerprint == read(python).fingerprint
    assert read(binary, Options(class_names=("x", "y", "z"))).classes == ("x", "y", "z")


def write_cifar_100(folder: Path) -> tuple[Path, Path]:
    """The binary and the Python layout, in one folder of their own each; coarse is fine // 2."""
    binary, python = folder / "cifar-100-binary", folder / "cifar-100-python"
    for path in (binary, python):
        path.mkdir(parents=True)
    for name, images, fine in (("train", IMAGES, np.arange(12) % 4), ("test", TEST_IMAGES, np.arange(6) % 4)):
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        rows = np.concatenate([fine[:, None] // 2, fine[:, None], planes], axis=1).astype(np.uint8)
        (binary / f"{name}.bin").write_bytes(rows.tobytes())
        batch = cases.python_2_batch(planes, fine.tolist(), b"fine_labels")
        coarse = b"U\x0dcoarse_labels](" + b"".join(b"K" + bytes([label // 2]) for label in fine) + b"e"
        (python / name).write_bytes(batch[:-2] + coarse + b"u.")
    for kind, names in NAMES.items():
        (binary / f"{kind}_label_names.txt").write_text("\n".join(names))
    texts = {kind: b"".join(b"U\x03" + name[:3].encode() for name in names) for kind, names in NAMES.items()}
    meta = b"U\x10fine_label_names](" + texts["fine"] + b"eU\x12coarse_label_names](" + texts["coarse"] + b"e"
    (python / "meta").write_bytes(b"\x80\x02}(" + meta + b"u.")
    return binary, python


def test_fine_and_coarse_labels(tmp_path: Path) -> None:
    for path in write_cifar_100(tmp_path):
        fine, coarse = read(path), read(path, Options(keys={"labels": "coarse"}))
        assert fine.classes == tuple(NAMES["fine"]) and fine.labels[:6].tolist() == [0, 1, 2, 3, 0, 1]
        assert len(coarse.classes) == 2 and coarse.labels[:6].tolist() == [0, 0, 1, 1, 0, 0]
        np.testing.assert_array_equal(coarse.images[:12], IMAGES)
        with pytest.raises(UnknownName, match=r"keys.labels: unknown kind of label 'corse'.*Did you mean 'coarse'"):
            read(path, Options(keys={"labels": "corse"}))


def test_the_folder_around_the_published_one(tmp_path: Path) -> None:
    cases.write_cifar_binary(tmp_path / "data" / "cifar-10-batches-bin")
    cases.assert_same(read(tmp_path / "data"), cases.expected(cases.CIFAR))
    cases.write_cifar_python(tmp_path / "data" / "cifar-10-batches-py")
    with pytest.raises(
        DataError, match=r"more than one set of batches; found cifar-10-batches-bin/data_batch_1.bin and"
    ):
        read(tmp_path / "data")


def test_a_missing_batch(tmp_path: Path) -> None:
    folder = cases.write_cifar_binary(tmp_path / "bad")
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"bad: data_batch_3.bin is missing"):
        read(folder)


def test_a_batch_cut_off(tmp_path: Path) -> None:
    folder = cases.write_cifar_binary(tmp_path / "bad")
    file = folder / "data_batch_1.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"data_batch_1.bin: byte 21511: not whole rows; found 24,583 bytes; .*3,073"):
        read(folder)


def test_rows_of_another_length_in_a_python_batch(tmp_path: Path) -> None:
    folder = cases.write_cifar_python(tmp_path / "bad")
    (folder / "test_batch").write_bytes(cases.python_2_batch(TEST_IMAGES.reshape(12, -1), [0] * 12))
    with pytest.raises(DataError, match=r"test_batch: data: not rows of pixels; found shape \(12, 1536\)"):
        read(folder)


def test_labels_are_numbers(tmp_path: Path) -> None:
    folder = cases.write_cifar_python(tmp_path / "bad")
    batch = (folder / "test_batch").read_bytes()
    (folder / "test_batch").write_bytes(batch.replace(b"]q\5(K\0K\1", b"]q\5(\x89\x88"))
    with pytest.raises(DataError, match=r"test_batch: labels: not a list of one kind; found \[False, True, 2, 0"):
        read(folder)
