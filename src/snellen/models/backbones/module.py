"""A network of timm without weights of its own: run up to one of its blocks, with tensors that are given.

Networks are built on torch's device "meta", which allocates nothing: shapes, costs and the tensors that a block needs
are known without weights.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from snellen.errors import ShapeError, StudyError, unknown
from snellen.models.backbones.catalogue import entry
from snellen.models.backbones.convolution import LEAST_SIDE, CompiledConv2d, is_compiled
from snellen.models.backbones.networks import LAST, VGG, expect_timm, meta_network

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Outline:
    """What a network is for images of one size, up to where it is read.

    output_shape: (height, width, channels). tensors: shapes by name of all parameters and moving statistics, in the
    order in which they are used. multiply_adds: of one image. widest: the most numbers that one of its operations
    reads and writes for an image.
    """

    output_shape: tuple[int, int, int]
    tensors: Mapping[str, Shape]
    multiply_adds: int
    widest: int


@cache
def read_points(architecture: str) -> tuple[str, ...]:
    """Where a network can be read, in the order of computation: block1, block2, ..., last."""
    return tuple(point.name for point in entry(architecture).reads)


@lru_cache(maxsize=256)
def outline(architecture: str, read: str, height: int, width: int) -> Outline:
    """What the network is for images (height, width, 3). Raises ShapeError when they are too small for it,
    UnknownName for a place where it cannot be read."""
    if read not in read_points(architecture):
        raise unknown("place to read", read, read_points(architecture), where=f"backbone {architecture}")
    with _borrowed(architecture) as module, _watched(module) as seen:
        try:
            shape = module([torch.zeros(1, 3, height, width, device="meta")], read).shape[1:]
        except (RuntimeError, ValueError, AssertionError, IndexError) as error:
            reason, found = str(error).splitlines()[0], f"{height}x{width} pixels"
            raise ShapeError(f"the backbone {architecture} cannot take these images ({reason})", found=found) from None
    if len(shape) != 3 or min(shape) < 1:
        problem = f"the backbone {architecture} gives nothing for images of this size"
        raise ShapeError(problem, found=f"{height}x{width} pixels")
    tensors = {**module.own, **seen.tensors}
    return Outline((shape[1], shape[2], shape[0]), tensors, seen.multiply_adds, seen.widest)


def forward(architecture: str, read: str, tensors: Mapping[str, Tensor], parts: Iterable[Tensor]) -> Tensor:
    """(N, channels, h, w) of N images, given in parts (n, 3, height, width) that are computed one after the other,
    scaled as the weights need it.

    Always in evaluation mode: moving statistics are used and not changed, and nothing is dropped.
    """
    given = {f"network.{name}": value for name, value in tensors.items()}
    with _borrowed(architecture) as module:
        y: Tensor = torch.func.functional_call(module, given, (parts, read))
    return y


def random_tensors(architecture: str, seed: int) -> dict[str, Tensor]:
    """All tensors as timm initialises them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = expect_timm().create_model(entry(architecture).timm_name, pretrained=False, num_classes=0)
    return {name: value for name, value in network.state_dict().items() if value.is_floating_point()}


class _Readable(nn.Module):
    """A network of timm whose forward pass ends where it is read.

    VGG's small maps are computed for all parts at once where torch computes none of them: most of the time would go
    into weights.
    """

    def __init__(self, network: nn.Module, pooled: tuple[int, ...]) -> None:
        """pooled: of VGG, the ends of its blocks in `features`."""
        super().__init__()
        self.network: Any = network
        self.pooled = pooled
        own = [*network.named_parameters(recurse=False), *network.named_buffers(recurse=False)]
        self.own = {name: tuple(value.shape) for name, value in own}
        self.num_blocks = len(pooled) if pooled else len(network.feature_info)  # type: ignore[arg-type]

    def forward(self, parts: Iterable[Tensor], read: str) -> Tensor:
        """(N, channels, h, w)."""
        if not self.pooled:
            return torch.cat([self._read(x, read) for x in parts])
        ends, split, features, found = self.pooled, 0, self.network.features, list[Tensor]()
        ends = ends if read == LAST else ends[: _place(read) + 1]
        for x in parts:
            split = ends[sum(min(x.shape[2:]) >> number >= LEAST_SIDE for number in range(1, len(ends)))]
            found.append(features[:split](x))
        late = features[split : ends[-1]]
        return late(torch.cat(found)) if is_compiled(found[0]) else torch.cat([late(y) for y in found])

    def _read(self, x: Tensor, read: str) -> Tensor:
        if read == LAST:
            y: Tensor = self.network.forward_features(x)
            if y.ndim == 4 and y.shape[1] == self.network.num_features:
                return y
            place = self.num_blocks - 1  # of transformers, whose tokens lie in rows
        else:
            place = _place(read)
        [y] = self.network.forward_intermediates(
            x, indices=[place], intermediates_only=True, stop_early=True, output_fmt="NCHW"
        )
        return y


def _place(read: str) -> int:
    return int(read.removeprefix("block")) - 1


def _readable(architecture: str) -> _Readable:
    name = entry(architecture).timm_name
    network = meta_network(name)
    kept = network.state_dict()
    for each, buffer in network.named_buffers():
        if not (each in kept and buffer.is_floating_point()) and not each.endswith("num_batches_tracked"):
            found = f"{architecture}: {each}"
            raise StudyError("a network with computed constants cannot be a backbone", found=found)
    is_vgg, pooled = name.startswith(VGG), tuple[int, ...]()
    CompiledConv2d.adopt(network, least_side=1 if is_vgg else LEAST_SIDE)
    if is_vgg:
        network.pre_logits = nn.Identity()  # two dense layers of 4,096 units, which nothing here reads
        features: Any = network.features
        pooled = tuple(number for number, each in enumerate(features, 1) if isinstance(each, nn.MaxPool2d))
    return _Readable(network, pooled).eval()


_UNUSED: dict[str, list[_Readable]] = defaultdict(list)


@contextmanager
def _borrowed(architecture: str) -> Iterator[_Readable]:
    """A module that nobody else uses meanwhile: torch puts given tensors into it while it runs, and images are
    predicted by several threads."""
    unused = _UNUSED[architecture]
    try:
        module = unused.pop()
    except IndexError:
        module = _readable(architecture)
    try:
        yield module
    finally:
        unused.append(module)


class _Seen:
    """Notes what runs."""

    def __init__(self) -> None:
        self.tensors: dict[str, Shape] = {}
        self.multiply_adds = 0
        self.widest = 0

    def note(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        """A hook of the module of this name."""
        prefix = f"{name}." if name else ""

        def hook(module: nn.Module, given: Any, y: Any) -> None:
            own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            for key, value in own:
                if value.is_floating_point():
                    self.tensors[f"{prefix}{key}".removeprefix("network.")] = tuple(value.shape)
            if isinstance(y, Tensor):
                x = next((each for each in given if isinstance(each, Tensor)), y)
                self.widest = max(self.widest, x.numel() + y.numel())
                weight = getattr(module, "weight", None)
                if isinstance(module, nn.Conv2d | nn.Linear) and isinstance(weight, Tensor):
                    self.multiply_adds += math.prod(weight.shape[1:]) * y.numel()

        return hook


@contextmanager
def _watched(module: nn.Module) -> Iterator[_Seen]:
    seen = _Seen()
    hooks = [each.register_forward_hook(seen.note(name)) for name, each in module.named_modules()]
    try:
        with torch.no_grad():
            yield seen
    finally:
        for hook in hooks:
            hook.remove()
