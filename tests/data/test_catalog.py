"""Protects the known names: complete entries, content as published, other content refused."""

from __future__ import annotations

import re
from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs, require

from snellen.data.catalog import BUNDLED, NAMES, PUBLISHED
from snellen.data.load import Options, find, read
from snellen.data.readers.registry import READERS
from snellen.errors import DataError, DataNotFound


def test_the_names() -> None:
    assert NAMES == ("digits", "mnist", "fashion-mnist", "kmnist", "emnist-letters", "cifar-10", "cifar-100", "svhn")
    assert set(BUNDLED) == {"digits"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_entries_are_complete(name: str) -> None:
    entry = PUBLISHED[name]
    assert entry.kind in READERS and entry.about and sum(entry.rows) > 50_000
    for remote in entry.files:
        assert re.fullmatch(r"[0-9a-f]{64}", remote.sha256) and remote.num_bytes > 4000
        assert all(re.match(r"https?://", url) and url.endswith(f"/{remote.name}") for url in remote.urls)
    products = [path.name for remote in entry.files for path in remote.extracted_files(Path())]
    assert len(set(products)) == len(products)
    assert len({remote.sha256 for remote in entry.files}) == len(entry.files)


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
