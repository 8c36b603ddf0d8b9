"""What a `.keras` or `.h5` file of Keras holds: the configuration of a model, and its weights by layer."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from snellen.data.readers.guarded import Guarded, opened
from snellen.data.readers.guarded_child import KERAS_CONFIG, KERAS_TRAINING
from snellen.data.readers.hdf5 import is_hdf5
from snellen.errors import BundleError, located
from snellen.files.atomic import write_bytes
from snellen.files.stored import parse_json
from snellen.limits import MAX_DESCRIPTION_BYTES, MAX_PARAMETERS, MAX_WEIGHTS_EXPANSION, SMALL_BYTES
from snellen.models.bundle_files import bundle_files

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MAX_WEIGHTS_BYTES = 12 * MAX_PARAMETERS
"""Of parameters in float32, and of two slots of an optimizer for each."""

EXPECTED = 'a whole model that Keras saved: `model.save("model.keras")`, or "model.h5"'


@dataclass(frozen=True)
class Weight:
    """name: as Keras calls it, such as "kernel"; None in `.keras` files, where only the order tells weights apart."""

    name: str | None
    value: np.ndarray


@dataclass(frozen=True)
class SavedModel:
    """model: {"class_name", "config"} of the model. training: its optimizer and loss; None where it was not compiled.
    weights: by the names of nested models and of the layer, such as "block/conv2d", in Keras's order."""

    model: dict[str, Any]
    training: dict[str, Any] | None
    weights: dict[str, list[Weight]]


def read_saved_model(path: Path) -> SavedModel:
    """Reads a `.keras` or `.h5` file. Raises BundleError, or DataError for damaged weights."""
    with located(str(path)):
        if is_hdf5(path):
            with opened("keras", path) as file:
                return _of_hdf5(file)
        with bundle_files(path, EXPECTED) as read, TemporaryDirectory() as folder:
            config = _object(read(CONFIG, MAX_DESCRIPTION_BYTES), CONFIG)
            weights = Path(folder) / WEIGHTS
            write_bytes(weights, read(WEIGHTS, MAX_WEIGHTS_BYTES))
            with opened("keras", weights) as file:
                found = _by_layer(file, path.stat().st_size)
    training = config.get("compile_config")
    return SavedModel(config, training if isinstance(training, dict) else None, found)


def _of_hdf5(file: Guarded) -> SavedModel:
    if KERAS_CONFIG not in file.arrays:
        hint = "A file of `save_weights` has no layers: build the model in Keras, load the weights, and save all."
        raise BundleError("no model in this file, only arrays", expected=EXPECTED, hint=hint)
    training = _object(_text(file, KERAS_TRAINING), KERAS_TRAINING) if KERAS_TRAINING in file.arrays else None
    return SavedModel(_object(_text(file, KERAS_CONFIG), KERAS_CONFIG), training, _by_layer(file, file.file_bytes))


def _text(file: Guarded, name: str) -> bytes:
    (size,) = file.arrays[name].shape
    if size > MAX_DESCRIPTION_BYTES:
        expected = f"at most {MAX_DESCRIPTION_BYTES:,} bytes"
        raise BundleError("the configuration is too long", found=f"{size:,} bytes", expected=expected, where=name)
    return file.read(name).tobytes()


def _object(content: bytes, where: str) -> dict[str, Any]:
    value = parse_json(content, where)
    if not isinstance(value, dict):
        raise BundleError("not the configuration of a model", where=where)
    return value


def _by_layer(file: Guarded, given_bytes: int) -> dict[str, list[Weight]]:
    """The arrays, which the child process calls "block/conv2d/0", "#block/#conv2d/0" or "block/conv2d/kernel".

    given_bytes: of the file that was given. An array may be in the file once and have a thousand names.
    """
    num_bytes = sum(math.prod(each.shape) * each.data_type.itemsize for each in file.arrays.values())
    most = max(SMALL_BYTES, MAX_WEIGHTS_EXPANSION * given_bytes)
    if num_bytes > most:
        raise BundleError("too many weights", found=f"{num_bytes:,} bytes", expected=f"at most {most:,} in such a file")
    found = defaultdict[str, list[Weight]](list)
    for name in file.arrays:
        if name in (KERAS_CONFIG, KERAS_TRAINING):
            continue
        layer, _, weight = name.rpartition("/")
        found[layer].append(Weight(None if weight.isdigit() else weight, file.read(name)))
    return dict(found)
