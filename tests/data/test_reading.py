"""Protects `read`: the known names, every place that is looked at, in order, and what is said when nothing is there."""

from __future__ import annotations

from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs

from snellen.data.load import Options, read
from snellen.errors import DataError, DataNotFound, UnknownName


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    digits, bunch = read("digits"), load_digits()
    np.testing.assert_array_equal(digits.images[..., 0], bunch.images)
    np.testing.assert_array_equal(digits.labels, bunch.target)
    assert digits.images.dtype == np.uint8 and digits.official_test is None
    assert (digits.name, digits.shape, digits.pixel_range) == ("digits", (8, 8, 1), (0, 16))
    assert digits.ids[17] == "digits:17"
    assert digits.fingerprint == "5f623b574595934ea4d23c7a6438ca952ad3ba536905ff3eff17c850d6daebd8"


def test_options_reach_bundled_data() -> None:
    names = tuple(f"the {number}" for number in range(10))
    digits = read("digits", Options(class_names=names, pixel_range=(0, 20)))
    assert (digits.classes, digits.pixel_range) == (names, (0, 20))


def test_places_are_looked_at_in_order(tmp_path: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_DATA", str(tmp_path / "environment"))
    monkeypatch.chdir(tmp_path)
    folders = [own_folders / "cache/datasets", tmp_path / "environment", tmp_path / "given", tmp_path]
    for number, folder in enumerate(folders):
        images = np.full_like(cases.IMAGES, 100 + number)
        cases.write_idx(folder / "mine", (images, cases.LABELS))
        assert read("mine", data_folder=tmp_path / "given").images[0, 0, 0, 0] == 100 + number


def test_a_known_name_is_not_looked_for_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases.write_idx(tmp_path / "mnist")
    with pytest.raises(DataNotFound):
        read("mnist")
    cases.assert_same(read(Path("mnist")), cases.expected())
    cases.assert_same(read("./mnist"), cases.expected())


def test_a_name_with_a_slash_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other files of the same data lie beside those that are published under the name."""
    monkeypatch.setenv("SNELLEN_DATA", str(tmp_path))
    with pytest.raises(DataNotFound, match=r"svhn/: no data found.*`snellen data fetch svhn`"):
        read("svhn/")
    cases.write_mat(tmp_path / "svhn", cases.CIFAR)
    cases.write_hdf5(tmp_path / "svhn/subset")
    with pytest.raises(DataError, match="these are not the published svhn data"):
        read("svhn")
    cases.assert_same(read("svhn/", Options(kind="mat")), cases.expected(cases.CIFAR))
    grey = read("svhn/", Options(kind="mat", grey=True))
    assert grey.shape == (32, 32, 1) and grey.name == "svhn" and len(grey) == 18


def test_nothing_found_names_every_place(tmp_path: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_DATA", str(tmp_path / "environment"))
    places = [tmp_path / "given/mnist", tmp_path / "environment/mnist", own_folders / "cache/datasets/mnist"]
    with pytest.raises(DataNotFound) as error:
        read("mnist", data_folder=tmp_path / "given")
    assert ", ".join(map(str, places)) in str(error.value) and "--data-dir" in str(error.value)
    with pytest.raises(DataNotFound, match=r"pictures.npz: no data found; found nothing at pictures.npz, .*given"):
        read("pictures.npz", data_folder=tmp_path / "given")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'mnits'; expected one of .*digits, .*Did you mean 'mnist'"):
        read("mnits")
    with pytest.raises(UnknownName, match=r"unknown reader 'idz'.*Did you mean 'idx'"):
        read(Path(__file__).parent, Options(kind="idz"))


def test_other_data_under_a_known_name(tmp_path: Path) -> None:
    cases.write_idx(tmp_path / "mnist")
    with pytest.raises(DataError, match=r"these are not the published mnist data.*give their path instead"):
        read("mnist", data_folder=tmp_path)
    cases.assert_same(read(tmp_path / "mnist"), cases.expected())


@needs("mnist")
def test_a_known_name_with_options() -> None:
    mnist = read("mnist", Options(pixel_range=(0, 510)), REAL_DATA)
    assert mnist.pixel_range == (0, 510) and len(mnist) == 70_000


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_files_of_no_known_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(
        DataError, match=r"file: no reader recognises this; found .*; expected a folder with train-images"
    ):
        read(tmp_path / "file")
    with pytest.raises(DataError, match=r"no reader recognises this"):
        read(tmp_path)
