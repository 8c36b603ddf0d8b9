"""Protects where weights come from: the right file, scaling and licence, or a sentence that says why not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from backbone_cases import SMALL, TWINS, state, write
from needs import REAL_DATA, needs

from snellen.errors import DataError, IdentityError, StudyError, WeightsNotFound
from snellen.models.backbones import hub
from snellen.models.backbones.weights import Scaling, Weights, find_weights, read_tensors

pytestmark = needs("timm")
IMAGENET = Scaling((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Scaling((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data folders but those of the test, and no network."""
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def scaling(weights: Weights) -> Scaling:
    return Scaling(weights.mean, weights.deviation)


def test_a_file_of_the_study(tmp_path: Path) -> None:
    path = write(tmp_path / "mine" / f"{SMALL}.safetensors", state())
    found = find_weights(SMALL, str(path))
    assert (found.path, found.sha256) == (path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert (scaling(found), found.interpolation, found.side, found.licence) == (HALF, "bilinear", 160, "apache-2.0")
    assert found.origin == (
        f"Weights from the file {SMALL}.safetensors (SHA-256 {found.sha256[:12]}); scaling: that of timm's {SMALL}, as"
        " the name of the file says: mean (0.5, 0.5, 0.5), deviation (0.5, 0.5, 0.5)."
    )


@pytest.mark.parametrize("place", ["given", "SNELLEN_DATA", "cache"])
@pytest.mark.parametrize("written", ["imagenet", "weights/test_resnet.safetensors"])
def test_where_files_are_looked_for(place: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = {"given": tmp_path / "a", "SNELLEN_DATA": tmp_path / "b", "cache": tmp_path / "cache" / "datasets"}[place]
    monkeypatch.setenv("SNELLEN_DATA", str(tmp_path / "b"))
    path = write(folder / "weights" / f"{SMALL}.safetensors", state())
    assert find_weights(SMALL, written, tmp_path / "a").path == path


def test_the_name_of_a_file_with_its_tag_is_preferred(tmp_path: Path) -> None:
    names = ("test_resnet.r160_in1k", "test_resnet", "test_resnet_features")
    for name in names:
        write(tmp_path / "weights" / f"{name}.safetensors", state())
    assert find_weights(SMALL, "imagenet", tmp_path).path.stem == names[0]
    assert find_weights(f"{SMALL}.r160_in1k", "imagenet", tmp_path).path.stem == names[0]


@needs("weights")
def test_the_two_files_for_development() -> None:
    vgg, lite = (find_weights(name, "imagenet", REAL_DATA) for name in ("vgg16", "tf_efficientnet_lite0"))
    assert (scaling(vgg), vgg.licence, vgg.path.name) == (IMAGENET, "bsd-3-clause", "vgg16_features.safetensors")
    assert (scaling(lite), lite.licence, lite.side) == (HALF, "apache-2.0", 224)
    assert find_weights("vgg16", str(vgg.path)) == vgg
    assert len(read_tensors(vgg.path, vgg.sha256)) == 26
    with pytest.raises(StudyError, match=r"another network than efficientnet_lite0; found tf_efficientnet_lite0"):
        find_weights("efficientnet_lite0", str(lite.path))


def test_nothing_found_says_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFound) as caught:
        find_weights("vgg16", "imagenet", tmp_path)
    message = str(caught.value)
    assert "no weights of the backbone vgg16 on this machine" in message
    for part in (
        "vgg16.tv_in1k.safetensors",
        "vgg16_features.safetensors",
        str(tmp_path / "cache"),
        str(tmp_path / "hub"),
    ):
        assert part in message
    assert "`hf download timm/vgg16.tv_in1k model.safetensors`" in message
    assert f"at {tmp_path / 'weights' / 'vgg16.tv_in1k.safetensors'}" in message
    assert isinstance(caught.value, FileNotFoundError) and isinstance(caught.value, DataError)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "xception",
            r"no safetensors file of legacy_xception.tf_in1k, only http.*\.pth, which may contain code.*Convert",
        ),
        ("resnetv2_152", "timm knows no weights of this network"),
    ],
)
def test_networks_without_weights_to_download(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFound, match=reason):
        find_weights(name, "imagenet", tmp_path)


def test_no_file_at_the_path(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsNotFound, match=r"no such file of weights: x\.safetensors; found nothing at x\.saf.*cache"
    ):
        find_weights(SMALL, "x.safetensors")


@pytest.mark.parametrize(
    "written",
    [
        "weights.pth",
        "model.bin",
        "x.keras",
        "https://a.b/c.safetensors",
        "hf-hub:timm/x",
        "imagenet21k",
        "",
        "ImageNet",
    ],
)
def test_only_safetensors_are_named(written: str) -> None:
    with pytest.raises(
        StudyError, match=r"not weights of a backbone; found .*expected `imagenet`, or the path of a \.saf"
    ):
        find_weights(SMALL, written)


def test_the_classifier_and_the_counters_may_be_missing_or_different(tmp_path: Path) -> None:
    import torch

    tensors = {name: value for name, value in state().items() if not name.endswith("num_batches_tracked")}
    tensors["fc.weight"], tensors["fc.bias"] = torch.zeros(7, 96), torch.zeros(7)
    assert find_weights(SMALL, str(write(tmp_path / "test_resnet.safetensors", tensors)))
    del tensors["fc.weight"], tensors["fc.bias"]
    assert find_weights(SMALL, str(write(tmp_path / "test_resnet.safetensors", tensors)))


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    import torch

    tensors = {name: value.half() if value.is_floating_point() else value for name, value in state().items()}
    found = find_weights(SMALL, str(write(tmp_path / "test_resnet.safetensors", tensors)))
    read = read_tensors(found.path, found.sha256, ["conv1.0.weight", "bn1.weight"])
    assert {name: value.dtype for name, value in read.items()} == dict.fromkeys(read, torch.float32) and len(read) == 2
    assert torch.equal(read["conv1.0.weight"], tensors["conv1.0.weight"].float())


def test_other_tensors_are_listed(tmp_path: Path) -> None:
    import torch

    tensors = state()
    names = [name for name in tensors if not name.startswith("fc.") and not name.endswith("num_batches_tracked")]
    for name in names[:7]:
        del tensors[name]
    tensors |= {f"more.{at}": torch.zeros(1) for at in range(6)}
    tensors[names[7]], tensors[names[8]] = torch.zeros(2, 3), tensors[names[8]].long()
    with pytest.raises(DataError) as caught:
        find_weights(SMALL, str(write(tmp_path / "x.safetensors", tensors)))
    message = str(caught.value)
    assert f"not the weights of {SMALL}; found 7 missing ({', '.join(names[:5])}, …)" in message
    assert "6 unexpected (more.0, more.1, more.2, more.3, more.4, …)" in message
    assert f"1 of another shape ({names[7]} (2, 3) instead of {tuple(state()[names[7]].shape)})" in message
    assert f"1 of another type ({names[8]} I64)" in message


def test_a_prefix_of_all_names_is_recognised(tmp_path: Path) -> None:
    tensors = {f"module.{name}": value for name, value in state().items()}
    with pytest.raises(DataError, match=r"Every name begins with `module\.`: write the file again without that"):
        find_weights(SMALL, str(write(tmp_path / "x.safetensors", tensors)))


def test_weights_of_another_network_say_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", state(TWINS[0]), architecture=TWINS[0])
    with pytest.raises(DataError, match=rf"not the weights of {SMALL}.*write `name: {TWINS[0]}`"):
        find_weights(SMALL, str(path))


class TestFitsTwoNetworks:
    """The same file fits two networks of different scaling: the file or the study must say which it is."""

    def path(self, folder: Path, name: str = "plain.safetensors", **metadata: str) -> str:
        return str(write(folder / name, state(TWINS[0]), **metadata))

    def test_naming_the_network_is_not_enough(self, tmp_path: Path) -> None:
        for name, other in (TWINS, TWINS[::-1]):
            with pytest.raises(StudyError) as caught:
                find_weights(name, self.path(tmp_path))
            message = str(caught.value)
            assert f"tensors that fit {name}: mean (0." in message and f"; {other}: mean (0." in message
            assert f"Add to the backbone `preprocessing: {name}` or `preprocessing: {{mean: [" in message
            assert f"if they are of {other}, write `name: {other}`" in message

    @pytest.mark.parametrize(
        "metadata",
        [
            {"architecture": TWINS[1]},
            {"architecture": f"{TWINS[1]}.r160_in1k"},
            {"timm_name": TWINS[1], "format": "pt"},
        ],
    )
    def test_its_metadata_decide(self, metadata: dict[str, str], tmp_path: Path) -> None:
        path = self.path(tmp_path, **metadata)
        found = find_weights(TWINS[1], path)
        assert scaling(found) == IMAGENET and "as the metadata of the file says" in found.origin
        with pytest.raises(StudyError, match=rf"another network than {TWINS[0]}; found {TWINS[1]}.*`name: {TWINS[1]}`"):
            find_weights(TWINS[0], path)
        with pytest.raises(StudyError, match="another network"):
            find_weights(TWINS[0], path, preprocessing=HALF)

    def test_metadata_are_believed_before_a_name(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, f"{TWINS[0]}.safetensors", architecture=TWINS[1])
        assert scaling(find_weights(TWINS[1], path)) == IMAGENET

    def test_its_own_means_decide(self, tmp_path: Path) -> None:
        mine = {"mean": "[0.1, 0.2, 0.3]", "std": "[1, 1, 1]", "license": "cc0-1.0"}
        found = find_weights(TWINS[0], self.path(tmp_path, architecture=TWINS[0], **mine))
        assert (scaling(found), found.licence) == (Scaling((0.1, 0.2, 0.3), (1, 1, 1)), "cc0-1.0")

    @pytest.mark.parametrize("mean", ["[0.1, 0.2]", "[NaN, 0, 0]", "0.5", "[[1]]", "x", '["a", 1, 2]', "[1e999, 0, 0]"])
    def test_means_that_are_none_say_nothing(self, mean: str, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="nothing says"):
            find_weights(TWINS[0], self.path(tmp_path, mean=mean, std="[1, 1, 1]"))

    @pytest.mark.parametrize("name", ["{}", "{}.r160_in1k", "{}_features", "{}.r160_in1k_features"])
    def test_its_name_decides(self, name: str, tmp_path: Path) -> None:
        path = self.path(tmp_path, f"{name.format(TWINS[1])}.safetensors")
        found = find_weights(TWINS[1], path)
        assert (scaling(found), found.licence) == (IMAGENET, "apache-2.0")
        with pytest.raises(StudyError, match=rf"another network.*found {TWINS[1]}, as the name of the file says"):
            find_weights(TWINS[0], path)

    def test_the_folder_of_the_hub_decides(self, tmp_path: Path) -> None:
        folder = tmp_path / f"models--timm--{TWINS[1]}.r160_in1k" / "snapshots" / "abc"
        assert scaling(find_weights(TWINS[1], self.path(folder, "model.safetensors"))) == IMAGENET

    def test_the_config_beside_it_decides(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, "model.safetensors")
        cfg = {"tag": "r160_in1k", "mean": [0.2, 0.2, 0.2], "std": [0.3, 0.3, 0.3], "license": "mit"}
        (tmp_path / "config.json").write_text(json.dumps({"architecture": TWINS[0], "pretrained_cfg": cfg}))
        found = find_weights(TWINS[0], path)
        assert (scaling(found), found.licence) == (Scaling((0.2,) * 3, (0.3,) * 3), "mit")
        with pytest.raises(StudyError, match=r"as the config\.json beside it says"):
            find_weights(TWINS[1], path)

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"architecture": 3, "pretrained_cfg": []}', "[" * 100_000])
    def test_a_config_that_is_none_says_nothing(self, content: str, tmp_path: Path) -> None:
        path = self.path(tmp_path, "model.safetensors")
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(StudyError, match="nothing says"):
            find_weights(TWINS[0], path)

    @pytest.mark.parametrize("line", [TWINS[1], f"{TWINS[1]}.r160_in1k", IMAGENET])
    def test_the_study_decides(self, line: str | Scaling, tmp_path: Path) -> None:
        found = find_weights(TWINS[1], self.path(tmp_path), preprocessing=line)
        assert scaling(found) == IMAGENET and "study" in found.origin

    def test_a_name_with_a_tag_decides(self, tmp_path: Path) -> None:
        assert scaling(find_weights(f"{TWINS[1]}.r160_in1k", self.path(tmp_path))) == IMAGENET

    def test_the_study_cannot_name_another_network(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match=rf"`preprocessing` names another network.*`name: {TWINS[0]}`"):
            find_weights(TWINS[1], self.path(tmp_path), preprocessing=TWINS[0])
        with pytest.raises(StudyError, match=r"names no network; found 'caffe'.*`preprocessing: {mean: \[R, G, B\]"):
            find_weights(TWINS[1], self.path(tmp_path), preprocessing="caffe")
        with pytest.raises(StudyError, match="unknown weights; found 'no'; expected r160_in1k"):
            find_weights(TWINS[1], self.path(tmp_path), preprocessing=f"{TWINS[1]}.no")


def test_weights_that_were_trained_with_other_means_are_told_by_their_tag(tmp_path: Path) -> None:
    tensors = state("efficientnet_b0")
    with pytest.raises(StudyError, match=r"`preprocessing: efficientnet_b0\.ra\w*_in1k` or `.*ra\w*_in1k` or"):
        find_weights("efficientnet_b0", str(write(tmp_path / "efficientnet_b0.safetensors", tensors)))
    found = find_weights("efficientnet_b0", str(write(tmp_path / "efficientnet_b0.ra_in1k.safetensors", tensors)))
    assert scaling(found) == IMAGENET
    tag = "ra4_e3600_r224_in1k"
    path = write(tmp_path / "x.safetensors", tensors, architecture="efficientnet_b0", tag=tag)
    assert scaling(find_weights("efficientnet_b0", str(path))) == HALF
    with pytest.raises(StudyError, match=f"other weights of efficientnet_b0 than ra_in1k; found {tag}"):
        find_weights("efficientnet_b0.ra_in1k", str(path))


def test_a_network_without_published_weights_needs_the_means(tmp_path: Path) -> None:
    path = str(write(tmp_path / "test_mambaout.safetensors", state("test_mambaout")))
    with pytest.raises(
        StudyError, match=r"no weights of it that timm knows; .*Add to the backbone `preprocessing: {mean"
    ):
        find_weights("test_mambaout", path)
    assert find_weights("test_mambaout", path, preprocessing=HALF).licence is None


@pytest.mark.parametrize(
    "values", [((0.5,) * 2, (1.0,) * 3), ((0.5,) * 3, (0.0, 1, 1)), ((float("nan"),) * 3, (1.0,) * 3)]
)
def test_a_scaling_has_three_finite_numbers(values: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    with pytest.raises(StudyError, match="`preprocessing`"):
        Scaling(*values)


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("cc-by-nc-4.0", "a non-commercial licence"),
        ("CC-BY-NC-SA-4.0", "a non-commercial licence"),
        ("fair-noncommercial-research-license", "a non-commercial licence"),
        ("dinov3-license", "terms of their own"),
    ],
)
def test_weights_that_are_not_free_are_used_only_when_named(licence: str, kind: str, tmp_path: Path) -> None:
    path = str(write(tmp_path / "x.safetensors", state(), architecture=SMALL, license=licence))
    for accept in (None, "mit"):
        with pytest.raises(
            StudyError, match=rf"{kind}, which the study does not name; found {licence}.*`accept: {licence}`"
        ):
            find_weights(SMALL, path, accept=accept)
    assert find_weights(SMALL, path, accept=licence).licence == licence


@pytest.mark.parametrize("licence", ["apache-2.0", "MIT", "unknown", "", "bsd-3-clause"])
def test_free_and_unknown_licences_need_no_line(licence: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", state(), architecture=SMALL, license=licence)
    expected = "apache-2.0" if licence in ("unknown", "") else licence  # then timm's own of the only weights
    assert find_weights(SMALL, str(path)).licence == expected


def test_the_licence_is_asked_for_before_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(hub, "download", lambda *where: asked.append(where))
    with pytest.raises(StudyError, match=r"cc-by-nc-4\.0"):
        find_weights("resnet18.fb_swsl_ig1b_ft_in1k", "imagenet", tmp_path)
    assert not asked


def test_default_weights_of_other_images_need_a_tag(tmp_path: Path) -> None:
    with pytest.raises(
        StudyError, match=r"which weights of vit_small_patch14_dinov2\?.*`name: vit_small_patch14_dinov2\."
    ):
        find_weights("vit_small_patch14_dinov2", "imagenet", tmp_path)


def test_a_file_that_changed_after_the_check_is_not_read(tmp_path: Path) -> None:
    found = find_weights(SMALL, str(write(tmp_path / "test_resnet.safetensors", state())))
    tensors = state()
    tensors["bn1.weight"] += 1
    write(found.path, tensors)
    with pytest.raises(IdentityError, match="changed after it was checked"):
        read_tensors(found.path, found.sha256)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    tensors = state()
    tensors["layer1.0.conv1.weight"][0, 0, 0, :2] = value
    path = write(tmp_path / "test_resnet.safetensors", tensors)
    with pytest.raises(DataError, match=r"layer1\.0\.conv1\.weight: weights that are not finite; found 2 of"):
        find_weights(SMALL, str(path))
    with pytest.raises(DataError, match=r"weights that are not finite"):
        read_tensors(path, hashlib.sha256(path.read_bytes()).hexdigest())
