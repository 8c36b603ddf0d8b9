"""Protects that predictions of images which are nothing like the training images are marked and warned of."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from runs import LINEAR, run_small
from safetensors.numpy import load_file, save
from sklearn.datasets import load_digits, load_sample_images

import snellen
from snellen import cli
from snellen.api import Run
from snellen.deploy.answers import answer
from snellen.deploy.batch import Batch
from snellen.deploy.load_bundle import load_bundle
from snellen.deploy.unfamiliar import NAMED, unfamiliar_warning
from snellen.errors import BundleError
from snellen.evaluate.familiarity import load_familiarity
from snellen.files import hashes
from snellen.files.hashing import identity
from snellen.models.bundle import DESCRIPTION, FAMILIARITY
from snellen.report.card import model_card

DIGITS = load_digits().images[..., None].astype(np.uint8)
ANT = np.asarray(Image.fromarray(load_sample_images().images[1]).convert("L").resize((8, 8)))[None, ..., None] // 16
"""Not an ant, but the photograph of a flower: as little a digit."""
NOISE = np.random.default_rng(0).integers(0, 17, (40, 8, 8, 1), dtype=np.uint8)
Predict = Callable[..., tuple[str, str]]


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_user: Path) -> Predict:
    """Runs `snellen predict`, which must end well: what it printed, and its warnings."""

    def run(*arguments: object) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["snellen", "predict", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        return printed.out, printed.err

    return run


@pytest.fixture
def bundle(small_run: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_run.folder / "models/dense", tmp_path / "bundle"))


def test_a_photograph_and_noise_are_no_digits(small_run: Run) -> None:
    for name in ("linear", "dense", "conv"):
        model = small_run.model(name)
        assert model.unlike_training(np.concatenate([ANT, NOISE])).all()
        test = small_run.record.folder_of(small_run.record.models[name]).labelled("train").rows
        others = np.setdiff1d(np.arange(len(DIGITS)), test)
        assert model.unlike_training(DIGITS[others]).mean() < 0.03


def test_the_command_marks_and_warns(small_run: Run, tmp_path: Path, predict: Predict) -> None:
    np.save(tmp_path / "mixed.npy", np.concatenate([DIGITS[:3], ANT]))
    printed, warned = predict(small_run.folder, tmp_path / "mixed.npy", "--csv", tmp_path / "a.csv")
    assert "1 of 4 images is unlike the training images" in warned and "1 in 10" in warned
    assert printed.count("yes") == 1 and "unfamiliar" in printed
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        assert [row["unfamiliar"].lower() for row in csv.DictReader(file)] == ["false"] * 3 + ["true"]
    printed, warned = predict(small_run.folder, tmp_path / "mixed.npy", "--json")
    said = json.loads(printed)
    assert [row["unfamiliar"] for row in said["predictions"]] == [False] * 3 + [True]
    assert [said["remarks"]] == [warned.splitlines()]
    np.save(tmp_path / "digits.npy", DIGITS[:3])
    assert predict(small_run.folder, tmp_path / "digits.npy")[1] == ""


def test_python_warns_of_more_than_chance_explains(small_run: Run) -> None:
    model = small_run.model("dense")
    with pytest.warns(UserWarning, match="this image is unlike the training images"):
        model.predict(ANT)
    with pytest.warns(UserWarning, match="40 of 140 images are unlike"):
        model.predict(np.concatenate([DIGITS[:100], NOISE]))
    model.predict(DIGITS)  # about 1 in 100 of them is unlike: no warning, which would be an error here
    assert model.unlike_training(DIGITS).sum() > 0


def test_the_warning_names_the_first_of_them_and_what_chance_gives(small_run: Run) -> None:
    model, found = small_run.model("dense"), np.zeros(1_000, bool)
    assert unfamiliar_warning([""] * 1_000, found, model) is None
    found[10:30] = True
    said = unfamiliar_warning([f"p\n{row}" for row in range(1_000)], found, model) or ""
    assert "20 of 1,000 images are unlike" in said and "p\\n10, p\\n11" in said and "and 15 more" in said
    assert said.count("p\\n") == NAMED and "here about 9" in said and said.startswith("Warning")
    found[12:] = False
    said = unfamiliar_warning([f"p{row}" for row in range(1_000)], found, model) or ""
    assert said.startswith("2 of 1,000 images are marked unfamiliar, no more than chance explains: p10, p11.")


def test_a_bundle_without_the_measure_says_nothing(bundle: Path, tmp_path: Path, predict: Predict) -> None:
    change(bundle, lambda values: (values.pop("sections"), values.update(version=1)))
    (bundle / FAMILIARITY).unlink()
    np.save(tmp_path / "a.npy", ANT)
    printed, warned = predict(bundle, tmp_path / "a.npy", "--json")
    assert "unfamiliar" not in printed and "unlike" not in warned
    model = load_bundle(bundle)
    assert model.predict(ANT).shape == (1, 10) and model.distance is None
    with pytest.raises(BundleError, match="no measure of how far"):
        model.unlike_training(ANT)


def test_sources_of_one_command_are_judged_alike(small_run: Run) -> None:
    model = small_run.model("dense")
    parts = answer(model, [Batch(["a"], ANT), Batch([str(row) for row in range(50)], DIGITS[:50])])
    assert parts.unfamiliar is not None and parts.unfamiliar[0]
    np.testing.assert_array_equal(parts.unfamiliar[1:], model.unlike_training(DIGITS[:50]))


def test_card_and_report_say_it(small_run: Run) -> None:
    report = json.loads((small_run.folder / "report.json").read_text(encoding="utf-8"))
    said = next(model["shipped"]["familiarity"] for model in report["models"] if model["name"] == "dense")
    assert "Mahalanobis distance" in said and "`dense_1`" in said and "210 validation images, at most 0.95 %" in said
    assert said in (small_run.folder / "models/dense/card.md").read_text(encoding="utf-8")
    assert said.replace("`", "") in small_run.report.read_text(encoding="utf-8")
    old = json.loads(json.dumps(report))
    for model in old["models"]:
        del model["shipped"]["familiarity"]
    assert "unlike" not in model_card(old, "dense")


def test_the_same_run_gives_the_same_bytes_and_is_not_fitted_again(tmp_path: Path) -> None:
    run = run_small(tmp_path / "one", models={"linear": LINEAR})
    written = (run.folder / "models/linear" / FAMILIARITY).read_bytes()
    [stored] = (run.folder / "familiarity").iterdir()
    assert hashes.hashes(run.folder)[f"familiarity/{stored.name}"] == hashlib.sha256(written).hexdigest()
    before = stored.stat().st_mtime_ns
    again = run_small(tmp_path / "one", models={"linear": LINEAR})
    assert stored.stat().st_mtime_ns == before
    other = run_small(tmp_path / "other", models={"linear": LINEAR})
    for each in (again, other):
        assert (each.folder / "models/linear" / FAMILIARITY).read_bytes() == written


def test_a_network_on_all_rows_compares_pixels_alone(folds_run: Run) -> None:
    planned = folds_run.record.planned[str(folds_run.chosen)]
    section = load_familiarity(folds_run.folder, planned.shipped)
    assert planned.final and section is not None and section.layer is None
    model = folds_run.model()
    assert model.unlike_training(np.concatenate([ANT, NOISE])).all()
    assert "its outputs are not compared" in (folds_run.folder / f"models/{folds_run.chosen}/card.md").read_text()


def test_few_validation_images_give_no_measure_and_the_card_says_so(tmp_path: Path) -> None:
    run = run_small(tmp_path / "run", models={"linear": LINEAR}, split={"test": 0.25, "validation": 15})
    assert run.model().distance is None and run.model().description.version == 1
    card = (run.folder / "models/linear/card.md").read_text(encoding="utf-8")
    assert "at least 19 validation images" in card


def change(bundle: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Changes model.json, and its hash with it."""
    values = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8"))
    del values["sha256"]
    edit(values)
    (bundle / DESCRIPTION).write_text(json.dumps({**values, "sha256": identity(values)}), encoding="utf-8")


def change_arrays(bundle: Path, content: bytes) -> None:
    """Other arrays, whose hash is right."""
    (bundle / FAMILIARITY).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    change(bundle, lambda values: values["sections"]["familiarity"].update(arrays_sha256=sha256))


Arrays = dict[str, np.ndarray]
HOSTILE: dict[str, tuple[Callable[[Arrays], object], str]] = {
    "not a number": (lambda arrays: arrays["pixels.means"].__setitem__((0, 0), np.nan), "not finite"),
    "another shape": (
        lambda arrays: arrays.update({"pixels.whitening": np.eye(63, dtype=np.float32)}),
        "another array",
    ),
    "another type": (lambda arrays: arrays.update({"outputs.means": np.zeros((10, 16))}), "another array|too large"),
    "no means": (lambda arrays: arrays.update({"outputs.means": np.zeros((0, 16), np.float32)}), "means of no classes"),
    "means of more classes": (
        lambda arrays: arrays.update({"outputs.means": np.zeros((11, 16), np.float32)}),
        "means of no classes",
    ),
    "one missing": (lambda arrays: arrays.pop("pixels.means"), "other arrays"),
    "one more": (lambda arrays: arrays.update({"more": np.zeros(1, np.float32)}), "other arrays"),
    "huge": (lambda arrays: arrays.update({"pixels.means": np.zeros((1_000, 64), np.float32)}), "too large"),
}


@pytest.mark.parametrize(("spoil", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_arrays_are_refused(bundle: Path, spoil: Callable[[Arrays], object], message: str) -> None:
    arrays = load_file(bundle / FAMILIARITY)
    spoil(arrays)
    change_arrays(bundle, save(arrays))
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\x00" * 8, (10**6).to_bytes(8, "little") + b"{" * 5_000])
def test_what_is_no_file_of_arrays_is_refused(bundle: Path, content: bytes) -> None:
    change_arrays(bundle, content)
    with pytest.raises(BundleError):
        load_bundle(bundle)


@pytest.mark.parametrize("layer", ["conv_9", "dense_2000"])
def test_a_layer_that_is_not_there_is_refused(bundle: Path, layer: str) -> None:
    change(bundle, lambda values: values["sections"]["familiarity"].update(layer=layer))
    with pytest.raises(BundleError, match="a layer that the network does not have"):
        load_bundle(bundle)


def test_changed_and_missing_arrays_are_refused(bundle: Path) -> None:
    content = bytearray((bundle / FAMILIARITY).read_bytes())
    content[-1] ^= 1
    (bundle / FAMILIARITY).write_bytes(content)
    with pytest.raises(BundleError, match="changed after the model was saved"):
        load_bundle(bundle)
    (bundle / FAMILIARITY).unlink()
    with pytest.raises(BundleError, match="missing file"):
        load_bundle(bundle)


def test_a_link_out_of_the_bundle_is_not_followed(bundle: Path, tmp_path: Path) -> None:
    (bundle / FAMILIARITY).rename(tmp_path / "elsewhere")
    (bundle / FAMILIARITY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="leads out of the bundle"):
        load_bundle(bundle)


def test_a_zip_of_the_bundle_has_it_too(bundle: Path) -> None:
    archive = shutil.make_archive(str(bundle), "zip", bundle)
    model = snellen.load_bundle(Path(archive))
    np.testing.assert_array_equal(
        model.training_distance(DIGITS[:20]), load_bundle(bundle).training_distance(DIGITS[:20])
    )


@pytest.mark.parametrize("seed", range(4))
def test_damaged_arrays_are_refused_or_still_answer(bundle: Path, seed: int) -> None:
    """Damage that its sender has hidden by another hash."""
    generator, good = np.random.default_rng(seed), (bundle / FAMILIARITY).read_bytes()
    for _ in range(25):
        content = bytearray(good[: int(generator.integers(1, len(good)))] if generator.random() < 0.2 else good)
        end = len(content) if generator.random() < 0.5 else min(len(content), 400)  # of the header, or anywhere
        for place in generator.integers(0, end, int(generator.integers(1, 5))):
            content[place] = int(generator.integers(0, 256))
        change_arrays(bundle, bytes(content))
        try:
            found = load_bundle(bundle).training_distance(DIGITS[:5])
        except BundleError as error:
            assert str(error).isprintable()
        else:
            assert found.shape == (5,) and not np.isnan(found).any()
