"""Protects `snellen data`: the numbers of a description, where known data are, fetching only what is not here."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import data_cases as cases
import numpy as np
import pytest
from image_cases import save
from PIL import Image
from typer.testing import CliRunner

from snellen.cli import app
from snellen.data import catalog, download
from snellen.data.inspect.describe import describe
from snellen.data.readers.arrays import from_arrays
from snellen.errors import DataError, StudyError, UnknownName

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = (array.copy() for array in cases.arrays(4, 4, 3))
IMAGES[5], IMAGES[7], TEST_IMAGES[2] = IMAGES[4], IMAGES[1], IMAGES[0]
DATASET = from_arrays(IMAGES, LABELS, test_images=TEST_IMAGES, test_labels=TEST_LABELS, class_names=list("abc"))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["data", *arguments], catch_exceptions=True)
    if result.exception:
        raise result.exception
    return result.stdout


def test_the_numbers() -> None:
    found = describe(DATASET)
    assert json.loads(json.dumps(found)) == found
    assert (found["images"], found["official_test"], found["shape"]) == (18, 6, [4, 4, 3])
    assert found["classes"][1] == {"class": "b", "images": 4, "official_test": 2}
    assert found["duplicates"] == {"copies": 3, "in_official_test": 1}
    assert found["conflicting"] == 4  # rows 4 and 5, 0 and the test row; 1 and 7 have one label
    everything = DATASET.images.astype(float)
    assert (found["pixels"]["least"], found["pixels"]["greatest"]) == (everything.min(), everything.max())
    np.testing.assert_allclose(found["pixels"]["means"], everything.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(found["pixels"]["deviations"], everything.std(axis=(0, 1, 2)))
    assert found["fingerprint"] == DATASET.fingerprint


def test_describe_with_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cases.write_mat(tmp_path / "svhn", cases.CIFAR)
    for file in cases.write_idx(tmp_path / "others").iterdir():
        file.rename(tmp_path / "svhn" / file.name)
    with pytest.raises(DataError, match="more than one kind"):
        run("describe", "svhn/")
    assert "32x32, 1 channel, uint8" in run("describe", "svhn/", "--kind", "mat", "--grey")
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 6 + number % 2, 3 + number // 6), dtype=np.uint8)
        save(tmp_path / f"photos/{'ab'[number % 2]}/{number}.png", pixels)
    (tmp_path / "photos/a/broken.png").write_bytes(b"oops")
    with pytest.raises(DataError, match="not an image"):
        run("describe", "photos")
    with pytest.raises(DataError, match=r"different sizes.*`resize: 32`, .*`data`.*`--resize 32`"):
        run("describe", "photos", "--exclude-bad-images", "--background", "white")
    with pytest.raises(UnknownName, match="background"):
        run("describe", "photos", "--background", "red")
    text = run("describe", "photos", "--exclude-bad-images", "--background", "white", "--resize", "6")
    assert "6x6, 3 channels" in text and "excluded     a/broken.png: not an image" in text
    assert "near         0 images are almost the same as another, in 0 sets" in text


def test_a_table_with_names_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        save(tmp_path / f"{number}.png", np.full((5, 5), 50 * number, np.uint8))
    lines = ["scan,diagnosis", *(f"{number}.png,{'ab'[number % 2]}" for number in range(4))]
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"no reader recognises this.*`kind: manifest, keys: \{path"):
        run("describe", "list.csv")
    with pytest.raises(StudyError, match=r"`--key` needs.*'scan'; expected USE=NAME"):
        run("describe", "list.csv", "--key", "scan")
    text = run("describe", "list.csv", "--kind", "manifest", "--key", "path=scan", "--key", "label=diagnosis")
    assert "list: 4 images" in text and "    b: 2" in text


def test_describe_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = cases.write_hdf5(tmp_path / "grey")
    import h5py

    with h5py.File(path, "a") as file:
        file["X_val"] = np.concatenate([cases.IMAGES, cases.TEST_IMAGES])
    text, found = run("describe", str(path)), json.loads(run("describe", str(path), "--json"))
    assert "grey: 18 images, 6 of them in the official test" in text and "5x4, 1 channel, uint8" in text
    assert "X_val holds exactly the rows of X_test and X_train" in text
    assert found["unions"] == [{"array": "X_val", "parts": ["X_test", "X_train"]}] and found["images"] == 18
    assert "1,797 images, no official test" in run("describe", "digits")
    assert "X_val</b> holds exactly the rows of X_test and X_train" in Path("grey-exploration.html").read_text("utf-8")


def test_where_the_page_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    json.loads(run("describe", "digits", "--json"))
    assert not list(tmp_path.iterdir())
    json.loads(run("describe", "digits", "--json", "--out", "both.html"))
    assert "page         digits-exploration.html" in run("describe", "digits")
    assert "page         my.html" in run("describe", "digits", "--out", "my.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.html", "digits-exploration.html", "my.html"]


def test_photographs_of_different_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, width in (("cat", 9), ("dog", 7)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (width, 8), "red").save(tmp_path / "photos" / name / "1.png")
    with pytest.raises(DataError, match="different sizes"):
        run("describe", "photos")
    assert "6x6, 3 channels" in run("describe", "photos", "--resize", "6")
    page = Path("photos-exploration.html").read_text("utf-8")
    assert "2 files by their headers, with 2 sizes" in page and ">8 × 9</th>" in page


def test_list_says_where(tmp_path: Path) -> None:
    cases.write_idx(tmp_path / "mnist")
    rows = {row["name"]: row for row in json.loads(run("list", "--json", "--data-dir", str(tmp_path)))}
    assert tuple(rows) == catalog.NAMES
    assert rows["mnist"]["path"] == str(tmp_path / "mnist") and rows["kmnist"]["path"] is None
    assert rows["digits"]["images"] == 1797 and rows["svhn"]["images"] == 99_289
    assert "snellen data fetch" in run("list")


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the internet, with a small "mnist"."""
    folder = cases.write_idx_gz(tmp_path / "internet")
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    remotes = tuple(
        download.Remote(name, (name,), len(content), hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    )
    small = replace(catalog.PUBLISHED["mnist"], files=remotes, rows=(12, 6), fingerprint=None, classes=("0", "1", "2"))
    monkeypatch.setitem(catalog.PUBLISHED, "mnist", small)

    def receive(url: str, remote: download.Remote, partial: Any, on_progress: download.OnProgress) -> None:
        with partial:
            partial.write((folder / url).read_bytes())
        on_progress(remote.name, remote.num_bytes or 0, remote.num_bytes or 0)

    monkeypatch.setattr(download, "_receive", receive)
    return folder


def test_fetch_into_the_cache_then_never_again(
    publisher: Path, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "mnist: 18 images, identical to the published ones" in run("fetch", "mnist")
    assert sorted(path.name for path in (own_folders / "cache/datasets/mnist").iterdir()) == sorted(
        path.name for path in publisher.iterdir()
    )
    monkeypatch.setattr(download, "_receive", lambda *_: pytest.fail("fetched twice"))
    run("fetch", "mnist")


def test_data_at_hand_are_not_fetched(publisher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_receive", lambda *_: pytest.fail("fetched what is here"))
    monkeypatch.setenv("SNELLEN_DATA", str(tmp_path))
    cases.write_idx(tmp_path / "mnist")
    assert str(tmp_path / "mnist") in run("fetch", "mnist")


def test_fetch_completes_a_folder(publisher: Path, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    name = "train-labels-idx1-ubyte.gz"
    (tmp_path / "mnist" / name).write_bytes((publisher / name).read_bytes())
    assert "18 images" in run("fetch", "mnist", "--data-dir", str(tmp_path))


def test_other_content_is_refused_after_fetching(publisher: Path, tmp_path: Path) -> None:
    changed = gzip.compress(cases.idx_bytes(cases.IMAGES[:11]))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist/train-images-idx3-ubyte.gz").write_bytes(changed)
    with pytest.raises(DataError, match=r"different numbers of images and labels"):
        run("fetch", "mnist", "--data-dir", str(tmp_path))


def test_unknown_and_bundled_names() -> None:
    with pytest.raises(UnknownName, match=r"unknown data set 'cifar-1'.*Did you mean 'cifar-10'"):
        run("fetch", "cifar-1")
    assert "1,797 images, identical to the published ones; comes with Snellen" in run("fetch", "digits")


def test_help_imports_nothing_heavy() -> None:
    heavy = "numpy", "polars", "torch", "rich.table", "urllib.request"
    code = f"import sys, snellen.cli; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
