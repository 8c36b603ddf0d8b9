"""Feature steps: layers in front of a network whose numbers are fitted to the training images once, before training.

Fitted numbers are state: they travel with checkpoints, weights and bundles, and no gradient changes them. Fitted on the
training rows of the job alone, so that no other row has a say.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from snellen.errors import IdentityError, ShapeError
from snellen.models.importances import Importance, importance_of
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.keys import Key
from snellen.models.lanes import convolution, on_channels
from snellen.models.layer import (
    OPERATIONS_A_VALUE,
    Arrays,
    Count,
    Layer,
    Shape,
    Side,
    Step,
    Tensors,
    row_product,
)
from snellen.models.named import one_of
from snellen.models.windows import (
    Padding,
    Sliding,
    add_convolution,
    convolution_operations,
    convolution_values,
    pad_same,
    window_output,
)


class Feature(Layer):
    """Base of all feature steps.

    fit(x, labels, seed) -> state: from training images (n, ...) float32 as networks see them; arrays without a lane.
    enough: number of images to which the step is fitted just as well as to all; None where it needs all.
    """

    enough: ClassVar[int | None] = None

    @abstractmethod
    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        """The state, in the shapes of `state_shapes`."""

    @abstractmethod
    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the fitted arrays for input of `shape`."""

    @property
    def is_resolved(self) -> bool:
        """False while a number is missing that depends on the data."""
        return True

    def resolved(self, x: np.ndarray) -> Feature:
        """The same step with these numbers found from images x: its output shape is then known."""
        return self

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        return {}, {name: np.zeros((len(key.seeds), *size)) for name, size in self.state_shapes(shape).items()}


@final
class Standardise(Feature):
    """Each value minus its mean over the training images, divided by its deviation; constant values become 0."""

    kind: Literal["standardise"] = "standardise"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"mean": shape, "scale": shape}

    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        deviation = x.std(0, dtype=np.float64)
        scale = np.divide(1, deviation, where=deviation > 0, out=np.zeros_like(deviation))
        return {"mean": x.mean(0, dtype=np.float64), "scale": scale}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return (x - state["mean"].unsqueeze(1)) * state["scale"].unsqueeze(1), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.scale(graph.shift(x, -arrays["mean"]), arrays["scale"])

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)


@final
class Pca(Feature):
    """The first principal components of the flattened images (scikit-learn's PCA).

    keep: a number of components, or the share of the variance that they must explain.
    """

    kind: Literal["pca"] = "pca"
    shorthand: ClassVar = "keep"
    keep: Annotated[int, Field(ge=1, le=65_536, strict=True)] | Annotated[float, Field(gt=0, lt=1, strict=True)]

    def output_shape(self, shape: Shape) -> Shape:
        if not isinstance(self.keep, int):
            raise ShapeError("the number of components is not known before the data are seen", found=self.keep)
        if self.keep > math.prod(shape):
            raise ShapeError("more components than values", found=self.keep, expected=f"at most {math.prod(shape)}")
        return (self.keep,)

    @property
    def is_resolved(self) -> bool:
        return isinstance(self.keep, int)

    def resolved(self, x: np.ndarray) -> Feature:
        return self if isinstance(self.keep, int) else Pca(keep=len(_principal(x, self.keep)[1]))

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"mean": (math.prod(shape),), "components": (math.prod(shape), *self.output_shape(shape))}

    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        mean, components, _ = _principal(x, self.keep)
        return {"mean": mean, "components": components.T}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return row_product(x.flatten(2) - state["mean"].unsqueeze(1), state["components"]), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        return graph.dense(graph.shift(graph.flatten(x), -arrays["mean"]), arrays["components"], None)

    def operations(self, shape: Shape) -> int:
        return super().operations(shape) + math.prod(shape) * math.prod(self.output_shape(shape))

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)

    def detail(self) -> str:
        return f"{self.keep} components"


@final
class Whiten(Feature):
    """ZCA whitening (Bell and Sejnowski 1997): values uncorrelated and of equal variance, still looking like an image.

    epsilon: added to every variance, so that noise in constant directions is not blown up.
    """

    kind: Literal["whiten"] = "whiten"
    shorthand: ClassVar = "epsilon"
    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.01

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"mean": (math.prod(shape),), "matrix": (math.prod(shape), math.prod(shape))}

    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        mean, components, variances = _principal(x, min(len(x), math.prod(x.shape[1:])))
        return {"mean": mean, "matrix": components.T @ (components / np.sqrt(variances + self.epsilon)[:, None])}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return row_product(x.flatten(2) - state["mean"].unsqueeze(1), state["matrix"]).reshape(x.shape), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        white = graph.dense(graph.shift(graph.flatten(x), -arrays["mean"]), arrays["matrix"], None)
        return graph.add("unflatten", [white], x.shape)

    def operations(self, shape: Shape) -> int:
        return super().operations(shape) + math.prod(shape) ** 2

    def working_values(self, shape: Shape) -> int:
        return math.prod(shape)

    def detail(self) -> str:
        return f"ZCA, epsilon {self.epsilon:g}"


@final
class WhitenPatches(Feature):
    """A first convolution that is not trained, for a relu to follow: the `keep` largest principal components of patches
    of kernel x kernel pixels, each of variance 1, and their negatives as channels of their own (Jordan 2024, airbench).

    epsilon: added to every variance, as a share of that of the pixels.
    """

    kind: Literal["whiten_patches"] = "whiten_patches"
    shorthand: ClassVar = "kernel"
    enough: ClassVar = 5_000
    kernel: Side
    keep: Count
    strides: Side = 1
    padding: Padding = "valid"
    epsilon: Annotated[float, Field(gt=0, le=1)] = 5e-4

    @property
    def sliding(self) -> Sliding:
        """How the window slides."""
        return Sliding.of(self.kernel, self.strides, self.padding)

    def output_shape(self, shape: Shape) -> Shape:
        size = window_output(self, shape, self.sliding)
        values = self.kernel**2 * shape[2]
        if self.keep > values:
            raise ShapeError("more components than values of a patch", found=self.keep, expected=f"at most {values}")
        return (*size, 2 * self.keep)

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"mean": (shape[2],), "filters": (self.keep, self.kernel, self.kernel, shape[2])}

    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        mean, covariance = x.mean((0, 1, 2), dtype=np.float64), _patch_covariance(x, self.kernel)
        variances, components = np.linalg.eigh(covariance)
        largest = np.maximum(variances[::-1][: self.keep], 0) + self.epsilon * variances.mean()
        filters = _signed(components.T[::-1][: self.keep]) / np.sqrt(largest)[:, None]
        return {"mean": mean, "filters": filters.reshape(self.keep, self.kernel, self.kernel, -1)}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        def convolve(x: Tensor) -> Tensor:
            padded = pad_same(x, self.sliding, 0.0)
            return convolution(padded, state["filters"], sliding=replace(self.sliding, padding="valid"))

        y = on_channels(convolve, x - state["mean"][:, None, None, None])
        return torch.cat([y, -y], -1), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        filters = np.concatenate([arrays["filters"], -arrays["filters"]])
        return add_convolution(graph, graph.shift(x, -arrays["mean"]), filters, None, self.sliding)

    def multiply_adds(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) // 2 * self.kernel**2 * shape[2]

    def operations(self, shape: Shape) -> int:
        height, width, channels = self.output_shape(shape)
        windows = convolution_operations(height * width, self.kernel**2, shape[2], channels // 2)
        return windows + OPERATIONS_A_VALUE * (math.prod(shape) + 2 * height * width * channels)

    def working_values(self, shape: Shape) -> int:
        height, width, channels = self.output_shape(shape)
        sliding = convolution_values(shape, height * width, self.sliding)
        return math.prod(shape) + sliding + height * width * channels

    def detail(self) -> str:
        return f"{self.keep} components of {self.kernel}x{self.kernel} pixels and their negatives, {self.padding}"


@final
class TopPixels(Feature):
    """The `count` most important values of an image, most important first, as a vector."""

    kind: Literal["top_pixels"] = "top_pixels"
    shorthand: ClassVar = "count"
    count: Annotated[int, Field(ge=1, le=65_536)]
    by: Importance = "random_forest"

    def output_shape(self, shape: Shape) -> Shape:
        if self.count > math.prod(shape):
            most = f"at most {math.prod(shape)}"
            raise ShapeError("more pixels than the image has", found=self.count, expected=most)
        return (self.count,)

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"pixels": self.output_shape(shape), "importance": (math.prod(shape),)}

    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        importance = importance_of(self.by, x.reshape(len(x), -1), labels, seed)
        return {"pixels": np.argsort(-importance, kind="stable")[: self.count].astype(float), "importance": importance}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        flat, pixels = x.flatten(2), state["pixels"].long().unsqueeze(1)
        return flat.gather(2, pixels.expand(-1, flat.shape[1], -1)), {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        places = {"places": arrays["pixels"].astype(np.int64)}
        return graph.add("select", [graph.flatten(x)], (self.count,), dict[str, np.ndarray | None](places))

    def check(self, parameters: Tensors, state: Tensors, shape: Shape) -> None:
        """Every place is one of the image, and none is named twice."""
        places, end = state["pixels"], math.prod(shape)
        wrong = places[~((places == places.round()) & (places >= 0) & (places < end))]
        if len(wrong):
            expected = f"whole numbers from 0 to {end - 1:,}"
            raise IdentityError("pixels outside the image", found=f"{float(wrong[0]):g}", expected=expected)
        if len(places.unique()) < places.numel():
            raise IdentityError("a pixel twice", expected=f"{places.numel():,} different ones")

    def detail(self) -> str:
        return f"{self.count} by {self.by.replace('_', ' ')}"


FEATURES: dict[str, type[Feature]] = {
    "standardise": Standardise,
    "pca": Pca,
    "whiten": Whiten,
    "whiten_patches": WhitenPatches,
    "top_pixels": TopPixels,
}

if TYPE_CHECKING:
    AnyFeature = Feature
else:
    AnyFeature = one_of(FEATURES, "feature step")


def _principal(x: np.ndarray, keep: int | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (F,), components (k, F) and their variances (k,) of flattened images; signs fixed, so deterministic."""
    from sklearn.decomposition import PCA

    if isinstance(keep, int) and keep > len(x):
        raise ShapeError("more components than training images", found=keep, expected=f"at most {len(x):,}")
    fitted = PCA(keep, svd_solver="covariance_eigh").fit(x.reshape(len(x), -1).astype(np.float64))
    return fitted.mean_, fitted.components_, np.maximum(fitted.explained_variance_, 0)


IMAGES_AT_ONCE = 256


def _patch_covariance(x: np.ndarray, side: int) -> np.ndarray:
    """(F, F) of all patches of side x side pixels of images (n, H, W, C) that lie side by side, row by row."""
    size, count = side**2 * x.shape[3], 0
    total, products = np.zeros(size), np.zeros((size, size))
    for begin in range(0, len(x), IMAGES_AT_ONCE):
        windows = np.lib.stride_tricks.sliding_window_view(x[begin : begin + IMAGES_AT_ONCE], (side, side), (1, 2))
        patches = windows[:, ::side, ::side].transpose(0, 1, 2, 4, 5, 3).reshape(-1, size).astype(np.float64)
        total, products, count = total + patches.sum(0), products + patches.T @ patches, count + len(patches)
    return np.asarray(products / count - np.outer(total / count, total / count))


def _signed(components: np.ndarray) -> np.ndarray:
    """Rows turned so that the largest value of each is positive: one of two equal answers."""
    largest = np.take_along_axis(components, np.abs(components).argmax(1)[:, None], 1)
    return np.asarray(components * np.sign(largest))
