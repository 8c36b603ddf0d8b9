"""Protects the model bundle: it answers as before it was saved, to the bit, and nothing in it changes unnoticed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from runs import edit_json

import snellen
from snellen.errors import BundleError
from snellen.files.hashing import identity
from snellen.models.build import build, parse_layers
from snellen.models.bundle import CARD, DESCRIPTION, WEIGHTS, Description, Input, save_bundle
from snellen.models.forward import predict_probabilities, resident
from snellen.models.layers import Dense
from snellen.models.weights import save_weights

LAYERS = [{"conv": {"filters": 3, "kernel": 3}}, "batch_norm", {"skip": ["relu"]}, "flatten", {"dropout": 0.5}]
IMAGES = np.random.default_rng(1).integers(0, 17, (131, 8, 8, 1), dtype=np.uint8)
CLASSES = ("cat", "dög", "3")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of fresh weights."""
    network = build(LAYERS, (8, 8, 1), 3)
    save_weights(tmp_path / "w", *network.init((7,)), {"job": "j"})
    weights = (tmp_path / "w").read_bytes()
    description = Description(
        name="m",
        study="s",
        job="j",
        input=Input(height=8, width=8, channels=1, pixel_range=(0, 16)),
        classes=CLASSES,
        layers=(*parse_layers(LAYERS), Dense(units=3)),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    save_bundle(tmp_path / "bundle", description, weights, "# m\n")
    return tmp_path / "bundle"


def zipped(bundle: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    path = bundle.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in bundle.iterdir():
            archive.write(file, file.name)
    return path


def expected() -> np.ndarray:
    """What the network said before it was saved."""
    network = build(LAYERS, (8, 8, 1), 3)
    return predict_probabilities(network, *network.init((7,)), resident(IMAGES), (0, 16))


@pytest.mark.parametrize("form", [Path, zipped, lambda bundle: zipped(bundle, zipfile.ZIP_STORED)])
def test_loading_gives_the_same_answers_to_the_bit(bundle: Path, form: Callable[[Path], Path]) -> None:
    model = snellen.load_bundle(form(bundle))
    np.testing.assert_array_equal(model.predict(IMAGES), expected())
    np.testing.assert_array_equal(model.predict(IMAGES[:1]), expected()[:1])
    assert model.classes == CLASSES


@pytest.mark.parametrize("place", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("form", [Path, zipped])
def test_a_changed_byte_in_the_weights_is_noticed(bundle: Path, place: float, form: Callable[[Path], Path]) -> None:
    content = bytearray((bundle / WEIGHTS).read_bytes())
    content[int(place * len(content))] ^= 1
    (bundle / WEIGHTS).write_bytes(content)
    with pytest.raises(BundleError, match=r"weights were changed after the model was saved; found SHA-256"):
        snellen.load_bundle(form(bundle))


def test_a_changed_byte_in_a_zip_member_is_noticed(bundle: Path) -> None:
    path = zipped(bundle, zipfile.ZIP_STORED)
    content = path.read_bytes()
    weights = (bundle / WEIGHTS).read_bytes()
    path.write_bytes(content.replace(weights[-40:], bytes(40), 1))
    with pytest.raises(BundleError, match="damaged zip"):
        snellen.load_bundle(path)


def change_description(bundle: Path, change: Callable[[dict], object]) -> None:
    """Changes model.json and gives it the hash of its new values, as one who wants to deceive would."""

    def signed(values: dict) -> dict:
        del values["sha256"]
        change(values)
        return {**values, "sha256": identity(values)}

    edit_json(bundle / DESCRIPTION, signed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=2), "version"),
        (lambda d: d.pop("classes"), "classes"),
        (lambda d: d.update(classes=["a", "b"]), r"one number a class; found \(3,\); expected 2"),
        (lambda d: d["input"].update(height=2), "layer conv_1: .*3x3 window"),
        (lambda d: d["layers"].insert(0, "import"), "unknown layer 'import'"),
        (lambda d: d["layers"][0]["conv"].update(filters=4), r"tensor .* does not fit; found float32"),
        (lambda d: d["layers"].pop(1), "tensors are not those of the network; found 'batch_norm_1"),
    ],
)
def test_a_description_that_is_not_that_of_the_weights(bundle: Path, change: Callable, message: str) -> None:
    change_description(bundle, change)
    with pytest.raises(BundleError, match=message):
        snellen.load_bundle(bundle)


def test_a_change_in_the_description_is_noticed(bundle: Path) -> None:
    edit_json(bundle / DESCRIPTION, lambda values: {**values, "classes": ["a", "b", "c"]})
    with pytest.raises(BundleError, match="changed after the model was saved"):
        snellen.load_bundle(bundle)


@pytest.mark.parametrize("text", ["", "[]", "3", "nonsense", "[" * 100_000])
def test_a_description_that_is_none(bundle: Path, text: str) -> None:
    (bundle / DESCRIPTION).write_text(text)
    with pytest.raises(BundleError, match="not a model description"):
        snellen.load_bundle(bundle)


@pytest.mark.parametrize("missing", [WEIGHTS, DESCRIPTION])
def test_missing_files(bundle: Path, missing: str) -> None:
    (bundle / missing).unlink()
    with pytest.raises(BundleError, match=f"{missing}: missing file"):
        snellen.load_bundle(bundle)
    with pytest.raises(BundleError, match=f"{missing}: must be in the zip exactly once; found 0"):
        snellen.load_bundle(zipped(bundle))


def test_the_card_is_for_people_alone(bundle: Path) -> None:
    (bundle / CARD).unlink()
    assert len(snellen.load_bundle(bundle).predict(IMAGES)) == 131


@pytest.mark.parametrize("path", ["nowhere", "text.zip"])
def test_no_bundle(tmp_path: Path, path: str) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(BundleError, match="no model bundle here"):
        snellen.load_bundle(tmp_path / path)


@pytest.mark.parametrize(
    ("shape", "found"),
    [((2, 8, 9, 1), "8x9 pixels, 1 channel"), ((2, 8, 8, 3), "3 channels"), ((2, 8, 8), r"shape \(8, 8\)")],
)
def test_images_that_do_not_fit(bundle: Path, shape: tuple[int, ...], found: str) -> None:
    with pytest.raises(BundleError, match=f"do not fit the model; found {found}|found 8x8 pixels, {found}"):
        snellen.load_bundle(bundle).probabilities(np.zeros(shape, np.uint8))


def test_the_description_is_plain_json(bundle: Path) -> None:
    description = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8"))
    assert description["classes"] == list(CLASSES) and description["format"] == "snellen-model"
    assert description["weights_sha256"] == hashlib.sha256((bundle / WEIGHTS).read_bytes()).hexdigest()
