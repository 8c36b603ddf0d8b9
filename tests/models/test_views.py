"""Protects views: evaluation answers with the mean of the logits of all views, training sees one, and stored
predictions, `predict` and bundles do the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

import snellen
from snellen.api import Study
from snellen.errors import ShapeError, SnellenError
from snellen.models.build import Network, assemble
from snellen.models.layer import Layer
from snellen.models.layers import Dense
from snellen.models.parts import AnyPart
from snellen.models.views import Views

PARTS = TypeAdapter(tuple[AnyPart, ...])
RANDOM = np.random.default_rng(2)
X = torch.tensor(RANDOM.random((2, 5, 6, 7, 3)))
LAYERS: list[Any] = [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, "flatten"]


def network(*before: Any) -> Network:
    parts: tuple[Layer, ...] = (*PARTS.validate_python((*before, *LAYERS)), Dense(units=3))
    return assemble(parts, (6, 7, 3), 3)


def logits(of: Network, x: torch.Tensor, mode: Any = "evaluate") -> torch.Tensor:
    parameters, state = of.init((1, 2), torch.float64)
    return of.apply(parameters, state, x, mode)[0]


def moved(x: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Pixel by pixel: what lies beyond the edge is the nearest pixel."""
    found = torch.empty_like(x)
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            above, left = min(max(row - down, 0), x.shape[2] - 1), min(max(column - right, 0), x.shape[3] - 1)
            found[:, :, row, column] = x[:, :, above, left]
    return found


def mirrored(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([x[:, :, :, column] for column in reversed(range(x.shape[3]))], 3)


def test_the_mean_over_mirrored_and_shifted_images() -> None:
    plain, steps = network(), (0, -1, 1)
    views = {
        ("flip",): [X, mirrored(X)],
        ("shift",): [moved(X, step, step) for step in steps],
        ("flip", "shift"): [moved(x, step, step) for x in (X, mirrored(X)) for step in steps],
    }
    for written, seen in views.items():
        found = logits(network({"views": written}), X)
        expected = torch.stack([logits(plain, x) for x in seen]).mean(0)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        assert not torch.allclose(found, logits(plain, X), atol=1e-3)


def test_training_sees_images_as_they_are() -> None:
    torch.testing.assert_close(logits(network({"views": ["flip"]}), X, "train"), logits(network(), X, "train"))


@pytest.mark.parametrize(("written", "count"), [(["flip"], 2), (["shift"], 3), (["shift", "flip"], 6)])
def test_as_many_views_as_said(written: list[str], count: int) -> None:
    step = Views(views=written)
    assert step.count == len(step.of(X)) == count and f"{count} in evaluation" in step.detail()
    assert all(view.shape == X.shape for view in step.of(X))


def test_views_stand_first_and_once() -> None:
    for layers in (["zero_pad", {"views": ["flip"]}], [{"views": ["flip"]}, {"views": ["shift"]}]):
        with pytest.raises(ShapeError, match="before all other"):
            assemble((*PARTS.validate_python((*layers, "flatten")), Dense(units=3)), (6, 7, 3), 3)


@pytest.mark.parametrize("written", [["flip", "flip"], ["turn"], []])
def test_what_is_no_view_is_refused(written: list[str]) -> None:
    with pytest.raises((ValidationError, SnellenError)):
        PARTS.validate_python(({"views": written},))


def test_stored_predictions_and_the_bundle_look_at_the_same_views(tmp_path: Path) -> None:
    """To the bit; and the network without views answers otherwise, from the same weights."""
    images = RANDOM.integers(0, 256, (90, 6, 7, 3), dtype=np.uint8)
    data = snellen.from_arrays(images, np.arange(90) % 3, class_names=("cat", "dog", "emu"))
    models: dict[str, Any] = {"viewed": {"layers": LAYERS, "views": ["flip", "shift"]}}
    study = Study("views", data=data, models=models, train={"epochs": 1})
    run = study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    stored, model = run.predictions("viewed", "validation"), run.model("viewed")
    assert stored is not None
    np.testing.assert_array_equal(model.predict(images[stored.rows]), stored.probabilities)
    assert model.description.layers[0] == Views(views=("flip", "shift"))
    network = assemble(model.description.layers[1:], (6, 7, 3), 3)
    x = torch.from_numpy(images[stored.rows] / np.float32(255))[None]
    one = network.apply(model.parameters, model.state, x, "evaluate")[0][0].softmax(-1).numpy()
    assert np.abs(one - stored.probabilities).max() > 1e-4


def test_digits_have_no_mirrored_view() -> None:
    study = Study("views", data="digits", models={"m": {"layers": "linear", "views": ["flip"]}})
    with pytest.raises(SnellenError, match="mirrored"):
        study.check()
