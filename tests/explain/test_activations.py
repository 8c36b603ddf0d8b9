"""Protects exported activations: the numbers of the named layer of the named network for the images of one role, and no
label of a test that was not opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from runs import run_small, small_study

import snellen
from snellen.api import Run
from snellen.data.load import read
from snellen.errors import RunError, StudyError, UnknownName
from snellen.explain.units import activations
from snellen.explain.units.layer import read_units, unit_layer
from snellen.files import tensors
from snellen.run.analyses import scene_of

IMAGES = ["row", "id", "label"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_small(tmp_path_factory.mktemp("activations") / "run", open_test=["conv"])


def test_they_are_the_stored_weights_times_the_pixels(run: Run) -> None:
    """The whole forward pass by NumPy, from the weights file and the data set."""
    found = run.activations("dense", role="train")
    stored = run.predictions("dense", "train")
    assert stored is not None
    weights, _ = tensors.load(run.record.job("dense").path / "weights.safetensors")
    kernel, bias = (next(each for name, each in weights.items() if name.endswith(f"dense_1.{part}"))
                    for part in ("kernel", "bias"))  # fmt: skip
    data = read("digits")
    low, high = data.pixel_range
    pixels = (data.images[stored.rows].reshape(len(stored), -1).astype(np.float64) - low) / (high - low)
    expected = np.maximum(pixels @ kernel.reshape(-1, 16) + bias.reshape(16), 0)
    assert found.columns == IMAGES + [f"unit_{unit}" for unit in range(16)]
    assert set(found.dtypes[3:]) == {pl.Float32}
    np.testing.assert_allclose(found.drop(IMAGES).to_numpy(), expected, atol=1e-5)


def test_rows_and_ids_are_those_of_the_role(run: Run) -> None:
    data = read("digits")
    for role in ("train", "validation", "calibration"):
        found, stored = run.activations("conv", role=role), run.predictions("conv", role)
        assert stored is not None and stored.labels is not None
        assert found["row"].to_list() == stored.rows.tolist() and found["id"].to_list() == stored.ids.tolist()
        assert found["label"].to_list() == [data.classes[label] for label in stored.labels]


def test_units_are_those_of_their_page(run: Run) -> None:
    """After normalisation and activation function, whatever layers these are."""
    trained = scene_of(run.record, None).trained_models["conv"]
    rows = trained.predictions["validation"].rows
    readings = read_units(trained, unit_layer(trained.network, "conv_1"), rows)
    mean, peak = (run.activations("conv", layer="conv_1", positions=how) for how in ("mean", "max"))
    np.testing.assert_allclose(mean.drop(IMAGES).to_numpy(), readings.activation, atol=1e-6)
    np.testing.assert_allclose(peak.drop(IMAGES).to_numpy(), readings.peak, atol=1e-6)


def test_all_positions_are_named_by_row_and_column(run: Run) -> None:
    trained = scene_of(run.record, None).trained_models["conv"]
    maps = trained.outputs("relu_1", trained.predictions["validation"].rows)
    found = run.activations("conv", layer="conv_1", positions="all")
    assert found.width - len(IMAGES) == maps[0].size
    np.testing.assert_array_equal(found["unit_3_at_1_2"].to_numpy(), maps[:, 1, 2, 3])
    np.testing.assert_array_equal(found.drop(IMAGES).to_numpy(), maps.reshape(len(maps), -1))


def test_the_last_layer_leads_to_the_stored_predictions(run: Run) -> None:
    stored = run.predictions("dense")
    assert stored is not None
    last = run.record.job("dense").read_job().trajectory.network.layers[-1].name
    logits = torch.from_numpy(run.activations("dense", layer=last).drop(IMAGES).to_numpy(writable=True))
    np.testing.assert_allclose(logits.softmax(-1).numpy(), stored.probabilities, atol=1e-5)


def test_a_layer_without_units_is_read_as_it_stands(run: Run) -> None:
    data = read("digits")
    found = run.activations("dense", layer="flatten_1")
    pixels = data.images[found["row"].to_numpy()].reshape(found.height, -1) / data.pixel_range[1]
    np.testing.assert_allclose(found.drop(IMAGES).to_numpy(), pixels, atol=1e-6)


def test_labels_of_a_sealed_test_are_not_there(run: Run) -> None:
    sealed, opened = (run.activations(model, role="test") for model in ("dense", "conv"))
    assert sealed["row"].equals(opened["row"]) and sealed.height > 400
    assert sealed["label"].null_count() == sealed.height
    stored = run.predictions("conv", "test")
    assert stored is not None and stored.labels is not None and run.predictions("dense", "test") is None
    assert opened["label"].to_list() == [read("digits").classes[label] for label in stored.labels]
    assert run.record.predictions("dense", "test") is None, "reading opened nothing"


def test_a_parquet_file_brings_them_back(run: Run, tmp_path: Path) -> None:
    found = run.activations("dense")
    found.write_parquet(tmp_path / "dense.parquet")
    assert pl.read_parquet(tmp_path / "dense.parquet").equals(found)


def test_the_chosen_model_and_its_last_hidden_layer_are_the_default(tmp_path: Path) -> None:
    run = run_small(tmp_path / "run", models={"dense": {"layers": ["flatten", {"dense": 5}, {"dense": 7}]}})
    assert run.activations().equals(run.activations("dense", layer="dense_2", role="validation"))
    assert run.activations().width == len(IMAGES) + 7


def test_images_in_memory_are_given_again_and_must_be_the_same(tmp_path: Path) -> None:
    data = read("digits")
    mine = snellen.from_arrays(np.asarray(data.images), data.labels, name="mine")
    other = snellen.from_arrays(np.asarray(data.images)[::-1].copy(), data.labels, name="mine")
    study = small_study(data=mine, models={"dense": {"layers": ["flatten", {"dense": 5}]}})
    run = study.run(out=tmp_path / "run", device="cpu", threads=1, progress=False)
    assert run.activations(dataset=mine).height == len(run.predictions("dense") or [])
    with pytest.raises(RunError, match="not the images of the run"):
        run.activations(dataset=other)


def test_what_cannot_be_read_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="unknown layer 'conv_9'"):
        run.activations("conv", layer="conv_9")
    with pytest.raises(UnknownName, match="unknown role 'out_of_fold'"):
        run.activations("conv", role="out_of_fold")
    with pytest.raises(UnknownName, match="unknown positions 'mode'"):
        run.activations("conv", positions="mode")  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="there is no hidden layer"):
        run.activations("linear")
    monkeypatch.setattr(activations, "EXPORTED_BYTES", 1_000)
    with pytest.raises(StudyError, match=r"too many for one table.*positions=\"mean\""):
        run.activations("conv", positions="all")


def test_a_role_without_images_is_refused(tmp_path: Path) -> None:
    run = run_small(tmp_path / "run", models={"dense": {"layers": ["flatten", {"dense": 5}]}}, split={"test": 0.25})
    with pytest.raises(StudyError, match=r"no calibration images.*train, validation, test"):
        run.activations(role="calibration")
