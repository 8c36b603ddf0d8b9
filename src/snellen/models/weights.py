"""The weights of one network as a file: one tensor a parameter or state entry, by name, without the lane axis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.models import chain
from snellen.models.build import Network
from snellen.models.layer import Tensors

HEADER_BYTES_A_TENSOR = 256
METADATA_BYTES = 4_096
"""More than the header of a weights file has for a tensor beside its name, and for all else."""


def save_weights(path: Path, parameters: Tensors, state: Tensors, metadata: Mapping[str, str]) -> None:
    """Writes lane 0 of the parameters and the state."""
    tensors.save(path, _arrays(parameters, state), metadata)


def pack_weights(parameters: Tensors, state: Tensors, metadata: Mapping[str, str]) -> bytes:
    """What `save_weights` writes."""
    return tensors.pack(_arrays(parameters, state), metadata)


def _arrays(parameters: Tensors, state: Tensors) -> dict[str, np.ndarray]:
    return {name: value[0].detach().cpu().numpy() for name, value in {**parameters, **state}.items()}


def load_weights(path: Path, network: Network, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and state of one lane. Raises IdentityError when names or shapes are not those of the network."""
    with located(str(path)):
        return unpack_weights(path.read_bytes(), network, device)


def unpack_weights(
    content: bytes, network: Network, device: str = "cpu"
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The same from the bytes of a weights file."""
    parameters, state = network.shapes
    _expect_short_header(content, network)
    arrays = tensors.unpack(content)
    _expect_same(arrays, {**parameters, **state})
    found = _tensors(arrays, parameters, device), _tensors(arrays, state, device)
    chain.check(network.layers, *found)
    return found


def max_bytes(network: Network) -> int:
    """Largest weights file of a network."""
    return 4 * network.stored_count + _max_header_bytes(network)


def _max_header_bytes(network: Network) -> int:
    return METADATA_BYTES + sum(len(name) + HEADER_BYTES_A_TENSOR for shapes in network.shapes for name in shapes)


def _expect_short_header(content: bytes, network: Network) -> None:
    """A header is JSON, which takes many times its bytes in memory."""
    size, most = int.from_bytes(content[:8], "little"), _max_header_bytes(network)
    if size > most:
        raise IdentityError(
            "the header is too long", found=f"{size:,} bytes", expected=f"at most {most:,}", where="byte 0"
        )


def _expect_same(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> None:
    if arrays.keys() != shapes.keys():
        odd = ", ".join(repr(name)[:100] for name in sorted(arrays.keys() ^ shapes.keys())[:5])
        raise IdentityError("the tensors are not those of the network", found=f"{odd} on one side only")
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float32:
            found = f"{arrays[name].dtype} {arrays[name].shape}"
            raise IdentityError(f"tensor {name} does not fit", found=found, expected=f"float32 {shape}")


def _tensors(arrays: Mapping[str, np.ndarray], names: Mapping[str, object], device: str) -> dict[str, Tensor]:
    return {name: torch.from_numpy(arrays[name]).to(device).unsqueeze(0) for name in names}
