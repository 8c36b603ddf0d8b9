"""How far images are from the training images, so that a model can say which are nothing like them.

The Mahalanobis distance to the nearest class mean, with one covariance of all classes (Lee et al. 2018, A Simple
Unified Framework for Detecting Out-of-Distribution Samples, equation 2), in two spaces: the outputs of the last hidden
layer, and the image itself, averaged to at most 8x8 pixels. An image beyond the limit of either is unlike them.
bench/unfamiliar.py compares this with the other usual measures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from snellen.errors import BundleError
from snellen.files import tensors
from snellen.models.build import Network
from snellen.models.bundle_optional_sections import Familiarity
from snellen.models.dropout import TrainingNoise
from snellen.models.forward import layer_outputs, predict_probabilities, probabilities_and_outputs, to_input
from snellen.models.layer import Tensors
from snellen.models.weights import HEADER_BYTES_A_TENSOR, METADATA_BYTES

SIDE = 8
"""Pixels of the averaged images, at most. With 16 the bundle of colour images has 2.4 MB more, and no more images
that are unlike are found."""
MAX_VALUES = 512
"""Of a layer: a matrix of 1 MiB. Of a wider one the logits are compared, which find almost as many."""
MOST_VALUES = 1_024
"""Of any layer in a bundle: as many logits as a model may have."""
ROWS_AT_ONCE = 1_024
DEVIATIONS = 3
"""Standard deviations of a number of images, by which it may be above its mean by chance."""
PARTS = ("means", "whitening")
"""Of a space, as arrays."""


@dataclass(frozen=True, eq=False)
class Space:
    """Where distances are measured. means: (C, D) float32, of the classes. whitening: (D, D) float32, W with
    W W' = the inverse of the covariance. limit: of the distance."""

    means: np.ndarray
    whitening: np.ndarray
    limit: float

    def distances(self, values: np.ndarray) -> np.ndarray:
        """(N,) float64 of values (N, D): to the nearest mean, the root mean square over the D whitened values, so that
        it is about 1 whatever D is. Infinite for values that are no numbers."""
        with np.errstate(invalid="ignore", over="ignore"):
            means, centre = self._whitened_means
            points = (values.astype(np.float64) - centre) @ self.whitening.astype(np.float64)
            squares = (points**2).sum(1)[:, None] - 2 * points @ means.T + (means**2).sum(1)
            found = np.sqrt(np.maximum(squares.min(1), 0) / len(self.whitening))
        return np.where(np.isfinite(found), found, np.inf)

    @cached_property
    def _whitened_means(self) -> tuple[np.ndarray, np.ndarray]:
        means = self.means.astype(np.float64)
        centre = means.mean(0)
        return (means - centre) @ self.whitening.astype(np.float64), centre


@dataclass(frozen=True, eq=False)
class TrainingDistance:
    """The distance of images from the training images of one network. layer: whose outputs `outputs` is about.

    rate: of images like the training images that are beyond a limit, at most. images: those it is from.
    """

    rate: float
    images: int
    pixels: Space
    layer: str | None = None
    outputs: Space | None = None

    def measure(
        self,
        network: Network,
        parameters: Tensors,
        state: Tensors,
        images: Tensor,
        pixel_range: tuple[float, float],
        rows: Tensor | None = None,
    ) -> np.ndarray:
        """(N,) float64: the distance as a multiple of the limit, in the space where that is more; above 1 an image is
        unlike. For all images, as stored, or for `rows` of them; arguments as of `predict_probabilities`."""
        outputs = None
        if self.layer is not None:
            outputs = layer_outputs(network, parameters, state, images, pixel_range, self.layer, rows)
        return self._as_multiple(averaged(images, pixel_range, rows), outputs)

    def with_probabilities(
        self, network: Network, parameters: Tensors, state: Tensors, images: Tensor, pixel_range: tuple[float, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What `predict_probabilities` and `measure` give for all images, by one pass through the network."""
        if self.layer is None:
            probabilities, outputs = predict_probabilities(network, parameters, state, images, pixel_range), None
        else:
            probabilities, outputs = probabilities_and_outputs(
                network, parameters, state, images, pixel_range, self.layer
            )
        return probabilities, self._as_multiple(averaged(images, pixel_range), outputs)

    def _as_multiple(self, pixels: np.ndarray, outputs: np.ndarray | None) -> np.ndarray:
        found = self.pixels.distances(pixels) / self.pixels.limit
        if outputs is None or self.outputs is None:
            return found
        return np.maximum(found, self.outputs.distances(outputs) / self.outputs.limit)

    def is_more_than_chance(self, count: int, images: int) -> bool:
        """Whether so many of the images above a limit are more than chance explains, were all like the training
        images."""
        by_chance = self.rate * images
        return count > by_chance + DEVIATIONS * math.sqrt(by_chance)

    def doubts(self, distances: np.ndarray) -> str | None:
        """A sentence, where more of the distances (N,) are above 1 than chance explains."""
        count = int((distances > 1).sum())
        if not self.is_more_than_chance(count, len(distances)):
            return None
        these = "this image is" if len(distances) == 1 else f"{count:,} of {len(distances):,} images are"
        return f"{these} unlike the training images, so what is predicted means little: see unlike_training"


def averaged(images: Tensor, pixel_range: tuple[float, float], rows: Tensor | None = None) -> np.ndarray:
    """(N, D) float32: images as networks see them, each averaged to at most 8x8 pixels, by channel."""
    rows = torch.arange(len(images), device=images.device) if rows is None else rows
    height, width, channels = images.shape[1:]
    size = min(SIDE, height), min(SIDE, width)

    def average(some: Tensor) -> np.ndarray:
        inputs = to_input(images[some], pixel_range).permute(0, 3, 1, 2)
        found: np.ndarray = torch.nn.functional.adaptive_avg_pool2d(inputs, size).flatten(1).cpu().numpy()
        return found

    parts = [average(some) for some in rows.split(ROWS_AT_ONCE)] if len(rows) else []
    return np.concatenate([np.zeros((0, size[0] * size[1] * channels), np.float32), *parts])


def compared_layer(network: Network) -> str:
    """The name of the layer whose outputs are compared: the last hidden one, where there is one that is not too wide;
    else the last, which gives the logits."""
    *before, last = network.layers
    hidden = next((placed for placed in reversed(before) if not isinstance(placed.layer, TrainingNoise)), last)
    is_trained = any(name.startswith(f"{placed.name}.") for placed in before for name in network.shapes[0])
    return hidden.name if is_trained and math.prod(hidden.output_shape) <= MAX_VALUES else last.name


def pack(distance: TrainingDistance) -> dict[str, np.ndarray]:
    """The arrays of familiarity.safetensors."""
    spaces = {"pixels": distance.pixels, "outputs": distance.outputs}
    return {
        f"{name}.{part}": getattr(space, part) for name, space in spaces.items() if space is not None for part in PARTS
    }


def max_bytes(section: Familiarity, network: Network) -> int:
    """Largest familiarity.safetensors of the section. Raises BundleError for a layer that the network does not have."""
    sizes = _sizes(section, network).values()
    return sum(4 * size * (size + network.classes) for size in sizes) + _max_header_bytes(len(sizes))


def unpack(content: bytes, section: Familiarity, network: Network) -> TrainingDistance:
    """What `pack` gave, from the bytes of the file. Raises BundleError or IdentityError for arrays that do not fit."""
    sizes = _sizes(section, network)
    header, most = int.from_bytes(content[:8], "little"), _max_header_bytes(len(sizes))
    if header > most:
        raise BundleError("the header is too long", found=f"{header:,} bytes", expected=f"at most {most:,}")
    arrays = tensors.unpack(content)
    expected = {f"{name}.{part}" for name in sizes for part in PARTS}
    if arrays.keys() != expected:
        found = ", ".join(sorted(arrays))[:200]
        raise BundleError("other arrays than those of the section", found=found, expected=", ".join(sorted(expected)))
    pixels = _space(arrays, "pixels", sizes["pixels"], network.classes, section.pixel_limit)
    if section.layer is None or section.layer_limit is None:
        return TrainingDistance(section.rate, section.images, pixels)
    outputs = _space(arrays, "outputs", sizes["outputs"], network.classes, section.layer_limit)
    return TrainingDistance(section.rate, section.images, pixels, section.layer, outputs)


def _space(arrays: Mapping[str, np.ndarray], name: str, size: int, classes: int, limit: float) -> Space:
    means = tensors.array(arrays, f"{name}.means", np.float32, (None, size))
    whitening = tensors.array(arrays, f"{name}.whitening", np.float32, (size, size))
    if not 1 <= len(means) <= classes:
        raise BundleError("means of no classes", found=f"{len(means):,}", expected=f"1 to {classes:,}")
    return Space(means, whitening, limit)


def _max_header_bytes(spaces: int) -> int:
    return METADATA_BYTES + len(PARTS) * spaces * HEADER_BYTES_A_TENSOR


def _sizes(section: Familiarity, network: Network) -> dict[str, int]:
    """Values of an image in each space."""
    height, width, channels = network.input_shape
    sizes = {"pixels": min(SIDE, height) * min(SIDE, width) * channels}
    return sizes if section.layer is None else sizes | {"outputs": _layer_values(network, section.layer)}


def _layer_values(network: Network, layer: str) -> int:
    sizes = {placed.name: math.prod(placed.output_shape) for placed in network.layers}
    if layer not in sizes:
        raise BundleError("a layer that the network does not have", found=layer, expected=", ".join(sizes)[:200])
    if sizes[layer] > MOST_VALUES:
        raise BundleError("too wide a layer", found=f"{sizes[layer]:,} values", expected=f"at most {MOST_VALUES:,}")
    return sizes[layer]
