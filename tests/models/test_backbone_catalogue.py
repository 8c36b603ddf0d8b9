"""Protects the list of backbones: documented ones are known without timm and are what timm and running them say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from needs import needs

from snellen.errors import StudyError, UnknownName
from snellen.models.backbones import networks
from snellen.models.backbones.catalogue import DOCUMENTED, entry, read_points
from snellen.models.backbones.networks import LAST, least_running_side, measured_points, meta_network, pretrained

each_entry = pytest.mark.parametrize("name", DOCUMENTED)
KERAS_LEAST = {"vgg16": 32, "resnet50": 32, "resnetv2_50": 32, "resnetv2_152": 32, "xception": 71, "densenet121": 32}
KERAS_LEAST |= {"mobilenetv2_100": 32, "mobilenetv3_small_100": 32, "efficientnet_b0": 32}
"""Least sides of images in keras.applications: `min_size` in each of its files."""


def test_importing_the_list_imports_neither_timm_nor_torch() -> None:
    code = "import sys; from snellen.models.backbones.catalogue import entry; entry('vgg16');"
    code += " print({'timm', 'torch'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.fixture
def without_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setattr(networks, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_timm")
def test_documented_ones_are_known_without_timm_and_others_name_the_command() -> None:
    assert [entry(name).name for name in DOCUMENTED] == list(DOCUMENTED)
    with pytest.raises(StudyError, match=r"'resnet34' needs timm.*Only vgg16, .*pip install 'snellen\[transfer\]'"):
        entry("resnet34")
    with pytest.raises(StudyError, match=r"needs timm.*pip install 'snellen\[transfer\]'"):
        meta_network("vgg16")


@each_entry
def test_an_entry_is_whole(name: str) -> None:
    found = entry(name)
    names = [point.name for point in found.reads]
    assert names == [*(f"block{at}" for at in range(1, len(names))), LAST]
    assert found.default_read in names and found.paper and found.heads
    assert (found.licence is None) == (found.tag is None)
    strides = [point.stride for point in found.reads]
    assert strides == sorted(strides) and found.least_side >= strides[-1]
    assert found.least_side == KERAS_LEAST.get(name, 32)


@needs("timm")
@each_entry
def test_an_entry_is_what_timm_says_and_running_it_shows(name: str) -> None:
    found = entry(name)
    network = meta_network(found.timm_name)
    assert measured_points(found.timm_name, network) == found.reads
    assert least_running_side(network, 128) <= found.least_side
    published = pretrained(found.timm_name)
    assert published[found.tag].license == found.licence if found.tag else not published


@needs("timm")
@pytest.mark.parametrize(("name", "runs"), [("vgg16", 32), ("convnext_atto", 32), ("xception", 7), ("densenet121", 29)])
def test_images_of_the_least_side_run_and_smaller_ones_do_not(name: str, runs: int) -> None:
    """With tensors: what was measured without them is true with them."""
    import timm
    import torch

    network: Any = timm.create_model(entry(name).timm_name, pretrained=False, num_classes=0).eval()
    assert least_running_side(meta_network(entry(name).timm_name), 256) == runs
    with torch.no_grad():
        assert min(network.forward_features(torch.zeros(1, 3, runs, runs)).shape) > 0
        with pytest.raises(RuntimeError):
            network.forward_features(torch.zeros(1, 3, runs - 1, runs - 1))


@needs("timm")
@each_entry
def test_nothing_that_is_read_depends_on_the_tensors_of_the_head(name: str) -> None:
    import timm
    import torch

    found = entry(name)
    network: Any = timm.create_model(found.timm_name, pretrained=False).eval()
    heads = [key for key in network.state_dict() if key.startswith(found.heads)]
    assert heads
    with torch.no_grad():
        for key in heads:
            network.state_dict()[key].fill_(torch.nan)
        assert torch.isfinite(network.forward_features(torch.ones(1, 3, found.least_side, found.least_side))).all()


def shapes(timm_name: str) -> dict[str, Any]:
    heads = ("classifier.", "head.", "fc.")
    state = meta_network(timm_name, None).state_dict()
    return {name: tuple(value.shape) for name, value in state.items() if not name.startswith(heads)}


@needs("timm")
@pytest.mark.parametrize("name", [name for name in DOCUMENTED if DOCUMENTED[name].alike])
def test_networks_that_are_called_alike_have_the_same_tensors(name: str) -> None:
    for other in entry(name).alike or ():
        assert shapes(other) == shapes(entry(name).timm_name)


@needs("timm")
def test_lite0_has_a_twin() -> None:
    assert entry("tf_efficientnet_lite0").alike == ("efficientnet_lite0",)


@needs("timm")
@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("VGG16", "vgg16"),
        ("vgg-16", "vgg16"),
        ("resnet 18", "resnet18"),
        ("Xception", "xception"),
        ("ResNet152V2", "resnetv2_152"),
        ("MobileNetV2", "mobilenetv2_100"),
        ("efficientnet_lite", "efficientnet_lite0"),
        ("vgg16.tv_in2k", "vgg16.tv_in1k"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownName, match=rf"Did you mean [^?]*\b{near}\b"):
        entry(name)


@pytest.mark.parametrize(
    "name",
    [
        *("hf-hub:timm/vgg16.tv_in1k", "hf_hub:x/y", "local-dir:/tmp/x", "timm/vgg16", "https://a.b/c", "../vgg16"),
        *("/etc/passwd", "C:\\x", "", ".", "..", "vgg16.", ".tv_in1k", "a.b.c", "x" * 200, "vgg16\n", "vgg16 *?", "é"),
        *("vgg16;rm", "vgg16@main", "vgg16\x00"),
    ],
)
def test_addresses_and_paths_are_no_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # nothing is asked of timm
    with pytest.raises(StudyError, match=r"not the name of a backbone|unknown backbone"):
        entry(name)


@needs("timm")
def test_other_networks_of_timm_are_measured() -> None:
    inception = entry("inception_v3")
    assert inception.least_side == 75  # `min_size` of keras.applications.InceptionV3
    assert [point.channels for point in inception.reads] == [64, 192, 288, 768, 2048, 2048]
    assert [point.stride for point in inception.reads] == [2, 4, 8, 16, 32, 32]
    vit = entry("vit_tiny_patch16_224")
    assert (vit.fixed_side, vit.least_side) == (224, 224)
    assert [point.name for point in vit.reads] == [*(f"block{at}" for at in range(1, 13)), LAST]
    assert {(point.channels, point.stride) for point in vit.reads} == {(192, 16)}
    assert inception.alike is None and read_points("inception_v3") == inception.reads


@needs("timm")
def test_networks_without_maps_are_refused() -> None:
    with pytest.raises(StudyError, match="crossvit_9_240 cannot be a backbone; found blocks that give no single map"):
        entry("crossvit_9_240")


def test_usual_strides_divide_the_sides_that_are_measured() -> None:
    less, more = networks.MEASURED_SIDES
    assert not [stride for stride in (2, 4, 8, 14, 16, 32) for side in (less, more, more - less) if side % stride]


@needs("timm")
def test_maps_of_one_size_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "_channels_and_width", lambda values: (8, 16))
    with pytest.raises(StudyError, match="maps of one size for images of any"):
        measured_points("resnet18", meta_network("resnet18"))


@needs("timm")
def test_a_tag_names_the_weights() -> None:
    tagged = entry("resnet18.fb_swsl_ig1b_ft_in1k")
    assert (tagged.full_name, tagged.licence) == ("resnet18.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0")
    assert tagged.reads == entry("resnet18").reads
    assert entry("resnet18").full_name == "resnet18.tv_in1k"
    assert entry("xception").full_name == "legacy_xception.tf_in1k"


def test_the_table_in_the_documentation_is_the_list() -> None:
    text = (Path(__file__).parents[2] / "docs" / "backbones.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", text.partition("## Which there are")[2], re.MULTILINE)
    expected = []
    for each in DOCUMENTED.values():
        reads = ", ".join(f"{point.name} {point.channels}/{point.stride}" for point in each.reads)
        cells = (f"`{each.full_name}`", each.least_side, reads, f"`{each.default_read}`")
        licence = each.licence or "(none published)"
        expected.append((each.name, " " + " | ".join(map(str, (*cells, licence, each.paper))) + " "))
    assert rows == expected
