"""A trained model: class probabilities of images in many kinds of objects, and which of them are unlike its training
images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from snellen.data.readers.memory.cells import Channels
from snellen.data.readers.reader import Options
from snellen.deploy.batch import Reading
from snellen.deploy.given import open_given
from snellen.deploy.images import unreadable
from snellen.errors import BundleError
from snellen.models.build import Network
from snellen.models.bundle import Description
from snellen.models.bundle_optional_sections import Threshold
from snellen.models.forward import predict_probabilities, resident
from snellen.models.temperature import with_temperature
from snellen.models.thresholds import answered
from snellen.models.training_distance import TrainingDistance


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded bundle: predicts class probabilities of images. distance: None if the bundle cannot tell which images
    are unlike the training images."""

    description: Description
    network: Network
    parameters: dict[str, Tensor]
    state: dict[str, Tensor]
    distance: TrainingDistance | None = None

    @property
    def temperature(self) -> float | None:
        """The number by which logits are divided; None if the study fitted no temperature."""
        sections = self.description.sections
        return sections.temperature.value if sections and sections.temperature else None

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Certified thresholds on the probabilities after the temperature; empty if the study has none."""
        return (self.description.sections.thresholds if self.description.sections else None) or ()

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

    def predict(
        self,
        images: Any,
        *,
        channels: Channels | None = None,
        keys: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
        raw: bool = False,
    ) -> np.ndarray:
        """(N, K) probabilities of images, in the order given, with the same bits as in `snellen predict`. float32, or
        float64 after a temperature, which `raw` leaves out.

        images: arrays, tensors or nested lists (N, H, W) or (N, H, W, C), (N, C, H, W) where no other reading is
        possible or `channels` is "first", or one image; the path of anything that `snellen predict` takes, an image of
        Pillow, the bytes of an image file; a list or generator of these; a torch data set; a data set of Hugging Face;
        a frame or a dict of columns; a Dataset; and anything else that `snellen.as_dataset` takes. Labels are not
        needed, and not used. keys, folder: as for `snellen.as_dataset`.

        Images with another size, other channels or another pixel scale than in training are converted, with a warning;
        there is also a warning if more images are unlike the training images than chance explains. Raises DataError for
        an object that is not an image, naming it, and if it is not clear how to convert it; BundleError if a
        probability is not a number.
        """
        reading = Reading(Options(keys=dict(keys or {})))
        parts, distances = [np.zeros((0, len(self.classes)), np.float32)], [np.zeros(0)]
        for batch in self._batches(images, reading, channels, keys, folder):
            probabilities, found = self.answers(batch)
            parts.append(probabilities)
            distances.append(np.zeros(len(batch)) if found is None else found)
        self._warn(reading, 3)
        doubt = self.distance.doubts(np.concatenate(distances)) if self.distance else None
        if doubt:
            warnings.warn(doubt, stacklevel=2)
        probabilities = np.concatenate(parts)
        return probabilities if raw else with_temperature(probabilities, self.temperature)

    def answered(self, probabilities: np.ndarray) -> np.ndarray:
        """(N,) bool, of probabilities (N, K) as `predict` returns them: whether the most probable class reaches the
        certified thresholds of the bundle. True for all images if the bundle has no thresholds."""
        return answered(probabilities, self.thresholds, self.classes)

    def unlike_training(self, images: Any, **reading: Any) -> np.ndarray:
        """(N,) bool: which images are unlike the training images, so that predictions for them mean little. A share of
        `distance.rate`, usually 0.01, of images like the training images is among them. Images are given, and errors
        raised, as for `predict`; also BundleError if the bundle has no such measure.
        """
        return self._distances(images, **reading) > 1

    def training_distance(self, images: Any, **reading: Any) -> np.ndarray:
        """(N,) float64: how far images are from the training images, as a multiple of the limit above which they
        are unlike (models/training_distance.py). Images and errors as for `unlike_training`."""
        return self._distances(images, **reading)

    def _distances(
        self,
        images: Any,
        channels: Channels | None = None,
        keys: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
    ) -> np.ndarray:
        notes = Reading(Options(keys=dict(keys or {})))
        batches = self._batches(images, notes, channels, keys, folder)
        found = [self.distances(batch) for batch in batches]
        self._warn(notes, 4)
        return np.concatenate([np.zeros(0), *found])

    def _batches(
        self,
        images: Any,
        reading: Reading,
        channels: Channels | None,
        keys: Mapping[str, str] | None,
        folder: str | Path | None,
    ) -> Iterator[np.ndarray]:
        """(N, H, W, C) some images at a time, as in training. Raises DataError at the end if some cannot be read:
        otherwise rows of the result would belong to other images than the user expects."""
        place, about = None if folder is None else Path(folder).expanduser(), self.description
        for batch in open_given(
            images, about.input, reading, classes=about.classes, channels=channels, keys=keys, folder=place
        ):
            yield batch.images
        if reading.failed:
            raise unreadable(reading.failed, others=True)

    def _warn(self, reading: Reading, stacklevel: int) -> None:
        for sentence in reading.sentences(self.description.input):
            warnings.warn(sentence, stacklevel=stacklevel)

    def answers(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """`probabilities`, and `distances` or None if the bundle has no such measure, from one pass through the
        network."""
        if self.distance is None:
            return self.probabilities(images), None
        pixels, pixel_range = self._resident(images), self.description.input.pixel_range
        arguments = (self.network, self.parameters, self.state, pixels, pixel_range)
        probabilities, distances = self.distance.with_probabilities(*arguments)
        return self._checked(probabilities), distances

    def distances(self, images: np.ndarray) -> np.ndarray:
        """`training_distance` of images (N, H, W, C) in the form of the training images: nothing is converted."""
        if self.distance is None:
            hint = "Run its study again with this version of Snellen."
            raise BundleError("this model has no measure of how far images are from the training images", hint=hint)
        pixels, pixel_range = self._resident(images), self.description.input.pixel_range
        return self.distance.measure(self.network, self.parameters, self.state, pixels, pixel_range)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, K) float32 probabilities of images (N, H, W, C) in the form of the training images: nothing is converted,
        and there are no warnings. It is the function used in training, so it gives the same bits on one machine, device
        and torch version. Raises BundleError if size or channels are not those of the model, or a probability is not a
        number.
        """
        pixels, pixel_range = self._resident(images), self.description.input.pixel_range
        return self._checked(predict_probabilities(self.network, self.parameters, self.state, pixels, pixel_range))

    def _checked(self, probabilities: np.ndarray) -> np.ndarray:
        if not np.isfinite(probabilities).all():
            raise BundleError("the model answers these images with what is no number")
        return probabilities

    def _resident(self, images: np.ndarray) -> Tensor:
        """The images on the device of the model."""
        if images.ndim != 4 or images.shape[1:] != self.network.input_shape:
            raise BundleError(
                "the images do not fit the model",
                found=f"{_size(images.shape[1:])}",
                expected=f"{_size(self.network.input_shape)}",
            )
        return resident(images, str(next(iter(self.parameters.values())).device))


def _size(shape: tuple[int, ...]) -> str:
    if len(shape) != 3:
        return f"shape {shape}"
    return f"{shape[0]}x{shape[1]} pixels, {shape[2]} channel{'s' if shape[2] > 1 else ''}"
