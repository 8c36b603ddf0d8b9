"""Protects what a proposed study leaves out: small classes by name, near-duplicates where they are few, all said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_cases import save

from snellen.data.dataset import Dataset
from snellen.data.inspect.near_duplicates import near_duplicates
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.data.splits.left_out import left_out_rows
from snellen.data.splits.roles import Split, assign
from snellen.errors import DataError, StudyError
from snellen.init.division import division
from snellen.init.propose import propose
from snellen.init.survey import survey
from snellen.run.check import check_study
from snellen.run.run_folder import Settings
from snellen.study.data_settings import options_of, split_of_study
from snellen.study.document import parse
from snellen.study.schema import StudyFile
from snellen.tables import print_check

RANDOM = np.random.default_rng(0)


def noise(count: int, side: int = 16) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, side, side), dtype=np.uint8)


def nearly(images: np.ndarray) -> np.ndarray:
    """The same images, each pixel a little brighter or darker."""
    return np.clip(images + RANDOM.integers(-2, 3, images.shape), 0, 255).astype(np.uint8)


def with_near_in_test(near: int, others: int = 400) -> Dataset:
    """`others` training images of two classes, `near` of class 1 with a near-duplicate in the test."""
    images = noise(others)
    labels = np.arange(others) % 2
    ones = np.flatnonzero(labels == 1)[:near]
    test = np.concatenate([nearly(images[ones]), noise(40)])
    return from_arrays(
        images, labels, test_images=test, test_labels=np.arange(len(test)) % 2, pixel_range=(0, 255), name="mine"
    )


@pytest.mark.parametrize(("near", "kept"), [(1, True), (4, True), (5, False), (60, False)])
def test_near_duplicates_leave_training_up_to_one_in_a_hundred(near: int, kept: bool) -> None:
    dataset = with_near_in_test(near)
    made = division(dataset, near_duplicates(dataset))
    assert (made.split.near_duplicates == "together") == kept and made.related is not None
    assert made.related.rows == near and len(made.roles.left_out) == (near if kept else 0)
    text = propose(dataset, "mine.npz", near=near_duplicates(dataset)).text
    said = " ".join(text.replace("#", " ").split())
    assert f"{near} image{'s' if near > 1 else ''} near to an image of the official test" in said
    assert ("that would leave out" in said) != kept and ("Left out: " in said) == kept
    assert ("\n  near_duplicates: together\n" in text) == kept
    assert ("\n  # near_duplicates: together\n" in text) != kept
    if near > 2:
        assert f"{near} of 200 of class 1" in said
    study = parse(text, "mine.yaml").study()
    assert len(split_of_study(study, dataset).roles.left_out) == (near if kept else 0)


def test_a_tenth_of_a_class_is_too_many() -> None:
    """Two of 200 rows are one in a hundred, but a sixth of their class."""
    images, labels = noise(202), np.append(np.repeat([0, 1], 95), np.full(12, 2))
    official = np.arange(202) >= 200
    images[200:] = nearly(images[190:192])
    dataset = replace(from_arrays(images, labels, pixel_range=(0, 255)), official_test=official)
    made = division(dataset, near_duplicates(dataset))
    assert made.split.near_duplicates is None and made.related is not None
    assert made.related.by_class == {"2": (2, 10)} and made.related.of == 200


def test_check_says_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = with_near_in_test(60)
    study = parse(
        "study: x\ndata: {source: mine, near_duplicates: together}\nmodels: {m: {layers: [flatten]}}\n", "x"
    ).study()
    checked = check_study(study, Settings(None, "cpu", 1), dataset)
    [row] = checked["left_out_rows"]
    assert (row["reason"], row["rows"], row["of"]) == ("related to official test", 60, 400)
    assert row["by_class"] == {"1": (60, 200)} and checked["near_duplicates"] is None
    print_check(checked)
    said = capsys.readouterr().out
    apart = check_study(
        StudyFile.model_validate(study.model_dump() | {"data": "mine"}), Settings(None, "cpu", 1), dataset
    )
    assert apart["near_duplicates"]["pairs"] == 60 and not apart["left_out_rows"]
    assert "together, which leaves out 60 images near to an official part" in apart["near_duplicates"]["sentence"]
    assert "Left out: 60 images near to an image of the official test" in said and "60 of 200 of class 1" in said


def test_reasons_are_counted_apart() -> None:
    images = noise(60)
    images[1], images[2], images[59] = images[0], images[58], images[58]
    dataset = replace(
        from_arrays(images, np.zeros(60, int) + (np.arange(60) % 3 > 0), pixel_range=(0, 255)),
        official_test=np.arange(60) >= 50,
    )
    roles = assign(dataset, Split(drop_duplicates="exact"))
    found = {each.reason: each.rows for each in left_out_rows(dataset, roles)}
    assert found["in official test"] == 1 and sum(found.values()) == len(roles.left_out)


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """Two classes of twenty, one of two images, one of four copies of one image."""
    sizes = {"cats": 20, "dogs": 20, "emus": 2, "yes": 4}
    for name, count in sizes.items():
        for number, image in enumerate(noise(count)):
            save(tmp_path / f"photos/{name}/{number}.png", image if name != "yes" else np.full((16, 16), 7, np.uint8))
    return tmp_path / "photos"


def test_small_classes_are_left_out_and_said(rare: Path) -> None:
    found = survey(str(rare))
    assert found.options.classes == ("cats", "dogs") and found.dataset.classes == ("cats", "dogs")
    assert found.omitted is not None and "'emus' (2 images) and 'yes' (4 images, 1 different)" in found.omitted
    text = propose(found.dataset, str(rare), options=found.options, near=found.near, omitted=found.omitted).text
    assert "\n  classes: [cats, dogs]\n" in text and "# Left out, because they have too few images:" in text
    study = parse(text, "mine.yaml").study()
    dataset = read(study.data.source, options_of(study))
    roles = split_of_study(study, dataset).roles
    assert all(
        np.bincount(dataset.labels[roles.rows[role]], minlength=2).all() for role in ("train", "validation", "test")
    )


def test_without_the_line_the_same_classes_are_named(rare: Path) -> None:
    with pytest.raises(StudyError) as raised:
        assign(read(rare), Split())
    assert "'emus' (2 images) and 'yes' (4 images, 1 different)" in str(raised.value)
    assert "`classes: [cats, dogs]`" in str(raised.value)


def test_classes_that_the_official_test_has_alone_are_left_out(tmp_path: Path) -> None:
    """Of folders they may be other spellings, so these are refused with the line to write."""
    labels = {"train": np.repeat(["a", "b"], 8), "test": np.repeat(["a", "b", "c"], 8)}
    arrays = {f"x_{part}": noise(len(names)) for part, names in labels.items()}
    targets = {f"y_{part}": names for part, names in labels.items()}
    np.savez(tmp_path / "a.npz", allow_pickle=False, **arrays, **targets)
    found = survey(str(tmp_path / "a.npz"))
    assert found.dataset.classes == ("a", "b") and "'c' (8 images, 8 in the test)" in (found.omitted or "")
    for part, names in labels.items():
        for number, (name, image) in enumerate(zip(names, arrays[f"x_{part}"], strict=True)):
            save(tmp_path / f"photos/{part}/{name}/{number}.png", image)
    with pytest.raises(DataError, match=r"found c \(8 in test\).*`classes: \[a, b\]`"):
        survey(str(tmp_path / "photos"))


def test_one_class_that_is_large_enough_is_no_study(rare: Path) -> None:
    for image in (rare / "dogs").iterdir():
        if image.name != "0.png":
            image.unlink()
    found = survey(str(rare))
    with pytest.raises(StudyError, match=r"too few images of 3 classes; found 'dogs' \(1 image\), 'emus'.*and 'yes'"):
        propose(found.dataset, str(rare), options=found.options, near=found.near)


def test_a_small_class_gets_a_test_image_where_shares_allow_it() -> None:
    labels = np.repeat([0, 1, 2], [60, 60, 3])
    dataset = from_arrays(noise(123), labels, pixel_range=(0, 255))
    made = division(dataset, None)
    counts = [np.bincount(labels[made.roles.rows[role]], minlength=3).min() for role in ("train", "validation", "test")]
    assert min(counts) == 1
