"""Views: what a network says of an image in evaluation is the mean of what it says of changed copies of it.

Written as a key of the model, and the first layer of its network: so it is in job ids and bundles, and wherever the
network is evaluated - validation, stored predictions, `predict` - the same views are looked at. Training sees one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, final

import torch.nn.functional as functional
from pydantic import AfterValidator, BeforeValidator, Field
from torch import Tensor

from snellen.errors import ShapeError, StudyError
from snellen.models.inference_graph import InferenceGraph, Value
from snellen.models.layer import Arrays, Layer, Shape, Step, Tensors

View = Literal["flip", "shift"]


def _once_each(views: tuple[View, ...]) -> tuple[View, ...]:
    if len(set(views)) < len(views):
        raise StudyError("the same view twice", found=", ".join(views))
    return views


ViewList = Annotated[tuple[View, ...], Field(max_length=2), AfterValidator(_once_each)]

StudyView = Literal["flip", "shift", "flip_anyway"]
ANYWAY = {"flip": {"anyway": True}}


def _spelled_out(written: Any) -> Any:
    """`{flip: {anyway: true}}`, as in `augment`, is `flip_anyway`."""
    if isinstance(written, list | tuple):
        return ["flip_anyway" if each == ANYWAY else each for each in written]
    return written


def _one_flip(views: tuple[StudyView, ...]) -> tuple[StudyView, ...]:
    _once_each(looked_at(views))
    return views


StudyViewList = Annotated[
    tuple[StudyView, ...],
    BeforeValidator(_spelled_out, json_schema_input_type=tuple[StudyView, ...]),
    Field(max_length=2),
    AfterValidator(_one_flip),
]
"""As a study has it. flip_anyway: `flip`, also for classes of which a mirror may make others."""


def looked_at(views: tuple[StudyView, ...]) -> tuple[View, ...]:
    """The views that a network looks at."""
    return tuple("flip" if each == "flip_anyway" else each for each in views)


@final
class Views(Layer):
    """Passes images on as they are; `of` gives the views, whose logits the network averages.

    flip: also mirrored left to right. shift: also moved by a pixel up and left, and down and right, the edge repeated.
    """

    kind: Literal["views"] = "views"
    shorthand: ClassVar = "views"
    views: Annotated[ViewList, Field(min_length=1)]

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ShapeError("`views` needs images", found=f"shape {shape}", expected="(height, width, channels)")
        return shape

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        return x, {}

    def add_to(self, graph: InferenceGraph, x: Value, arrays: Arrays) -> Value:
        graph.views = self.views
        return x

    def of(self, x: Tensor) -> list[Tensor]:
        """All views of images (L, N, H, W, C), the unchanged first; each name doubles or triples them."""
        found = [x]
        for name in self.views:
            found = [change(view) for view in found for change in CHANGES[name]]
        return found

    @property
    def count(self) -> int:
        """Views of an image."""
        return math.prod(len(CHANGES[name]) for name in self.views)

    def detail(self) -> str:
        return f"{self.count} in evaluation: {', '.join(self.views)}"


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _flipped(x: Tensor) -> Tensor:
    return x.flip(3)


def _moved(x: Tensor, step: int) -> Tensor:
    """Down and right by `step` pixels, -1 or 1."""
    height, width, begin = *x.shape[2:4], 1 - step
    around = functional.pad(x.flatten(0, 1), (0, 0, 1, 1, 1, 1), mode="replicate").unflatten(0, x.shape[:2])
    moved: Tensor = around[:, :, begin : begin + height, begin : begin + width]
    return moved


CHANGES: dict[View, tuple[Callable[[Tensor], Tensor], ...]] = {
    "flip": (_as_it_is, _flipped),
    "shift": (_as_it_is, partial(_moved, step=-1), partial(_moved, step=1)),
}
