"""Protects Parquet files that hold images, as Hugging Face writes them: parts, class names, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import image_cases as cases
import numpy as np
import polars as pl
import pytest

from snellen.data.load import read
from snellen.data.readers.image_files.manifest import READER as MANIFEST
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.readers.registry import READERS
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.images import open_images
from snellen.errors import DataError
from snellen.models.bundle import Input

IMAGES = [cases.as_bytes(cases.COLOUR ^ row, "PNG") for row in range(20)]
LABELS, NAMES = [0, 1, 0, 1, 0, 1], ["cat", "dog"]


def write(
    path: Path, labels: list[Any] = LABELS, names: list[str] | None = NAMES, first: int = 0, **others: Any
) -> Path:
    """A file of so many of IMAGES, from the first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table, said = cases.hugging_face_table(IMAGES[first : first + len(labels)], labels, names)
    table.with_columns(**others).write_parquet(path, metadata={"huggingface": said})
    return path


def refused(path: Path, message: str, options: Options = DEFAULT_OPTIONS) -> None:
    with pytest.raises(DataError, match=message):
        read(path, options)


def test_a_folder_with_three_parts_and_two_shards(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "repository/data"):
        write(place / "train-00000-of-00002.parquet")
        write(place / "train-00001-of-00002-0123456789abcdef.parquet", [1, 0], first=6)
        write(place / "validation-00000-of-00001.parquet", [0, 1], first=8)
        write(place / "test-00000-of-00001.parquet", [1, 1, 0], first=10)
    (tmp_path / "repository/README.md").write_text("about", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "repository"):
        dataset = read(folder)
        assert dataset.classes == ("cat", "dog") and dataset.labels.tolist() == [*LABELS, 1, 0, 0, 1, 1, 1, 0]
        assert dataset.official_validation is not None and np.flatnonzero(dataset.official_validation).tolist() == [
            8,
            9,
        ]
        assert dataset.official_test is not None and np.flatnonzero(dataset.official_test).tolist() == [10, 11, 12]
        np.testing.assert_array_equal(dataset.images[5], cases.COLOUR ^ 5)
        assert dataset.ids[6] == "train-00001-of-00002-0123456789abcdef.parquet:0"


def test_one_file_with_other_columns(tmp_path: Path) -> None:
    split, patient = ["train"] * 4 + ["valid", "test"], ["a", "a", "b", "b", "c", "d"]
    path = write(tmp_path / "cells.parquet", split=pl.Series(split), group=pl.Series(patient), size=pl.lit(0.5))
    dataset = read(path)
    assert dataset.name == "cells" and dataset.ids.tolist() == [f"cells.parquet:{row}" for row in range(6)]
    assert dataset.official_test is not None and dataset.official_test.tolist() == [False] * 5 + [True]
    assert dataset.official_validation is not None and dataset.official_validation.tolist()[4]
    assert dataset.groups is not None and dataset.groups.tolist() == [0, 0, 2, 2, 4, 5]
    assert [kind for kind, reader in READERS.items() if reader.recognises(path)] == ["parquet_pictures"]
    assert not MANIFEST.recognises(path)


def test_plain_bytes_and_text_labels(tmp_path: Path) -> None:
    pl.DataFrame({"picture": IMAGES[:6], "class": ["b", "a"] * 3}).write_parquet(tmp_path / "t.parquet")
    dataset = read(tmp_path / "t.parquet")
    assert dataset.classes == ("a", "b") and dataset.labels.tolist() == [1, 0] * 3
    assert read(tmp_path / "t.parquet", Options(classes=("b", "a"))).labels.tolist() == [0, 1] * 3


def test_labels_that_are_secret_or_missing(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet")
    write(tmp_path / "test.parquet", [-1] * 4)
    dataset = read(tmp_path)
    assert len(dataset) == 6 and dataset.official_test is None
    assert dataset.remarks == ("test: 4 images without labels are left out.",)
    refused(write(tmp_path / "t/x.parquet", [0, 1, None, 1]), r"x.parquet: row 2: no label; found 1 of 4 rows")


def test_classes_without_images_are_named(tmp_path: Path) -> None:
    dataset = read(write(tmp_path / "x.parquet", names=["cat", "dog", "eel"]))
    assert dataset.classes == ("cat", "dog")
    assert dataset.remarks == ("1 of 3 classes have no images here and are left out: 'eel'.",)


def test_several_columns_could_be_it(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", mask=pl.col("image"))
    refused(path, r"could be the image; found image and mask. Say which: .*`keys: \{image: image\}` under `data`")
    assert len(read(path, Options(keys={"image": "mask"}))) == 6
    refused(path, "not a column of images; found label", Options(keys={"image": "label"}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("extra-00000-of-00001.parquet", r"a file of an unknown part; found 'extra.*expected train"),
        (
            "train-00000-of-00002.parquet",
            r"files of a part are missing; found train-0.*without train-00001-of-00002.parquet",
        ),
    ],
)
def test_names_of_files(tmp_path: Path, name: str, message: str) -> None:
    write(tmp_path / name)
    refused(tmp_path, message)


def test_bad_images(tmp_path: Path) -> None:
    table, _ = cases.hugging_face_table([*IMAGES[:3], b"none"], LABELS[:4])
    table.write_parquet(tmp_path / "x.parquet")
    refused(tmp_path / "x.parquet", r"x.parquet: row 3: not an image")
    dataset = read(tmp_path / "x.parquet", Options(on_bad_image="exclude"))
    assert len(dataset) == 3 and [each.file for each in dataset.excluded] == ["x.parquet:3"]
    only_path = pl.DataFrame({"image": [{"bytes": None, "path": "a.png"}], "label": [0]}, table.schema)
    only_path.write_parquet(tmp_path / "y.parquet")
    refused(tmp_path / "y.parquet", r"image: row 0: no image; found no bytes")


@pytest.mark.parametrize("said", ["{", "[" * 100_000, json.dumps({"info": {"features": {"label": {"names": [1]}}}})])
def test_metadata_that_say_nothing(tmp_path: Path, said: str) -> None:
    cases.hugging_face_table(IMAGES[:6], LABELS)[0].write_parquet(
        tmp_path / "x.parquet", metadata={"huggingface": said}
    )
    assert read(tmp_path / "x.parquet").classes == ("0", "1")


def test_bytes_that_grow(tmp_path: Path) -> None:
    """Kilobytes that would be 200 MB, in many cells, or 600 MB, in few."""
    for cells in ([b"\0" * 2**20] * 200, [b"\0" * (150 * 2**20)] * 4):
        pl.DataFrame({"image": cells, "label": [0, 1] * (len(cells) // 2)}).write_parquet(tmp_path / "x.parquet")
        refused(tmp_path / "x.parquet", r"x.parquet: .*(implausibly much data|needs too much memory|cannot be read)")


@pytest.mark.parametrize("number", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_mutants(tmp_path: Path, number: int) -> None:
    """Flipped bits and cuts: a Dataset or one clear error."""
    path = write(tmp_path / "x.parquet")
    content, random = path.read_bytes(), np.random.default_rng(8)
    for each in range(number):
        mutant = bytearray(content if each % 2 else content[: random.integers(len(content))])
        if mutant:
            mutant[random.integers(len(mutant))] ^= 1 << random.integers(8)
        path.write_bytes(mutant)
        try:
            read(path)
        except DataError as error:
            assert "x.parquet" in str(error)


@pytest.mark.parametrize("column", ["usage", "Subset", "partition"])
def test_a_column_with_the_parts_by_another_name(tmp_path: Path, column: str) -> None:
    parts = ["Training"] * 4 + ["PublicTest"] * 2 + ["PrivateTest"] * 2
    images = [{"bytes": cases.png(np.full((8, 8, 3), 20 * row, np.uint8)), "path": None} for row in range(8)]
    frame = pl.DataFrame({"image": images, "label": ["a", "b"] * 4})
    frame.with_columns(pl.Series(column, parts)).write_parquet(tmp_path / "all.parquet")
    dataset = read(tmp_path / "all.parquet")
    assert dataset.official_test is not None and dataset.official_test.sum() == 2
    assert dataset.official_validation is not None and dataset.official_validation.sum() == 2
    frame.with_columns(pl.Series(column, ["x", "y"] * 4)).write_parquet(tmp_path / "none.parquet")
    assert read(tmp_path / "none.parquet").official_test is None


def test_one_shard_of_several(tmp_path: Path) -> None:
    """Alone it is read, and said; in a folder the missing ones are named."""
    path = write(tmp_path / "train-00001-of-00003.parquet")
    assert read(path).remarks == (
        "train-00001-of-00003.parquet is one of 3 files; the other 2 are not read (not in its folder).",
    )
    refused(
        tmp_path, "found train-00001-of-00003.parquet, without train-00000-of-00003.parquet, train-00002-of-0.*one file"
    )
    write(tmp_path / "train-00002-of-00003.parquet", first=6)
    assert "1 of them are in its folder" in read(path).remarks[0]
    write(tmp_path / "train-99999-of-99999.parquet")
    assert "one of 100,000 files" in read(tmp_path / "train-99999-of-99999.parquet").remarks[0]


def predicted(path: Path) -> tuple[list[Batch], Reading]:
    height, width, channels = cases.COLOUR.shape
    inputs, reading = Input(height=height, width=width, channels=channels, pixel_range=(0, 255)), Reading()
    return list(open_images([str(path)], inputs, None, classes=("cat", "dog"), reading=reading)), reading


def test_prediction_needs_no_labels_no_parts_and_no_other_shards(tmp_path: Path) -> None:
    table = pl.DataFrame({"image": [{"bytes": each, "path": "x"} for each in IMAGES[:4]]})
    table.write_parquet(tmp_path / "none.parquet")
    refused(tmp_path / "none.parquet", "no column for the label.*without labels are for `snellen predict`")
    ((batch,), _) = predicted(tmp_path / "none.parquet")
    assert batch.ids == [f"none.parquet:{row}" for row in range(4)] and batch.labels is None
    np.testing.assert_array_equal(batch.images[3], cases.COLOUR ^ 3)
    write(tmp_path / "shards/test-00001-of-00003.parquet", [1, -1, 0])
    ((batch,), reading) = predicted(tmp_path / "shards")
    assert batch.classes is not None and batch.labels is not None and batch.test is not None and batch.test.all()
    assert [(*batch.classes, None)[code] for code in batch.labels] == ["dog", None, "cat"]
    assert "test-00000-of-00003.parquet, test-00002-of-00003.parquet" in reading.remarks[0]
    for name in ("extra.parquet", "test-00001-of-00003.parquet"):
        write(tmp_path / "alone" / name, [1, 1])
        assert len(predicted(tmp_path / "alone" / name)[0][0].ids) == 2
    assert sum(len(each.ids) for each in predicted(tmp_path / "alone")[0]) == 4


def test_rows_without_a_image_are_named_and_the_others_answered(tmp_path: Path) -> None:
    table, _ = cases.hugging_face_table([*IMAGES[:3], b"none", b""], [0, 1, 0, 1, 0])
    table.write_parquet(tmp_path / "x.parquet")
    ((batch,), reading) = predicted(tmp_path / "x.parquet")
    assert batch.ids == [f"x.parquet:{row}" for row in range(3)]
    assert [each.file for each in reading.failed] == ["x.parquet:3", "x.parquet:4"]
    assert "not an image" in reading.failed[0].reason and "no image" in reading.failed[1].reason
