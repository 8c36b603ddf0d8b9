"""The convolutions of pretrained networks, by the compiled library and by torch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from snellen.kernels.library import SWITCH, has_vectors
from snellen.models.backbones import module
from snellen.models.backbones.convolution import CompiledConv2d

compiled = pytest.mark.skipif(not has_vectors(), reason="no compiled library here")


def pair(channels: int = 16, filters: int = 32, **options: object) -> tuple[nn.Module, nn.Module]:
    """A convolution of torch, and a copy of it that the library computes where it can."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(channels, filters, **{"kernel_size": 3, "padding": 1, **options}))  # type: ignore[arg-type]
    fast = copy.deepcopy(plain)
    CompiledConv2d.adopt(fast)
    return plain, fast


def images(count: int = 5, channels: int = 16, side: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, channels, side, side + 2, generator=generator)


@compiled
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("side", [8, 9, 32])
def test_the_numbers_are_those_of_torch_but_for_rounding(bias: bool, side: int) -> None:
    plain, fast = pair(bias=bias)
    x = images(side=side)
    with torch.inference_mode():
        expected, found = plain(x), fast(x)
    assert isinstance(fast[0], CompiledConv2d)  # type: ignore[index]
    assert not torch.equal(found, expected)  # the library computed it
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@compiled
def test_an_image_does_not_depend_on_those_beside_it() -> None:
    _, fast = pair()
    x = images(33)
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


@pytest.mark.parametrize("side", [3, 7])
def test_small_maps_are_torchs(side: int) -> None:
    plain, fast = pair()
    with torch.inference_mode():
        assert torch.equal(plain(images(side=side - 2)), fast(images(side=side - 2)))


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
    with torch.inference_mode():
        found = module.forward(architecture, "last", given, x)
        monkeypatch.setenv(SWITCH, "off")
        expected = module.forward(architecture, "last", given, x)
    assert not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
