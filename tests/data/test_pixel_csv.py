"""Protects the pixel CSV reader: the Kaggle files exactly, the label wherever it stands, each fault with its row."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import data_cases as cases
import numpy as np
import pytest
from needs import REAL_DATA, needs

from snellen.data.load import Options, read
from snellen.data.readers.csv.pixel_table import read_pixels
from snellen.data.splits.roles import Split, assign
from snellen.errors import DataError, UnknownName

KAGGLE = REAL_DATA / "fashion-mnist-csv"
IMAGES, LABELS = cases.SQUARE[:2]
NAMES = [f"pixel{number}" for number in range(36)]


def write(path: Path, header: list[str] | None, label: int, labels: np.ndarray | list[str] = LABELS) -> Path:
    """The square images with the label in column `label`."""
    rows = [list(map(str, image.ravel())) for image in IMAGES]
    for row, value in zip(rows, labels):
        row.insert(label, str(value))
    lines = [",".join(row) for row in ([header] if header else []) + rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def read_pair(path: Path, label: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of a file."""
    table = read_pixels(path, Options(keys={} if label is None else {"label": label}))
    assert table.labels is not None
    return table.pixels, table.labels


@needs("fashion-mnist-csv")
def test_the_kaggle_files(tmp_path: Path) -> None:
    dataset = read(KAGGLE)
    tables = [np.loadtxt(KAGGLE / name, np.uint8, delimiter=",", skiprows=1, max_rows=500) for name in KAGGLE_NAMES]
    for start, table in zip((0, 60_000), tables):
        np.testing.assert_array_equal(dataset.labels[start : start + 500], table[:, 0])
        np.testing.assert_array_equal(dataset.images[start : start + 500].reshape(500, 784), table[:, 1:])
    assert np.bincount(dataset.labels).tolist() == [7000] * 10
    assert dataset.ids[[7, 60_003]].tolist() == [f"{KAGGLE_NAMES[0]}:7", f"{KAGGLE_NAMES[1]}:3"]
    copies = [item for item in assign(dataset, Split()).left_out if item.reason == "in official test"]
    assert len(copies) == 10 and len({item.twin for item in copies}) == 10


KAGGLE_NAMES = ("fashion-mnist_train.csv", "fashion-mnist_test.csv")


@needs("fashion-mnist-csv")
def test_exactly_43_duplicates_in_the_kaggle_training_file() -> None:
    dataset = read(KAGGLE / KAGGLE_NAMES[0])
    left_out = assign(dataset, Split(drop_duplicates="exact")).left_out
    assert len(dataset) == 60_000 and len(left_out) == 43
    assert {item.reason for item in left_out} == {"duplicate"}


@pytest.mark.parametrize("place", [0, 17, 36])
@pytest.mark.parametrize("name", ["label", "Class", "odd"])
def test_a_label_by_its_name_in_any_column(tmp_path: Path, place: int, name: str) -> None:
    header = [*NAMES[:place], name, *NAMES[place:]]
    images, labels = read_pair(write(tmp_path / "a.csv", header, place))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("place", [0, 36])
def test_a_label_without_a_header(tmp_path: Path, place: int) -> None:
    path = write(tmp_path / "a.csv", None, place)
    for key in (None, str(place), str(place - 37)):
        images, labels = read_pair(path, key)
        np.testing.assert_array_equal(images, IMAGES)
        np.testing.assert_array_equal(labels, LABELS)


def test_labels_that_are_text(tmp_path: Path) -> None:
    names = np.array(["coat", "bag", "sandal"])[LABELS]
    for number, header in enumerate((None, [*NAMES[:9], "kind", *NAMES[9:]])):
        dataset = read(write(tmp_path / f"{number}.csv", header, 9, names.tolist()))
        assert dataset.classes == ("bag", "coat", "sandal") and dataset.labels[:3].tolist() == [1, 0, 2]


def test_the_order_of_colours_in_noise_is_given(tmp_path: Path) -> None:
    images = cases.arrays(4, 4, 3)[0]
    rows = [",".join(map(str, [label, *image.ravel()])) for image, label in zip(images, LABELS)]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match=r"order of the colours is not clear.*`size: \[4, 4, 3\], channels: last` or"):
        read(tmp_path / "a.csv")
    np.testing.assert_array_equal(read(tmp_path / "a.csv", Options(channels="last")).images, images)


def test_scaled_pixels_windows_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    rows = [",".join(["label", *NAMES])] + [
        ",".join([str(label), *(f"{value / 255:.6f}" for value in image.ravel())])
        for image, label in zip(IMAGES, LABELS)
    ]
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    dataset = read(tmp_path / "a.csv")
    assert dataset.images.dtype == np.float32 and dataset.pixel_range == (0, 1)
    np.testing.assert_allclose(dataset.images[..., 0], IMAGES / 255, atol=1e-6)


def test_many_chunks_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv", ["label", *NAMES], 0)
    whole = read_pair(path)
    monkeypatch.setattr("snellen.data.readers.csv.lines.CHUNK_BYTES", 200)
    for one, other in zip(whole, read_pair(path)):
        np.testing.assert_array_equal(one, other)
    lines = path.read_text().splitlines()
    lines[8] += "x"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"row 7 \(line 9\): column pixel35: not a number"):
        read_pixels(path)


@pytest.mark.parametrize(
    ("row", "cell", "message"),
    [
        (5, "", r"a.csv: row 5 \(line 7\): column pixel3: not a number; found ''; expected a pixel"),
        (0, "seven", r"a.csv: row 0 \(line 2\): column pixel3: not a number; found 'seven'"),
        (11, "1,2", r"a.csv: row 11 \(line 13\): not the number of columns; found 38; expected 37"),
        (2, "nan", r"a.csv: row 2 \(line 4\): column pixel3: not a number; found 'nan'"),
    ],
)
def test_a_bad_cell(tmp_path: Path, row: int, cell: str, message: str) -> None:
    path = write(tmp_path / "a.csv", ["label", *NAMES], 0)
    lines = [line.split(",") for line in path.read_text().splitlines()]
    lines[1 + row][4] = cell
    path.write_text("\n".join(map(",".join, lines)))
    with pytest.raises(DataError, match=message):
        read(path)


@pytest.mark.parametrize("text", ["1,2,3", '"' * 100])
def test_a_bad_row(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "a.csv", ["label", *NAMES], 0)
    path.write_text(path.read_text() + f"{text}\n")
    with pytest.raises(DataError, match=r"a.csv: row 12 \(line 14\): not the number of columns; found \d; expected 37"):
        read(path)


def test_a_number_of_columns_that_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(["1"] * 41) for _ in range(3)))
    with pytest.raises(DataError, match=r"not the pixels of square images: .*; found 41 pixel columns; expected a"):
        read(path)


def test_labels_that_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot tell the label column; found a, b;.*keys: {label"):
        read(write(tmp_path / "a.csv", ["a", "b", *NAMES[2:], "36"], 0))
    with pytest.raises(DataError, match=r"cannot tell the label column; found no names; expected first or last"):
        read(write(tmp_path / "b.csv", None, 18))
    with pytest.raises(UnknownName, match=r"keys.label: unknown column 'labl'.*Did you mean 'label'"):
        read(write(tmp_path / "c.csv", ["label", *NAMES], 0), Options(keys={"label": "labl"}))
    with pytest.raises(UnknownName, match=r"unknown key 'labels'.*Did you mean 'label'"):
        read(tmp_path / "c.csv", Options(keys={"labels": "label"}))


def test_which_files_of_a_folder(tmp_path: Path) -> None:
    folder = cases.write_csv(tmp_path / "pair")
    (folder / "sample_submission.csv").write_text("id,label\n")
    cases.assert_same(read(folder), cases.expected(cases.SQUARE))
    (folder / "other_train.csv").write_bytes((folder / "letters_train.csv").read_bytes())
    with pytest.raises(DataError, match=r"not one train file; found letters_train.csv, other_train.csv"):
        read(folder)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    line = ",".join(["0"] * 785) + "\n"
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        for _ in range(50):
            file.write(line.encode() * 1000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"declares implausibly much data"):
            read(tmp_path / "a.csv.gz")
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()


def test_many_short_lines_after_a_long_one_make_no_room(tmp_path: Path) -> None:
    """262,145 columns times two million lines would be 0.5 TB."""
    path = tmp_path / "a.csv"
    path.write_bytes((b"1," * 262_144 + b"1\n") * 2 + b"1\n" * 2_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"row 2 \(line 3\): not the number of columns; found 1; expected 262145"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**29
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("longest", [5_000, 3_000])
def test_one_long_label_does_not_make_all_as_long(tmp_path: Path, longest: int) -> None:
    path = tmp_path / "long.csv"
    rows = ["a" if row != 5 else "x" * longest for row in range(60_000)]
    path.write_text(
        "label," + ",".join(f"p{n}" for n in range(9)) + "\n" + "".join(f"{r},1,2,3,4,5,6,7,8,9\n" for r in rows)
    )
    with pytest.raises(DataError, match=rf"long\.csv: row 5: a label too long; found {longest:,} characters"):
        read_pixels(path)
