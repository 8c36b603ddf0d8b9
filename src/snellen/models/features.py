"""Feature steps: layers in front of a network whose numbers are fitted to the training pictures once, before training.

Fitted numbers are state: they travel with checkpoints, weights and bundles, and no gradient changes them. Fitted on the
training rows of the job alone, so that no other row has a say.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

import numpy as np
from pydantic import Field
from torch import Tensor

from snellen.errors import ShapeError
from snellen.models.importances import IMPORTANCES, Importance
from snellen.models.keys import Key
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors, row_product
from snellen.models.layers import LAYERS
from snellen.models.named import one_of


class Feature(Layer):
    """Base of all feature steps.

    fit(x, labels, seed) -> state: from training pictures (n, ...) float32 as networks see them; arrays without a lane.
    """

    @abstractmethod
    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        """The state, in the shapes of `state_shapes`."""

    @abstractmethod
    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the fitted arrays for input of `shape`."""

    @property
    def is_resolved(self) -> bool:
        """False while a number is missing that only the data tell."""
        return True

    def resolved(self, x: np.ndarray) -> Feature:
        """The same step with every such number: its output shape is then known."""
        return self

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        return {}, {name: np.zeros((len(key.seeds), *size)) for name, size in self.state_shapes(shape).items()}


@final
class Standardise(Feature):
    """Each value minus its mean over the training pictures, divided by its deviation; constant values become 0."""

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


@final
class Pca(Feature):
    """The first principal components of the flattened pictures (scikit-learn's PCA).

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

    def detail(self) -> str:
        return f"{self.keep} components"


@final
class Whiten(Feature):
    """ZCA whitening (Bell and Sejnowski 1997): values uncorrelated and of equal variance, still looking like a picture.

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

    def detail(self) -> str:
        return f"ZCA, epsilon {self.epsilon:g}"


@final
class TopPixels(Feature):
    """The `count` most important values of a picture, most important first, as a vector."""

    kind: Literal["top_pixels"] = "top_pixels"
    shorthand: ClassVar = "count"
    count: Annotated[int, Field(ge=1, le=65_536)]
    by: Importance = "random_forest"

    def output_shape(self, shape: Shape) -> Shape:
        if self.count > math.prod(shape):
            most = f"at most {math.prod(shape)}"
            raise ShapeError("more pixels than the picture has", found=self.count, expected=most)
        return (self.count,)

    def state_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"pixels": self.output_shape(shape), "importance": (math.prod(shape),)}

    def fit(self, x: np.ndarray, labels: np.ndarray, seed: int) -> Arrays:
        importance = IMPORTANCES[self.by](x.reshape(len(x), -1), labels, seed)
        return {"pixels": np.argsort(-importance, kind="stable")[: self.count].astype(float), "importance": importance}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        flat, pixels = x.flatten(2), state["pixels"].long().unsqueeze(1)
        return flat.gather(2, pixels.expand(-1, flat.shape[1], -1)), {}

    def detail(self) -> str:
        return f"{self.count} by {self.by.replace('_', ' ')}"


FEATURES: dict[str, type[Feature]] = {
    "standardise": Standardise,
    "pca": Pca,
    "whiten": Whiten,
    "top_pixels": TopPixels,
}

if TYPE_CHECKING:
    AnyFeature = Feature
    AnyPart = Layer
else:
    AnyFeature = one_of(FEATURES, "feature step")
    AnyPart = one_of({**FEATURES, **LAYERS}, "layer")


def _principal(x: np.ndarray, keep: int | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (F,), components (k, F) and their variances (k,) of flattened pictures; signs fixed, so deterministic."""
    from sklearn.decomposition import PCA

    if isinstance(keep, int) and keep > len(x):
        raise ShapeError("more components than training pictures", found=keep, expected=f"at most {len(x):,}")
    fitted = PCA(keep, svd_solver="covariance_eigh").fit(x.reshape(len(x), -1).astype(np.float64))
    return fitted.mean_, fitted.components_, np.maximum(fitted.explained_variance_, 0)
