"""Protects that predict sees what training saw: the same decoder, size, channels, tones and background."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import image_cases as cases
import numpy as np
import pytest
from PIL import Image
from runs import run_small

from snellen.api import Run
from snellen.data.load import read
from snellen.data.readers.reader import Options
from snellen.data.resizing import Resizing
from snellen.deploy import image_files
from snellen.deploy.answers import answer
from snellen.deploy.images import open_images
from snellen.deploy.load_bundle import load_bundle
from snellen.errors import BundleError, DataError
from snellen.models.bundle import Input
from snellen.models.given_images import Conversions

LINEAR: dict[str, Any] = {"linear": {"layers": "linear"}}
FIT = Resizing(step="resize", height=6, width=5)


def contract(**changes: Any) -> Input:
    return Input(**{"height": 6, "width": 5, "channels": 3, "pixel_range": (0, 255), "fit": FIT, **changes})


def read_image(path: Path, inputs: Input) -> np.ndarray:
    return image_files.read_image(path, inputs, Conversions())


def photographs(root: Path) -> Path:
    """Two classes of colour images of mixed sizes, turned by EXIF, some transparent, one broken."""
    random = np.random.default_rng(4)
    for row in range(40):
        height, width = random.integers(8, 30, 2)
        pixels = random.integers(0, 120, (height, width, 3 + row % 2), dtype=np.uint8) + 120 * (row % 4 // 2)
        cases.save(
            root / ("bright" if row % 4 // 2 else "dark") / f"p{row // 4}_{row}.png",
            pixels,
            exif=cases.exif(1 + row % 8),
        )
    (root / "dark/p9_z.png").write_bytes(b"oops")
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("cache", "records"):
            patch.setenv(f"SNELLEN_{name.upper()}", str(tmp_path_factory.mktemp(name)))
        root = photographs(tmp_path_factory.mktemp("photographs"))
        data: dict[str, Any] = {"source": str(root), "resize": [6, 5], "background": "white", "on_bad_image": "exclude"}
        data |= {"group": {"pattern": r"p\d"}, "near_duplicates": "together"}
        folder = tmp_path_factory.mktemp("run")
        return run_small(folder, data=data, models=LINEAR, split={"test": 0.2, "validation": 0.2}), root


def test_a_run_on_photographs_says_what_it_did(trained: tuple[Run, Path]) -> None:
    run, _ = trained
    told = json.loads((run.folder / "data.json").read_text(encoding="utf-8"))
    assert told["roles"]["left_out"] == [{"id": "dark/p9_z.png", "reason": "unreadable", "twin": "not an image"}]
    assert told["roles"]["left_out_total"] == {"unreadable": 1}
    assert told["data"]["near_duplicates"] == {
        "pictures": 0,
        "groups": [],
        "parted": 0,
        "parted_pairs": 0,
        "together": True,
    }
    assert "dark/p9_z.png" in run.report.read_text(encoding="utf-8")
    inputs = run.model().description.input
    assert inputs == contract(background="white")


def test_files_are_predicted_as_they_were_trained(trained: tuple[Run, Path]) -> None:
    run, root = trained
    model = run.model()
    options = Options(resizing=FIT, background="white", on_bad_image="exclude")
    dataset = read(root, options)
    for row, name in enumerate(dataset.ids):
        np.testing.assert_array_equal(read_image(root / name, model.description.input), dataset.images[row])
    (root / "dark/p9_z.png").unlink()
    [batch] = open_images([str(root)], model.description.input, None, classes=model.classes)
    np.testing.assert_array_equal(batch.images, dataset.images)
    assert batch.labels is not None and batch.labels.tolist() == dataset.labels.tolist()
    np.testing.assert_array_equal(answer(model, [batch]).probabilities, model.predict(dataset.images))
    [flat] = open_images([str(root / "dark")], model.description.input, None)
    assert flat.labels is None and len(flat.ids) == 20


def test_arrays_and_data_sets_get_the_size_too(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", cases.COLOUR[None])
    inputs = contract(height=8, width=8, fit=Resizing(step="pad", height=8, width=8))
    [batch] = open_images([str(tmp_path / "a.npy")], inputs, None)
    np.testing.assert_array_equal(batch.images[0, 1:7, 1:6], cases.COLOUR)
    grey = contract(height=10, width=10, channels=1, pixel_range=(0, 16), fit=Resizing(step="pad", height=10, width=10))
    [digits] = open_images(["digits"], grey, None)
    assert digits.images.shape == (1797, 10, 10, 1)


def test_tones_and_channels(tmp_path: Path) -> None:
    wide = np.random.default_rng(1).integers(0, 65536, (6, 5, 1), dtype=np.uint16)
    (tmp_path / "w.png").write_bytes(cases.png(wide))
    cases.save(tmp_path / "g.png", cases.GREY)
    np.testing.assert_allclose(read_image(tmp_path / "w.png", contract())[..., 2], wide[..., 0] / 257, rtol=1e-6)
    deep = read_image(tmp_path / "g.png", contract(channels=1, pixel_range=(0, 65535)))
    np.testing.assert_array_equal(deep[..., 0], cases.GREY.astype(np.float32) * 257)
    signed = read_image(tmp_path / "g.png", contract(channels=1, pixel_range=(-1, 1)))
    np.testing.assert_allclose(signed[..., 0], cases.GREY / 127.5 - 1, atol=1e-6)
    cases.save(tmp_path / "c.png", cases.COLOUR)
    luma = read_image(tmp_path / "c.png", contract(channels=1))
    np.testing.assert_array_equal(luma[..., 0], np.asarray(Image.fromarray(cases.COLOUR).convert("L")))
    cases.save(tmp_path / "t.png", cases.CLEAR)
    with pytest.raises(DataError, match="converting would lose transparency"):
        read_image(tmp_path / "t.png", contract())
    assert read_image(tmp_path / "t.png", contract(background="black")).shape == (6, 5, 3)


def test_colours_become_grey_where_training_made_them_so(tmp_path: Path) -> None:
    grey, luma = contract(channels=1, grey=True), np.asarray(Image.fromarray(cases.COLOUR).convert("L"))[..., None]
    for name, pixels in {"c": cases.COLOUR, "o": np.dstack([cases.COLOUR, np.full((6, 5), 255, np.uint8)])}.items():
        cases.save(tmp_path / f"{name}.png", pixels)
        found = read_image(tmp_path / f"{name}.png", grey)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, luma)
    cases.save(tmp_path / "g.png", cases.GREY)
    np.testing.assert_array_equal(read_image(tmp_path / "g.png", grey)[..., 0], cases.GREY)
    cases.save(tmp_path / "t.png", cases.CLEAR)
    with pytest.raises(DataError, match="converting would lose transparency"):
        read_image(tmp_path / "t.png", grey)
    signed = read_image(tmp_path / "c.png", grey.model_copy(update={"pixel_range": (-1, 1)}))
    np.testing.assert_allclose(signed[..., 0], cases.COLOUR @ [0.299, 0.587, 0.114] / 127.5 - 1, atol=1e-4)
    np.save(tmp_path / "a.npy", cases.COLOUR[None])
    np.savez(tmp_path / "d.npz", images=cases.COLOUR[None].repeat(4, 0), labels=[0, 1, 0, 1])
    for source in ("a.npy", "d.npz"):
        [batch] = open_images([str(tmp_path / source)], grey, None)
        np.testing.assert_array_equal(batch.images[0], luma)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_grey_model_sees_the_same_in_training_and_prediction(tmp_path: Path, depth: type) -> None:
    """With one image of 16 bits all of the training are, of which prediction knows nothing."""
    random = np.random.default_rng(3)
    for row in range(40):
        pixels = random.integers(0, 120, (6, 5, 3), dtype=np.uint8) + 120 * (row % 2)
        cases.save(tmp_path / f"photos/{'ab'[row % 2]}/{row:02}.png", pixels.astype(np.uint8))
    if depth == np.uint16:
        pixels = random.integers(0, 65_536, (6, 5, 3), dtype=np.uint16)
        (tmp_path / "photos/a/99.png").write_bytes(cases.png(pixels))
    data: dict[str, Any] = {"source": str(tmp_path / "photos"), "grey": True}
    run = run_small(tmp_path / "run", data=data, models=LINEAR, split={"test": 0.2, "validation": 0.2})
    model, dataset = run.model("linear"), read(data["source"], Options(grey=True))
    assert model.description.input.grey and model.description.input.channels == 1
    files = sorted(map(str, (tmp_path / "photos/a").glob("*.png")))
    folder, *loose = open_images([data["source"], *files], model.description.input, None, classes=model.classes)
    np.testing.assert_array_equal(folder.images, dataset.images)
    for batch in loose:
        row = dataset.ids.tolist().index(f"a/{batch.ids[0]}")
        np.testing.assert_array_equal(batch.images[0], dataset.images[row])
    assert len(answer(model, [folder, *loose]).ids) == len(dataset) + len(loose)


def test_cmyk_palette_and_rotation_are_predicted_upright(tmp_path: Path) -> None:
    Image.fromarray(cases.COLOUR).convert("CMYK").save(tmp_path / "k.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "k.tiff", contract(fit=None)), cases.COLOUR)
    cases.save(tmp_path / "r.png", cases.COLOUR[::-1, ::-1], exif=cases.exif(3))
    np.testing.assert_array_equal(read_image(tmp_path / "r.png", contract(fit=None)), cases.COLOUR)


def test_bundles_from_before_the_step_still_load(trained: tuple[Run, Path], tmp_path: Path) -> None:
    from snellen.files.hashing import identity

    folder = trained[0].folder / "models/linear"
    values = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert values["input"]["fit"] == {"step": "resize", "height": 6, "width": 5}
    values.pop("sha256")
    for wrong in ({"step": "rotate", "height": 6, "width": 5}, {"step": "pad", "height": 9, "width": 5}):
        values["input"]["fit"] = wrong
        write_bundle(tmp_path, folder, values, identity(values))
        with pytest.raises(BundleError, match="not a model description"):
            load_bundle(tmp_path)
    del values["input"]["fit"], values["input"]["background"], values["input"]["grey"]
    write_bundle(tmp_path, folder, values, identity(values))
    assert load_bundle(tmp_path).description.input.fit is None


def write_bundle(to: Path, folder: Path, values: dict[str, Any], sha256: str) -> None:
    (to / "model.json").write_text(json.dumps({**values, "sha256": sha256}), encoding="utf-8")
    (to / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())


def test_a_large_image_is_decoded_no_larger_than_it_is_needed(tmp_path: Path) -> None:
    Image.new("L", (4_000, 4_000), 255).save(tmp_path / "large.png")
    conversions = Conversions()
    tracemalloc.start()
    found = image_files.read_image(tmp_path / "large.png", contract(fit=None, pixel_range=(0, 1)), conversions)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (6, 5, 3) and found.min() == found.max() == 1
    assert conversions.sizes == {(4_000, 4_000): 1}
    assert peak < 2**28  # three channels in double precision would take 384 MB
