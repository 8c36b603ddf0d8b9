"""What the proposal for photographs is compared with: logistic regression on features of pretrained backbones.

The weights are those of `SNELLEN_DATA/weights`: EfficientNet-Lite0 in TensorFlow's variant (mean and deviation 0.5),
pooled, at SIDE pixels; the convolutions of VGG16, the mean of each channel after block 4, at VGG_SIDE pixels (at 128
they take twelve times as long as Lite0).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIDE, BATCH = 128, 64
VGG_BLOCK_4, VGG_SIDE = 23, 64
STRENGTHS = np.logspace(-4, 0, 5)
"""Of C, chosen by stratified cross-validation of the training images."""


def weights_folder() -> Path | None:
    """The folder with both files; None where they are missing."""
    data = os.environ.get("SNELLEN_DATA")
    folder = Path(data) / "weights" if data else Path.home() / ".cache" / "snellen-reference-data" / "weights"
    return folder if (folder / "tf_efficientnet_lite0.safetensors").exists() else None


def backbones(folder: Path, with_vgg16: bool = False) -> dict[str, Callable[[Any], Any]]:
    """Features (N, D) of images (N, 3, H, W) from 0 to 1, by name."""
    import timm
    import torch
    from safetensors.torch import load_file
    from torchvision.models import vgg16  # type: ignore[import-untyped]

    lite0: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    lite0.load_state_dict(load_file(folder / "tf_efficientnet_lite0.safetensors"))
    lite0.reset_classifier(0)
    found = {"lite0": _scaled(lite0.eval(), (0.5,) * 3, (0.5,) * 3)}
    if with_vgg16:
        vgg = vgg16(weights=None)
        vgg.load_state_dict(load_file(folder / "vgg16_features.safetensors"), strict=False)
        smaller = torch.nn.AvgPool2d(SIDE // VGG_SIDE)
        block = torch.nn.Sequential(
            smaller, *vgg.features[: VGG_BLOCK_4 + 1], torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
        )
        found["vgg16 block 4"] = _scaled(block.eval(), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return found


def _scaled(network: Any, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Callable[[Any], Any]:
    import torch

    shift, scale = (torch.tensor(values)[:, None, None] for values in (mean, deviation))
    return lambda images: network((images - shift) / scale)


def images_of(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, SIDE, SIDE, 3) of `CLASS/NUMBER.jpg`, and class names."""
    from PIL import Image

    files = sorted(folder.glob("*/*.jpg"))
    resized = [Image.open(file).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR) for file in files]
    return np.stack([np.asarray(image) for image in resized]), np.array([file.parent.name for file in files])


def logistic_regressions(own: Path, fresh: Path, weights: Path, with_vgg16: bool = False) -> dict[str, float]:
    """Accuracy on the fresh test, by backbone."""
    import torch
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (images, labels), (fresh_images, fresh_labels) = images_of(own), images_of(fresh)

    def features(backbone: Callable[[Any], Any], pictures: np.ndarray) -> np.ndarray:
        batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
        with torch.no_grad():
            tensors = [torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255 for batch in batches]
            return np.concatenate([backbone(each).numpy() for each in tensors])

    scores = {}
    for name, backbone in backbones(weights, with_vgg16).items():
        judge = LogisticRegressionCV(
            Cs=STRENGTHS, cv=5, max_iter=200, l1_ratios=(0,), use_legacy_attributes=False, scoring="accuracy"
        )
        model = make_pipeline(StandardScaler(), judge).fit(features(backbone, images), labels)
        scores[name] = float(model.score(features(backbone, fresh_images), fresh_labels))
    return scores
