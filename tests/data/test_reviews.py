"""Protects reviews of labels: what a file must be, that an image is known by its content and its label, that roles,
folds and the test stay as they were, and that data without reviews are the same to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snellen
from snellen.data.dataset import Dataset
from snellen.data.reviews import COLUMNS, pixel_hashes, read_reviews
from snellen.data.splits.reviewed import with_reviews
from snellen.data.splits.roles import Split
from snellen.data.splits.split_data import SplitData, split_data
from snellen.errors import DataError, DataNotFound, StudyError

CLASSES = ["cat", "dog", "=sum"]
SPLIT = Split(test=0.2, validation=0.2, seed=3)


def pictures(count: int = 90) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 5, 1), dtype=np.uint8)
    return snellen.from_arrays(images, np.arange(count) % 3, class_names=CLASSES)


def divided(dataset: Dataset | None = None, folds: tuple[int, int] | None = None) -> SplitData:
    return split_data(dataset or pictures(), SPLIT, folds)


def write(folder: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS, separator: str = ",") -> Path:
    path = folder / "reviews.csv"
    path.write_text("\n".join(separator.join(cells) for cells in (header, *rows)) + "\n", encoding="utf-8")
    return path


def row_of(data: SplitData, row: int, review: str, correct: str = "") -> list[str]:
    dataset = data.dataset
    return [str(pixel_hashes(dataset.images)[row]), dataset.classes[dataset.labels[row]], review, correct]


def reviewed(folder: Path, data: SplitData, rows: Sequence[Sequence[str]]) -> SplitData:
    return with_reviews(data, read_reviews(write(folder, rows)))


def other(data: SplitData, row: int) -> str:
    return str(data.dataset.classes[(data.dataset.labels[row] + 1) % 3])


def test_labels_outside_the_test_are_corrected_and_images_left_out(tmp_path: Path) -> None:
    data = divided()
    train, validation, test = (data.roles.rows[role] for role in ("train", "validation", "test"))
    rows = [
        row_of(data, train[0], "wrong", other(data, train[0])),
        row_of(data, validation[1], "wrong", other(data, validation[1])),
        row_of(data, train[2], "exclude"),
        row_of(data, train[3], "right"),
        row_of(data, train[4], "unsure"),
        row_of(data, test[0], "wrong", other(data, test[0])),
        row_of(data, test[1], "exclude"),
    ]
    after = reviewed(tmp_path, data, rows)
    changed = np.flatnonzero(after.dataset.labels != data.dataset.labels)
    assert changed.tolist() == sorted([train[0], validation[1]])
    assert after.dataset.classes[after.dataset.labels[train[0]]] == other(data, train[0])
    assert after.roles.rows["test"].tolist() == test.tolist()
    assert after.roles.rows["train"].tolist() == [row for row in train if row != train[2]]
    assert [(each.row, each.reason) for each in after.roles.left_out] == [(train[2], "excluded by review")]
    assert after.unreviewed is data and after.applied is not None
    assert after.applied.in_test.tolist() == sorted(test[:2].tolist())
    assert after.dataset.remarks[-1] == (
        "Reviews applied from reviews.csv (7 rows): 2 labels corrected, 1 image excluded, 1 found right and 1 unsure. "
        "2 reviewed images of the test: they keep their labels."
    )


def test_folds_lose_what_is_excluded_and_nothing_else(tmp_path: Path) -> None:
    data = divided(folds=(3, 2))
    gone, new = data.roles.rows["train"][:2].tolist()
    after = reviewed(tmp_path, data, [row_of(data, gone, "exclude"), row_of(data, new, "wrong", other(data, new))])
    for before, fold in zip(data.folds, after.folds, strict=True):
        for role, rows in before.rows.items():
            assert fold.rows[role].tolist() == [row for row in rows if row != gone]


def test_another_data_set_has_another_fingerprint_and_without_reviews_it_is_the_same(tmp_path: Path) -> None:
    data = divided()
    row = int(data.roles.rows["train"][0])
    found = {
        reviewed(tmp_path, data, [row_of(data, row, *review)]).dataset.fingerprint
        for review in (("right",), ("wrong", other(data, row)), ("exclude",))
    }
    assert len(found) == 3 and data.dataset.fingerprint in found  # `right` changes nothing
    assert data.dataset.fingerprint == pictures().fingerprint


def test_one_image_under_two_labels_has_two_rows(tmp_path: Path) -> None:
    images = np.array(pictures().images)
    images[10] = images[6]  # labels 1 and 0
    data = divided(snellen.from_arrays(images, np.arange(90) % 3, class_names=CLASSES))
    assert {6, 10} <= set(data.roles.rows["train"].tolist())
    after = reviewed(tmp_path, data, [row_of(data, 10, "wrong", "cat"), row_of(data, 6, "right")])
    assert after.dataset.labels[[6, 10]].tolist() == [0, 0]


def test_all_copies_with_the_reviewed_label_are_corrected(tmp_path: Path) -> None:
    images = np.array(pictures().images)
    images[6] = images[3]
    data = divided(snellen.from_arrays(images, np.arange(90) % 3, class_names=CLASSES))
    role = next(role for role, rows in data.roles.rows.items() if 3 in rows)
    after = reviewed(tmp_path, data, [row_of(data, 3, "wrong", "dog")])
    assert after.dataset.labels[[3, 6]].tolist() == ([0, 0] if role == "test" else [1, 1])


def test_images_are_known_by_their_content_alone(tmp_path: Path) -> None:
    """In another order and under other names."""
    data = divided()
    rows = [row_of(data, row, "exclude") for row in data.roles.rows["train"][:4]]
    order = np.random.default_rng(1).permutation(90)
    mixed = divided(snellen.from_arrays(pictures().images[order], (np.arange(90) % 3)[order], class_names=CLASSES))
    after = reviewed(tmp_path, mixed, rows)
    assert after.applied is not None
    found = np.concatenate([after.applied.excluded, after.applied.in_test])
    assert sorted(order[found].tolist()) == data.roles.rows["train"][:4].tolist()


def test_text_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """Its own separator, a byte order mark, more columns in another order, and ' before what looks like a formula."""
    data = divided()
    row = next(int(row) for row in data.roles.rows["train"] if data.dataset.labels[row] == 2)
    key = pixel_hashes(data.dataset.images)[row]
    path = tmp_path / "reviews.csv"
    path.write_bytes(f"\ufeffid;review;correct_label;label;picture\r\na;wrong;cat;'=sum;{key}\r\n\r\n".encode())
    assert with_reviews(data, read_reviews(path)).dataset.labels[row] == 0


def test_reviews_of_other_data_are_refused_and_some_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    data = divided()
    foreign = "blake2b:" + 32 * "0"
    with pytest.raises(DataError, match=r"reviews of other data.*none of 1 reviewed image among the 90 images"):
        reviewed(tmp_path, data, [[foreign, "cat", "right", ""]])
    row = int(data.roles.rows["train"][0])
    key, label, *_ = row_of(data, row, "right")
    with pytest.raises(DataError, match="1 of 1 reviewed image here, none with its reviewed label"):
        reviewed(tmp_path, data, [[key, other(data, row), "right", ""]])
    after = reviewed(tmp_path, data, [[foreign, "cat", "right", ""], [key, label, "exclude", ""]])
    assert after.dataset.remarks[-1].endswith("1 row fits no image and label of these data, and changes nothing.")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["{key}", "{label}", "wrong", "bird"]], r"no class of these data.*'bird'"),
        ([["{key}", "{label}", "wrong", ""]], "line 2.*correct_label|correct_label.*line 2"),
        ([["{key}", "{label}", "unsure", "dog"]], "`correct_label` does not fit"),
        ([["{key}", "{label}", "wrong", "{label}"]], "a wrong label that is the right one"),
        ([["{key}", "{label}", "maybe", ""]], "not a review: 'maybe'|not a review.*'maybe'"),
        ([["{key}", "", "right", ""]], "no label"),
        ([["123", "{label}", "right", ""]], "not the hash of an image"),
        ([["{key}", "{label}", "right"]], "another number of cells"),
        ([["{key}", "{label}", "right", ""], ["{key}", "{label}", "exclude", ""]], "line 2.*line 3"),
        ([["{key}", "cat", "right", ""], ["{key}", "dog", "right", ""]], "contradict each other"),
        ([["{key}", "cat", "wrong", "dog"], ["{key}", "dog", "wrong", "cat"]], "contradict each other"),
        ([["{key}", "{label}", "right", '"']], "not CSV"),
        ([], "no review"),
    ],
)
def test_what_is_malformed_is_said_with_its_line(tmp_path: Path, rows: list[list[str]], message: str) -> None:
    data = divided()
    row = next(int(row) for row in data.roles.rows["train"] if data.dataset.labels[row] == 0)
    key, label, *_ = row_of(data, row, "right")
    filled = [[cell.format(key=key, label=label) for cell in cells] for cells in rows]
    with pytest.raises(DataError, match=message):
        reviewed(tmp_path, data, filled)


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataNotFound, match="no reviews here"):
        read_reviews(tmp_path / "none.csv")
    with pytest.raises(DataError, match="not a table of reviews"):
        read_reviews(write(tmp_path, [["1", "2"]], ("row", "label")))
    with pytest.raises(DataError, match=r"`rank` is no number.*line 2|line 2.*`rank`"):
        key = "blake2b:" + 32 * "0"
        read_reviews(write(tmp_path, [[key, "cat", "right", "", "x"]], (*COLUMNS, "rank")))
    with pytest.raises(DataError, match=r"beyond the list.*99.*1 to 3|99.*1 to 3.*beyond the list"):
        read_reviews(write(tmp_path, [[key, "cat", "right", "", "99", "3"]], (*COLUMNS, "rank", "suspects")))
    path = tmp_path / "reviews.csv"
    path.write_bytes(b"picture,label,review,correct_label\n\xff")
    with pytest.raises(DataError, match="byte 35"):
        read_reviews(path)
    monkeypatch.setattr("snellen.data.reviews.MAX_REVIEW_BYTES", 10)
    with pytest.raises(DataError, match="too large"):
        read_reviews(path)
    with pytest.raises(DataError):
        read_reviews(tmp_path)


def test_a_class_that_loses_all_its_training_images_is_named(tmp_path: Path) -> None:
    data = divided()
    rows = [row for row in data.roles.rows["train"].tolist() if data.dataset.labels[row] == 1]
    for review in ("exclude", "wrong"):
        corrected = "cat" if review == "wrong" else ""
        with pytest.raises(StudyError, match=r"the reviews leave no training image of .*dog") as caught:
            reviewed(tmp_path, data, [row_of(data, row, review, corrected) for row in rows])
        assert "split" not in str(caught.value) and "reviews.csv" in str(caught.value)
    with pytest.raises(StudyError, match=r"the reviews leave no training image of .*cat.*dog.*0 training images"):
        reviewed(tmp_path, data, [row_of(data, row, "exclude") for row in range(90)])


def test_a_repeated_row_counts_once(tmp_path: Path) -> None:
    data = divided()
    row = int(data.roles.rows["train"][0])
    cells = row_of(data, row, "wrong", other(data, row))
    listed = [[*cells, "", ""], [*cells, "2", "40"], [*cells, "3", "41"]]
    reviews = read_reviews(write(tmp_path, listed, (*COLUMNS, "rank", "suspects")))
    assert [(one.line, one.rank, one.suspects) for one in reviews.rows] == [(3, 2, 40)] and reviews.repeated == 2
    after = with_reviews(data, reviews)
    assert after.dataset.remarks[-1].startswith(
        "Reviews applied from reviews.csv (1 row, and 2 repeated rows): 1 label"
    )


def test_keys_tell_images_apart(tmp_path: Path) -> None:
    dataset = pictures()
    keys = pixel_hashes(dataset.images)
    assert len(set(keys)) == 90 and keys[0].startswith("blake2b:") and len(keys[0]) == 40
    assert pixel_hashes(replace(dataset, images=dataset.images[::-1]).images)[0] == keys[-1]


def test_all_words_that_a_review_can_be_are_read(tmp_path: Path) -> None:
    data = divided()
    rows = data.roles.rows["train"][:4].tolist()
    words: dict[str, Any] = {"right": "", "wrong": other(data, rows[1]), "unsure": "", "exclude": ""}
    table = [row_of(data, row, word, correct) for row, (word, correct) in zip(rows, words.items())]
    assert [each.verdict for each in read_reviews(write(tmp_path, table)).rows] == list(words)
