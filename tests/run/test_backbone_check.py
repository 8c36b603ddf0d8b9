"""Protects what `snellen check` says of pretrained weights: where they are from, their licence, what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import backbone_cases
import pytest
from needs import needs
from runs import small_study

from snellen.errors import DataError
from snellen.run.check import check_study
from snellen.run.run_folder import Settings
from snellen.study.backbones import find_backbones
from snellen.tables import print_check

pytestmark = needs("timm")


def checked(path: Path, **others: Any) -> dict[str, Any]:
    layers = [{"backbone": {"name": backbone_cases.SMALL, "weights": str(path), "read": "block2"}}]
    models = {"small": {"layers": [*layers, "global_average_pool"], "train": {"epochs": 1}}, **others}
    study = small_study(data={"source": "digits", "pad": 32}, models=models)
    return check_study(study.file, Settings(None, "cpu", 1, None, 1))


@pytest.mark.parametrize(("metadata", "licence"), [({}, "apache-2.0"), ({"license": "cc0-1.0"}, "cc0-1.0")])
def test_origin_and_licence(
    metadata: dict[str, str], licence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = backbone_cases.write(tmp_path / f"{backbone_cases.SMALL}.safetensors", backbone_cases.state(), **metadata)
    found = checked(path)
    [sentence] = found["backbones"]
    assert sentence.startswith(f"small: Weights from the file {backbone_cases.SMALL}.safetensors (SHA-256 ")
    assert sentence.endswith(f"Licence: {licence}.")
    print_check(found)
    assert sentence in capsys.readouterr().out


def test_what_is_left_out(tmp_path: Path) -> None:
    path = backbone_cases.write(tmp_path / f"{backbone_cases.SMALL}.safetensors", backbone_cases.state())
    absent = {"backbone": {"name": "xception", "resize": 72, "if_missing": "skip"}}
    found = checked(path, absent={"layers": [absent, "global_average_pool"], "train": {"epochs": 1}})
    assert found["backbones"][1] == (
        "absent is left out: no weights of the backbone xception on this machine. Convert one and name it: "
        "`weights: path/to/file.safetensors` (docs/backbones.md)."
    )


@pytest.mark.parametrize(
    ("backbone", "said"),
    [
        (
            {"name": "vgg16"},
            "no weights of the backbone vgg16 on this machine. With network: "
            "`hf download timm/vgg16.tv_in1k model.safetensors` (docs/backbones.md).",
        ),
        ({"name": "vgg16", "weights": "no/where.safetensors"}, "no such file of weights: no/where.safetensors."),
    ],
)
def test_why_a_model_is_skipped_is_one_line_with_one_command(
    backbone: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    layers = [{"backbone": {**backbone, "if_missing": "skip"}}, "flatten"]
    models = {"absent": {"layers": layers}, "plain": {"layers": "linear"}}
    study = small_study(data={"source": "digits", "pad": 32}, models=models)
    found = find_backbones(study.file, tmp_path)
    assert found.skipped == {"absent": said}
    assert found.sentences == [f"absent is left out: {said}"]


def test_weights_that_are_not_finite_are_found_before_anything_is_trained(tmp_path: Path) -> None:
    tensors = backbone_cases.state()
    tensors["conv1.0.weight"][0] = float("nan")
    path = backbone_cases.write(tmp_path / f"{backbone_cases.SMALL}.safetensors", tensors)
    with pytest.raises(DataError, match=r"model small: .*conv1\.0\.weight: weights that are not finite"):
        checked(path)


def test_half_precision_can_be_used(tmp_path: Path) -> None:
    tensors = {
        name: value.bfloat16() if value.is_floating_point() else value for name, value in backbone_cases.state().items()
    }
    path = backbone_cases.write(tmp_path / f"{backbone_cases.SMALL}.safetensors", tensors)
    assert checked(path)["models"]
