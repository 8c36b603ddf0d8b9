"""The model bundle: model.safetensors, model.json and card.md in a folder or a zip of it. One loader; nothing in it
can run code."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from snellen.errors import BundleError, SnellenError, located
from snellen.files.atomic import write_bytes, write_text
from snellen.limits import MAX_CLASSES, MAX_JSON_BYTES, MAX_LAYERS, MAX_PARAMETERS, MAX_SIDE_PIXELS
from snellen.models.build import Network, assemble
from snellen.models.forward import predict_probabilities
from snellen.models.layers import AnyLayer
from snellen.models.weights import unpack_weights

WEIGHTS, DESCRIPTION, CARD = "model.safetensors", "model.json", "card.md"
T = TypeVar("T")
Pixels = Annotated[int, Field(ge=1, le=MAX_SIDE_PIXELS)]


class Input(BaseModel):
    """The input contract: size in pixels, channels, and the stored values that mean black and white."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    height: Pixels
    width: Pixels
    channels: Annotated[int, Field(ge=1, le=4)]
    pixel_range: tuple[float, float]


class Description(BaseModel):
    """model.json."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    format: Literal["snellen-model"] = "snellen-model"
    version: Literal[1] = 1
    name: Annotated[str, Field(max_length=200)]
    study: Annotated[str, Field(max_length=200)]
    job: Annotated[str, Field(max_length=200)]
    input: Input
    classes: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_CLASSES)]
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1, max_length=MAX_LAYERS)]
    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    def network(self) -> Network:
        """Raises ShapeError when the layers do not fit each other, the input or the classes."""
        return assemble(self.layers, (self.input.height, self.input.width, self.input.channels), len(self.classes))


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded bundle: answers pictures with class probabilities."""

    description: Description
    network: Network
    parameters: dict[str, Tensor]
    state: dict[str, Tensor]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.description.classes

    def predict(self, images: np.ndarray) -> np.ndarray:
        """(N, K) float32 probabilities of images (N, H, W, C), in the values of the training data.

        The same function as in training: the same bits on one machine and torch version. Raises BundleError when size
        or channels are not those of the model.
        """
        if images.ndim != 4 or images.shape[1:] != self.network.input_shape:
            raise BundleError(
                "the pictures do not fit the model",
                found=f"{_size(images.shape[1:])}",
                expected=f"{_size(self.network.input_shape)}",
            )
        pixels = torch.from_numpy(np.array(images))
        return predict_probabilities(
            self.network, self.parameters, self.state, pixels, self.description.input.pixel_range
        )


def save_bundle(folder: Path, description: Description, weights: bytes, card: str) -> None:
    """Writes a bundle; model.json, which names the weights by hash, last."""
    write_bytes(folder / WEIGHTS, weights)
    write_text(folder / CARD, card)
    write_text(folder / DESCRIPTION, description.model_dump_json(indent=2) + "\n")


def load_bundle(path: Path) -> Model:
    """The model of a bundle folder or zip. Raises BundleError for anything that is not exactly a bundle."""
    with located(str(path)):
        if path.is_dir():
            return _load(lambda name, limit: _read_file(path / name, limit))
        if path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _load(lambda name, limit: _read_member(archive, name, limit))
        raise BundleError("no model bundle here", expected=f"a folder or zip with {DESCRIPTION} and {WEIGHTS}")


def _load(read: Callable[[str, int], bytes]) -> Model:
    description = _parse(read(DESCRIPTION, MAX_JSON_BYTES))
    with located(DESCRIPTION):
        network = _checked(description.network)
    weights = read(WEIGHTS, 4 * MAX_PARAMETERS)
    found = hashlib.sha256(weights).hexdigest()
    if found != description.weights_sha256:
        raise BundleError(
            "the weights were changed after the model was saved",
            found=f"SHA-256 {found}",
            expected=description.weights_sha256,
            where=WEIGHTS,
        )
    with located(WEIGHTS):
        parameters, state = _checked(lambda: unpack_weights(weights, network))
    return Model(description, network, parameters, state)


def _checked(make: Callable[[], T]) -> T:
    """Whatever is wrong with the content of a bundle is a BundleError."""
    try:
        return make()
    except BundleError:
        raise
    except SnellenError as error:
        raise BundleError(str(error)) from error


def _parse(content: bytes) -> Description:
    try:
        return Description.model_validate_json(content)
    except (ValidationError, RecursionError) as error:
        reason = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else "nested too deeply"
        place = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else ""
        raise BundleError(f"not a model description: {reason}", where=f"{DESCRIPTION} {place}".strip()) from None


def _read_file(path: Path, limit: int) -> bytes:
    if not path.is_file():
        raise BundleError("missing file", where=path.name)
    if path.stat().st_size > limit:
        raise BundleError("file too large", found=f"{path.stat().st_size:,} bytes", where=path.name)
    return path.read_bytes()


def _read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One member as a capped stream; never extracted."""
    if archive.namelist().count(name) != 1:
        raise BundleError("must be in the zip exactly once", found=archive.namelist().count(name), where=name)
    try:
        with archive.open(name) as stream:
            content = stream.read(limit + 1)
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError, NotImplementedError) as error:
        raise BundleError(f"damaged zip member ({error})", where=name) from error
    if len(content) > limit:
        raise BundleError("member too large", expected=f"at most {limit:,} bytes", where=name)
    return content


def _size(shape: tuple[int, ...]) -> str:
    if len(shape) != 3:
        return f"shape {shape}"
    return f"{shape[0]}x{shape[1]} pixels, {shape[2]} channel{'s' if shape[2] > 1 else ''}"
