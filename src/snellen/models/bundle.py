"""The model bundle: model.safetensors, model.json and card.md in a folder or a zip of it. One loader; nothing in it
can run code."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator
from torch import Tensor

from snellen.data.inspect.polarity import Polarity
from snellen.errors import BundleError, SnellenError, located
from snellen.files.atomic import json_text, write_bytes, write_text
from snellen.files.hashing import identity
from snellen.limits import (
    MAX_CLASSES,
    MAX_DESCRIPTION_BYTES,
    MAX_LAYERS,
)
from snellen.models import training_distance
from snellen.models.build import Network, assemble
from snellen.models.bundle_files import Read, bundle_files, shown
from snellen.models.bundle_optional_sections import Sections, Sha256, expect_applied, expect_known
from snellen.models.features import AnyPart
from snellen.models.forward import predict_probabilities, resident
from snellen.models.given_pictures import Conversions, as_input
from snellen.models.input_contract import Input as Input
from snellen.models.training_distance import TrainingDistance
from snellen.models.weights import max_bytes, unpack_weights

WEIGHTS, DESCRIPTION, CARD = "model.safetensors", "model.json", "card.md"
FAMILIARITY = "familiarity.safetensors"
T = TypeVar("T")


class Description(BaseModel):
    """model.json, in the lowest version that can hold it: 1 without sections, 2 with some.

    tone: that of the training pictures. data_sha256: fingerprint of the data set that the training pictures are a part
    of. Both where it was noted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    format: Literal["snellen-model"] = "snellen-model"
    version: Literal[1, 2] = 1
    name: Annotated[str, Field(max_length=200)]
    study: Annotated[str, Field(max_length=200)]
    job: Annotated[str, Field(max_length=200)]
    input: Input
    classes: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_CLASSES)]
    layers: Annotated[tuple[AnyPart, ...], Field(min_length=1, max_length=MAX_LAYERS), FailFast()]
    weights_sha256: Sha256
    tone: Polarity | None = None
    data_sha256: Sha256 | None = None
    sections: Sections | None = None

    @model_validator(mode="before")
    @classmethod
    def _lowest_version(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"version": 2 if values.get("sections") else 1, **values}

    @model_validator(mode="after")
    def _has_sections(self) -> Description:
        if self.version != (2 if self.sections else 1):
            raise ValueError("sections make version 2, and version 2 has some")
        return self

    @model_validator(mode="after")
    def _sections_fit(self) -> Description:
        thresholds = self.sections.thresholds if self.sections else None
        if thresholds and len(thresholds.values) != len(self.classes):
            raise ValueError(f"{len(thresholds.values)} thresholds for {len(self.classes)} classes")
        return self

    @model_validator(mode="after")
    def _classes_differ(self) -> Description:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class name twice")
        return self

    def text(self) -> str:
        """model.json: the values, and the hash of them. Raises BundleError when it is longer than is ever read."""
        values = self.model_dump(mode="json", exclude={"sections"})
        if self.sections:
            values["sections"] = self.sections.model_dump(mode="json", exclude_none=True)
        text = json_text({**values, "sha256": identity(values)})
        if len(text.encode()) > MAX_DESCRIPTION_BYTES:
            found, expected = f"{len(text.encode()):,} bytes", f"at most {MAX_DESCRIPTION_BYTES:,} bytes"
            hint = "Give the classes shorter names."
            raise BundleError("the description of the model is too long", found=found, expected=expected, hint=hint)
        return text

    def network(self) -> Network:
        """Raises ShapeError when the layers do not fit each other, the input or the classes, or are too large."""
        return assemble(self.layers, (self.input.height, self.input.width, self.input.channels), len(self.classes))


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded bundle: answers pictures with class probabilities. distance: None where the bundle cannot tell which
    pictures are unlike the training pictures."""

    description: Description
    network: Network
    parameters: dict[str, Tensor]
    state: dict[str, Tensor]
    distance: TrainingDistance | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the probabilities."""
        return self.description.classes

    def on(self, device: str) -> Model:
        """The same model, computing on this device: cpu, cuda, cuda:1 or mps."""
        parameters, state = (
            {name: value.to(device) for name, value in values.items()} for values in (self.parameters, self.state)
        )
        return Model(self.description, self.network, parameters, state, self.distance)

    def unlike_training(self, images: Any) -> np.ndarray:
        """(N,) bool: which pictures are unlike the training pictures, so that what `predict` says of them means little.
        Of pictures like the training ones a share of `distance.rate`, mostly 0.01, is among them.

        Pictures are given, and errors raised, as for `predict`; BundleError too where the bundle has no measure of it.
        """
        return self.distances(self._as_trained(images)) > 1

    def training_distance(self, images: Any) -> np.ndarray:
        """(N,) float64: how far pictures are from the training pictures, as a multiple of the limit above which they
        are unlike (models/training_distance.py). Pictures and errors as for `unlike_training`."""
        return self.distances(self._as_trained(images))

    def distances(self, images: np.ndarray) -> np.ndarray:
        """`training_distance` of images (N, H, W, C) that are as in training: nothing is converted."""
        if self.distance is None:
            hint = "Run its study again with this version of Snellen."
            raise BundleError("this model has no measure of how far pictures are from the training pictures", hint=hint)
        pixels, pixel_range = self._resident(images), self.description.input.pixel_range
        return self.distance.measure(self.network, self.parameters, self.state, pixels, pixel_range)

    def predict(self, images: Any) -> np.ndarray:
        """(N, K) float32 probabilities of pictures: (N, H, W), (N, H, W, C), or one alone, as arrays or lists.

        Another size, other channels or another pixel scale than in training are converted, with a warning that says
        so; there is one too where more pictures are unlike the training pictures than by chance. Raises DataError when
        it is not clear how, BundleError when the answer is no number.
        """
        pictures = self._as_trained(images)
        if self.distance is not None and (sentence := self.distance.doubts(self.distances(pictures))):
            warnings.warn(sentence, stacklevel=2)
        return self.probabilities(pictures)

    def _as_trained(self, images: Any) -> np.ndarray:
        conversions = Conversions()
        pictures = as_input(images, self.description.input, conversions)
        for sentence in conversions.sentences(self.description.input):
            warnings.warn(sentence, stacklevel=3)
        return pictures

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, K) float32 of images (N, H, W, C) that are as in training: nothing is converted, no warning.

        The same function as in training: the same bits on one machine, device and torch version. Raises BundleError
        when size or channels are not those of the model, or its answer is no number.
        """
        pixels, pixel_range = self._resident(images), self.description.input.pixel_range
        probabilities = predict_probabilities(self.network, self.parameters, self.state, pixels, pixel_range)
        if not np.isfinite(probabilities).all():
            raise BundleError("the model answers these pictures with what is no number")
        return probabilities

    def _resident(self, images: np.ndarray) -> Tensor:
        """The pictures on the device of the model."""
        if images.ndim != 4 or images.shape[1:] != self.network.input_shape:
            raise BundleError(
                "the pictures do not fit the model",
                found=f"{_size(images.shape[1:])}",
                expected=f"{_size(self.network.input_shape)}",
            )
        return resident(images, str(next(iter(self.parameters.values())).device))


def save_bundle(
    folder: Path, description: Description, weights: bytes, card: str, familiarity: bytes | None = None
) -> None:
    """Writes a bundle; model.json, which holds the hashes of the weights and of its own values, last. familiarity: the
    arrays of the section of this name, where the description has one."""
    write_bytes(folder / WEIGHTS, weights)
    if familiarity is not None:
        write_bytes(folder / FAMILIARITY, familiarity)
    write_text(folder / CARD, card)
    write_text(folder / DESCRIPTION, description.text())


def load_bundle(path: Path | str) -> Model:
    """The model of a bundle folder or zip. Raises BundleError for anything that is not exactly a bundle, and for one
    with a section that this version does not apply."""
    expected = f"a folder or zip with {DESCRIPTION} and {WEIGHTS}"
    with located(shown(str(path))), bundle_files(Path(path), expected) as read:
        return _load(read)


def _load(read: Read) -> Model:
    description = _parse(read(DESCRIPTION, MAX_DESCRIPTION_BYTES))
    with located(DESCRIPTION):
        expect_applied(description.sections)
        network = _checked(description.network)
    weights = _unchanged(read(WEIGHTS, max_bytes(network)), description.weights_sha256, WEIGHTS)
    with located(WEIGHTS):
        parameters, state = _checked(lambda: unpack_weights(weights, network))
        _refuse_non_finite({**parameters, **state})
    return Model(description, network, parameters, state, _distance(read, description, network))


def _distance(read: Read, description: Description, network: Network) -> TrainingDistance | None:
    section = description.sections.familiarity if description.sections else None
    if section is None:
        return None
    most = _checked(lambda: training_distance.max_bytes(section, network))
    content = _unchanged(read(FAMILIARITY, most), section.arrays_sha256, FAMILIARITY)
    with located(FAMILIARITY):
        return _checked(lambda: training_distance.unpack(content, section, network))


def _unchanged(content: bytes, expected: str, name: str) -> bytes:
    """The content of a file whose hash is in the description."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        problem = f"{'the weights were' if name == WEIGHTS else 'the file was'} changed after the model was saved"
        raise BundleError(problem, found=f"SHA-256 {found}", expected=expected, where=name)
    return content


def _checked(make: Callable[[], T]) -> T:
    """Whatever is wrong with the content of a bundle is a BundleError."""
    try:
        return make()
    except BundleError:
        raise
    except SnellenError as error:
        raise BundleError(shown(str(error))) from error


def _refuse_non_finite(values: dict[str, Tensor]) -> None:
    for name, value in values.items():
        if not value.isfinite().all():
            raise BundleError(f"tensor {name} has values that are not finite")


def _parse(content: bytes) -> Description:
    with located(DESCRIPTION):
        values = _checked_values(content)
        expect_known(values["version"], values.get("sections"))
        try:
            return Description.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = shown(".".join(map(str, first["loc"]))) or None
            raise BundleError(f"not a model description: {shown(first['msg'])}", where=place) from None
        except (SnellenError, RecursionError) as error:
            raise BundleError(f"not a model description: {shown(str(error))}") from None


def _checked_values(content: bytes) -> dict[str, Any]:
    """The values of model.json without its own hash, which must be theirs."""
    try:
        values = json.loads(content)
        claimed = values.pop("sha256")
        found = identity(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BundleError(f"not a model description: {type(error).__name__} {shown(str(error))}") from None
    if not {"format", "version"} <= values.keys():
        raise BundleError("not a model description: no format or version")
    if found != claimed:
        raise BundleError("changed after the model was saved", found=f"SHA-256 {found}", expected=claimed)
    return dict(values)


def _size(shape: tuple[int, ...]) -> str:
    if len(shape) != 3:
        return f"shape {shape}"
    return f"{shape[0]}x{shape[1]} pixels, {shape[2]} channel{'s' if shape[2] > 1 else ''}"
