"""The stored distance from the training pictures of a job: arrays, and the section of the bundle that describes
them."""

from __future__ import annotations

import json

from snellen.errors import IdentityError, located
from snellen.files import tensors
from snellen.files.hashing import digest_file
from snellen.models.bundle_optional_sections import Familiarity
from snellen.models.fit_training_distance import MIN_VALIDATION, FittedDistance
from snellen.models.training_distance import SIDE, pack
from snellen.phrases import plural
from snellen.train.results import JobFolder


def save_familiarity(folder: JobFolder, fitted: FittedDistance) -> None:
    """Writes the arrays, and what the section says as their metadata."""
    distance = fitted.distance
    section = {
        "pixel_limit": distance.pixels.limit,
        "layer": distance.layer,
        "layer_limit": distance.outputs.limit if distance.outputs else None,
        "rate": fitted.rate,
        "images": fitted.images,
    }
    tensors.save(folder.familiarity, pack(distance), {"job": folder.path.name, "familiarity": json.dumps(section)})


def load_familiarity(folder: JobFolder) -> Familiarity | None:
    """The section; None where none was stored. Raises IdentityError for a damaged file, or one of another job."""
    path = folder.familiarity
    if not path.exists():
        return None
    _, about = tensors.load(path)
    with located(str(path)):
        if about.get("job") != folder.path.name:
            raise IdentityError("of another job", found=about.get("job"), expected=folder.path.name)
        try:
            section = json.loads(about["familiarity"])
            return Familiarity.model_validate({**section, "arrays_sha256": digest_file(path)})
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            hint = f"Remove {path} and run the study again."
            raise IdentityError(f"not what such a file says ({error})", hint=hint) from None


def familiarity_sentence(section: Familiarity | None) -> str:
    """What the card and the report say of it."""
    if section is None:
        return (
            "Nothing tells which pictures are unlike the training pictures: that is measured where there are at least "
            f"{MIN_VALIDATION} validation pictures."
        )
    pixels = f"their pixels, averaged to {SIDE}x{SIDE} at most"
    where = f"the outputs of the layer `{section.layer}` or in {pixels}" if section.layer else pixels
    alone = "" if section.layer else "; its outputs are not compared, because its training held out no picture"
    return (
        "`snellen predict` says which pictures are unlike the training pictures: those far from the means of all "
        f"classes (Mahalanobis distance) in {where}{alone}. By {plural(section.images, 'validation picture')}, at most "
        f"{rate_in_words(section.rate)} of the pictures that are like them are found unlike too."
    )


def rate_in_words(rate: float) -> str:
    """Such as "1 %"; to a tenth where it is more."""
    return f"{100 * rate:.2g} %" if rate < 0.1 else f"{100 * rate:.0f} %"
