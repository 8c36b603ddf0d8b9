"""Protects which folders are parts and which are classes: the layouts that publishers use, what is said of them, and
refusals with the line to write where names alone do not tell."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import image_cases as cases
import pytest
from folder_cases import photos, refused, simple

from snellen.data.load import read
from snellen.data.readers.image_files.folder_layout import lay_out
from snellen.data.readers.image_files.folder_tree import FolderTree
from snellen.data.readers.reader import Options
from snellen.errors import DataError, StudyError, UnknownName


def tree(*folders: str) -> FolderTree:
    """Two images in each folder; `part/` stands for the folders cats and dogs in it."""
    each = [f"{folder}{name}" for folder in folders for name in (("cats", "dogs") if folder.endswith("/") else ("",))]
    return FolderTree([f"{folder}/{number}.png" for folder in each for number in range(2)], [])


def parts(*folders: str, keys: dict[str, str] | None = None) -> dict[str, str]:
    """Where each part is: its class folders without their own names."""
    return {path.rpartition("/")[0]: role for path, role in lay_out(tree(*folders), keys or {}).classes.items()}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("training_set/", "test_set/"), {"training_set": "train", "test_set": "test"}),
        (("TRAIN/", "Test/"), {"TRAIN": "train", "Test": "test"}),
        (("Train_images/", "Val_images/"), {"Train_images": "train", "Val_images": "validation"}),
        (("train2017/", "val2017/"), {"train2017": "train", "val2017": "validation"}),
        (("x_train/", "x_dev/"), {"x_train": "train", "x_dev": "validation"}),
        (("trainSet/", "testSet/"), {"trainSet": "train", "testSet": "test"}),
        (("train/", "valid/", "test/"), {"train": "train", "valid": "validation", "test": "test"}),
        (("seg_train/seg_train/", "seg_test/seg_test/"), {"seg_train/seg_train": "train", "seg_test/seg_test": "test"}),
        (("train/images/", "test/images/"), {"train/images": "train", "test/images": "test"}),
        (("images/train/", "images/val/"), {"images/train": "train", "images/val": "validation"}),
        (("set/data/train/", "set/data/test/"), {"set/data/train": "train", "set/data/test": "test"}),
        (("test/train/", "test/val/"), {"test/train": "train", "test/val": "validation"}),
        (("train/train/", "train/val/"), {"train/train": "train", "train/val": "validation"}),
        (("train/", "val/cats"), {"train": "train", "val": "validation"}),
        (("train/",), {"train": "train"}),
        (("PetImages/",), {"PetImages": "train"}),
        (("a/b/c/",), {"a/b/c": "train"}),
        (("train", "bus", "car"), {"": "train"}),
        (("steam_train", "bullet_train"), {"": "train"}),
        (("train_station/day", "train_station/night", "airport/hall", "airport/gates"), {"": "train"}),
        (("valid", "invalid"), {"": "train"}),
        (("test", "control"), {"": "train"}),
        (("cats/1", "cats/2", "dogs/1"), {"": "train"}),
        (("train/train", "train/bus", "test/train", "test/bus"), {"train": "train", "test": "test"}),
    ],
)
def test_parts_and_classes(folders: tuple[str, ...], expected: dict[str, str]) -> None:
    assert parts(*folders) == expected


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (
            ("train/", "test/", "extra/"),
            r"parts of the data or classes; found extra \(4 images in cats, dogs\), test",
        ),
        (("train/", "test/", "extra/"), r"`keys: \{train: train, test: test\}`; or.*`keys: \{train: \.\}`"),
        (("a/train/", "a/test/", "a/extra/"), r"`keys: \{train: a/train, test: a/test\}`; or.*`keys: \{train: a\}`"),
        (("train/", "unlabelled"), r"parts of the data or classes"),
        (("train/steam", "train/bullet", "bus"), r"parts of the data or classes"),
        (("train", "test", "bus"), r"parts of the data or classes"),
        (("cats", "dogs", "test/"), r"`keys: \{train: \., test: test\}`"),
        (("train/", "val/", "valid/"), r"two folders for the validation part; found val \(4 .*and valid \(4 "),
        (("train/", "Train/"), r"two folders for the train part; found Train .* and train"),
        (("train/", "train_masks/", "test/"), r"two folders for the train part"),
        (("test/",), r"no training images; found 4 images of other parts, in test"),
        (("val/", "test/"), r"no training images; found 8 images of other parts, in test, val"),
        (("train", "test"), r"train/0.png: an image outside the class folders; found 2 directly in train"),
        (("a/train/", "a/test/", "b/train/", "b/test/", "b/masks"), r"parts in some of them; found b with masks, test"),
    ],
)
def test_what_names_do_not_tell_is_refused_with_the_line_to_write(folders: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        lay_out(tree(*folders), {})


def test_a_study_says_which_folder_is_which() -> None:
    assert parts("train/", "test/", "extra/", keys={"train": "train", "test": "extra/"}) == {
        "train": "train",
        "extra": "test",
    }
    assert parts("train", "test", "bus", keys={"train": "."}) == {"": "train"}
    assert parts("cats", "dogs", "test/", keys={"train": "./", "test": "test"}) == {"": "train", "test": "test"}
    unused = lay_out(tree("a/", "b/", "c"), {"train": "a"}).remarks
    assert unused == ("Not used: 6 images in b, c, which are no part of the data.",)
    for keys, error, message in (
        ({"train": "x"}, DataError, "keys: train: `x` cannot be the train part; found no such folder; expected a, b"),
        ({"train": "../a"}, DataError, "no such folder"),
        ({"test": "a"}, StudyError, "without a training part"),
        ({"tarin": "a"}, UnknownName, "unknown key 'tarin'.*Did you mean 'train'"),
        ({"train": "a", "test": "./a"}, StudyError, "two parts in one folder"),
    ):
        with pytest.raises(error, match=message):
            lay_out(tree("a/", "b/"), keys)


@pytest.mark.parametrize(
    ("folders", "remark"),
    [
        (("train/", "test/", "pred"), "Not used: 2 images in pred, which are no part of the data."),
        (("seg_train/seg_train/", "seg_test/seg_test/", "seg_pred/seg_pred"), "Not used: 2 images in seg_pred"),
        (("train/", "test"), "test is not used: its 2 images are not in folders of classes"),
        (("train/", "test/unknown"), "test is not used: its 2 images are not in folders of classes"),
        (("archive/PetImages/",), "All images are below archive/PetImages: the folders in it are the classes."),
        (("my_train/", "my_test/"), "Parts of the data: train from my_train, test from my_test."),
        (("train", "bus"), "`train` is read as a class"),
        (("cats/indoor", "cats/outdoor", "dogs"), "inside a class folder are of that class: cats/indoor, cats/outdoor"),
        (("labeled/", "unlabeled/images"), "of that class: labeled/cats, labeled/dogs, unlabeled/images"),
        (("cats/train", "cats/test", "dogs/train"), "Each class folder holds the parts of the data"),
    ],
)
def test_what_was_interpreted_or_left_out_is_said(folders: tuple[str, ...], remark: str) -> None:
    import re

    remarks = lay_out(tree(*folders), {}).remarks
    assert re.search(remark, " ".join(remarks))


@pytest.mark.parametrize(
    ("folders", "told", "one"),
    [
        (("raw/", "processed/"), "{train: .}", "{train: processed}"),
        (("color/", "grayscale/", "segmented/cats", "segmented/dogs_2"), "{train: .}", "{train: color}"),
        (("fold1/", "fold2/", "fold3/"), "{train: .}", "{train: fold1}"),
        (("hospital_A/", "hospital_A/eels", "hospital_B/"), "{train: .}", "{train: hospital_A}"),
        (("Trainingsdaten/", "Testdaten/"), "{train: .}", "{train: Testdaten}"),
        (
            ("airport/day", "airport/night", "train_station/day", "train_station/night"),
            "{train: .}",
            "{train: airport}",
        ),
        (("data/learn/", "data/validate/"), "{train: data}", "{train: data/learn}"),
        (("cats/images", "cats/masks", "dogs/images", "dogs/masks"), "{train: .}", "{train: cats}"),
        (("train/color/", "train/grey/", "test/color/", "test/grey/"), "{train: train, test: test}", "train/color"),
    ],
)
def test_folders_of_the_same_names_may_be_the_classes(folders: tuple[str, ...], told: str, one: str) -> None:
    """Colour, grey and segmented forms of the same leaves became three classes."""
    import re

    with pytest.raises(DataError, match="which folders are the classes is not clear") as error:
        lay_out(tree(*folders), {})
    assert re.search(re.escape(told) + ".*" + re.escape(one), str(error.value))
    keys = dict(pair.split(": ") for pair in told.strip("{}").split(", "))
    assert lay_out(tree(*folders), keys).classes == lay_out(tree(*folders), {}, depth_is_given=True).classes


def test_plain_layouts_need_no_remark() -> None:
    assert lay_out(tree("train/", "valid/", "test/"), {}).remarks == lay_out(tree("cats", "dogs"), {}).remarks == ()


def test_parts_below_the_classes(tmp_path: Path) -> None:
    dataset = read(photos(tmp_path, "cats/train/1.png", "cats/test/2.png", "dogs/train/3.png", "dogs/test/4.png"))
    assert dataset.classes == ("cats", "dogs")
    assert dataset.ids.tolist() == ["cats/train/1.png", "dogs/train/3.png", "cats/test/2.png", "dogs/test/4.png"]
    assert dataset.official_test is not None and dataset.official_test.tolist() == [False, False, True, True]


def test_the_only_class_is_named(tmp_path: Path) -> None:
    photos(tmp_path, "PetImages/1.png", "PetImages/Cat/2.png")
    refused(tmp_path, r"found 1 classes: all 2 images are in PetImages \(it holds the folders Cat\)")


def test_what_systems_leave_is_passed_over_and_listed(tmp_path: Path) -> None:
    root = simple(tmp_path / "pets")
    plain = read(root)
    photos(root, "__MACOSX/cat/._0.png", "cat/@eaDir/0.png/s.png", ".ipynb_checkpoints/0.png", "lost+found/x.png")
    for file in ("cat/._0.png", "cat/Thumbs.db", "dog/.DS_Store", "desktop.ini", "README.md", "cat/notes.txt"):
        (root / file).write_bytes(b"\0\5\x16\7")
    (root / "owl").mkdir()
    (root / "labels").mkdir()
    (root / "labels/a.txt").write_text("a")
    for _ in range(2):  # decoded before, so from the cache: sentences are not kept there
        dataset = read(root)
        assert dataset.fingerprint == plain.fingerprint and dataset.ids.tolist() == plain.ids.tolist()
        text = " ".join(dataset.remarks)
        for said in ("__MACOSX (1)", "@eaDir (1)", "._* (1)", "Thumbs.db (1)", ".DS_Store (1)", "lost+found (1)"):
            assert said in text
        assert "without images are passed over: labels (1 other file), owl." in text
        assert "no images are passed over in the class folders: cat (1)." in text
    assert plain.remarks == ()
    refused(root, "owl: an empty class folder", options=Options(classes=("owl", "cat")))


def test_an_empty_class_is_said_in_parts_too(tmp_path: Path) -> None:
    root = photos(tmp_path, "train/cat/1.png", "train/dog/2.png", "test/cat/3.png")
    (root / "test/dog").mkdir()
    assert "test/dog" in " ".join(read(root).remarks)


def test_two_forms_of_unicode_are_one_class(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    root = photos(tmp_path, f"train/{names[0]}/1.png", "train/tea/2.png", f"test/{names[1]}/3.png", "test/tea/4.png")
    dataset = read(root, Options(classes=("tea", names[1])))
    assert dataset.classes == ("tea", names[0]) and dataset.labels.tolist() == [1, 0, 1, 0]
    assert f"test/{names[1]}/3.png" in dataset.ids.tolist() and "two forms of Unicode" in " ".join(dataset.remarks)


@pytest.mark.parametrize(("one", "other"), [("Cat", "cat"), ("cat ", "cat"), ("red fox", "red_fox")])
def test_classes_whose_names_look_alike_are_said(tmp_path: Path, one: str, other: str) -> None:
    try:
        dataset = read(photos(tmp_path / "a", f"{one}/1.png", f"{other}/2.png", "dog/3.png"))
    except OSError:
        pytest.skip("this system has no such names")
    if len(dataset.classes) < 3:
        pytest.skip("this system has no such names")
    said = " ".join(dataset.remarks)
    assert f"`{one}` (1 images)" in said and f"`{other}` (1 images)" in said


def test_classes_of_the_test_that_training_lacks(tmp_path: Path) -> None:
    root = photos(tmp_path, "train/Cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png")
    refused(root, r"found cat \(1 in test\); expected those of the training part: Cat, dog. If 'cat' and 'Cat' are one")
    photos(tmp_path / "b", "train/cat/1.png", "train/dog/2.png", "test/owl/3.png", "test/dog/4.png")
    refused(tmp_path / "b", r"found owl \(1 in test\).*name those to keep: `classes: \[cat, dog\]`")
    assert len(read(tmp_path / "b", Options(classes=("cat", "dog")))) == 3


def test_a_table_or_folders_help_for_loose_images(tmp_path: Path) -> None:
    refused(photos(tmp_path / "a", "train/1.png", "train/2.png"), "If a table says which class each image has")
    refused(
        photos(tmp_path / "b", "1.png", "2.png"), "put each into a folder named after its class, or list them in a CSV"
    )


def test_a_file_that_only_claims_to_be_a_image_is_still_bad(tmp_path: Path) -> None:
    root = simple(tmp_path)
    (root / "cat/notes.heic").write_bytes(b"x")
    refused(root, "cat/notes.heic: not an image")
    cases.save(root / "cat/scan.png", cases.COLOUR).rename(root / "cat/notes.heic")
    assert len(read(root)) == 9
