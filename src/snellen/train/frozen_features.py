"""What a frozen backbone gives for the images of a run that have a role: computed once, kept in the user's cache, and
trained on.

In parts of PART_IMAGES, each an entry of the cache: an interrupted computation goes on with the next part. What it
gives for an image does not depend on the others, so parts of other rows hold the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from snellen.data.dataset import Dataset
from snellen.data.dataset_cache import cached_array, is_cached
from snellen.errors import StudyError
from snellen.files.hashing import digest_arrays, identity
from snellen.kernels.library import instructions
from snellen.models.backbones.layer import Backbone
from snellen.models.backbones.module import read_points
from snellen.models.forward import layer_outputs
from snellen.models.frozen_part import frozen_identities
from snellen.models.pretrained import pretrained_values
from snellen.phrases import megabytes, plural
from snellen.train.batches import ResidentData
from snellen.train.job import Trajectory
from snellen.train.memory import available_memory

PART_IMAGES = 2_048
"""Images between two stores: 3 seconds of VGG16 at 32 pixels, a minute of EfficientNet-Lite0 at 224."""

VERSION = 2
"""Of the numbers: a change of how images are prepared, or of PART_IMAGES, makes old entries unusable."""

Progress = Callable[[str, int, int], None]


def quiet(what: str, done: int, images: int) -> None:
    """Shows nothing of an extraction."""


def features_key(trajectory: Trajectory, dataset: Dataset) -> str:
    """Of what the frozen layers of a trajectory give for the images of a data set: equal for equal numbers."""
    layers, software = frozen_identities(trajectory.frozen), [torch.__version__, instructions()]
    return identity([VERSION, *software, layers, dataset.fingerprint, list(trajectory.pixel_range)])


def frozen_name(trajectory: Trajectory) -> str:
    """What the frozen layers of a trajectory are called: `vgg16, block4`."""
    backbone = trajectory.frozen[0].layer
    assert isinstance(backbone, Backbone)  # a frozen part begins with one
    return f"{backbone.architecture}, {backbone.place}"


def missing_parts(trajectory: Trajectory, dataset: Dataset, rows: np.ndarray, device: str) -> list[np.ndarray]:
    """The rows of each part that is not in the cache, computed on such a device. rows: that are needed, ascending."""
    key = features_key(trajectory, dataset)
    parts = _parts(key, dataset, rows, device)
    return [part for part in parts if not is_cached(_part_key(key, part, dataset, device))]


def _parts(key: str, dataset: Dataset, rows: np.ndarray, device: str) -> list[np.ndarray]:
    """The parts of these rows; those of all images where the cache has them."""
    everything = _divided(np.arange(len(dataset)))
    known = all(is_cached(_part_key(key, part, dataset, device)) for part in everything)
    return everything if known else _divided(rows)


def _divided(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + PART_IMAGES] for start in range(0, len(rows), PART_IMAGES)]


@dataclass(frozen=True, eq=False)
class Extraction:
    """What the frozen layers of a trajectory give for the images of `material`, those of `dataset` on the device.

    rows: of the images that are needed, ascending; of others nothing is computed. backbones: the folder of the weights.
    progress: called with the name of the frozen layers and the number of images that are done, and of all; never where
    nothing is missing.
    """

    trajectory: Trajectory
    dataset: Dataset
    material: ResidentData
    rows: np.ndarray
    backbones: Path
    progress: Progress = quiet

    def extract(self) -> None:
        """Computes the parts that are missing, and keeps none of them in memory."""
        missing = missing_parts(self.trajectory, self.dataset, self.rows, self.material.device)
        count = len(self.rows)
        done = count - sum(map(len, missing))
        for part in missing:
            self.progress(frozen_name(self.trajectory), done, count)
            self._part(part)
            done += len(part)
        if missing:
            self.progress(frozen_name(self.trajectory), count, count)

    def load(self) -> ResidentData:
        """Of each row that is needed (M, ...) float32, on the device, with the labels of all; parts that are missing
        are computed."""
        self.extract()
        count, device = len(self.rows), self.material.device
        places = np.full(len(self.dataset), count)
        places[self.rows] = np.arange(count)
        features = torch.empty((count, *self.trajectory.frozen[-1].output_shape))
        for part in _parts(self._key, self.dataset, self.rows, device):
            needed = places[part] < count
            features[torch.from_numpy(places[part][needed])] = torch.from_numpy(self._part(part)[needed])
        at = torch.from_numpy(places).to(device) if count < len(self.dataset) else None
        return ResidentData(features.to(device), self.material.labels, at)

    def _part(self, part: np.ndarray) -> np.ndarray:
        key = _part_key(self._key, part, self.dataset, self.material.device)
        return cached_array(key, lambda: self._compute(part))

    def _compute(self, part: np.ndarray) -> np.ndarray:
        trajectory, material = self.trajectory, self.material
        images, last = material.images[torch.from_numpy(part).to(material.device)], trajectory.frozen[-1]
        found = layer_outputs(trajectory.network, {}, self._values, images, trajectory.pixel_range, last.name)
        return found.reshape(len(part), *last.output_shape)

    @cached_property
    def _key(self) -> str:
        return features_key(self.trajectory, self.dataset)

    @cached_property
    def _values(self) -> dict[str, Tensor]:
        """The weights of the backbone, read when the first part is computed."""
        return pretrained_values(self.backbones, self.trajectory.network, self.material.device)


def feature_bytes(trajectory: Trajectory, images: int) -> int:
    """Memory, and as much of the disk, that the features of so many images take; 0 without a frozen backbone."""
    return 4 * images * math.prod(trajectory.frozen[-1].output_shape) if trajectory.frozen else 0


def processes(device: str, workers: int) -> int:
    """How many processes may hold features: this one, and workers where there are several."""
    return 1 + workers if device == "cpu" and workers > 1 else 1


def expect_to_fit(trajectories: Iterable[Trajectory], dataset: Dataset, images: int, copies: int) -> None:
    """Raises StudyError where the features of these trajectories, of so many images and in so many copies, need more
    memory than is free, with what would fit."""
    frozen = {features_key(each, dataset): each for each in trajectories if each.frozen}
    sizes = {each: feature_bytes(each, images) for each in frozen.values()}
    needed, free = copies * sum(sizes.values()), available_memory()
    if free is None or needed <= free:
        return
    largest = max(frozen.values(), key=sizes.__getitem__)
    shape = "x".join(map(str, largest.frozen[-1].output_shape))
    each = f", once in each of {copies} processes" if copies > 1 else ""
    raise StudyError(
        "the features of frozen backbones do not fit into memory",
        found=f"{megabytes(needed)}: {plural(images, 'image')}, {shape} numbers each for the largest{each}",
        expected=f"at most {megabytes(free)}, the memory that is free",
        where=f"backbone {frozen_name(largest)}",
        hint=f"What would fit: {'; '.join(_what_fits(largest, images, copies, needed, free))}.",
    )


def _what_fits(trajectory: Trajectory, images: int, copies: int, needed: int, free: int) -> list[str]:
    """Ways to need less, the one that changes least first. needed: by all frozen layers of the study together."""
    layer, last = trajectory.frozen[0].layer, trajectory.frozen[-1]
    assert isinstance(layer, Backbone)  # a frozen part begins with one
    own = copies * feature_bytes(trajectory, images)
    others = needed - own
    found = ["`--workers 1`"] if copies > 1 and needed // copies <= free else []

    def fits(values: int) -> bool:
        return others + copies * images * 4 * values <= free

    own_shape = trajectory.frozen[0].output_shape
    if math.prod(last.output_shape) == math.prod(own_shape):  # nothing behind the backbone makes them fewer
        if len(own_shape) == 3 and math.prod(own_shape) > own_shape[-1] and fits(own_shape[-1]):
            found.append("`global_average_pool` as the layer after the backbone")
        points, shape = read_points(layer.architecture), trajectory.frozen[0].input_shape
        later = points[points.index(layer.place) + 1 :]
        sizes = {read: math.prod(layer.model_copy(update={"read": read}).output_shape(shape)) for read in later}
        found += [f"`read: {read}`" for read, size in sizes.items() if fits(size)][:1]
    return [*found, f"at most {max(0, images * free // needed):,} images"]


def _part_key(key: str, part: np.ndarray, dataset: Dataset, device: str) -> str:
    """Devices round differently, and stored predictions are computed again to the bit: each has parts of its own.

    A part of a data set that is used whole is named by its first row alone.
    """
    kind, first = device.partition(":")[0], int(part[0])
    whole = first % PART_IMAGES == 0 and np.array_equal(part, np.arange(first, min(first + PART_IMAGES, len(dataset))))
    rows = "" if whole else f"-{digest_arrays(part)[:16]}"
    return f"features/{key}-{first}{rows}" + ("" if kind == "cpu" else f"-{kind}")
