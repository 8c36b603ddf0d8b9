"""The convolutions of pretrained networks, by the compiled library and by torch."""

from __future__ import annotations

import copy

import pytest
import torch
from needs import needs
from torch import nn

from snellen.kernels.library import SWITCH, has_vectors
from snellen.models.backbones import module
from snellen.models.backbones.convolution import LEAST_SIDE, CompiledConv2d

compiled = needs("kernels")


def pair(
    channels: int = 16, filters: int = 32, least_side: int = LEAST_SIDE, **options: object
) -> tuple[nn.Module, nn.Module]:
    """A convolution of torch, and a copy of it that the library computes where it can."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(channels, filters, **{"kernel_size": 3, "padding": 1, **options}))  # type: ignore[arg-type]
    fast = copy.deepcopy(plain)
    CompiledConv2d.adopt(fast, least_side)
    return plain, fast


def images(count: int = 5, channels: int = 16, side: int = 9, width: int | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, channels, side, width or side + 2, generator=generator)


@compiled
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("side", [8, 9, 32])
def test_the_numbers_are_those_of_torch_but_for_rounding(bias: bool, side: int) -> None:
    plain, fast = pair(bias=bias)
    x = images(side=side)
    with torch.inference_mode():
        expected, found = plain(x), fast(x)
    assert isinstance(fast[0], CompiledConv2d)  # type: ignore[index]
    assert torch.equal(found, expected) != has_vectors()  # by vectors the library computed it
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@compiled
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (1, 2), (2, 3), (4, 4)])
def test_small_maps_too_where_that_is_asked_for(bias: bool, height: int, width: int) -> None:
    plain, fast = pair(bias=bias, least_side=1)
    x = images(side=height, width=width)
    with torch.inference_mode():
        expected, found = plain(x), fast(x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@compiled
@pytest.mark.parametrize("side", [2, 9])
@pytest.mark.parametrize(("channels", "filters"), [(16, 32), (256, 512)])
def test_an_image_does_not_depend_on_those_beside_it(side: int, channels: int, filters: int) -> None:
    _, fast = pair(channels, filters, least_side=1)
    x = images(33, channels, side, side)
    with torch.inference_mode():
        together = fast(x)
        for count in (1, 2, 7, 32):
            assert torch.equal(fast(x[:count]), together[:count])


def test_gradients_and_double_precision_are_torchs() -> None:
    plain, fast = pair()
    x = images()
    assert torch.equal(plain(x), fast(x))
    for each in (plain, fast):
        each.double()
    with torch.inference_mode():
        assert torch.equal(plain(x.double()), fast(x.double()))


@pytest.mark.parametrize("side", [1, 7])
def test_small_maps_are_torchs(side: int) -> None:
    plain, fast = pair()
    with torch.inference_mode():
        assert torch.equal(plain(images(side=side)), fast(images(side=side)))


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 3},
        {"filters": 24},
        {"stride": 2},
        {"kernel_size": 1},
        {"padding": 0},
        {"dilation": 2},
        {"groups": 2},
    ],
)
def test_other_convolutions_are_torchs(options: dict[str, int]) -> None:
    plain, fast = pair(**options)
    assert type(fast[0]) is nn.Conv2d  # type: ignore[index]
    x = images(channels=options.get("channels", 16))
    with torch.inference_mode():
        assert torch.equal(plain(x), fast(x))


def test_without_the_library_torch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast = pair()
    monkeypatch.setenv(SWITCH, "off")
    with torch.inference_mode():
        assert torch.equal(plain(images()), fast(images()))


@compiled
@needs("timm")
def test_a_vgg_gives_an_image_the_same_bits_in_any_batch_of_its_groups() -> None:
    known = module.outline("vgg16", "last", 32, 32).tensors
    given = {name: value for name, value in module.random_tensors("vgg16", 0).items() if name in known}
    x = torch.rand(12, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        whole = module.forward("vgg16", "last", given, x.split(4))
        parts = [module.forward("vgg16", "last", given, [part]) for part in x.split(4)]
    assert whole.any() and torch.equal(whole, torch.cat(parts))


@compiled
@needs("timm")
@pytest.mark.parametrize("architecture", ["vgg16", "resnet18"])
def test_features_of_a_network_are_those_of_torch_but_for_rounding(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = module.random_tensors(architecture, 0)
    known = module.outline(architecture, "last", 32, 32).tensors
    given = {
        name: torch.ones_like(value) if value.ndim == 1 and name.endswith("weight") else value
        for name, value in tensors.items()
        if name in known
    }  # timm begins with residual branches of 0
    x = images(4, 3, 32)[..., :32].contiguous(memory_format=torch.channels_last)
    by_vectors = has_vectors()
    with torch.inference_mode():
        found = module.forward(architecture, "last", given, x.split(2))
        monkeypatch.setenv(SWITCH, "off")
        expected = module.forward(architecture, "last", given, x.split(2))
    assert torch.equal(found, expected) != by_vectors
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
