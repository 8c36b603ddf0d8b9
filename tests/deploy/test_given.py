"""Protects `Model.predict` in Python: whatever object holds the images, the answers are those of the same pixels."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image
from runs import blobs, run_small
from torch.utils.data import DataLoader, TensorDataset

import snellen
from snellen.deploy.model import Model
from snellen.errors import BundleError, DataError

IMAGES, LABELS = blobs(90)
SOME = IMAGES[:7]
KINDS = [str(label) for label in LABELS[:7]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    data, split = snellen.from_arrays(IMAGES, LABELS), {"test": 20, "validation": 20}
    models = {"dense": {"layers": ["flatten", {"dense": {"units": 5, "activation": "relu"}}]}}
    return run_small(tmp_path_factory.mktemp("run"), data=data, models=models, split=split).model()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(SOME):
        Image.fromarray(image).save(place / f"{number}.png")
    return place


class Items(torch.utils.data.Dataset[Any]):
    """A data set of torch, whose items are made by a function."""

    def __init__(self, item: Callable[[int], Any]) -> None:
        self.item = item

    def __len__(self) -> int:
        return len(SOME)

    def __getitem__(self, row: int) -> Any:
        return self.item(row)


def paths(folder: Path) -> list[str]:
    return [str(folder / f"{number}.png") for number in range(len(SOME))]


def contents(folder: Path) -> list[bytes]:
    return [Path(path).read_bytes() for path in paths(folder)]


def opened(folder: Path) -> list[Image.Image]:
    return [Image.open(io.BytesIO(content)) for content in contents(folder)]


OBJECTS: dict[str, Callable[[Path], Any]] = {
    "array": lambda _: SOME,
    "object array of paths": lambda folder: np.array(paths(folder), object),
    "tensor": lambda _: torch.tensor(SOME),
    "list of tensors": lambda _: [torch.tensor(each) for each in SOME],
    "folder": lambda folder: folder,
    "folder as text": str,
    "paths": paths,
    "paths as Path": lambda folder: tuple(map(Path, paths(folder))),
    "array of paths": lambda folder: np.array(paths(folder)),
    "pictures": opened,
    "bytes": contents,
    "generator of arrays": lambda _: (each for each in SOME),
    "generator of images": lambda folder: map(Image.open, paths(folder)),
    "generator of paths": lambda folder: iter(paths(folder)),
    "torch data set": lambda folder: Items(lambda row: (Image.open(paths(folder)[row]), 1)),
    "torch data set without labels": lambda _: Items(lambda row: SOME[row]),
    "torch data set of dicts": lambda _: Items(lambda row: {"image": SOME[row], "label": 1}),
    "tensors": lambda _: TensorDataset(torch.tensor(SOME)),
    "pandas": lambda folder: pd.DataFrame({"path": paths(folder)}),
    "polars": lambda folder: pl.DataFrame({"label": KINDS, "filename": paths(folder)}),
    "polars with parts": lambda folder: pl.DataFrame({"split": ["test", "train"] * 3 + ["?"], "path": paths(folder)}),
    "columns": lambda folder: {"image": contents(folder)},
    "column of pandas": lambda folder: pd.Series(paths(folder)),
    "with labels": lambda _: (SOME, KINDS),
    "pairs": lambda _: list(zip(SOME, KINDS, strict=True)),
    "parts": lambda _: {"train": (SOME[:3], KINDS[:3]), "test": SOME[3:]},
    "keras": lambda _: ((SOME[:3], LABELS[:3]), (SOME[3:], LABELS[3:7])),
    "bunch": lambda _: {"images": SOME, "target": KINDS, "data": SOME.reshape(7, -1)},
    "Dataset": lambda _: snellen.from_arrays(SOME, LABELS[:7]),
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_every_object_is_answered_as_its_pixels_are(model: Model, folder: Path, make: Callable[[Path], Any]) -> None:
    expected = model.probabilities(SOME[..., None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.predict(make(folder))
        np.testing.assert_array_equal(found, expected)
        assert model.training_distance(make(folder)).shape == (7,)


def test_channels_are_turned_by_word_or_where_nothing_else_is_possible(model: Model) -> None:
    first, expected = np.repeat(SOME[:, None], 3, 1), model.probabilities(SOME[..., None])
    for given in (torch.tensor(first), TensorDataset(torch.tensor(first), torch.arange(7))):
        with pytest.warns(UserWarning, match="7 images had the channels first"):
            np.testing.assert_array_equal(model.predict(given), expected)
    np.testing.assert_array_equal(model.predict(first, channels="first"), expected)
    np.testing.assert_array_equal(model.predict(first[0], channels="first"), expected[:1])
    with pytest.raises(DataError, match=r"channels may come first.*channels="):
        model.predict(torch.zeros(7, 3, 6, 3))


def test_one_image_and_the_same_one_twice(model: Model, folder: Path) -> None:
    expected = model.probabilities(SOME[[2, 2], ..., None])
    one = folder / "2.png"
    for given in (one, str(one), Image.open(one), one.read_bytes(), {"bytes": one.read_bytes(), "path": None}):
        np.testing.assert_array_equal(model.predict(given), expected[:1])
    np.testing.assert_array_equal(model.predict([one, one]), expected)
    both = np.concatenate([expected[:1], model.probabilities(SOME[..., None])])
    np.testing.assert_array_equal(model.predict([one, folder]), both)
    np.testing.assert_array_equal(model.predict(["2.png", "2.png"], folder=folder), expected)
    frame = pd.DataFrame({"photo": ["2.png", "2.png"]})
    np.testing.assert_array_equal(model.predict(frame, folder=folder, keys={"image": "photo"}), expected)


@pytest.mark.filterwarnings("ignore:.*are unlike")
def test_a_black_image_is_on_the_scale_of_its_format(model: Model) -> None:
    """An array of 0 and 1 is black and white; an image of Pillow or a file of these is black."""
    dark = (SOME > 100).astype(np.uint8)
    given = [Image.fromarray(each) for each in dark]
    with pytest.warns(UserWarning, match="brightest pixel"):
        np.testing.assert_array_equal(model.predict(given), model.probabilities(dark[..., None]))


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (None, "not images; found None; expected paths, arrays"),
    "empty list": ([], "no images; found an empty list"),
    "empty generator": (iter(()), "no images; found an empty tuple_iterator"),
    "empty dict": ({}, "no images; found an empty dict"),
    "no name": ("", "an empty name"),
    "no file": ("photo.png", r"photo\.png: no data found"),
    "one of several is no file": (["photo.png", "photo.jpg"], r"photo\.png: no data found"),
    "a name": ("photos", "unknown file, folder or data set 'photos'"),
    "a number": (7, "not images; found builtins.int"),
    "numbers": ([1, 2], "row 0: not an image; found 1"),
    "several None": ([None, None], "row 0: not an image; found None"),
    "no image's bytes": (b"abc", "not an image; expected PNG"),
    "a function": (len, "not images; found builtins.builtin_function"),
    "a loader": (DataLoader(TensorDataset(torch.tensor(SOME))), "loader.dataset"),
    "several shapes": ([SOME[0], SOME[1][:5]], "arrays of different shapes"),
    "several forms": ([SOME[0], "a.png"], "images of several forms"),
    "a frame without images": (pl.DataFrame({"a": [1]}), 'no column for the image.*keys={"image"'),
    "a cell without an image": (pd.DataFrame({"path": [None]}), "row 0: not an image"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_what_is_no_image_is_refused_in_words(model: Model, given: Any, message: str) -> None:
    with pytest.raises((DataError, LookupError), match=message):
        model.predict(given)


def test_files_that_cannot_be_read_are_named(model: Model, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"abc")
    with pytest.raises(DataError, match=r"bad\.png: .*not an image"):
        model.predict([folder / "1.png", tmp_path / "bad.png"])
    (tmp_path / "worse.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 images cannot be read; found .*bad\.png.*worse\.png"):
        model.predict([folder / "1.png", tmp_path / "bad.png", tmp_path / "worse.png"])


def test_warnings_point_at_the_line_that_predicts(model: Model) -> None:
    for ask in (model.predict, model.unlike_training, model.training_distance):
        with pytest.warns(UserWarning) as said:
            ask(np.repeat(SOME[..., None], 3, -1)[:, :, :5])
        assert all(Path(each.filename).name == Path(__file__).name for each in said)


def test_a_random_transform_is_said(model: Model) -> None:
    generator = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="its transform draws at random"):
        model.predict(Items(lambda row: np.clip(SOME[row] + generator.integers(0, 9, (6, 6)), 0, 255).astype(np.uint8)))


def test_no_images_of_an_array_have_no_answers(model: Model) -> None:
    assert model.predict(SOME[:0]).shape == (0, 3)
    with pytest.raises(BundleError, match="do not fit the model"):
        model.probabilities(SOME)
