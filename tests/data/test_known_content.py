"""Protects names and descriptions: Fashion-MNIST's CSV is named where its checksum says so, and never otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs import REAL_DATA, needs
from typer.testing import CliRunner

from snellen.cli import app
from snellen.data import known_content
from snellen.data.catalog import PUBLISHED
from snellen.data.load import Options, read
from snellen.data.readers.arrays import from_arrays

NAMES = PUBLISHED["fashion-mnist"].classes or ()


def write_csv(folder: Path, name: str = "clothes", changed: int = 0) -> Path:
    """Twenty images of 28 x 28, in two orders of rows."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 784))
    pixels[0, 0] = (pixels[0, 0] + changed) % 256
    table = np.column_stack([np.arange(20) % 10, pixels])
    path = folder / f"{name}.csv"
    np.savetxt(path, table, fmt="%d", delimiter=",", header="label," + ",".join(map(str, range(784))), comments="")
    return path


@pytest.fixture
def small_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Fashion-MNIST were these twenty images."""
    monkeypatch.setattr(known_content, "ROWS", (20,))
    dataset = read(write_csv(tmp_path, "first"))
    monkeypatch.setattr(known_content, "CONTENT", {known_content.content_digest(dataset): "fashion-mnist"})


@pytest.mark.usefixtures("small_known")
def test_recognised_content_gets_its_names(tmp_path: Path) -> None:
    dataset = read(write_csv(tmp_path, "second"))
    assert dataset.classes == NAMES and "Xiao" in dataset.description
    assert any("recognised by the checksum" in remark for remark in dataset.remarks)
    again = read(write_csv(tmp_path, "second"))
    assert again.description == dataset.description and again.fingerprint == dataset.fingerprint
    assert read(write_csv(tmp_path, "second"), Options(classes=("Sandal", "Bag"))).classes == ("Sandal", "Bag")


@pytest.mark.usefixtures("small_known")
def test_one_other_pixel_is_not_recognised(tmp_path: Path) -> None:
    dataset = read(write_csv(tmp_path, changed=1))
    assert dataset.classes == tuple("0123456789") and not dataset.description and not dataset.remarks


@pytest.mark.usefixtures("small_known")
@pytest.mark.parametrize("options", [Options(class_names=tuple("abcdefghij")), Options(classes=("5", "8"))])
def test_names_of_the_study_go_first(tmp_path: Path, options: Options) -> None:
    assert read(write_csv(tmp_path), options).classes == (options.class_names or options.classes)


def test_the_order_of_rows_does_not_matter() -> None:
    draw = np.random.default_rng(0)
    images, labels = draw.integers(0, 256, (30, 28, 28), dtype=np.uint8), np.arange(30) % 10
    dataset, order = from_arrays(images, labels), draw.permutation(30)
    shuffled = from_arrays(images[order], labels[order])
    assert known_content.content_digest(dataset) == known_content.content_digest(shuffled)
    swapped = replace(dataset, labels=np.roll(dataset.labels, 1))
    assert known_content.content_digest(swapped) != known_content.content_digest(dataset)


@needs("fashion-mnist", "fashion-mnist-csv")
def test_the_real_csv_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_DATA", str(REAL_DATA))
    for source in ("fashion-mnist-csv", "fashion-mnist-csv/fashion-mnist_train.csv"):
        assert read(source).classes == NAMES
    assert known_content.content_digest(read("fashion-mnist")) in known_content.CONTENT


def test_known_data_are_described_and_a_study_may_describe_its_own() -> None:
    assert "handwritten" in read("digits").description
    assert read("digits", Options(description="mine")).description == "mine"


def test_describe_takes_names_and_a_description_and_says_how_to_name(tmp_path: Path) -> None:
    path, out = write_csv(tmp_path, "my-fashion"), tmp_path / "page.html"
    plain = CliRunner().invoke(app, ["data", "describe", str(path), "--out", str(out)])
    assert 'class_names: ["T-shirt/top", Trouser' in plain.output
    named = ["--description", "Ten garments", *(part for name in NAMES for part in ("--class-name", name))]
    given = CliRunner().invoke(app, ["data", "describe", str(path), "--out", str(out), *named])
    assert "description  Ten garments" in given.output and "Ankle boot: 2" in given.output
    assert "Ten garments" in out.read_text(encoding="utf-8") and "only numbered" not in given.output
