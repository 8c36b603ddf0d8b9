"""Protects `Model.predict` from demands: what `from_arrays` takes it takes, and says what it converted."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from runs import blobs, run_small

import snellen
from snellen.deploy.model import Model
from snellen.errors import DataError
from snellen.models.given_images import Conversions, as_input
from snellen.models.input_contract import Input

IMAGES, LABELS = blobs(90)
COLOURS = np.random.default_rng(5).integers(0, 256, (7, 6, 6, 3), dtype=np.uint8)
LINEAR: dict[str, Any] = {"linear": {"layers": "linear"}}
SPLIT = {"test": 20, "validation": 20}


def contract(**changes: Any) -> Input:
    return Input(**{"height": 6, "width": 6, "channels": 1, "pixel_range": (0, 255), **changes})


def converted(images: Any, inputs: Input) -> tuple[np.ndarray, list[str]]:
    conversions = Conversions()
    return as_input(images, inputs, conversions), conversions.sentences(inputs)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    data = snellen.from_arrays(IMAGES, LABELS)
    return run_small(tmp_path_factory.mktemp("run"), data=data, models=LINEAR, split=SPLIT).model()


@pytest.mark.parametrize(
    "given",
    [IMAGES, IMAGES[..., None], IMAGES.tolist(), list(IMAGES), IMAGES.astype(np.float64), IMAGES.astype(np.int64)],
    ids=["grey", "with channel", "lists", "list of arrays", "floats", "integers"],
)
def test_all_that_from_arrays_takes_is_predicted_the_same(model: Model, given: Any) -> None:
    np.testing.assert_array_equal(model.predict(given), model.probabilities(IMAGES[..., None]))


def test_one_image_alone(model: Model) -> None:
    expected = model.probabilities(IMAGES[:1, ..., None])
    for given in (IMAGES[0], IMAGES[0, ..., None]):
        np.testing.assert_array_equal(model.predict(given), expected)
    assert model.predict(IMAGES[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (IMAGES / 255, "90 images with pixels from 0 to 1 became 0 to 255, the scale that the model was trained on."),
        (IMAGES / 127.5 - 1, "90 images with pixels from -1 to 1 became 0 to 255"),
        (IMAGES.astype(np.uint16) * 257, "90 images with pixels from 0 to 65535 became 0 to 255"),
        (IMAGES[:, None], r"90 images had the channels first, \(N, C, H, W\)"),
    ],
    ids=["0 to 1", "-1 to 1", "16 bits", "channels first"],
)
def test_what_is_converted_is_said_and_predicted_the_same(model: Model, given: np.ndarray, said: str) -> None:
    with pytest.warns(UserWarning, match=said):
        found = model.predict(given)
    np.testing.assert_array_equal(found, model.probabilities(IMAGES[..., None]))


def test_the_other_way_round(tmp_path: Path) -> None:
    """Trained on 0 to 1 or -1 to 1, and given bytes."""
    for name, images, pixel_range in (("unit", IMAGES / 255, None), ("signed", IMAGES / 127.5 - 1, (-1, 1))):
        data = snellen.from_arrays(images, LABELS, pixel_range=pixel_range)
        model = run_small(tmp_path / name, data=data, models=LINEAR, split=SPLIT).model()
        with pytest.warns(UserWarning, match="with pixels from 0 to 255 became"):
            found = model.predict(IMAGES)
        np.testing.assert_allclose(found, model.predict(images), atol=1e-5)


def test_another_size_is_resized_and_said() -> None:
    wide = np.repeat(np.repeat(IMAGES, 2, 1), 3, 2)
    found, said = converted(wide, contract())
    expected = np.asarray(Image.fromarray(wide[0]).resize((6, 6), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(found[0, ..., 0], expected)
    assert said == [
        "90 images of 12x18 pixels (height x width) became 6x6, bilinear: the model was trained on images that all "
        "had that size."
    ]
    study = contract(fit={"step": "pad", "height": 6, "width": 6})
    found, said = converted(IMAGES[:, :4, :4], study)
    assert said == [] and found[0, 0].max() == 0  # as the study did
    huge = np.full((1_000, 700, 3), 200, np.uint8)
    found, said = converted(huge, contract(channels=3))
    assert found.shape == (1, 6, 6, 3) and found.min() == 200 and said[0].startswith("1 image of 1000x700 pixels")


def test_colours_for_a_grey_model_and_grey_for_a_colour_model() -> None:
    found, said = converted(COLOURS, contract())
    np.testing.assert_array_equal(found[0, ..., 0], np.asarray(Image.fromarray(COLOURS[0]).convert("L")))
    assert said == ["7 images in colour became grey (luma), as the model takes grey images."]
    assert converted(COLOURS, contract(grey=True))[1] == []  # as in training
    found, said = converted(np.repeat(IMAGES[..., None], 3, 3), contract())
    np.testing.assert_array_equal(found[..., 0], IMAGES)
    assert said == []  # grey stored as colour: nothing is lost
    found, said = converted(IMAGES, contract(channels=3))
    np.testing.assert_array_equal(found, np.repeat(IMAGES[..., None], 3, 3))
    assert said == []
    alpha = np.concatenate([COLOURS, np.full_like(COLOURS[..., :1], 255)], -1)
    np.testing.assert_array_equal(converted(alpha, contract(channels=3))[0], COLOURS)
    np.testing.assert_array_equal(converted(COLOURS, contract(channels=4))[0], alpha)
    alpha[0, 0, 0, 3] = 9
    with pytest.raises(DataError, match="would lose transparency"):
        converted(alpha, contract(channels=3))


def test_dark_images_are_warned_of() -> None:
    _, said = converted(IMAGES // 20, contract())
    assert len(said) == 1 and "The brightest pixel of 90 images is only 4% of white (255)" in said[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((5, 36)), r"not the shape of images; found shape (5, 36).*images.reshape(-1, 6, 6, 1)"),
        (np.zeros((5, 6, 6, 1, 1)), "not the shape of images"),
        (np.full((5, 6, 6), np.nan), "a pixel is not finite"),
        (np.full((5, 6, 6), "x"), "pixels are not numbers"),
        ([np.zeros((6, 6)), np.zeros((5, 6))], "images of different shapes"),
        (np.zeros((5, 6, 6, 2)), "not the shape of images"),
        ((IMAGES - 33.3) / 78.6, "cannot tell which values mean black and white"),
    ],
)
def test_what_is_no_image_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=".*".join(map(re.escape, message.split(".*")))):
        converted(given, contract())


def test_tensors_and_images_of_pillow() -> None:
    import torch

    expected = converted(COLOURS, contract(channels=3))[0]
    tensor = torch.from_numpy(COLOURS.copy()).permute(0, 3, 1, 2).float().requires_grad_()
    np.testing.assert_array_equal(converted(tensor, contract(channels=3))[0], expected)
    image = Image.fromarray(COLOURS[0])
    np.testing.assert_array_equal(converted(image, contract(channels=3))[0], expected[:1])
    palette = Image.fromarray(IMAGES[0]).convert("P")
    assert np.asarray(palette).ndim == 2
    np.testing.assert_array_equal(converted(palette, contract())[0][0, ..., 0], IMAGES[0])
    for path in ("photo.png", Path("photo.png")):
        with pytest.raises(DataError, match=r"not images but a path; found photo\.png"):
            converted(path, contract())


def test_three_images_or_three_channels_is_asked() -> None:
    with pytest.raises(DataError, match=r"3 grey images, or one in colour.*images.transpose\(1, 2, 0\)"):
        converted(np.zeros((3, 6, 6), np.uint8), contract(channels=3))


def test_nothing_is_said_of_images_as_in_training(model: Model) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(IMAGES)


def test_three_planes_of_another_size_are_asked_too() -> None:
    with pytest.raises(DataError, match=r"3 grey images, or one in colour.*images.transpose\(1, 2, 0\)"):
        converted(np.zeros((3, 12, 18), np.uint8), contract(channels=3))


def test_images_whose_number_stands_last_are_refused() -> None:
    with pytest.raises(DataError, match=r"90 images with their number last.*numpy.moveaxis\(images, -1, 0\)"):
        converted(IMAGES.transpose(1, 2, 0), contract())
