"""Loads a bundle, a folder or a zip of it, as a model. It is the only loader; nothing in a bundle can run code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from torch import Tensor

from snellen.deploy.model import Model
from snellen.errors import BundleError, SnellenError, located
from snellen.files.hashing import identity
from snellen.limits import MAX_DESCRIPTION_BYTES
from snellen.models import training_distance
from snellen.models.build import Network
from snellen.models.bundle import DESCRIPTION, FAMILIARITY, WEIGHTS, Description
from snellen.models.bundle_files import Read, bundle_files, shown
from snellen.models.bundle_optional_sections import expect_applied, expect_known
from snellen.models.training_distance import TrainingDistance
from snellen.models.weights import max_bytes, unpack_weights

T = TypeVar("T")


def load_bundle(path: Path | str) -> Model:
    """The model of a bundle folder or zip. Raises BundleError for anything that is not exactly a bundle, and for one
    with a section that this version does not apply."""
    expected = f"a folder or zip with {DESCRIPTION} and {WEIGHTS}"
    with located(shown(str(path))), bundle_files(Path(path), expected) as read:
        return read_bundle(read)


def read_bundle(read: Read) -> Model:
    """The model of a bundle whose files `read` gives, with the same checks."""
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
    """The content of a file, checked against the hash in the description."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        problem = f"{'the weights were' if name == WEIGHTS else 'the file was'} changed after the model was saved"
        raise BundleError(problem, found=f"SHA-256 {found}", expected=expected, where=name)
    return content


def _checked(make: Callable[[], T]) -> T:
    """Turns any error in the content of a bundle into a BundleError."""
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
    """The values of model.json without the hash of the file, which must match them."""
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
