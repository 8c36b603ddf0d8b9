"""Protects folders of images: classes and parts from their names, odd things named, nothing left out silently."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import data_cases
import image_cases as cases
import numpy as np
import pytest
from folder_cases import photos, refused, simple

from snellen.data.dataset import Dataset, Excluded
from snellen.data.groups import Group
from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.data.readers.registry import READERS
from snellen.data.resizing import Resizing
from snellen.errors import StudyError, UnknownName

SMALL = Resizing(step="resize", height=4, width=4)


def test_classes_parts_and_paths(tmp_path: Path) -> None:
    root = photos(tmp_path / "pets", "Train/dog/b.png", "Train/cat/deep/a.png", "TEST/dog/c.png", "TEST/cat/d.png")
    (root / "README.md").write_text("not an image")
    (root / "Train/dog/.DS_Store").write_bytes(b"x")
    (root / "Train/cat/Thumbs.db").write_bytes(b"x")
    dataset = read(root)
    assert dataset.ids.tolist() == ["Train/cat/deep/a.png", "Train/dog/b.png", "TEST/cat/d.png", "TEST/dog/c.png"]
    assert dataset.classes == ("cat", "dog") and dataset.labels.tolist() == [0, 1, 0, 1]
    assert dataset.official_test is not None and dataset.official_test.tolist() == [False, False, True, True]
    assert (dataset.name, dataset.pixel_range, dataset.shape) == ("pets", (0.0, 255.0), (6, 5, 3))


def test_numbers_as_classes_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    assert read(photos(tmp_path, "10/a.png", "9/b.png", "0/c.png")).classes == ("0", "9", "10")


def test_grey_when_all_are_grey(tmp_path: Path) -> None:
    for row, label in enumerate("ab"):
        cases.save(tmp_path / label / "x.png", np.repeat(cases.GREY[..., None], 3, axis=2) ^ row)
    assert read(tmp_path).shape == (6, 5, 1)
    cases.save(tmp_path / "a/y.jpg", cases.COLOUR)
    dataset = read(tmp_path)
    assert dataset.shape == (6, 5, 3)
    np.testing.assert_array_equal(dataset.images[0], np.repeat(cases.GREY[..., None], 3, axis=2))


def test_sixteen_bits(tmp_path: Path) -> None:
    wide = np.random.default_rng(1).integers(0, 65536, (2, 6, 5, 1), dtype=np.uint16)
    for label, image in zip("ab", wide):
        (tmp_path / label).mkdir()
        (tmp_path / label / "w.png").write_bytes(cases.png(image))
    dataset = read(tmp_path)
    assert dataset.pixel_range == (0.0, 65535.0) and dataset.images.dtype == np.float32
    np.testing.assert_array_equal(dataset.images, wide)


def test_black_images_are_black(tmp_path: Path) -> None:
    """Values 0 and 1 of 255 must not be taken for black and white, as those of an array are."""
    for label in "ab":
        cases.save(tmp_path / label / "x.png", np.full((4, 4), label == "b", np.uint8))
    assert read(tmp_path).pixel_range == (0.0, 255.0)


def test_mixed_sizes(tmp_path: Path) -> None:
    root = simple(tmp_path)
    cases.save(root / "cat/large.png", np.zeros((30, 700), np.uint8))
    expected = r"different sizes; found .*\(images\): 6x5 \(8\), 30x700 \(1\).*Give them one size: `resize: 32`"
    refused(root, expected)
    assert read(root, Options(resizing=SMALL)).shape == (4, 4, 3)
    crop, pad = (Resizing(step=step, height=8, width=8) for step in ("crop", "pad"))
    refused(root, r"cat/0.png: an image too small to crop to 8x8 pixels; found 6x5", StudyError, Options(resizing=crop))
    refused(
        root, r"cat/large.png: an image too large to pad", StudyError, Options(resizing=pad, on_bad_image="exclude")
    )


def test_one_size_but_too_large(tmp_path: Path) -> None:
    for label in "ab":
        cases.save(tmp_path / label / "x.png", np.zeros((4, 600), np.uint8))
    refused(tmp_path, r"images too large; found .*4x600 \(2\); expected one size, sides up to 512")


def test_chosen_classes(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/1.png", "dog/2.png", "owl/3.png")
    (root / "dog/broken.png").write_bytes(b"")
    dataset = read(root, Options(classes=("owl", "cat")))
    assert dataset.classes == ("owl", "cat")
    assert dict(zip(dataset.ids, dataset.labels)) == {"cat/1.png": 1, "owl/3.png": 0}
    refused(root, r"unknown class 'cow'; expected one of cat, dog, owl", UnknownName, Options(classes=("owl", "cow")))


def test_chosen_classes_and_padding_of_any_reader(tmp_path: Path) -> None:
    path = data_cases.write_npz(tmp_path / "good")
    options = Options(classes=("2", "0"), resizing=Resizing(step="pad", height=8, width=8))
    whole, chosen = read(path), read(path, options)
    rows = np.flatnonzero(whole.labels != 1)
    assert chosen.classes == ("2", "0") and chosen.fingerprint != whole.fingerprint
    np.testing.assert_array_equal(chosen.labels, np.where(whole.labels[rows] == 2, 0, 1))
    np.testing.assert_array_equal(chosen.images[:, 1:6, 2:6], whole.images[rows])
    np.testing.assert_array_equal(chosen.ids, whole.ids[rows])
    assert chosen.images.sum() == whole.images[rows].sum()
    assert read("digits", Options(resizing=SMALL)).images.dtype == np.float32  # 17 tones would not survive rounding
    refused(path, "`group` is for image files only", StudyError, Options(group=Group(level=1)))


def spoil(name: str) -> Callable[[Path], object]:
    """One way of being bad, made in a good folder."""

    def link_out(root: Path) -> None:
        outside = photos(root.parent / "outside", "x.png")
        (root / "cat/out.png").symlink_to(outside / "x.png")

    def link_folder(root: Path) -> None:
        (root / "cat/again").symlink_to(root / "dog", target_is_directory=True)

    def truncate(root: Path) -> None:
        file = root / "cat/1.png"
        file.write_bytes(file.read_bytes()[:-30])

    ways: dict[str, Callable[[Path], object]] = {
        "truncated": truncate,
        "no image": lambda root: (root / "cat/notes").write_text("hello"),
        "huge": lambda root: (root / "cat/huge.png").write_bytes(cases.png_header(9000, 9000)),
        "one class": lambda root: shutil.rmtree(root / "dog"),
        "alpha": lambda root: cases.save(root / "cat/clear.png", cases.CLEAR),
        "loose": lambda root: photos(root, "loose.jpg"),
        "link out": link_out,
        "linked folder": link_folder,
    }
    return ways[name]


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("truncated", r"cat/1.png: not a readable image"),
        ("no image", r"cat/notes: not an image; expected PNG, JPEG"),
        ("huge", r"cat/huge.png: (image too large; found 9000x9000|not a readable image .*exceeds limit)"),
        ("one class", r"found 1 classes"),
        ("alpha", r"mixed channels; found 1 with alpha such as cat/clear.png, 8 without such as cat/0.png.*background"),
        ("loose", r"loose.jpg: an image outside the class folders"),
        ("link out", r"cat/out.png: the path leaves the folder; found .*outside"),
        ("linked folder", r"again: a linked folder"),
    ],
)
def test_each_way_of_being_bad(tmp_path: Path, way: str, message: str) -> None:
    root = simple(tmp_path / "pets")
    try:
        spoil(way)(root)
    except OSError:
        pytest.skip("this system makes no links")
    refused(root, message)


def test_a_background_settles_mixed_channels(tmp_path: Path) -> None:
    root = simple(tmp_path)
    cases.save(root / "cat/clear.png", cases.CLEAR)
    assert read(root, Options(background="white")).shape == (6, 5, 3)


def test_unreadable_images_are_excluded_only_when_asked(tmp_path: Path) -> None:
    root = simple(tmp_path)
    (root / "cat/9.png").write_bytes(b"broken")
    (root / "dog/huge.png").write_bytes(cases.png_header(60_000, 60_000))
    refused(root, r"cat/9.png: not an image.*on_bad_image: exclude")
    for _ in range(2):  # decoded, then from the cache
        dataset = read(root, Options(on_bad_image="exclude"))
        assert [each.file for each in dataset.excluded] == ["cat/9.png", "dog/huge.png"]
        assert dataset.excluded[0] == Excluded("cat/9.png", "not an image") and len(dataset) == 8
    shutil.rmtree(root / "cat")
    photos(root, "owl/1.png")
    (root / "owl/1.png").write_bytes(b"broken")
    refused(root, "a class without images; found owl", options=Options(on_bad_image="exclude"))


def test_a_image_moved_to_another_class_is_noticed(tmp_path: Path) -> None:
    """The cache goes by content, and the folder is content."""
    root = photos(tmp_path, "cat/1.png", "cat/2.png", "dog/3.png")
    before = read(root)
    (root / "cat/2.png").rename(root / "dog/2.png")
    after = read(root)
    assert before.labels.tolist() == [0, 0, 1] and after.labels.tolist() == [0, 1, 1]


def test_a_part_without_training_and_a_validation_part(tmp_path: Path) -> None:
    message = "no training images; found 2 images of other parts"
    refused(photos(tmp_path / "a", "test/cat/1.png", "test/dog/1.png"), message)
    for name in ("val", "valid", "Validation"):
        dataset = read(photos(tmp_path / name, "train/cat/1.png", "train/dog/2.png", f"{name}/cat/3.png"))
        assert dataset.official_validation is not None and dataset.official_validation.tolist() == [False, False, True]
        assert dataset.official_test is None and dataset.ids.tolist()[-1] == f"{name}/cat/3.png"


def test_what_images_say_themselves(tmp_path: Path) -> None:
    refused(
        simple(tmp_path),
        "unknown key 'images'; expected one of test, train, validation",
        StudyError,
        Options(keys={"images": "x"}),
    )


@pytest.mark.parametrize(
    ("group", "names"),
    [
        (Group(level=2), ["p1", "p1", "p2", "p3", "p1", "p3"]),
        (Group(pattern=r"_(\d)\."), ["1", "2", "1", "1", "1", "2"]),
        (Group(pattern=r"p\d"), ["p1", "p1", "p2", "p3", "p1", "p3"]),
    ],
)
def test_groups_of_paths(tmp_path: Path, group: Group, names: list[str]) -> None:
    paths = ["cat/p1/a_1.png", "cat/p1/b_2.png", "cat/p2/a_1.png", "cat/p3/a_1.png", "dog/p1/a_1.png", "dog/p3/a_2.png"]
    dataset = read(photos(tmp_path, *paths), Options(group=group))
    assert dataset.ids.tolist() == paths and dataset.groups is not None
    np.testing.assert_array_equal(
        dataset.groups[:, None] == dataset.groups, np.array(names)[:, None] == np.array(names)
    )


def test_paths_without_a_group(tmp_path: Path) -> None:
    root = simple(tmp_path)
    for group, message in (
        (Group(level=2), r"cat/0.png: no group in this path; found 1 folders; expected at least 2"),
        (Group(pattern="p.d"), r"cat/0.png: no group in this path; expected a match of 'p.d'"),
        (Group(column="patient"), r"a manifest with that column"),
    ):
        refused(root, message, options=Options(group=group))


def test_a_flat_folder_is_no_data_set(tmp_path: Path) -> None:
    refused(photos(tmp_path / "flat", "1.png", "2.png"), "no reader recognises this")
    assert not READERS["folder"].recognises(tmp_path / "flat")


def test_order_does_not_depend_on_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = simple(tmp_path / "pets")

    def reversed_scan(place: Path) -> object:
        with scan(place) as entries:
            return nullcontext(list(entries)[::-1])

    first, scan = read(root), os.scandir
    monkeypatch.setattr("snellen.data.readers.image_files.walk.os.scandir", reversed_scan)
    again: Dataset = read(root)
    np.testing.assert_array_equal(first.ids, again.ids)
