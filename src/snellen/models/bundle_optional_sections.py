"""The optional sections of model.json, version 2: what stands between the network and its answer.

The schemas come before the features. A section that this version of Snellen does not apply makes `load_bundle` refuse
the bundle by the name of the section: an answer without it would be another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from snellen.errors import BundleError
from snellen.limits import MAX_IMAGES

Images = Annotated[int, Field(strict=True, ge=1, le=MAX_IMAGES)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Limit = Annotated[float, Field(strict=True, ge=1e-6, le=1e6)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
MAX_PLUG_INS = 20
MAX_THRESHOLDS, MAX_CLASS_NAME = 100, 10_000
NEWER = "This bundle needs a newer Snellen."


class Section(BaseModel):
    """Base of all sections. A key that is not in the schema is refused: a later version gives it another number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Temperature(Section):
    """Logits are divided by `value` before the softmax. role, images: those it was fitted to."""

    value: Annotated[float, Field(ge=0.01, le=100)]
    role: Literal["validation", "out_of_fold"]
    images: Images


class Threshold(Section):
    """The probability, after the temperature, from which on an image is accepted as a class against all others, or,
    without class_name, any answer is given.

    measure: what is certified of new images: that at least the share `target` of those accepted is of the class
    (precision) or is right (accuracy), or that of the images of the class is accepted (recall). provable: the share
    that the calibration images show, with probability 1 - delta; hits of accepted: counted on them.
    """

    class_name: Annotated[str, Field(max_length=MAX_CLASS_NAME)] | None = None
    measure: Literal["precision", "recall", "accuracy"]
    target: Share
    threshold: Share
    provable: Share
    delta: Annotated[float, Field(gt=0, lt=1)]
    hits: Annotated[int, Field(strict=True, ge=0, le=MAX_IMAGES)]
    accepted: Images


class Familiarity(Section):
    """Which images are unlike the training images: those whose distance from the nearest class mean is beyond a
    limit, between the averaged pixels or between the outputs of `layer` (models/training_distance.py).

    layer: None where pixels alone are compared. rate: of images like the training ones that are beyond a limit, at
    most. role, images: whose distances the limits are from. arrays_sha256: of familiarity.safetensors, which holds
    means and covariances.
    """

    pixel_limit: Limit
    layer: Name | None = None
    layer_limit: Limit | None = None
    rate: Annotated[float, Field(strict=True, gt=0, le=0.5)]
    role: Literal["validation"] = "validation"
    images: Images
    arrays_sha256: Sha256

    @model_validator(mode="after")
    def _has_a_limit_for_its_layer(self) -> Familiarity:
        if (self.layer is None) != (self.layer_limit is None):
            raise ValueError("a layer and its limit belong together")
        return self


class PlugIn(Section):
    """Code that the user must name: a bundle says which it needs, and nothing is imported because a file says so."""

    kind: Literal["layer", "activation", "preparation"]
    name: Name
    package: Name
    version: Name


class Sections(Section):
    """All sections; one at least. on_purpose: the faults that the study commits to teach what they do; they change no
    answer, and are said."""

    temperature: Temperature | None = None
    thresholds: Annotated[tuple[Threshold, ...], Field(min_length=1, max_length=MAX_THRESHOLDS)] | None = None
    familiarity: Familiarity | None = None
    plug_ins: Annotated[tuple[PlugIn, ...], Field(min_length=1, max_length=MAX_PLUG_INS)] | None = None
    on_purpose: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_PLUG_INS)] | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> Sections:
        if not self.names:
            raise ValueError("no section: version 1 has none")
        return self

    @property
    def names(self) -> list[str]:
        """Those that the bundle has."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


APPLIED: frozenset[str] = frozenset({"familiarity", "on_purpose", "temperature", "thresholds"})
"""Sections that this version of Snellen applies."""


def expect_known(version: Any, sections: Any) -> None:
    """Raises BundleError for a version, or a section, of a later Snellen; whatever else is wrong is found later."""
    if isinstance(version, int) and version > 2:
        raise BundleError("a later version of the format", found=version, expected="1 or 2", hint=NEWER)
    unknown = sorted(set(sections) - set(Sections.model_fields)) if isinstance(sections, Mapping) else []
    if unknown:
        known = ", ".join(Sections.model_fields)
        raise BundleError("an unknown section", found=", ".join(unknown)[:200], expected=known, hint=NEWER)


def expect_applied(sections: Sections | None) -> None:
    """Raises BundleError where a bundle has a section that this version does not apply."""
    missing = [name for name in sections.names if name not in APPLIED] if sections else []
    if missing:
        raise BundleError(
            f"this version of Snellen does not apply the {' and the '.join(missing)} of this bundle", hint=NEWER
        )
