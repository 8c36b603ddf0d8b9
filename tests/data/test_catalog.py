"""Protects the known names: complete entries, content as published, other content refused."""

from __future__ import annotations

import re
from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs, require

from snellen.data.catalog import BUNDLED, NAMES, PUBLISHED, known_name
from snellen.data.load import Options, find, read
from snellen.data.medmnist import MEDICAL_SETS
from snellen.data.readers.registry import READERS
from snellen.errors import DataError, DataNotFound


def test_the_names() -> None:
    first = ("digits", "mnist", "fashion-mnist", "kmnist", "emnist-letters", "cifar-10", "cifar-100", "svhn")
    assert (*first, *MEDICAL_SETS) == NAMES
    assert set(BUNDLED) == {"digits"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_entries_are_complete(name: str) -> None:
    entry = PUBLISHED[name]
    assert entry.kind in READERS and entry.about and entry.num_rows > 700
    for remote in entry.files:
        assert all(re.match(r"https?://", url) and f"/{remote.name}" in url for url in remote.urls)
        if name in MEDICAL_SETS:
            assert re.fullmatch(r"[0-9a-f]{32}", str(remote.md5)) and remote.num_bytes is None
        else:
            assert re.fullmatch(r"[0-9a-f]{64}", str(remote.sha256)) and remote.num_bytes and remote.num_bytes > 4000
    products = [path.name for remote in entry.files for path in remote.extracted_files(Path())]
    assert len(set(products)) == len(products)
    assert len({remote.sha256 or remote.md5 for remote in entry.files}) == len(entry.files)


def test_medical_sets_as_published() -> None:
    """Numbers as in J. Yang et al., Scientific Data 10, 41 (2023)."""
    assert PUBLISHED["bloodmnist"].num_rows == 17_092 and PUBLISHED["dermamnist"].num_rows == 10_015
    assert PUBLISHED["pathmnist"].rows == (89_996, 7_180) and PUBLISHED["pathmnist"].validation == 10_004
    assert [len(facts.classes) for facts in MEDICAL_SETS.values()] == [9, 7, 4, 2, 5, 2, 8, 8, 11, 11, 11]
    assert len({facts.md5 for facts in MEDICAL_SETS.values()}) == len(MEDICAL_SETS)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *(("fashion_mnist", "fashion-mnist"), ("FashionMNIST", "fashion-mnist"), ("MNIST", "mnist")),
        *(("cifar10", "cifar-10"), ("CIFAR10", "cifar-10"), ("cifar_100", "cifar-100"), ("KMNIST", "kmnist")),
        *(("BloodMNIST", "bloodmnist"), ("SVHN", "svhn"), ("emnist_letters", "emnist-letters"), ("birds", None)),
    ],
)
def test_names_as_others_write_them(written: str, name: str | None) -> None:
    assert known_name(written) == name


def test_a_name_of_keras_is_read_unless_there_is_such_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.catalog.Published.check", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    labels = np.arange(12) % 10
    place = cases.write_idx(tmp_path / "data/fashion-mnist", (cases.IMAGES, labels, *cases.ARRAYS[2:]))
    assert find("fashion_mnist", tmp_path / "data") == place
    assert read("FashionMNIST", data_folder=tmp_path / "data").classes[9] == "Ankle boot"
    cases.write_idx(tmp_path / "fashion_mnist")
    assert read("fashion_mnist", data_folder=tmp_path / "data").classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("chestmnist", "its images have any number of 14 findings"),
        ("OrganMNIST3D", "its samples are volumes"),
        ("EMNIST", "it is six sets, of which Snellen knows emnist-letters"),
    ],
)
def test_names_that_cannot_be_read_say_why(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=f"{name} cannot be read by this name: {reason}"):
        read(name)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar-10"])
def test_the_reference_copies_are_the_published_ones(name: str) -> None:
    require(name)
    dataset = read(name, data_folder=REAL_DATA)
    assert dataset.fingerprint == PUBLISHED[name].fingerprint and dataset.classes == PUBLISHED[name].classes


@needs("svhn")
def test_the_street_digits_at_hand_are_a_subset() -> None:
    with pytest.raises(
        DataError, match=r"not the published svhn data; found 4,434 and 1,952 rows; expected 73,257 and"
    ):
        read("svhn", data_folder=REAL_DATA)


def test_class_names_of_the_study_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.catalog.Published.check", lambda *_: None)
    labels = np.arange(12) % 10
    cases.write_idx(tmp_path / "fashion-mnist", (cases.IMAGES, labels, cases.TEST_IMAGES, cases.TEST_LABELS))
    assert read("fashion-mnist", data_folder=tmp_path).classes[9] == "Ankle boot"
    names = tuple("abcdefghij")
    assert read("fashion-mnist", Options(class_names=names), tmp_path).classes == names
    assert read(tmp_path / "fashion-mnist", Options(class_names=names)).classes == names


def test_nothing_at_hand_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        DataNotFound, match=r"Download them with `snellen data fetch kmnist`\. If you have them, name .*--data-dir"
    ):
        read("kmnist", data_folder=tmp_path)
    assert find("kmnist", tmp_path) is None
