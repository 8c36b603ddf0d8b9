"""Protects images of the other polarity: they are noticed, turned round as they should be, and only then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import edit_json
from sklearn.datasets import load_digits

from snellen.api import Run
from snellen.data.inspect.polarity import polarity_of
from snellen.data.load import read
from snellen.deploy.answers import answer
from snellen.deploy.batch import Batch
from snellen.deploy.images import open_images
from snellen.deploy.load_bundle import load_bundle
from snellen.deploy.model import Model
from snellen.deploy.polarity import inverted, polarity_warning
from snellen.files.hashing import identity

DIGITS = load_digits().images[:20]


def batches(model: Model, folder: Path, images: np.ndarray) -> list[Batch]:
    """Digits with values up to 16 as image files."""
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray((image * (255 / 16)).round().astype(np.uint8)).save(folder / f"{number:02}.png")
    return list(open_images([str(folder)], model.description.input, None))


def test_a_bundle_tells_the_tone_of_its_training_images(small_run: Run) -> None:
    dataset = read("digits")
    rows = np.isin(dataset.ids, small_run.record.predictions("dense", "train").ids)  # type: ignore[union-attr]
    expected = polarity_of(dataset.images[rows].mean(axis=0) / 16)
    tone = small_run.model().description.tone
    assert tone is not None and (tone.border, tone.mean) == pytest.approx((expected.border, expected.mean), abs=1e-4)


def test_black_on_white_is_noticed_and_turned_round(small_run: Run, tmp_path: Path) -> None:
    model = small_run.model()
    right, wrong = batches(model, tmp_path / "right", DIGITS), batches(model, tmp_path / "wrong", 16 - DIGITS)
    assert polarity_warning(answer(model, right).mean, model.description, False) is None
    assert "Try with --invert" in str(polarity_warning(answer(model, wrong).mean, model.description, False))
    assert polarity_warning(answer(model, wrong).mean, model.description, True) is None
    assert "Try without --invert" in str(polarity_warning(answer(model, right).mean, model.description, True))
    turned = inverted(wrong[0].images, model.description.input.pixel_range)
    np.testing.assert_allclose(turned, right[0].images, atol=0.07)


def test_inverting_keeps_alpha_and_unsigned_values() -> None:
    images = np.full((1, 2, 2, 4), 200, np.uint8)
    np.testing.assert_array_equal(inverted(images, (0, 100))[0, 0, 0], [-100, -100, -100, 200])


def test_old_bundles_load_and_warn_of_nothing(run_copy: Path, tmp_path: Path) -> None:
    folder = run_copy / "models/dense"

    def without_tone(stored: dict[str, object]) -> dict[str, object]:
        values = {key: value for key, value in stored.items() if key not in ("tone", "sha256")}
        return {**values, "sha256": identity(values)}

    edit_json(folder / "model.json", without_tone)
    model = load_bundle(folder)
    assert model.description.tone is None
    assert (
        polarity_warning(answer(model, batches(model, tmp_path / "wrong", 16 - DIGITS)).mean, model.description, False)
        is None
    )
