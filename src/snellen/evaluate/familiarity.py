"""familiarity/<job>.safetensors: the distance from the training images, of the networks that become bundles. Its
arrays are those of the bundle; its metadata are the section of the bundle that describes them."""

from __future__ import annotations

import json
from pathlib import Path

from snellen.errors import IdentityError, located
from snellen.files import hashes, tensors
from snellen.files.hashing import digest_file
from snellen.files.inside import inside
from snellen.models.bundle_optional_sections import Familiarity
from snellen.models.fit_training_distance import MIN_VALIDATION
from snellen.models.training_distance import SIDE, TrainingDistance, pack
from snellen.phrases import plural


def familiarity_path(run: Path, job: str) -> Path:
    """The path of the file. It is outside the folder of the job, which no run changes once the job is done."""
    return inside(run, "familiarity", f"{job}.safetensors")


def save_familiarity(run: Path, job: str, distance: TrainingDistance) -> None:
    """Writes the arrays, with the section as their metadata."""
    section = {
        "pixel_limit": distance.pixels.limit,
        "layer": distance.layer,
        "layer_limit": distance.outputs.limit if distance.outputs else None,
        "rate": distance.rate,
        "images": distance.images,
    }
    path = familiarity_path(run, job)
    tensors.save(path, pack(distance), {"job": job, "familiarity": json.dumps(section)})
    hashes.note(run, [path])


def load_familiarity(run: Path, job: str) -> Familiarity | None:
    """Reads the section; None if none was stored. Raises IdentityError for a damaged file, or one of another job."""
    path = familiarity_path(run, job)
    if not path.exists():
        return None
    _, about = tensors.load(path)
    with located(str(path)):
        if about.get("job") != job:
            raise IdentityError("of another job", found=about.get("job"), expected=job)
        try:
            section = json.loads(about["familiarity"])
            return Familiarity.model_validate({**section, "arrays_sha256": digest_file(path)})
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            hint = f"Remove {path} and run the study again."
            raise IdentityError(f"not what such a file says ({error})", hint=hint) from None


def familiarity_sentence(section: Familiarity | None) -> str:
    """The sentence of the card and the report about it."""
    if section is None:
        return (
            "Nothing tells which images are unlike the training images: that is measured where there are at least "
            f"{MIN_VALIDATION} validation images."
        )
    pixels = f"their pixels, averaged to {SIDE}x{SIDE} at most"
    where = f"the outputs of the layer `{section.layer}` or in {pixels}" if section.layer else pixels
    alone = "" if section.layer else "; its outputs are not compared, because its training held out no image"
    return (
        "`snellen predict` says which images are unlike the training images: those far from the means of all "
        f"classes (Mahalanobis distance) in {where}{alone}. By {plural(section.images, 'validation image')}, at most "
        f"{rate_in_words(section.rate)} of the images that are like them are found unlike too."
    )


def rate_in_words(rate: float) -> str:
    """For example "1 %"; with more digits for larger rates."""
    return f"{100 * rate:.2g} %" if rate < 0.1 else f"{100 * rate:.0f} %"
