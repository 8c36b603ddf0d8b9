"""The backbone as a layer: what it gives equals timm, what is frozen, and which images it takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import backbone_cases
import numpy as np
import pytest
import torch
from needs import needs
from pydantic import ValidationError
from torch import Tensor

from snellen.errors import ShapeError, StudyError, UnknownName
from snellen.models.backbones import layer as backbone_layer
from snellen.models.backbones import module
from snellen.models.backbones.layer import Backbone, Preprocessing
from snellen.models.build import build
from snellen.models.frozen_part import frozen_part, trained_part
from snellen.models.keys import Key
from snellen.models.layer import Step
from snellen.models.named import identity_of
from snellen.models.parts import MODEL_LAYERS

pytestmark = needs("timm")

SHAPE = (32, 32, 3)
SCALED = Preprocessing(mean=(0.5, 0.4, 0.3), deviation=(0.2, 0.3, 0.4))


def backbone(**changes: object) -> Backbone:
    return Backbone.model_validate({"name": backbone_cases.SMALL, "weights": "none", **changes})


def values(layer: Backbone, shape: tuple[int, ...] = SHAPE) -> dict[str, Tensor]:
    """All tensors of the layer, as drawn for seed 0, (1, ...)."""
    parameters, state = layer.init(Key((0,), ("init",)), shape)
    return {name: torch.from_numpy(value).float() for name, value in {**parameters, **state}.items()}


def images(count: int = 5, channels: int = 3) -> Tensor:
    return torch.rand((count, 32, 32, channels), generator=torch.Generator().manual_seed(1))


def outputs(layer: Backbone, x: Tensor) -> Tensor:
    with torch.no_grad():
        return layer.apply({}, values(layer, tuple(x.shape[1:])), x.unsqueeze(0), Step("evaluate"))[0][0]


@pytest.mark.parametrize("read", ["block1", "block3", "last"])
def test_it_gives_what_timm_gives(read: str) -> None:
    import timm

    layer, x = backbone(read=read, preprocessing=SCALED), images()
    network: Any = timm.create_model(backbone_cases.SMALL, pretrained=False, num_classes=0).eval()
    known = {name: value[0] for name, value in values(layer).items()}
    network.load_state_dict(known, strict=False)
    mean, deviation = (torch.tensor(each).view(1, 3, 1, 1) for each in (SCALED.mean, SCALED.deviation))
    scaled = (x.permute(0, 3, 1, 2) - mean) / deviation
    with torch.no_grad():
        expected = (
            network.forward_features(scaled)
            if read == "last"
            else network.forward_intermediates(scaled, indices=[int(read[5:]) - 1], intermediates_only=True)[0]
        )
    found = outputs(layer, x)
    assert found.shape[1:] == layer.output_shape(SHAPE) == tuple(expected.permute(0, 2, 3, 1).shape[1:])
    assert torch.allclose(found, expected.permute(0, 2, 3, 1), atol=1e-5)


def test_only_the_tensors_before_the_reading_place_are_held() -> None:
    early, late = (values(backbone(read=read)) for read in ("block1", "last"))
    assert set(early) < set(late)
    assert all(torch.equal(early[name], late[name]) for name in early)


def test_a_row_has_the_same_bits_wherever_it_stands() -> None:
    layer, x = backbone(), images(16)
    assert torch.equal(outputs(layer, x).roll(3, 0), outputs(layer, x.roll(3, 0)))


def test_grey_images_are_repeated_and_alpha_is_left_out() -> None:
    layer, grey = backbone(), images(channels=1)
    assert torch.equal(outputs(layer, grey), outputs(layer, grey.expand(-1, -1, -1, 3)))
    x = images(channels=4)
    assert torch.equal(outputs(layer, x), outputs(layer, x[..., :3]))


def test_images_are_resized_before_it() -> None:
    assert backbone(resize=64).output_shape(SHAPE)[0] == 2 * backbone().output_shape(SHAPE)[0]
    white = torch.ones((1, 32, 32, 3))
    assert torch.allclose(
        outputs(backbone(resize=64), white), outputs(backbone(), torch.ones((1, 64, 64, 3))), atol=1e-5
    )


def test_rows_that_only_fill_a_batch_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x, passes = backbone(), images(128), list[int]()
    own, whole = values(layer), outputs(layer, x)
    forward = module.forward

    def counted(architecture: str, read: str, tensors: Any, parts: Iterable[Tensor]) -> Tensor:
        parts = list(parts)
        passes.extend(map(len, parts))
        return forward(architecture, read, tensors, parts)

    monkeypatch.setattr(module, "forward", counted)
    weight = (torch.arange(128) < 40).float()[None]
    with torch.no_grad():
        found = layer.apply({}, own, x.unsqueeze(0), Step("evaluate", sample_weight=weight))[0][0]
    assert passes == [32, 32]
    assert torch.equal(found[:64], whole[:64])
    assert not found[64:].any()
    passes.clear()
    monkeypatch.setattr(backbone_layer, "WIDE", 0)  # as for large images
    with torch.no_grad():
        layer.apply({}, own, x.unsqueeze(0), Step("evaluate", sample_weight=weight))
    assert passes == [16, 16, 16]


def test_training_mode_changes_nothing() -> None:
    layer, x = backbone(train="all"), images().unsqueeze(0)
    own = values(layer)
    with torch.no_grad():
        trained, changed = layer.apply({}, own, x, Step("train"))
        assert torch.allclose(trained, layer.apply({}, own, x, Step("evaluate"))[0], atol=1e-5)
    assert changed == {}


def test_what_is_trained() -> None:
    def trained(train: str) -> set[str]:
        return set(backbone(train=train).init(Key((0,), ("init",)), SHAPE)[0])

    points = module.read_points(backbone_cases.SMALL)
    assert trained("none") == set()
    assert trained("all") == trained(points[0])
    assert trained(points[2]) < trained(points[1]) < trained("all")
    assert not [name for name in trained("all") if "running" in name]
    before = module.outline(backbone_cases.SMALL, points[1], 32, 32).tensors
    assert not trained(points[2]) & before.keys()


def test_what_only_training_reads_changes_no_features() -> None:
    """Features in the cache are of the outputs: a model that is tuned later begins with those of a frozen one."""
    plain = identity_of(backbone(read=None).computed)
    place = backbone(read=None).place
    for other in ({"learning_rate_factor": 0.1}, {"learning_rate_decay": 0.5}, {"if_missing": "skip"}, {"read": place}):
        assert identity_of(backbone(**{"read": None, **other}).computed) == plain
    for changed in ({"read": "block1"}, {"resize": 48}):
        assert identity_of(backbone(**{"read": None, **changed}).computed) != plain


def test_rates_fall_towards_the_image() -> None:
    layer = backbone(train="all", learning_rate_factor=0.1, learning_rate_decay=0.5)
    factors = layer.rate_factors(SHAPE)
    assert set(factors) == set(layer.init(Key((0,), ("init",)), SHAPE)[0])
    assert max(factors.values()) == pytest.approx(0.1)
    first = next(iter(module.outline(backbone_cases.SMALL, "block1", 32, 32).tensors))
    assert factors[first] == min(factors.values()) < 0.02


def test_the_frozen_part_ends_where_values_are_fewest() -> None:
    written = [{"backbone": {"name": backbone_cases.SMALL, "weights": "sha256:" + "a" * 64, "read": "block1"}}]
    network = build([*written, "global_average_pool", "relu", {"dropout": 0.2}, {"dense": 4}], SHAPE, 3)
    assert [placed.name for placed in frozen_part(network)] == ["backbone_1", "global_average_pool_1"]
    rest = trained_part(network)
    assert [placed.name for placed in rest.layers] == ["relu_1", "dropout_1", "dense_1", "dense_2"]
    assert rest.input_shape == frozen_part(network)[-1].output_shape
    for head in (
        ["flatten", "batch_norm"],
        ["batch_norm", "flatten"],
        [{"conv": {"filters": 2, "kernel": 1}}, "flatten"],
        [{"gaussian_noise": 0.1}, "global_average_pool"],
        [{"spatial_dropout": 0.1}, "global_average_pool"],
        ["prelu", "global_average_pool"],
    ):
        assert [placed.name for placed in frozen_part(build([*written, *head], SHAPE, 3))] == ["backbone_1"]
    written[0]["backbone"]["train"] = "all"
    assert frozen_part(build([*written, "flatten"], SHAPE, 3)) == ()


@pytest.mark.parametrize(
    ("layers", "error", "says"),
    [
        ([{"conv": {"filters": 3, "kernel": 1}}, {"backbone": "resnet18"}], ShapeError, "stands before all other"),
        ([{"backbone": {"name": "resnet18", "resize": 16}}], ShapeError, "at least 32"),
        ([{"backbone": {"name": "xception"}}], ShapeError, "resize: 72"),
        ([{"backbone": {"name": backbone_cases.SMALL, "read": "block99"}}], UnknownName, "block99"),
        ([{"backbone": {"name": backbone_cases.SMALL, "read": "block1", "train": "block3"}}], StudyError, "behind"),
    ],
)
def test_what_cannot_be_is_refused(layers: list[object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        network = build([*layers, "flatten"], SHAPE, 3)
        _ = network.shapes


@pytest.mark.parametrize("name", ["resnet1", "hf-hub:someone/network", "../file", "https://host/network"])
def test_names_are_those_of_timm(name: str) -> None:
    with pytest.raises((UnknownName, StudyError, ValidationError)):
        backbone(name=name)


def test_two_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 channels"):
        backbone().output_shape((32, 32, 2))


def test_the_place_to_read_is_a_part_of_the_identity() -> None:
    assert identity_of(backbone(read="block2")) != identity_of(backbone(read="block1"))


def test_json_comes_back() -> None:
    layer = backbone(preprocessing=SCALED, train="block2")
    [(name, arguments)] = layer.model_dump(mode="json").items()
    assert MODEL_LAYERS[name].model_validate(arguments) == layer
    assert arguments["name"] == backbone_cases.SMALL


def test_random_weights_are_those_of_their_seed() -> None:
    one, again = (values(backbone()) for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    other = backbone().init(Key((1,), ("init",)), SHAPE)[1]
    assert not all(np.array_equal(one[name][0], other[name][0].astype(np.float32)) for name in one)
