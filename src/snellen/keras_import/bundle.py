"""Writes the bundle of a model that Keras saved, and a study that would train its network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snellen.errors import StudyError
from snellen.files import tensors
from snellen.files.atomic import write_text
from snellen.files.hashing import digest_file
from snellen.keras_import.convert import Converted, Pixels, convert
from snellen.keras_import.saved_model import read_saved_model
from snellen.keras_import.study_lines import study_text
from snellen.models.build import Network
from snellen.models.bundle import Description, Input, save_bundle
from snellen.models.weights import unpack_weights

STUDY = "imported from Keras"
BYTES = (0.0, 255.0)
"""Black and white of the images that the bundle answers, as image files have them."""


@dataclass(frozen=True)
class Imported:
    """bundle: its folder. study: the study file. remarks: what was assumed and what differs, a sentence each."""

    bundle: Path
    study: Path
    network: Network
    classes: tuple[str, ...]
    remarks: tuple[str, ...]


def import_keras(
    path: Path | str,
    out: Path | str | None = None,
    *,
    classes: Sequence[str] | None = None,
    pixels: Pixels | None = None,
    size: tuple[int, int, int] | None = None,
) -> Imported:
    """Reads a model that Keras saved (`.keras`, or `.h5` of a whole model), without Keras, and writes its bundle.

    out: folder of the bundle, which must not be there yet; the name of the file without its ending when not given. The
    study goes beside it, as `out`.yaml. classes: names in the order of the outputs; numbers from 0 when not given.
    pixels: what the images were when the model got them, "0-1" or "0-255"; found from the first layer, else 0 to 1.
    size: (height, width, channels), for a model that gets vectors.

    Raises BundleError that names every layer without counterpart here; nothing is written then.
    """
    path = Path(path)
    folder = Path(out) if out is not None else Path(path.stem)
    study = folder.with_name(f"{folder.name}.yaml")
    for each in (folder, study):
        if each.exists():
            raise StudyError("is there already", where=str(each), hint="Name another folder with --out.")
    saved = read_saved_model(path)
    converted = convert(saved, pixels, size)
    description, weights = _described(converted, folder.name, classes, digest_file(path))
    save_bundle(folder, description, weights, _card(description, path.name, converted))
    write_text(study, study_text(folder.name, path.name, converted.layers, saved.training))
    return Imported(folder, study, description.network(), description.classes, converted.remarks)


def _described(
    converted: Converted, name: str, classes: Sequence[str] | None, digest: str
) -> tuple[Description, bytes]:
    """The description and the weights file, which fit each other."""
    names = tuple(classes) if classes is not None else tuple(map(str, range(converted.classes)))
    if len(names) != converted.classes:
        raise StudyError("not a name for each class", found=len(names), expected=f"{converted.classes} class names")
    height, width, channels = converted.image_shape
    weights = tensors.pack(converted.values, {"job": digest})
    description = Description(
        name=name,
        study=STUDY,
        job=digest,
        input=Input(height=height, width=width, channels=channels, pixel_range=BYTES),
        classes=names,
        layers=converted.layers,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    unpack_weights(weights, description.network())
    return description, weights


def _card(description: Description, file: str, converted: Converted) -> str:
    height, width, channels = converted.image_shape
    return "\n".join(
        [
            f"# {description.name}",
            "",
            f"Classifies images of {height}x{width} pixels, {channels} channel{'s' * (channels > 1)}, into "
            f"{len(description.classes)} classes: {', '.join(description.classes)}.",
            f"Imported from {file}, which Keras saved (SHA-256 `{description.job[:16]}`).",
            "",
            "How good it is was not measured here: `snellen evaluate` does it on labelled images.",
            "",
            *(f"- {remark}" for remark in converted.remarks),
            *([""] if converted.remarks else []),
            "## How to use it",
            "",
            "    snellen predict PATH-OF-THIS-FOLDER image.png",
            "",
        ]
    )
