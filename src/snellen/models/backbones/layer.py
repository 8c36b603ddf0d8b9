"""The pretrained network as the first layer of a network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, final

import numpy as np
import torch
import torch.nn.functional as functional
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor

from snellen.errors import ShapeError, StudyError, unknown
from snellen.limits import MAX_SIDE_PIXELS, PREDICTION_BATCH
from snellen.models.backbones import module
from snellen.models.backbones.catalogue import entry
from snellen.models.backbones.module import Outline
from snellen.models.keys import Key
from snellen.models.layer import OPERATIONS_A_VALUE, Arrays, Layer, Shape, Step, Tensors

PIXEL_CHANNELS = 3
"""Of the images that pretrained networks were trained on: red, green, blue."""
FROZEN, ALL, SCRATCH = "none", "all", "none"
READ_PATTERN, TRAIN_PATTERN = r"^(block[1-9][0-9]{0,2}|last)$", r"^(none|all|block[1-9][0-9]{0,2})$"
HASH = "sha256:"
TOGETHER, WIDE_TOGETHER, WIDE = 32, 16, 2**19
"""Images of one pass in evaluation on a CPU, the second where an operation reads and writes more than WIDE numbers an
image. With VGG16 at 32 pixels 32 images are a fifth faster than 16, with EfficientNet-Lite0 at 224 a third slower; 64
are no faster, and a single image takes the time of all. Fixed, as rounding may depend on it."""
SIDE_STEP = 8
"""Sides that are advised are multiples of it."""

Positive = Annotated[float, Field(gt=0)]


class Preprocessing(BaseModel):
    """How pixels from 0 to 1 are scaled: minus mean, divided by deviation, of red, green and blue."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    mean: tuple[float, float, float]
    deviation: tuple[Positive, Positive, Positive]


@final
class Backbone(Layer):
    """A network of timm up to where it is read; only the first layer of a network can be one.

    architecture (`name` in a study): of timm. weights: `imagenet`, a safetensors file, `none` for random ones; in jobs
    and bundles `sha256:` and the hash of the file. read: block1, block2, ... or last;
    by default where such networks are best read. train: `none` keeps all weights,
    `all` trains all, `block4` those from this block on. resize: side in pixels to which images are enlarged or shrunk,
    bilinear. preprocessing: the network and tag of timm whose scaling the weights need, as NAME.TAG, or mean and
    deviation; in jobs and bundles always these.
    learning_rate_factor: of the learning rate, for its weights. learning_rate_decay: a further factor for each block
    towards the image, 1 for that where it is read. accept: the licence of the weights, where it does not allow every
    use. if_missing: `skip` leaves the model out of the study where its weights are not found, and the report says so.

    Grey images are repeated in the three channels; of four channels the first three are used. Moving statistics are
    those of the weights and never change, and nothing is dropped, also where weights are trained (Keras's guide to
    transfer learning advises so).
    """

    kind: Literal["backbone"] = "backbone"
    shorthand: ClassVar = "name"
    identity_baseline: ClassVar[Mapping[str, Any]] = {
        "accept": None,
        "if_missing": "error",
        "learning_rate_factor": 1.0,
        "learning_rate_decay": 1.0,
    }
    architecture: Annotated[str, Field(alias="name", min_length=1, max_length=200)]
    weights: Annotated[str, Field(min_length=1, max_length=4_096)] = "imagenet"
    read: Annotated[str | None, Field(pattern=READ_PATTERN)] = None
    train: Annotated[str, Field(pattern=TRAIN_PATTERN)] = FROZEN
    resize: Annotated[int | None, Field(strict=True, ge=8, le=MAX_SIDE_PIXELS)] = None
    preprocessing: Annotated[str, Field(max_length=200)] | Preprocessing | None = None
    learning_rate_factor: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    learning_rate_decay: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    accept: Annotated[str | None, Field(max_length=100)] = None
    if_missing: Literal["error", "skip"] = "error"

    @field_validator("architecture")
    @classmethod
    def _is_known(cls, name: str) -> str:
        """Raises UnknownName for a network that neither Snellen nor timm knows."""
        entry(name)
        return name

    @property
    def place(self) -> str:
        """Where it is read: as written, else where such networks are best read."""
        return self.read or entry(self.architecture).default_read

    @property
    def is_frozen(self) -> bool:
        """Whether training changes none of its weights."""
        return self.train == FROZEN

    @property
    def is_random(self) -> bool:
        """Whether it begins from random weights instead of pretrained ones."""
        return self.weights == SCRATCH

    @property
    def trains_at_own_rate(self) -> bool:
        """Whether its weights have other learning rates than the layers behind it."""
        return not self.is_frozen and (self.learning_rate_factor, self.learning_rate_decay) != (1, 1)

    @property
    def computed(self) -> Backbone:
        """The same frozen layer without what does not change its outputs: equal for equal ones."""
        fields = type(self).model_fields
        unread = ("learning_rate_factor", "learning_rate_decay", "accept", "if_missing")
        return self.model_copy(update={"read": self.place, **{name: fields[name].default for name in unread}})

    @property
    def sha256(self) -> str | None:
        """Of the file of its weights, once these were found."""
        return self.weights.removeprefix(HASH) if self.weights.startswith(HASH) else None

    def output_shape(self, shape: Shape) -> Shape:
        return self.outline(shape).output_shape

    def outline(self, shape: Shape) -> Outline:
        """Of the network for images of this shape."""
        if len(shape) != 3:
            raise ShapeError("a backbone needs images", found=f"shape {shape}", expected="(height, width, channels)")
        if shape[2] not in (1, PIXEL_CHANNELS, PIXEL_CHANNELS + 1):
            raise ShapeError("a backbone needs grey or colour", found=f"{shape[2]} channels", expected="1, 3 or 4")
        return self._outline_to(self.place, shape)

    def _outline_to(self, read: str, shape: Shape) -> Outline:
        height, width = (self.resize, self.resize) if self.resize else shape[:2]
        self._expect_side(height, width)
        return module.outline(self.architecture, read, height, width)

    def _expect_side(self, height: int, width: int) -> None:
        known, found = entry(self.architecture), f"{height}x{width}"
        if known.fixed_side and (height, width) != (known.fixed_side, known.fixed_side):
            hint = f"Add `resize: {known.fixed_side}` to the backbone."
            expected = f"exactly {known.fixed_side}"
            raise ShapeError(f"{known.name} takes images of one size", found=found, expected=expected, hint=hint)
        if min(height, width) < known.least_side:
            side = -(-known.least_side // SIDE_STEP) * SIDE_STEP
            hint, expected = f"Add `resize: {side}` to the backbone.", f"at least {known.least_side} pixels"
            raise ShapeError(f"images are too small for {known.name}", found=found, expected=expected, hint=hint)

    def frozen_names(self, shape: Shape) -> frozenset[str]:
        """The tensors that training does not change: moving statistics, and the weights before `train`."""
        names = self.outline(shape).tensors
        if self.train == FROZEN:
            return frozenset(names)
        statistics = {name for name in names if name.endswith(("running_mean", "running_var"))}
        if self.train == ALL:
            return frozenset(statistics)
        points = module.read_points(self.architecture)
        if self.train not in points:
            raise unknown("block to train from", self.train, points, where=f"backbone {self.architecture}")
        if points.index(self.train) > points.index(self.place):
            raise StudyError(
                "a backbone cannot train from a block that is behind where it is read",
                found=f"train: {self.train}, read: {self.place}",
                where=f"backbone {self.architecture}",
            )
        if self.train == points[0]:
            return frozenset(statistics)
        before = self._outline_to(points[points.index(self.train) - 1], shape).tensors
        return frozenset(statistics | before.keys())

    def rate_factors(self, shape: Shape) -> dict[str, float]:
        """Of each trained tensor, the share of the learning rate that it is trained with."""
        frozen, points = self.frozen_names(shape), module.read_points(self.architecture)
        until = points[: points.index(self.place) + 1]
        seen, blocks = set[str](), list[list[str]]()
        for point in until:
            new = [name for name in self._outline_to(point, shape).tensors if name not in seen]
            seen.update(new)
            blocks += [new] if new else []
        shares = [self.learning_rate_factor * self.learning_rate_decay**depth for depth in range(len(blocks))]
        pairs = zip(reversed(blocks), shares)
        return {name: share for names, share in pairs for name in names if name not in frozen}

    def init(self, key: Key, shape: Shape) -> tuple[Arrays, Arrays]:
        """Random weights where they are wanted, else zeros, to be filled with the pretrained ones."""
        tensors, frozen = self.outline(shape).tensors, self.frozen_names(shape)
        lanes = [self._first_values(seed) for seed in key.seeds]
        values = {
            name: np.stack([lane[name] for lane in lanes]) if lanes and lanes[0] else np.zeros((len(lanes), *size))
            for name, size in tensors.items()
        }
        parameters = {name: value for name, value in values.items() if name not in frozen}
        return parameters, {name: value for name, value in values.items() if name in frozen}

    def _first_values(self, seed: int) -> dict[str, np.ndarray]:
        if not self.is_random:
            return {}
        return {name: value.numpy() for name, value in module.random_tensors(self.architecture, seed).items()}

    def apply(self, parameters: Tensors, state: Tensors, x: Tensor, step: Step) -> tuple[Tensor, Tensors]:
        given, together = {**state, **parameters}, len(x[0])
        if step.mode == "evaluate" and x.device.type == "cpu":
            together = self._together(tuple(x.shape[2:]))
        rows = x.shape[1] if step.sample_weight is None else int(step.sample_weight.any(0).sum())
        lanes = [
            self._of_lane({name: value[lane] for name, value in given.items()}, x[lane], rows, together)
            for lane in range(len(x))
        ]
        return torch.stack(lanes) if len(lanes) > 1 else lanes[0].unsqueeze(0), {}

    def _together(self, shape: Shape) -> int:
        """Images of one pass in evaluation on a CPU."""
        return WIDE_TOGETHER if self.outline(shape).widest > WIDE else TOGETHER

    def _of_lane(self, tensors: dict[str, Tensor], x: Tensor, rows: int, together: int) -> Tensor:
        """(N, h, w, channels) of images (N, H, W, C) from 0 to 1; zero where none of the `together` is one of the
        first `rows`, which are not there to pad the batch."""
        parts = map(self.prepared, x[: -(-rows // together) * together].split(together))
        y = module.forward(self.architecture, self.place, tensors, parts).permute(0, 2, 3, 1)
        return functional.pad(y, (0, 0, 0, 0, 0, 0, 0, len(x) - len(y))) if len(y) < len(x) else y.contiguous()

    def prepared(self, x: Tensor) -> Tensor:
        """(N, 3, height, width) as the weights need them, of images (N, H, W, C) from 0 to 1."""
        x = x.permute(0, 3, 1, 2)
        x = x.expand(-1, PIXEL_CHANNELS, -1, -1) if x.shape[1] == 1 else x[:, :PIXEL_CHANNELS]
        if self.resize:
            x = functional.interpolate(x, (self.resize, self.resize), mode="bilinear", antialias=True)
        if isinstance(self.preprocessing, Preprocessing):
            scaling = self.preprocessing.mean, self.preprocessing.deviation
            mean, deviation = (x.new_tensor(values).view(1, -1, 1, 1) for values in scaling)
            x = (x - mean) / deviation
        return x.contiguous(memory_format=torch.channels_last)

    def multiply_adds(self, shape: Shape) -> int:
        return self.outline(shape).multiply_adds

    def operations(self, shape: Shape) -> int:
        return super().operations(shape) + 2 * OPERATIONS_A_VALUE * self.outline(shape).widest

    def working_values(self, shape: Shape) -> int:
        side = math.prod((self.resize, self.resize) if self.resize else shape[:2])
        of_one = 2 * self.outline(shape).widest + 2 * PIXEL_CHANNELS * side
        # of a batch only so many images are computed at once
        return -(-of_one * self._together(shape) // PREDICTION_BATCH)

    def detail(self) -> str:
        source = "random weights" if self.is_random else f"weights {self.weights[: len(HASH) + 8]}"
        trained = {FROZEN: "frozen", ALL: "all trained"}.get(self.train, f"trained from {self.train}")
        sized = f", images {self.resize}x{self.resize}" if self.resize else ""
        return f"{self.architecture}, {source}, read after {self.place}, {trained}{sized}"
