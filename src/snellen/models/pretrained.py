"""The weights of backbones that a run keeps, one file each: backbones/<sha256>.safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from snellen.errors import IdentityError, located
from snellen.files.inside import inside
from snellen.models.backbones.layer import Backbone
from snellen.models.backbones.weights_file import read_tensors
from snellen.models.build import Network

FOLDER = "backbones"


def backbone_path(folder: Path, sha256: str) -> Path:
    """The file of the weights of this hash in such a folder."""
    return inside(folder, f"{sha256}.safetensors")


def pretrained_values(folder: Path, network: Network, device: str = "cpu") -> dict[str, Tensor]:
    """The pretrained values of a network's backbone by full name, (1, ...); none where it has no such backbone.

    folder: FOLDER of a run. Raises IdentityError when its file was changed or lacks one of the tensors.
    """
    placed = network.layers[0]
    layer = placed.layer
    if not isinstance(layer, Backbone) or layer.sha256 is None:
        return {}
    path = backbone_path(folder, layer.sha256)
    shapes, found = layer.outline(placed.input_shape).tensors, {}
    tensors = read_tensors(path, layer.sha256, [*shapes])
    with located(str(path)):
        for name, shape in shapes.items():
            value = tensors.get(name)
            if value is None or tuple(value.shape) != shape:
                raise IdentityError(f"tensor {name} is missing or of another shape", expected=shape)
            value = value.to(memory_format=torch.channels_last) if value.ndim == 4 else value
            found[f"{placed.name}.{name}"] = value.to(device).unsqueeze(0)
    return found
