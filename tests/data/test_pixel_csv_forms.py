"""Protects pixel CSV in the forms in which people bring it: headers, names of columns, separators, sizes, texts of
pixels, ids, parts, files of a folder. What is certain is read as the same images; what is not is refused with the
line to write.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snellen.data.dataset import Dataset
from snellen.data.load import Options, read
from snellen.data.readers.csv.pixel_table import read_pixels
from snellen.data.readers.registry import READERS
from snellen.errors import DataError, StudyError

NUM_ROWS, SIDE = 40, 8
LABELS = np.arange(NUM_ROWS) % 4


def smooth(height: int, width: int, channels: int = 1) -> np.ndarray:
    """(NUM_ROWS, H, W, C) uint8 images whose neighbouring pixels are alike."""
    noise = np.random.default_rng(0).normal(size=(NUM_ROWS, height, width, channels)).cumsum(axis=1).cumsum(axis=2)
    low, high = (bound(noise, axis=(1, 2, 3), keepdims=True) for bound in (np.min, np.max))
    images: np.ndarray = ((noise - low) / (high - low) * 255).astype(np.uint8)
    return images


GREY = smooth(SIDE, SIDE)
PIXELS = GREY.reshape(NUM_ROWS, -1)
NAMES = [f"pixel{number}" for number in range(SIDE * SIDE)]
HEADER = ["label", *NAMES]
ROWS = [[label, *row] for label, row in zip(LABELS, PIXELS, strict=True)]
COLOUR = smooth(SIDE, SIDE, 3)
INTERLEAVED = COLOUR.reshape(NUM_ROWS, -1)
PLANAR = COLOUR.transpose(0, 3, 1, 2).reshape(NUM_ROWS, -1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))


def table(
    names: Sequence[Any] | None, rows: Iterable[Sequence[Any]] = ROWS, separator: str = ",", end: str = "\n"
) -> str:
    lines = [*([] if names is None else [names]), *rows]
    return "".join(separator.join(map(str, line)) + end for line in lines)


def labelled(pixels: np.ndarray) -> list[list[int]]:
    return [[label, *row] for label, row in zip(LABELS.tolist(), pixels.tolist(), strict=True)]


def read_text(tmp_path: Path, text: str | bytes, options: Options | None = None, name: str = "a.csv") -> Dataset:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(tmp_path / name, options or Options())


def assert_images(dataset: Dataset, images: np.ndarray = GREY) -> None:
    np.testing.assert_array_equal(dataset.images, images)
    np.testing.assert_array_equal(dataset.labels, LABELS)


def quoted(values: Iterable[Any]) -> list[str]:
    return [f'"{value}"' for value in values]


TEXTS = [" ".join(map(str, row)) for row in PIXELS]
LISTS = [f'"[{text.replace(" ", ", ")}]"' for text in TEXTS]
USAGE = ["Training"] * 20 + ["PublicTest"] * 10 + ["PrivateTest"] * 10

SAME: dict[str, tuple[str, str | bytes]] = {
    "semicolons": ("a.csv", table(HEADER, separator=";")),
    "tabs": ("a.tsv", table(HEADER, separator="\t")),
    "bars": ("a.txt", table(HEADER, separator="|")),
    "spaces": ("a.txt", table(HEADER, separator="  ")),
    "a comma and a space": ("a.csv", table(HEADER, separator=", ")),
    "Windows": ("a.csv", table(HEADER, end="\r\n")),
    "empty lines": ("a.csv", "\n" + table(HEADER).replace("\n", "\n\n", 5) + "\n \n"),
    "lines of separators": ("a.csv", table(HEADER) + "," * 64 + "\n"),
    "separators at the end": ("a.csv", table(HEADER, end=",\n")),
    "separators at the end of rows": ("a.csv", table(HEADER, []) + table(None, end=",\n")),
    "byte order mark without header": ("a.csv", "\ufeff" + table(None)),
    "declared separator": ("a.csv", "sep=;\n" + table(HEADER, separator=";")),
    "quotes": ("a.csv", table(quoted(HEADER), map(quoted, ROWS))),
    "gzip": ("a.tsv.gz", gzip.compress(table(HEADER, separator="\t").encode())),
    "capitals": ("A.CSV", table([name.upper() for name in HEADER])),
    "numbers": ("a.csv", table(range(65))),
    "numbers from 1": ("a.csv", table(range(1, 66))),
    "floats": ("a.csv", table([f"{number}.0" for number in range(65)])),
    "mangled": ("a.csv", table(["0", *(f"0.{number}" for number in range(1, 65))])),
    "mangled by R": ("a.csv", table(["X3", "X0", *(f"X0.{number}" for number in range(1, 64))])),
    "a name and numbers": ("a.csv", table(["label", *range(64)])),
    "R": ("a.csv", table([f"V{number}" for number in range(1, 66)])),
    "R's row names": ("a.txt", table(quoted(HEADER), ([f'"{i + 1}"', *row] for i, row in enumerate(ROWS)), " ")),
    "index": ("a.csv", table(["", *HEADER], ([i, *row] for i, row in enumerate(ROWS)))),
    "index read again": ("a.csv", table(["Unnamed: 0", *HEADER], ([i, *row] for i, row in enumerate(ROWS)))),
    "index and numbers": ("a.csv", table(["", *range(65)], ([i, *row] for i, row in enumerate(ROWS)))),
    "other columns": ("a.csv", table(["source", "mean", *HEADER], (["web", 1.5, *row] for row in ROWS))),
    "any label": ("a.csv", table([*NAMES, "kind of thing"], ([*row[1:], row[0]] for row in ROWS))),
    "text of pixels": ("a.csv", table(["emotion", "pixels"], zip(LABELS, TEXTS, strict=True))),
    "quoted lists": ("a.csv", table(["face", "what"], zip(LISTS, LABELS, strict=True))),
    "text without header": ("a.csv", table(None, zip(LABELS, TEXTS, strict=True))),
    "text named image": ("a.csv", table(["label", "image"], zip(LABELS, TEXTS, strict=True))),
}  # fmt: skip


@pytest.mark.parametrize("form", SAME)
def test_forms_of_the_same_images(tmp_path: Path, form: str) -> None:
    name, text = SAME[form]
    dataset = read_text(tmp_path, text, name=name)
    assert_images(dataset)
    assert [kind for kind, reader in READERS.items() if reader.recognises(tmp_path / name)] == ["pixel_csv"]


@pytest.mark.parametrize("form", ["numbers", "mangled", "index", "other columns"])
def test_what_was_interpreted_is_said(tmp_path: Path, form: str) -> None:
    said = {
        "numbers": "line 1 (0, 1, 2, ..., 64) is a header of numbers, not an image",
        "mangled": "line 1 (0, 0.1, 0.2, ..., 0.64) is an image that another program took for column names",
        "index": "the first column has no name: it numbers the rows and is not a pixel",
        "other columns": "columns that are neither pixels nor used otherwise: 'source', 'mean'",
    }
    (remark,) = read_text(tmp_path, SAME[form][1]).remarks
    assert remark.startswith(f"a.csv: {said[form]}")


@pytest.mark.parametrize("first", [range(0, 650, 10), [5, *range(64)], [*range(64), 5]])
def test_a_first_line_that_may_be_a_image(tmp_path: Path, first: Sequence[int]) -> None:
    with pytest.raises(DataError, match=r"may be a header or an image.*Write `header: true` .* or `header: false`"):
        read_text(tmp_path, table(first))
    if first[0] == 0 and first[1] == 10:
        assert_images(read(tmp_path / "a.csv", Options(header=True)))
    assert len(read(tmp_path / "a.csv", Options(header=False, keys={"label": "0"}, class_names=tuple("abcdef")))) == 41


def test_decimal_commas(tmp_path: Path) -> None:
    rows = [[label, *(f"{value / 255:.4f}".replace(".", ",") for value in row)] for label, row in zip(LABELS, PIXELS)]
    for names in (HEADER, None):
        dataset = read_text(tmp_path, table(names, rows, ";"))
        np.testing.assert_allclose(dataset.images, GREY / 255, atol=1e-4)


ORDER = np.random.default_rng(1).permutation(SIDE * SIDE)
SERIES: dict[str, Callable[[int, int], str]] = {
    "pixel10": lambda row, column: f"pixel{SIDE * row + column}",
    "p010": lambda row, column: f"p{SIDE * row + column + 1:03d}",
    "10": lambda row, column: f"{SIDE * row + column}",
    "3x4": lambda row, column: f"{row + 1}x{column + 1}",
    "px_3_4": lambda row, column: f"px_{row}_{column}",
    "r3c4": lambda row, column: f"r{row}c{column}",
    "x4y3": lambda row, column: f"x{column}y{row}",
}


@pytest.mark.parametrize("series", SERIES)
def test_columns_in_any_order_are_the_same_images(tmp_path: Path, series: str) -> None:
    names = [SERIES[series](*divmod(place, SIDE)) for place in range(SIDE * SIDE)]
    ordered = read_text(tmp_path, table(["label", *names]), name="ordered.csv")
    mixed = [[*row[ORDER], label] for label, row in zip(LABELS, PIXELS, strict=True)]
    shuffled = read_text(tmp_path, table([*(names[place] for place in ORDER), "Label"], mixed))
    assert_images(ordered)
    assert shuffled.fingerprint == ordered.fingerprint
    assert shuffled.remarks == ("a.csv: the columns of pixels are put in the order that their names say",)


@pytest.mark.parametrize(
    ("names", "pixels"),
    [
        ([f"{colour}{place}" for colour in "rgb" for place in range(64)], PLANAR),
        ([f"{colour}_{place}" for place in range(64) for colour in ("Red", "Green", "Blue")], INTERLEAVED),
        ([f"{colour}_{row}_{column}" for colour in "rgb" for row in range(8) for column in range(8)], PLANAR),
        ([f"p_{row}_{column}_{colour}" for row in range(8) for column in range(8) for colour in "rgb"], INTERLEAVED),
        ([f"p_{row}_{column}_{colour}" for row in range(8) for column in range(8) for colour in range(3)], INTERLEAVED),
        ([f"p_{colour}_{row}_{column}" for colour in range(3) for row in range(8) for column in range(8)], PLANAR),
        (range(192), INTERLEAVED),
        (range(192), PLANAR),
    ],
)
def test_colours_by_name_or_by_measure(tmp_path: Path, names: Sequence[Any], pixels: np.ndarray) -> None:
    assert_images(read_text(tmp_path, table(["label", *names], labelled(pixels))), COLOUR)


def test_a_single_row_has_the_order_of_its_colours(tmp_path: Path) -> None:
    for pixels in (INTERLEAVED, PLANAR):
        (tmp_path / "a.csv").write_text(table([f"pixel{place}" for place in range(192)], pixels[:1]))
        np.testing.assert_array_equal(read_pixels(tmp_path / "a.csv").pixels, COLOUR[:1])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([name for name in [*NAMES, "pixel64"] if name != "pixel10"], r"columns are missing.*without number 10; exp"),
        ([*NAMES[:-1], "pixel3"], r"two columns for one pixel; found 'pixel3' and 'pixel3'"),
        ([f"{place // 8}x{place % 8}" for place in range(65) if place != 11], r"number 1 x 3, 8 x 1, 8 x 2,.*more"),
        ([f"pixel{place}" for place in range(5, 69)], r"without number 1, 2, 3, 4; expected 68 columns"),
        ([f"x{place // 8}y{place % 8}" for place in range(64)], r"say x and y, in the order of columns"),
    ],
)  # fmt: skip
def test_names_that_do_not_number_all_pixels(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_text(tmp_path, table(["label", *names]))


OBLONG = smooth(8, 12)


def test_images_that_are_not_square(tmp_path: Path) -> None:
    rows, names = labelled(OBLONG.reshape(NUM_ROWS, -1)), [f"pixel{place}" for place in range(96)]
    measured = read_text(tmp_path, table(["label", *names], rows))
    assert_images(measured, OBLONG)
    assert measured.remarks == (
        "a.csv: 96 pixel columns are read as `size: [8, 12]`, in which neighbouring pixels differ least",
    )
    given = read_text(tmp_path, table(["label", *names], rows[:4]), Options(size=(8, 12)), "few.csv")
    np.testing.assert_array_equal(given.images, OBLONG[:4])
    assert given.remarks == ()
    with pytest.raises(DataError, match=r"size of the images is not clear.*`size: \[8, 12\]` or `size: \[12, 8\]`"):
        read(tmp_path / "few.csv")
    with pytest.raises(DataError, match=r"not the size that the study gives; found 96 pixel columns; expected 108"):
        read(tmp_path / "a.csv", Options(size=(9, 12)))
    by_name = [f"{row}x{column}" for row in range(1, 9) for column in range(1, 13)]
    assert_images(read_text(tmp_path, table(["label", *by_name], rows), name="named.csv"), OBLONG)
    with pytest.raises(DataError, match=r"found `size: \[12, 8\]`; expected `size: \[8, 12\]`, as the names"):
        read(tmp_path / "named.csv", Options(size=(12, 8)))


def test_a_square_number_of_pixels_that_is_no_square(tmp_path: Path) -> None:
    images = smooth(9, 16)
    text = table(["label", *(f"pixel{place}" for place in range(144))], labelled(images.reshape(NUM_ROWS, -1)))
    with pytest.raises(DataError, match=r"a size that is not square.*`size: \[9, 16\]` or `size: \[12, 12\]`"):
        read_text(tmp_path, text)
    assert_images(read(tmp_path / "a.csv", Options(size=(9, 16))), images)


def test_curves_are_no_images(tmp_path: Path) -> None:
    curves = (np.random.default_rng(0).normal(size=(NUM_ROWS, 96)).cumsum(axis=1) * 9).round(2)
    rows = [[label, *row] for label, row in zip(LABELS, curves, strict=True)]
    with pytest.raises(DataError, match="size of the images is not clear"):
        read_text(tmp_path, table(["label", *(f"pixel{place}" for place in range(96))], rows))


def test_options_of_pixel_tables_are_for_nothing_else() -> None:
    for option in (Options(size=(8, 8)), Options(channels="first"), Options(header=True)):
        with pytest.raises(StudyError, match="is for pixel CSV files only"):
            read("digits", option)


def test_fer2013(tmp_path: Path) -> None:
    dataset = read_text(tmp_path, table(["emotion", "pixels", "Usage"], zip(LABELS, TEXTS, USAGE, strict=True)))
    assert_images(dataset)
    assert dataset.official_validation is not None and dataset.official_test is not None
    assert np.flatnonzero(dataset.official_validation).tolist() == [*range(20, 30)]
    assert np.flatnonzero(dataset.official_test).tolist() == [*range(30, 40)]
    parts = "Training 20 rows (train), PublicTest 10 rows (validation), PrivateTest 10 rows (test)"
    assert dataset.remarks == (f"a.csv: column Usage: {parts}",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: f"{text} 7",
            r"row 5 \(line 7\): column pixels: .*; found 65 numbers; expected 64 as in",
        ),
        (lambda text: text.replace(" ", " x ", 1).rpartition(" ")[0], r"row 5 \(line 7\): column pixels: not a number"),
    ],
)
def test_bad_texts_of_pixels(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    texts = [change(text) if row == 5 else text for row, text in enumerate(TEXTS)]
    with pytest.raises(DataError, match=message):
        read_text(tmp_path, table(["emotion", "pixels"], zip(LABELS, texts, strict=True)))


def test_parts_that_rows_name(tmp_path: Path) -> None:
    parts = ["train", "val", "test", "train"] * 10
    for column in ("split", "fold"):
        dataset = read_text(tmp_path, table([*HEADER, column], ([*row, part] for row, part in zip(ROWS, parts))))
        assert dataset.ids[[0, 1, 20]].tolist() == ["a.csv:0", "a.csv:3", "a.csv:1"]
        assert dataset.official_validation is not None and dataset.official_validation.sum() == 10
        np.testing.assert_array_equal(dataset.images[dataset.official_test], GREY[2::4])
    for value, message in (
        ("fold1", r"not known in column split; found 'fold1', 'train'"),
        ("", "no part; found noth"),
    ):
        with pytest.raises(DataError, match=message):
            read_text(tmp_path, table([*HEADER, "split"], ([*row, value if row[0] else "train"] for row in ROWS)))
    with pytest.raises(DataError, match="no rows for training; found only test"):
        read_text(tmp_path, table([*HEADER, "split"], ([*row, "test"] for row in ROWS)))
    with pytest.raises(DataError, match=r"marks parts in a form that is not read; found 'is_test'"):
        read_text(tmp_path, table([*HEADER, "is_test"], ([*row, 1] for row in ROWS)))


def test_ids(tmp_path: Path) -> None:
    named = read_text(tmp_path, table(["id", *HEADER], ([f"img_{i}", *row] for i, row in enumerate(ROWS))))
    assert named.ids[:2].tolist() == ["a.csv:img_0", "a.csv:img_1"]
    assert read_pixels(tmp_path / "a.csv").ids[:2].tolist() == ["img_0", "img_1"]
    twice = read_text(tmp_path, table(["id", *HEADER], ([f"s{i // 2}", *row] for i, row in enumerate(ROWS))))
    assert twice.ids[1] == "a.csv:1" and "20 values in 40 rows" in twice.remarks[0]
    numbers = Options(keys={"id": "0", "label": "1"})
    assert_images(read_text(tmp_path, table(None, ([i, *row] for i, row in enumerate(ROWS))), numbers))


def test_rows_without_labels(tmp_path: Path) -> None:
    for names in (NAMES, None, range(64)):
        (tmp_path / "a.csv").write_text(table(names, PIXELS))
        found = read_pixels(tmp_path / "a.csv")
        np.testing.assert_array_equal(found.pixels, GREY[..., 0])
        assert found.labels is None and found.roles is None and found.ids[3] == "a.csv:3"
        with pytest.raises(DataError, match=r"no label column.*images without labels are for `snellen predict`"):
            read(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text(table(["ImageId", *NAMES], ([i + 1, *row] for i, row in enumerate(PIXELS))))
    assert read_pixels(tmp_path / "a.csv").ids[:2].tolist() == ["1", "2"]
    (tmp_path / "a.csv").write_text(table(HEADER))
    np.testing.assert_array_equal(read_pixels(tmp_path / "a.csv").labels, LABELS)


UNLABELLED, LABELLED, ONLY_LABELS = table(NAMES, PIXELS), table(HEADER), "".join(f"{label}\n" for label in LABELS)
INVERTED = table(HEADER, labelled(255 - PIXELS))
FOLDERS: dict[str, tuple[dict[str, str], tuple[int, int, int]]] = {
    "Kaggle": ({"train.csv": LABELLED, "test.csv": UNLABELLED, "sample_submission.csv": "ImageId,Label\n"}, (40, 0, 0)),
    "three parts": ({"train.csv": LABELLED, "valid.csv": INVERTED, "test.csv": LABELLED}, (40, 40, 40)),
    "named": ({"emnist-letters-train.csv": table(None), "emnist-letters-test.csv": table(None)}, (40, 0, 40)),
    "sets": ({"Training_set.csv": LABELLED, "Testing_set.csv": LABELLED}, (40, 0, 40)),
    "labels apart": (
        {"X_train.csv": UNLABELLED, "y_train.csv": f"label\n{ONLY_LABELS}", "X_test.csv": UNLABELLED,
         "y_test.csv": ",0\n" + "".join(f"{row},{label}\n" for row, label in enumerate(LABELS))},
        (40, 0, 40),
    ),
    "words": ({"csvTrainImages 40x64.csv": table(None, PIXELS), "csvTrainLabel 40x1.csv": ONLY_LABELS}, (40, 0, 0)),
    "one file": ({"digits.csv": LABELLED}, (40, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOLDERS)
def test_files_of_a_folder(tmp_path: Path, kind: str) -> None:
    files, counts = FOLDERS[kind]
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    dataset = read(folder)
    test, validation = (
        0 if part is None else int(part.sum()) for part in (dataset.official_test, dataset.official_validation)
    )
    assert (len(dataset) - test - validation, validation, test) == counts
    expected = [*[GREY] * (counts[0] // 40), *[255 - GREY] * (validation // 40), *[GREY] * (test // 40)]
    np.testing.assert_array_equal(dataset.images, np.concatenate(expected))
    if kind == "Kaggle":
        assert dataset.remarks == (
            "test.csv has no labels and is not read; `snellen predict` takes it",
            "not read, because their names say no part: sample_submission.csv",
        )


def test_labels_apart_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "X_train.csv").write_text(UNLABELLED)
    (tmp_path / "y_train.csv").write_text(ONLY_LABELS[:-6])
    with pytest.raises(DataError, match=r"y_train.csv: different numbers.*found 40 images, and 37 labels"):
        read(tmp_path, Options(kind="pixel_csv"))


SHUFFLED = np.random.default_rng(1).permutation(NUM_ROWS)
BY_ID = table(["id", *NAMES], ([f"im{row}", *pixels] for row, pixels in enumerate(PIXELS)))


@pytest.mark.parametrize("mark", ["im{}", "{}"], ids=["names", "numbers"])
def test_labels_apart_are_matched_by_id(tmp_path: Path, mark: str) -> None:
    """Lines in another order than the images gave every image the label of another one."""
    ids = [mark.format(row) for row in range(NUM_ROWS)]
    images = table(["id", *NAMES], ([ids[row], *PIXELS[row]] for row in SHUFFLED))
    (tmp_path / "X_train.csv").write_text(images)
    (tmp_path / "y_train.csv").write_text(table(["id", "label"], zip(ids, LABELS, strict=True)))
    dataset = read(tmp_path)
    np.testing.assert_array_equal(dataset.labels, LABELS[SHUFFLED])
    np.testing.assert_array_equal(dataset.images, GREY[SHUFFLED])
    assert dataset.remarks == ("y_train.csv: lines are matched with the images by id",)


@pytest.mark.parametrize(
    ("images", "ids", "said"),
    [
        (BY_ID, [str(row) for row in range(NUM_ROWS)], ()),
        (UNLABELLED, [f"im{row}" for row in range(NUM_ROWS)],
         ("y_train.csv: lines belong to the images in their order; the other column is not used",)),
    ],
    ids=["row numbers", "ids of no image"],
)  # fmt: skip
def test_labels_apart_without_common_ids_keep_their_order(
    tmp_path: Path, images: str, ids: Sequence[str], said: tuple[str, ...]
) -> None:
    (tmp_path / "X_train.csv").write_text(images)
    (tmp_path / "y_train.csv").write_text(table(["id", "label"], zip(ids, LABELS, strict=True)))
    dataset = read(tmp_path)
    np.testing.assert_array_equal(dataset.labels, LABELS)
    assert dataset.remarks == said


def test_labels_apart_with_other_ids_are_refused(tmp_path: Path) -> None:
    (tmp_path / "X_train.csv").write_text(BY_ID)
    ids = [f"im{row + 1}" for row in range(NUM_ROWS)]
    (tmp_path / "y_train.csv").write_text(table(["id", "label"], zip(ids, LABELS, strict=True)))
    with pytest.raises(DataError, match="ids of labels and images differ; found 1 images without a label, such as im0"):
        read(tmp_path)


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("numbers", [LABELS + 1, np.where(LABELS == 3, 7, LABELS)], ids=["from 1", "with a gap"])
def test_a_pixel_that_counts_from_0_is_not_taken_for_the_label(tmp_path: Path, place: str, numbers: np.ndarray) -> None:
    """Corners of black and white drawings hold 0 and 1, and labels need not count from 0."""
    drawn = (PIXELS > 128).astype(int)
    drawn[:, [0, -1]] = (np.arange(NUM_ROWS) % 2)[:, None]
    columns = [numbers[:, None], drawn] if place == "first" else [drawn, numbers[:, None]]
    (tmp_path / "a.csv").write_text(table(None, np.hstack(columns)))
    with pytest.raises(DataError, match="cannot tell the label column"):
        read(tmp_path / "a.csv")


def test_tables_of_paths_are_manifests(tmp_path: Path) -> None:
    numbers = [f"f{place}" for place in range(12)]
    for names in (["path", "label", "width", "height"], ["path", "label", *numbers]):
        (tmp_path / "a.csv").write_text(
            table(names, ([f"a/{row}.png", "x", *range(len(names) - 2)] for row in range(4)))
        )
        assert [kind for kind, reader in READERS.items() if reader.recognises(tmp_path / "a.csv")] == ["manifest"]
    for first in ("path", "filename"):
        (tmp_path / "a.csv").write_text(
            table([first, *HEADER], ([f"{row}.png", *ROWS[row]] for row in range(NUM_ROWS)))
        )
        assert_images(read(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (table(HEADER).encode("utf-16-le"), "text in UTF-16 without a byte order mark"),
        (table(HEADER, end="\r"), "end with a carriage return alone"),
        (table(HEADER, []), "no rows; found a header only"),
        (table(["age", "sex", *NAMES], ([1, *row] for row in ROWS)), r"cannot tell the label column; found age, sex"),
        (table(["label", *HEADER[:1], *NAMES], ([1, *row] for row in ROWS)), r"label column; found label, label"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_text(tmp_path, text, Options(kind="pixel_csv"))


def test_texts_of_pixels_longer_than_pythons_csv_reads(tmp_path: Path) -> None:
    images = np.random.default_rng(5).integers(0, 256, (4, 200 * 200))
    texts = [f'"{" ".join(map(str, image))}"' for image in images]
    dataset = read_text(tmp_path, "emotion,pixels\n" + "".join(f"{row % 2},{text}\n" for row, text in enumerate(texts)))
    np.testing.assert_array_equal(dataset.images.reshape(4, -1), images)


@pytest.mark.parametrize("name", ["", "Unnamed: 64"])
def test_a_label_that_is_last_and_without_a_name(tmp_path: Path, name: str) -> None:
    rows = [[*row, label] for label, row in zip(LABELS, PIXELS, strict=True)]
    dataset = read_text(tmp_path, table([*NAMES, name], rows))
    np.testing.assert_array_equal(dataset.labels, LABELS)
    assert any("from the only column without a name" in each for each in dataset.remarks)


def test_a_header_that_is_one_name_short(tmp_path: Path) -> None:
    """The column without a name may be the first, as R writes row names, or the last: refused unless it counts."""
    last = [[*row, label] for label, row in zip(LABELS, PIXELS, strict=True)]
    with pytest.raises(DataError, match=r"a column without a name, first or last; found 64 names.*65 cells.*`label`"):
        read_text(tmp_path, table(NAMES, last))
    with pytest.raises(DataError, match="a column without a name"):
        read_text(tmp_path, table(NAMES, last[:1]))
    for names in ([f"{row + 1}" for row in range(NUM_ROWS)], [f"{row + 7}" for row in range(NUM_ROWS)]):
        rows = [[name, *row] for name, row in zip(names, ROWS, strict=True)]
        np.testing.assert_array_equal(read_text(tmp_path, table(HEADER, rows)).labels, LABELS)


def test_tables_without_rows_or_labels_say_what_helps(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows; found a header only, of 65 columns; expected a row for each image"):
        read_text(tmp_path, table(HEADER, []))
    ids = ([f"n{number}", *row] for number, row in enumerate(PIXELS))
    for text in (table(NAMES, PIXELS), table(["id", *NAMES], ids)):
        with pytest.raises(
            DataError, match=r"no label column; found 64 columns of pixels in 40 rows.*`snellen predict`"
        ):
            read_text(tmp_path, text)
