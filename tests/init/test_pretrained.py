"""Protects the proposal of a pretrained network: for few images, with weights at hand; else how to have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_cases import save
from needs import needs

from snellen.cli.init import init
from snellen.data.readers.arrays import from_arrays
from snellen.data.readers.reader import DEFAULT_OPTIONS
from snellen.errors import WeightsNotFound
from snellen.init import pretrained
from snellen.init.pretrained import EXTRA, WEIGHTS, Pretrained, fits_pretrained, pretrained_at_hand, suits_pretrained
from snellen.init.propose import propose
from snellen.init.survey import survey
from snellen.models.backbones.layer import Backbone
from snellen.study.document import parse

RANDOM = np.random.default_rng(6)
HERE = Pretrained("tf_efficientnet_lite0")


def images(count: int, side: int, channels: int = 3) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, side, side, channels), dtype=np.uint8)


def text_of(proposed: Pretrained | None) -> str:
    dataset = from_arrays(images(40, 40), np.array(["cat", "dog"] * 20), name="mine")
    return propose(dataset, "mine.npz", options=DEFAULT_OPTIONS, pretrained=proposed).text


def test_a_frozen_network_beside_the_small_one() -> None:
    study = parse(text_of(HERE), "mine.yaml").study()
    assert list(study.models) == ["cnn", "pretrained"] and study.folds and study.folds.count == 5
    model = study.models["pretrained"]
    first = model.layers[0]
    assert isinstance(first, Backbone) and first.is_frozen and first.resize == 192
    [train] = model.train or []
    assert train.augment == () and train.label_smoothing == 0 and train.weight_decay == 1
    assert study.models["cnn"].train and study.models["cnn"].train[0].augment
    assert [analysis.name for analysis in study.analyses] == ["errors"]


def test_without_weights_the_lines_are_there_as_comments() -> None:
    missing = text_of(Pretrained(None, EXTRA))
    study = parse(missing, "mine.yaml").study()
    assert list(study.models) == ["cnn"] and "pip install 'snellen[transfer]'" in missing
    before, after = missing.split("  # pretrained:")
    lines = ["  # pretrained:", *after.splitlines()[1:]]
    taken = "\n".join(line.replace("  # ", "  ", 1) if line.startswith("  # ") else line for line in lines)
    assert list(parse(before + taken, "mine.yaml").study().models) == ["cnn", "pretrained"]


def test_nothing_is_said_where_it_does_not_fit() -> None:
    assert "pretrained" not in text_of(None)
    labels = np.arange(40) % 2
    assert suits_pretrained(from_arrays(images(40, 32), labels))
    assert suits_pretrained(from_arrays(images(40, 32, 1), labels))
    assert not suits_pretrained(from_arrays(images(40, 28), labels))
    assert fits_pretrained(from_arrays(images(2000, 1), np.arange(2000) % 2))
    assert not fits_pretrained(from_arrays(images(2001, 1), np.arange(2001) % 2))


def test_at_hand_without_timm_without_weights_and_with(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def find(name: str, written: str, data_folder: Path | None, *, may_download: bool) -> None:
        asked.append((name, written, may_download))
        if name != "resnet18":
            raise WeightsNotFound("none")

    monkeypatch.setattr(pretrained, "find_weights", find)
    monkeypatch.setattr(pretrained, "has_timm", lambda: True)
    assert pretrained_at_hand(None) == Pretrained("resnet18")
    assert all(each[1:] == ("imagenet", False) for each in asked)
    monkeypatch.setattr(pretrained, "CANDIDATES", ("resnet50",))
    nothing = pretrained_at_hand(None)
    assert nothing.name is None and nothing.command == WEIGHTS and "its weights" in nothing.sentence
    monkeypatch.setattr(pretrained, "has_timm", lambda: False)
    assert pretrained_at_hand(None).command == EXTRA


def test_images_are_stored_larger_for_it(tmp_path: Path) -> None:
    for number in range(12):
        save(tmp_path / f"photos/{['cat', 'dog'][number % 2]}/{number}.png", images(1, 150 + number)[0])
    source = str(tmp_path / "photos")
    assert survey(source).dataset.shape == (64, 64, 3)
    assert survey(source, has_pretrained=True).dataset.shape == (128, 128, 3)


@needs("weights")
@needs("timm")
def test_the_command_proposes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(24):
        save(tmp_path / f"photos/{['cat', 'dog'][number % 2]}/{number}.png", images(1, 150)[0])
    file = tmp_path / "photos.yaml"
    init(str(tmp_path / "photos"), None, file)
    study = parse(file.read_text(encoding="utf-8"), "photos.yaml").study()
    assert list(study.models) == ["cnn", "pretrained"] and study.data.resize == 128


def test_the_command_says_how_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretrained, "has_timm", lambda: False)
    for number in range(24):
        save(tmp_path / f"photos/{['cat', 'dog'][number % 2]}/{number}.png", images(1, 40)[0])
    file = tmp_path / "photos.yaml"
    init(str(tmp_path / "photos"), None, file)
    said = capsys.readouterr().out
    assert "a pretrained network is usually much better. It needs the extra `transfer`: pip install" in said
    assert f"\n  #     {EXTRA}\n" in file.read_text(encoding="utf-8")
