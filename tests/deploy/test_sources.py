"""Protects predict from demanding what only training needs: labels, several classes, images of each, no bad file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import data_cases
import image_cases as cases
import numpy as np
import polars as pl
import pytest

from snellen.data.readers.image_files import walk
from snellen.data.readers.reader import Options
from snellen.deploy import image_files
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.images import open_images
from snellen.errors import DataError
from snellen.models.bundle import Input

CLASSES = ("cat", "dog")
RANDOM = np.random.default_rng(8)
GREY = RANDOM.integers(0, 256, (6, 6, 5), dtype=np.uint8)


def contract(**changes: Any) -> Input:
    return Input(**{"height": 6, "width": 5, "channels": 1, "pixel_range": (0, 255), **changes})


def opened(*sources: Path, **options: Any) -> tuple[list[Batch], Reading]:
    reading = Reading()
    inputs = options.pop("inputs", contract())
    batches = open_images([*map(str, sources)], inputs, None, classes=CLASSES, reading=reading, **options)
    return list(batches), reading


def ids_of(batches: list[Batch]) -> list[str]:
    return [name for batch in batches for name in batch.ids]


def labels_of(batch: Batch) -> list[str | None] | None:
    if batch.labels is None or batch.classes is None:
        return None
    return [(*batch.classes, None)[code] for code in batch.labels]


def write(root: Path, *names: str) -> Path:
    for row, name in enumerate(names):
        cases.save(root / name, GREY[row % 6])
    return root


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["a.png", "b.png"], None),
        (["unknown/a.png", "unknown/b.png"], None),
        (["batch1/a.png", "batch2/a.png", "batch2/deep/er/a.png"], None),
        (["cat/a.png", "cat/b.png"], ["cat", "cat"]),
        (["ant/a.png", "cat/b.png", "c.png"], ["ant", None, "cat"]),
        (["photos/cat/a.png", "photos/dog/b.png"], ["cat", "dog"]),
        (["cat/day/a.png", "dog/night/b.png"], ["cat", "dog"]),
        (["test/unknown/a.png"], None),
    ],
)
def test_folders_of_any_classes_or_none(tmp_path: Path, names: list[str], labels: list[str | None] | None) -> None:
    (batch,), reading = opened(write(tmp_path / "in", *names))
    assert batch.ids == sorted(names) and labels_of(batch) == labels and batch.test is None
    for row, name in enumerate(names):
        np.testing.assert_array_equal(batch.images[batch.ids.index(name), ..., 0], GREY[row])
    assert reading.sentences(contract()) == [] and not reading.failed


def test_parts_above_the_classes(tmp_path: Path) -> None:
    root = write(tmp_path, "train/cat/a.png", "Test_set/dog/b.png", "val/dog/c.png")
    (batch,), _ = opened(root)
    assert batch.ids == ["Test_set/dog/b.png", "train/cat/a.png", "val/dog/c.png"]
    assert labels_of(batch) == ["dog", "cat", "dog"]
    assert batch.test is not None and batch.test.tolist() == [True, False, False]
    assert batch.validation is not None and batch.validation.tolist() == [False, False, True]
    (doubled,), _ = opened(write(tmp_path / "doubled", "seg_x/seg_x/cat/a.png", "seg_x/seg_x/dog/a.png"))
    assert labels_of(doubled) == ["cat", "dog"]


def test_hidden_files_are_passed_over_and_bad_ones_named(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.png", "deep/c.png", ".cache/x.png", "__MACOSX/deep/._c.png", "@eaDir/a.png/t.png")
    for name in ("._a.png", "Thumbs.db", ".DS_Store"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / "empty.png").touch()
    (tmp_path / "deep/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (tmp_path / "notes.txt").write_text("mine")
    (batch,), reading = opened(tmp_path)
    assert batch.ids == ["a.png", "b.png", "deep/c.png"]
    assert [each.file for each in reading.failed] == ["deep/broken.jpg", "empty.png"]
    assert all(each.reason for each in reading.failed)
    assert reading.sentences(contract()) == [
        "Passed over what is not an image: notes.txt.",
        "Passed over 6 hidden files, which systems leave beside images.",
    ]


def test_one_bad_source_among_several(tmp_path: Path) -> None:
    """As the shell gives them: *.png."""
    root = write(tmp_path, "a.png", "b.png")
    (root / "x.png").write_bytes(b"oops")
    (root / "x.npz").write_bytes(b"PK\3\4 oops")
    files = [root / name for name in ("x.png", "a.png", "x.npz", "b.png")]
    batches, reading = opened(*files)
    assert ids_of(batches) == ["a.png", "b.png"]
    assert [Path(each.file).name for each in reading.failed] == ["x.png", "x.npz"]


def test_nothing_readable_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png", "d.png"):
        (tmp_path / name).write_bytes(b"oops")
    with pytest.raises(DataError, match=r"none of 4 images can be read; found a.png: not an image.*and 1 more"):
        opened(tmp_path)
    with pytest.raises(DataError, match=r"a\.png.*not an image"):
        opened(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images in this folder; found nothing"):
        opened(tmp_path / "empty")


def test_a_source_that_is_not_there_is_told_before_anything_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, "a.png")
    batches = open_images([str(root), str(root / "b.png")], contract(), None)
    with pytest.raises(DataError, match="no data found"):
        next(batches)
    with pytest.raises(DataError, match="an empty name"):
        next(open_images([""], contract(), None))


def test_a_source_given_twice_is_answered_once(tmp_path: Path) -> None:
    root = write(tmp_path, "a.png")
    batches, reading = opened(root / "a.png", root / ".." / root.name / "a.png")
    assert ids_of(batches) == ["a.png"] and "more than once" in reading.remarks[0]


def test_images_of_a_large_folder_are_never_all_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MAX_BATCH", 2)
    root = write(tmp_path, *(f"{row}.png" for row in range(5)))
    (root / "1.png").write_bytes(b"oops")
    batches, _ = opened(root)
    assert [batch.ids for batch in batches] == [["0.png"], ["2.png", "3.png"], ["4.png"]]
    assert len(opened(root, whole=True)[0]) == 1


def test_sizes_and_colours_of_files_are_converted_and_said(tmp_path: Path) -> None:
    cases.save(tmp_path / "wide.png", np.repeat(GREY[0], 2, 1))
    cases.save(tmp_path / "colour.png", RANDOM.integers(0, 256, (6, 5, 3), dtype=np.uint8))
    cases.save(tmp_path / "huge.jpg", np.full((900, 700, 3), 90, np.uint8))
    (batch,), reading = opened(tmp_path)
    assert batch.images.shape == (3, 6, 5, 1)
    assert reading.sentences(contract()) == [
        "2 images of 900x700, 6x10 pixels (height x width) became 6x5, bilinear: the model was trained on images "
        "that all had that size.",
        "1 image in colour became grey (luma), as the model takes grey images.",
    ]


def test_a_model_of_12_bits_takes_12_bits_in_16_and_8(tmp_path: Path) -> None:
    deep = GREY[0].astype(np.uint16) * 16
    (tmp_path / "deep.png").write_bytes(cases.png(deep[..., None]))
    cases.save(tmp_path / "flat.png", GREY[0])
    (batch,), _ = opened(tmp_path, inputs=contract(pixel_range=(0, 4095)))
    np.testing.assert_array_equal(batch.images[0, ..., 0], deep)
    np.testing.assert_allclose(batch.images[1, ..., 0], GREY[0] * (4095 / 255), rtol=1e-6)
    (dark,), reading = opened(tmp_path / "deep.png")
    assert dark.images.max() < 17 and "is only 6% of white" in reading.sentences(contract())[0]


def test_arrays_with_labels_that_lack_a_class_or_have_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", images=GREY, labels=[3, 3, 0, 3, 0, 3])
    np.savez(tmp_path / "text.npz", x_test=GREY, y_test=["cat", "", "cat", "cat", "cat", "cat"])
    np.savez(tmp_path / "alone.npz", images=GREY)
    np.savez(tmp_path / "half.npz", images=GREY, labels=[-1, 1, -1, 1, 1, 1])
    np.savez(tmp_path / "ids.npz", pictures=GREY, numbers=np.arange(6))
    np.save(tmp_path / "alone.npy", GREY)
    np.savez(tmp_path / "hot.npz", images=GREY, labels=np.eye(6) / 2)
    found = {name: opened(tmp_path / name) for name in ("some.npz", "text.npz", "half.npz")}
    assert {name: labels_of(batch) for name, ((batch,), _) in found.items()} == {
        "some.npz": ["3", "3", "0", "3", "0", "3"],
        "text.npz": ["cat", None, "cat", "cat", "cat", "cat"],
        "half.npz": ["-1", "1", "-1", "1", "1", "1"],
    }
    for name in ("alone.npz", "ids.npz", "alone.npy", "hot.npz"):
        (batch,), reading = opened(tmp_path / name)
        assert labels_of(batch) is None
        np.testing.assert_array_equal(batch.images[..., 0], GREY)
        assert bool(reading.remarks) == (name == "hot.npz")
    assert opened(tmp_path / "alone.npy")[0][0].ids[:2] == ["alone.npy:0", "alone.npy:1"]
    np.savez(tmp_path / "hot.npz", images=GREY, labels=np.eye(6))
    (batch,), reading = opened(tmp_path / "hot.npz")
    assert labels_of(batch) == [*"012345"] and "one-hot" in reading.remarks[0]
    np.savez(tmp_path / "two.npz", one=GREY, two=GREY)
    with pytest.raises(DataError, match="cannot tell which array holds the images; found one"):
        opened(tmp_path / "two.npz")


def test_all_parts_of_a_file_are_answered(tmp_path: Path) -> None:
    images, labels, test_images, test_labels = data_cases.ARRAYS
    inputs = contract(height=5, width=4)
    for write_file in (data_cases.write_npz, data_cases.write_hdf5, data_cases.write_idx):
        (batch,), _ = opened(write_file(tmp_path / write_file.__name__), inputs=inputs)
        np.testing.assert_array_equal(batch.images[..., 0], np.concatenate([images, test_images]))
        assert labels_of(batch) == [str(label) for label in np.concatenate([labels, test_labels])]
        assert batch.test is not None and batch.test.tolist() == [False] * len(images) + [True] * len(test_images)


def test_an_array_that_says_the_part_of_each_image(tmp_path: Path) -> None:
    """`--score` counts the test part alone, and one that says something else is no reason to refuse the images."""
    parts, other = np.array(["train", "test"] * 3), np.arange(6)
    np.savez(tmp_path / "parts.npz", images=GREY, labels=[0, 1] * 3, split=parts)
    np.savez(tmp_path / "other.npz", images=GREY, labels=[0, 1] * 3, split=other)
    (batch,), _ = opened(tmp_path / "parts.npz")
    assert batch.test is not None and batch.test.tolist() == [False] * 3 + [True] * 3
    assert batch.ids == [f"parts.npz/images:{row}" for row in (0, 2, 4, 1, 3, 5)]
    np.testing.assert_array_equal(batch.images[..., 0], GREY[[0, 2, 4, 1, 3, 5]])
    (batch,), _ = opened(tmp_path / "other.npz")
    assert batch.test is None and len(batch.ids) == 6


def test_an_idx_set_and_a_mat_file_that_lack_a_class(tmp_path: Path) -> None:
    images, labels, *_ = data_cases.ARRAYS
    folder = data_cases.write_idx(tmp_path / "idx", (images, labels * 3))
    (batch,), _ = opened(folder, inputs=contract(height=5, width=4))
    assert set(labels_of(batch) or []) == {"0", "3", "6"}


def test_mat_files_of_images_alone_in_either_order(tmp_path: Path) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "matlab.mat", {"X": np.moveaxis(GREY, 0, -1)})
    savemat(tmp_path / "scipy.mat", {"pictures": GREY[:4]})
    for name, number in (("matlab.mat", 6), ("scipy.mat", 4)):
        (batch,), _ = opened(tmp_path / name)
        np.testing.assert_array_equal(batch.images[..., 0], GREY[:number])


def test_rows_of_csv_without_labels_keep_their_ids(tmp_path: Path) -> None:
    """As Kaggle gives them, and images that are not square; with labels too, maybe of one class."""
    header = ",".join(f"pixel{place}" for place in range(30))
    rows = [",".join(map(str, picture.ravel())) for picture in GREY]
    (tmp_path / "test.csv").write_text("\n".join([header, *rows]) + "\n")
    (tmp_path / "named.csv").write_text("\n".join([f"id,{header}", *(f"n{n},{row}" for n, row in enumerate(rows))]))
    (tmp_path / "train.csv").write_text("\n".join([f"label,{header}", *(f"3,{row}" for row in rows)]))
    (tmp_path / "some.csv").write_text(
        "\n".join([f"label,{header}", *(f"{'2.0' * (n > 4)},{row}" for n, row in enumerate(rows))])
    )
    (tmp_path / "empty.csv").write_text("\n".join([f"label,{header}", *(f",{row}" for row in rows)]))
    for name, ids, labels in (
        ("test.csv", [f"test.csv:{row}" for row in range(6)], None),
        ("named.csv", [f"n{row}" for row in range(6)], None),
        ("train.csv", [f"train.csv:{row}" for row in range(6)], ["3"] * 6),
        ("some.csv", [f"some.csv:{row}" for row in range(6)], [None] * 5 + ["2"]),
        ("empty.csv", [f"empty.csv:{row}" for row in range(6)], None),
    ):
        (batch,), _ = opened(tmp_path / name)
        np.testing.assert_array_equal(batch.images[..., 0], GREY)
        assert batch.ids == ids and labels_of(batch) == labels
    (batch,), reading = opened(tmp_path / "test.csv", inputs=contract(pixel_range=(0, 1)))
    np.testing.assert_allclose(batch.images[..., 0], GREY / 255, atol=1e-6)
    assert "became 0 to 1" in reading.sentences(contract(pixel_range=(0, 1)))[0]


def test_tables_of_paths_with_labels_or_without(tmp_path: Path) -> None:
    write(tmp_path / "pictures", "a.png", "b.png", "c.png")
    (tmp_path / "pictures/bad.png").touch()
    names = ["pictures/a.png", "pictures/b.png", "pictures/bad.png", "pictures/gone.png"]
    (tmp_path / "alone.csv").write_text("\n".join(["path", *names]))
    (tmp_path / "some.csv").write_text("\n".join(["path,label", f"{names[0]},cat", f"{names[1]},"]))
    (tmp_path / "one.csv").write_text("\n".join(["filename;class;split", f"{names[1]};dog;test"]))
    (batch,), reading = opened(tmp_path / "alone.csv")
    assert batch.ids == names[:2] and labels_of(batch) is None
    assert [each.file for each in reading.failed] == names[2:]
    np.testing.assert_array_equal(batch.images[1, ..., 0], GREY[1])
    (batch,), _ = opened(tmp_path / "some.csv")
    assert labels_of(batch) == ["cat", None] and batch.test is None
    (batch,), _ = opened(tmp_path / "one.csv")
    assert labels_of(batch) == ["dog"] and batch.test is not None and batch.test.all()
    pl.DataFrame({"path": names[:2]}).write_parquet(tmp_path / "alone.parquet")
    assert opened(tmp_path / "alone.parquet")[0][0].ids == names[:2]


def test_images_are_known_by_their_content_where_no_suffix_tells(tmp_path: Path) -> None:
    root = write(tmp_path / "in", "a.png", "sub/b.png", "c.png")
    for name in ("a", "sub/b", "c"):
        (root / f"{name}.png").rename(root / (f"{name}.data" if name == "c" else name))
    (root / "README").write_text("Photos of pets")
    (root / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(root).as_posix())
    for source in (root, tmp_path / "in.zip"):
        (batch,), reading = opened(source)
        assert batch.ids == ["a", "c.data", "sub/b"] and reading.passed_over == ["README"]
        np.testing.assert_array_equal(batch.images[..., 0], GREY[[0, 2, 1]])
        assert [(each.file, each.reason.split(";")[0]) for each in reading.failed] == [
            ("phone.heic", "HEIC, a format that is not read")
        ]
    assert opened(root / "a")[0][0].ids == ["a"]


def test_links_to_many_files_are_followed_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "LOOKED_AT", 2)
    write(tmp_path / "far", "a.png", "b.png", "c.png")
    (tmp_path / "far/notes.txt").touch()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/linked").symlink_to(tmp_path / "far")
    reading = Reading(Options(links="follow"))
    batches = list(open_images([str(tmp_path / "in")], contract(), None, reading=reading))
    assert ids_of(batches) == ["linked/a.png", "linked/b.png", "linked/c.png"]
    assert reading.passed_over == ["linked/notes.txt"]
    assert "Links lead to 4 files outside the folder" in " ".join(reading.remarks)


@pytest.mark.parametrize("folder", ["", "unknown/", "cat/"])
def test_zips_of_images(tmp_path: Path, folder: str) -> None:
    root = write(tmp_path / "in", f"{folder}a.png", f"{folder}b.png", "__MACOSX/._a.png")
    (root / f"{folder}bad.png").touch()
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root).as_posix())
    (batch,), reading = opened(tmp_path / "in.zip")
    assert batch.ids == [f"{folder}a.png", f"{folder}b.png"] and reading.hidden == 1
    assert labels_of(batch) == (["cat", "cat"] if folder == "cat/" else None)
    np.testing.assert_array_equal(batch.images[..., 0], GREY[:2])
    assert [each.file for each in reading.failed] == [f"{folder}bad.png"]


def test_paths_of_a_table_that_lead_out_need_permission(tmp_path: Path) -> None:
    write(tmp_path, "in/a.png", "far/b.png", "far/c.png")
    (tmp_path / "in/linked.png").symlink_to(tmp_path / "far/c.png")
    names = ["a.png", str(tmp_path / "far/b.png"), "../far/c.png", "linked.png"]
    (tmp_path / "in/t.csv").write_text("\n".join(["path", *names]))
    (batch,), reading = opened(tmp_path / "in/t.csv")
    assert batch.ids == ["a.png"] and len(reading.failed) == 3
    assert all("the path leaves the folder" in each.reason for each in reading.failed)
    assert all("--follow-links" in each.reason for each in reading.failed)
    reading = Reading(Options(links="follow"))
    batches = list(open_images([str(tmp_path / "in/t.csv")], contract(), None, reading=reading))
    assert len(ids_of(batches)) == 4 and not reading.failed
    (tmp_path / "t.csv").write_text("path\nb.png\nc.png\n")
    write(tmp_path, "other/b.png", "other/c.png")
    reading = Reading(Options(keys={"folder": "far"}))
    (batch,) = open_images([str(tmp_path / "t.csv")], contract(), None, reading=reading)
    assert batch.ids == ["far/b.png", "far/c.png"]
