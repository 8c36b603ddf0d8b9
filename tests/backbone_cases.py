"""Small networks of timm for tests: written as files of weights, with whatever a test wants to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SMALL = "test_resnet"
"""A ResNet of 2 MB."""
TWINS = ("test_efficientnet_gn", "test_efficientnet_ln")
"""Two networks of 1.4 MB with the same tensors: their weights were trained with means of 0.5 and of ImageNet."""


def state(timm_name: str = SMALL) -> dict[str, Any]:
    """Random tensors of a network, the same every time."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return dict(timm.create_model(timm_name, pretrained=False).state_dict())


def write(path: Path, tensors: Mapping[str, Any], **metadata: str) -> Path:
    """A safetensors file of these tensors."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata or None)
    return path
