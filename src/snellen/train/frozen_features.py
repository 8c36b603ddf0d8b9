"""What a frozen backbone gives for all images of a run: computed once, kept in the user's cache, and trained on.

In parts of PART_IMAGES, each an entry of the cache: an interrupted computation goes on with the next part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from snellen.data.dataset import Dataset
from snellen.data.dataset_cache import cached_array
from snellen.files.hashing import identity
from snellen.models.forward import layer_outputs
from snellen.models.named import identity_of
from snellen.models.pretrained import pretrained_values
from snellen.train.batches import ResidentData
from snellen.train.job import Trajectory

PART_IMAGES = 2_048
"""Images between two stores: 3 seconds of VGG16 at 32 pixels, a minute of EfficientNet-Lite0 at 224."""

VERSION = 1
"""Of the numbers: a change of how images are prepared makes old entries unusable."""


def features_key(trajectory: Trajectory, dataset: Dataset) -> str:
    """Of what the frozen layers of a trajectory give for the images of a data set: equal for equal numbers."""
    layers = [identity_of(placed.layer) for placed in trajectory.frozen]
    return identity([VERSION, torch.__version__, layers, dataset.fingerprint, list(trajectory.pixel_range)])


def compute_features(
    trajectory: Trajectory,
    dataset: Dataset,
    material: ResidentData,
    backbones: Path,
    progress: Callable[[int, int], None] = lambda done, images: None,
) -> ResidentData:
    """The outputs of the frozen layers for all images, (N, ...) float32, on the device, with the same labels.

    backbones: the folder of the weights. progress: called with the number of images that are done, and of all.
    """
    network, device, count = trajectory.network, material.device, len(material.images)
    last = trajectory.frozen[-1]
    values = pretrained_values(backbones, network, device)
    key = features_key(trajectory, dataset)

    def part(start: int) -> np.ndarray:
        images = material.images[start : start + PART_IMAGES]
        found = layer_outputs(network, {}, values, images, trajectory.pixel_range, last.name)
        return found.reshape(len(images), *last.output_shape)

    features = torch.empty((count, *last.output_shape))
    for start in range(0, count, PART_IMAGES):
        array = cached_array(f"features/{key}-{start}", lambda start=start: part(start))  # type: ignore[misc]
        features[start : start + PART_IMAGES] = torch.from_numpy(array)
        progress(min(start + PART_IMAGES, count), count)
    return ResidentData(features.to(device), material.labels)


def feature_bytes(trajectory: Trajectory, images: int) -> int:
    """Memory, and as much of the disk, that the features of so many images take; 0 without a frozen backbone."""
    return 4 * images * math.prod(trajectory.frozen[-1].output_shape) if trajectory.frozen else 0
