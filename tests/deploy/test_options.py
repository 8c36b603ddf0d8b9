"""Protects that `snellen predict` can be told what a study can be told of how arrays, tables and folders are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from runs import blobs, run_small

import snellen
from snellen import cli
from snellen.api import Run

IMAGES, LABELS = blobs(90)
Predict = Callable[..., tuple[dict[str, Any], str, int]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data, split = snellen.from_arrays(IMAGES, LABELS), {"test": 20, "validation": 20}
    return run_small(tmp_path_factory.mktemp("run"), data=data, models={"linear": {"layers": "linear"}}, split=split)


@pytest.fixture
def predict(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_user: Path) -> Predict:
    """Runs `snellen predict --json`: what it printed, what it said, and its exit code."""

    def call(*arguments: object) -> tuple[dict[str, Any], str, int]:
        monkeypatch.setattr(sys, "argv", ["snellen", "predict", str(run.folder), *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        return json.loads(printed.out or "{}"), printed.err, int(ended.value.code or 0)

    return call


def ids(said: dict[str, Any]) -> list[str]:
    return [row["id"] for row in said["predictions"]]


def test_arrays_of_any_names(predict: Predict, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "two.npz"
    np.savez(file, before=IMAGES[:4], after=IMAGES[4:8], kind=LABELS[4:8])
    _, said, code = predict(file)
    assert code == 2 and "Say which with --key images=NAME" in said
    answers, _, code = predict(file, "--key", "images=after", "--key", "labels=kind")
    assert code == 0 and ids(answers)[0] == "two.npz/after:0"
    assert [row["label"] for row in answers["predictions"]] == [str(label) for label in LABELS[4:8]]
    np.testing.assert_array_equal(
        run.model().predict(file, keys={"images": "after"}), run.model().probabilities(IMAGES[4:8, ..., None])
    )
    for key, message in (("images=aftr", "Did you mean 'after'"), ("image=after", "unknown array 'image'")):
        _, said, code = predict(file, "--key", key)
        assert code == 2 and message in said
    np.savez(tmp_path / "both.npz", imgs=IMAGES[:4], pictures=IMAGES[4:8])
    _, said, code = predict(tmp_path / "both.npz")
    assert code == 2 and "--key images=pictures on the command line" in said


def test_the_size_and_scale_of_a_table_of_pixels(predict: Predict, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8 * 12))
    pl.DataFrame({f"pixel{k}": pixels[:, k] for k in range(96)}).write_csv(tmp_path / "t.csv")
    _, said, code = predict(tmp_path / "t.csv")
    assert code == 2 and "found 96; expected 36 for the model's 6x6 pixels" in said and "--size 8 12" in said
    answers, said, code = predict(tmp_path / "t.csv", "--size", 8, 12)
    assert code == 0 and "8x12 pixels" in said and len(ids(answers)) == 3
    np.save(tmp_path / "a.npy", IMAGES[:5].astype(np.int64) * 3)
    _, said, code = predict(tmp_path / "a.npy")
    assert code == 2 and "--pixel-range BLACK WHITE" in said
    _, said, code = predict(tmp_path / "a.npy", "--pixel-range", 0, 765)
    assert code == 0 and "from 0 to 765 became 0 to 255" in said


def test_transparent_images_over_a_colour(predict: Predict, run: Run, tmp_path: Path) -> None:
    Image.fromarray(np.dstack([IMAGES[0]] * 3 + [np.full((6, 6), 128, np.uint8)])).save(tmp_path / "a.png")
    _, said, code = predict(tmp_path / "a.png")
    assert code == 2 and "--background white" in said
    answers, _, code = predict(tmp_path / "a.png", "--background", "white")
    over = np.rint(IMAGES[:1].astype(float) * 128 / 255 + 255 * (1 - 128 / 255)).astype(np.uint8)
    assert answers["predictions"][0]["probability"] == run.model().probabilities(over[..., None]).max()
    _, said, code = predict(tmp_path / "a.png", "--background", "blue")
    assert code == 2 and "expected one of black, white" in said


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_links_out_of_a_folder_need_permission(predict: Predict, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    for place in ("f/a.png", "b.png"):
        Image.fromarray(IMAGES[0]).save(tmp_path / place)
    (tmp_path / "f/inside.png").symlink_to("a.png")
    (tmp_path / "f/outside.png").symlink_to("../b.png")
    answers, said, code = predict(tmp_path / "f")
    assert (
        code == 3 and ids(answers) == ["a.png", "inside.png"] and "Could not read outside.png: the path leaves" in said
    )
    assert "--follow-links" in answers["failed"][0]["reason"]
    answers, said, code = predict(tmp_path / "f", "--follow-links")
    assert code == 0 and ids(answers) == ["a.png", "inside.png", "outside.png"]


def test_files_of_several_sources_are_answered_once(predict: Predict, tmp_path: Path) -> None:
    (tmp_path / "f/sub").mkdir(parents=True)
    for number, place in enumerate(("f/a.png", "f/sub/b.png", "f/c.png")):
        Image.fromarray(IMAGES[number]).save(tmp_path / place)
    pl.DataFrame({"path": ["f/a.png", "f/c.png"]}).write_csv(tmp_path / "t.csv")
    folder, file, below, table = (tmp_path / name for name in ("f", "f/a.png", "f/sub", "t.csv"))
    for sources, names in (
        ((folder, file), ["a.png", "c.png", "sub/b.png"]),
        ((file, folder), ["a.png", "c.png", "sub/b.png"]),
        ((below, folder, table), ["b.png", "a.png", "c.png"]),
    ):
        answers, said, code = predict(*sources)
        assert code == 0 and ids(answers) == names
        assert "in more than one source, and answered once" in said and answers["remarks"]


def test_the_scale_of_image_files(predict: Predict, run: Run, tmp_path: Path) -> None:
    Image.fromarray(IMAGES[0].astype(np.uint16) * 16).save(tmp_path / "a.png")
    answers, said, code = predict(tmp_path / "a.png", "--pixel-range", 0, 4080)
    assert code == 0 and "from 0 to 4080 became 0 to 255" in said
    assert answers["predictions"][0]["probability"] == run.model().probabilities(IMAGES[:1, ..., None]).max()


def test_options_that_do_not_fit_are_refused(predict: Predict, tmp_path: Path) -> None:
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
    for options in (("--key", "images=x"), ("--size", 6, 6)):
        for source in (tmp_path, tmp_path / "a.png"):
            _, said, code = predict(source, *options)
            assert code == 2 and f"{options[0]} is for arrays and tables" in said


def test_folders_without_images_are_refused_with_what_is_there(predict: Predict, tmp_path: Path) -> None:
    for names, message in (((), "found nothing"), (("a.txt", "b.doc"), r"found a.txt, b.doc")):
        place = tmp_path / f"f{len(names)}"
        place.mkdir()
        for name in names:
            (place / name).touch()
        _, said, code = predict(place)
        assert code == 2 and "no images in this folder" in said and message in said
        assert "image files (.png" in said
