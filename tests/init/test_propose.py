"""Protects the study that a stranger gets: it parses, plans, fits the data, and says what was seen in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_cases import save
from needs import needs
from ruamel.yaml import YAML

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.readers.arrays import from_arrays
from snellen.data.readers.reader import Options
from snellen.data.splits.roles import Roles
from snellen.errors import DataError, StudyError
from snellen.init.comments import quoted
from snellen.init.propose import propose, study_name
from snellen.init.survey import Survey, survey
from snellen.study.data_settings import options_of, split_of_study
from snellen.study.document import parse
from snellen.study.plan import Plan, plan
from snellen.study.schema import StudyFile
from snellen.train.augment.geometric import Flip

RANDOM = np.random.default_rng(5)


def proposed(found: Survey, source: str) -> tuple[StudyFile, str]:
    text = propose(
        found.dataset,
        source,
        options=found.options,
        sizes=found.sizes,
        near=found.near,
        proportions=found.proportions,
    ).text
    return parse(text, "mine.yaml").study(), " ".join(text.replace("#", " ").split())


def planned(study: StudyFile) -> tuple[Dataset, Roles, Plan]:
    """What `run` makes of a study before it trains."""
    dataset = read(study.data.source, options_of(study))
    data = split_of_study(study, dataset)
    return dataset, data.roles, plan(study, data)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def in_memory(images: np.ndarray, labels: np.ndarray) -> tuple[StudyFile, str]:
    return proposed(Survey(from_arrays(images, labels), survey("digits").options, (), None), "mine.npz")


def test_digits() -> None:
    study, said = proposed(survey("digits"), "digits")
    _, roles, made = planned(study)
    assert list(made.models) == ["dense", "cnn"] and study.folds and study.folds.count == 5
    [train] = study.train or []
    assert train.epochs == 37 and type(train.schedule).__name__ == "Linear" and train.patience is None
    assert not any(isinstance(each, Flip) for each in train.augment) and "They are not mirrored" in said
    assert study.data.near_duplicates == "together" and study.data.drop_duplicates is None
    assert study.data.resizing is None
    assert [analysis.name for analysis in study.analyses] == ["units", "answers", "errors"]
    assert "1,797 images of 8x8 pixels, grey, black is 0 and white 16" in said
    assert "10 classes, the smallest with 174 images (8)" in said
    assert f"train {len(roles.rows['train']):,}, validation {len(roles.rows['validation']):,}" in said


@needs("mnist")
def test_mnist_keeps_its_official_test() -> None:
    study, said = proposed(survey("mnist"), "mnist")
    dataset = read("mnist")
    assert study.split.test is None and study.split.validation == 0.1 and study.train and study.train[0].epochs == 8
    assert study.folds is None and list(study.models) == ["cnn"]
    assert "the official one of the data" in said and "validation 6,000, test 10,000" in said
    assert len(split_of_study(study, dataset).roles.rows["test"]) == 10_000


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Photographs of four sizes by two classes, in bursts of three, with one copy of another."""
    for number in range(48):
        height, width = [(40, 50), (44, 50), (40, 52), (90, 36)][number % 4]
        name = f"{['cat', 'dog'][number % 2]}/patient{number // 3}_{number:03}.png"
        save(tmp_path / "my photos!" / name, noise(height, width, 3))
    copy = (tmp_path / "my photos!/cat/patient0_000.png").read_bytes()
    (tmp_path / "my photos!/cat/patient9_999.png").write_bytes(copy)
    return tmp_path / "my photos!"


def test_photographs_of_mixed_sizes(photographs: Path) -> None:
    with pytest.raises(DataError, match="different sizes"):
        read(photographs)
    found = survey(str(photographs))
    study, said = proposed(found, str(photographs))
    dataset, roles, _ = planned(study)
    median = np.median(
        [side for size, count in found.sizes for side in map(int, size.split(" × ")) for _ in range(count)]
    )
    assert study.data.resize == 8 * round(float(median) / 8) == dataset.shape[0]
    assert "40 × 50 (13)" in said and "3 channels" not in said and "colour" in said
    assert study.data.drop_duplicates == "exact" and "Exact copies of an earlier image: 1." in said
    assert len(roles.left_out) == 1
    assert "17 sets" not in said and "16 sets, for example patient0" in said
    assert study.data.group is None and study_name(dataset) == "my-photos"


def test_the_offered_groups_can_be_taken(photographs: Path) -> None:
    found = survey(str(photographs))
    text = propose(found.dataset, str(photographs), options=found.options, sizes=found.sizes).text
    taken = parse(text.replace("# group:", "group:"), "mine.yaml").study()
    dataset, _, _ = planned(taken)
    assert dataset.groups is not None and len(np.unique(dataset.groups)) == 16


def test_names_that_only_repeat_the_class_are_no_groups(tmp_path: Path) -> None:
    for number in range(30):
        name = ["cat", "dog"][number % 2]
        save(tmp_path / f"photos/{name}/{name}_{number}.png", noise(8, 8, 3))
    assert "group" not in proposed(survey(str(tmp_path / "photos")), "photos")[1]


def test_a_manifest_with_groups(tmp_path: Path) -> None:
    lines = ["path,label,group"]
    for number in range(40):
        save(tmp_path / f"{number}.png", noise(16, 16))
        lines.append(f"{number}.png,{'ab'[number % 2]},patient {number // 2}")
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    study, said = proposed(survey(str(tmp_path / "list.csv")), str(tmp_path / "list.csv"))
    dataset, _, _ = planned(study)
    assert dataset.groups is not None and "The data define 20 groups" in said and study.study == "list"


def test_transparent_images_among_others(tmp_path: Path) -> None:
    for number in range(20):
        save(tmp_path / f"photos/{'ab'[number % 2]}/{number}.png", noise(8, 8, 4 if number < 5 else 3))
    study, _ = proposed(survey(str(tmp_path / "photos")), str(tmp_path / "photos"))
    assert study.data.background == "white" and planned(study)[0].shape == (8, 8, 3)


@pytest.mark.parametrize(("border", "written"), [(0, "pad: 32"), (255, "crop: 28")])
def test_nearly_equal_sizes(tmp_path: Path, border: int, written: str) -> None:
    for number in range(24):
        pixels = np.full((28 + number % 2 * 4,) * 2, border, np.uint8)
        pixels[3:-3, 3:-3] = noise(len(pixels) - 6, len(pixels) - 6)
        save(tmp_path / f"photos/{'ab'[number // 2 % 2]}/{number}.png", pixels)
    source = str(tmp_path / "photos")
    found = survey(source)
    assert f"\n  {written}\n" in propose(found.dataset, source, options=found.options, sizes=found.sizes).text
    study, said = proposed(found, source)
    side = int(written.split()[1])
    assert planned(study)[0].shape == (side, side, 1) and "28 × 28 (12)" in said
    assert ("borders are black" in said) == (border == 0) and ("stretches nothing" in said) == (border == 255)


def test_sides_that_differ_are_both_written(tmp_path: Path) -> None:
    for number in range(24):
        save(tmp_path / f"photos/{'ab'[number // 2 % 2]}/{number}.png", noise(20, 28 + number % 2) // 16)
    study, _ = proposed(survey(str(tmp_path / "photos")), str(tmp_path / "photos"))
    assert study.data.pad == (20, 29) and planned(study)[0].shape == (20, 29, 1)


def test_unreadable_images_are_listed(tmp_path: Path) -> None:
    for number in range(24):
        save(tmp_path / f"photos/{'ab'[number % 2]}/{number}.png", noise(8, 8))
    for number in range(22):
        (tmp_path / f"photos/a/x{number:02}.png").write_bytes(b"oops")
    source = str(tmp_path / "photos")
    found = survey(source)
    study, said = proposed(found, source)
    assert study.data.on_bad_image == "exclude" and "- a/x00.png: not an image" in said
    assert "a/x19.png" in said and "a/x20.png" not in said and "and 2 others." in said
    assert len(planned(study)[0]) == 24


def test_grey_in_three_channels() -> None:
    images = noise(20, 6, 6, 1).repeat(3, axis=3)
    dataset = from_arrays(images, np.arange(20) % 2, name="mine")
    text = propose(dataset, "mine.npz", options=Options(grey=True), file="other.yaml").text
    assert parse(text, "mine.yaml").study().data.grey and "Red, green and blue are equal" in text
    assert "snellen run other.yaml" in text


def test_large_images_of_one_size_are_made_smaller(tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / f"photos/{'ab'[number % 2]}/{number}.png", noise(200, 300))
    study, said = proposed(survey(str(tmp_path / "photos")), str(tmp_path / "photos"))
    assert study.data.resize == 64 and "200 × 300 (12)" in said
    assert "typically 1.5 times the shorter one: images are squeezed to squares" in said


@pytest.mark.parametrize(
    ("names", "height", "width", "step"),
    [
        ("cat dog", 200, 300, "resize_crop"),
        ("cat dog", 300, 170, "resize_crop"),
        ("cat dog", 200, 240, "resize"),
        ("cat dog", 100, 400, "resize"),
        ("3 8", 200, 300, "resize"),
    ],
)
def test_photographs_that_are_far_from_square_are_cropped_and_it_is_said(
    names: str, height: int, width: int, step: str, tmp_path: Path
) -> None:
    """They were squeezed without a word."""
    for number in range(12):
        save(tmp_path / f"photos/{names.split()[number % 2]}/{number}.png", noise(height, width, 3))
    source = str(tmp_path / "photos")
    found = survey(source)
    study, said = proposed(found, source)
    assert study.data.resizing is not None and study.data.resizing.step == step and planned(study)[0].shape[0] == 64
    ratio = max(height, width) / min(height, width)
    assert (f"typically {ratio:.2g} times the shorter one" in said) == (ratio > 1.25)
    text = propose(found.dataset, source, options=found.options, sizes=found.sizes, proportions=found.proportions)
    assert text.left_out[:1] == ((found.proportions,) if ratio > 1.25 else ())


def test_a_white_that_no_pixel_reaches_is_asked_about() -> None:
    """A file with 17 tones, as scikit-learn's digits have, says nothing of what its white is."""
    text = propose(from_arrays(noise(20, 6, 6) // 16 + 1, np.arange(20) % 2, name="mine"), "mine.npz").text
    assert parse(text.replace("# pixel", "pixel"), "mine.yaml").study().data.pixel_range == (0, 16)
    assert "pixel_range" not in in_memory(noise(20, 6, 6), np.arange(20) % 2)[1]


def test_unbalanced_classes_are_called_so() -> None:
    _, said = in_memory(noise(80, 6, 6), np.repeat([0, 1], [64, 16]))
    assert (
        "smallest with 16 images (1), the largest with 64 images (0): unbalanced" in said and "right for 80 %" in said
    )


def test_few_images_get_larger_shares() -> None:
    study, _ = in_memory(noise(8, 6, 6), np.arange(8) % 2)
    assert study.split.validation in (0.3, 0.4)
    with pytest.raises(StudyError, match=r"too few images of 1 class; found '1' \(1 image\); expected at least 3 diff"):
        in_memory(noise(9, 6, 6), np.repeat([0, 1], [8, 1]))


@pytest.mark.parametrize("side", [1, 3, 8, 15, 16, 28, 64, 100, 128])
def test_the_networks_fit_any_size(side: int) -> None:
    images, labels = noise(12, side, side), np.arange(12) % 2
    study, _ = in_memory(images, labels)
    dataset = from_arrays(images, labels)
    networks = 1 + (study.folds.count if study.folds else 0)
    assert len(plan(study, split_of_study(study, dataset)).lanes) == networks * (1 if side >= 16 else 2)


@pytest.mark.parametrize("name", ["a: b # c", "line\nbreak", 'quote"', "{[&*!|>%@`", "日本", "..."])
def test_strange_names_stay_names(name: str) -> None:
    dataset = from_arrays(noise(20, 6, 6), np.array([name, "x"] * 10), name=name)
    study = parse(propose(dataset, name).text, "mine.yaml").study()
    assert study.data.source == name and study.study == study_name(dataset)


def test_what_the_user_said_of_the_data_is_in_the_study() -> None:
    dataset = from_arrays(noise(20, 6, 6) / 100 - 1, np.arange(20) % 2, pixel_range=(-1, 1.6), name="mine")
    options = Options(kind="arrays", keys={"images": "X: #1", "labels": "y"}, pixel_range=(-1, 1.6))
    data = parse(propose(dataset, "mine.npz", options=options).text, "mine.yaml").study().data
    assert (data.kind, data.keys, data.pixel_range) == ("arrays", dict(options.keys), (-1, 1.6))


@pytest.mark.parametrize("name", ["a\x7fb", "a\x85b", "a\u2028b", "a\ufeffb", "\U000e0001", "é '\"\\ \n: #"])
def test_quoted_names_are_read_back(name: str) -> None:
    assert YAML(typ="safe").load(f"source: {quoted(name)}") == {"source": name}
