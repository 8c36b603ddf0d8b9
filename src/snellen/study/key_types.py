"""Types of keys that several sections of a study file share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from snellen.data.resizing import Side

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 _+-]{0,62}[A-Za-z0-9_+-])?$")]
"""Studies and models: names of folders on every system, and ASCII, so that no two look alike."""
PositiveCount = Annotated[int, Field(ge=1, strict=True)]
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
Amount = PositiveCount | Fraction
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Size = Side | tuple[Side, Side]
ClassName = Annotated[str, BeforeValidator(lambda name: str(name) if type(name) is int else name, str | int)]
"""YAML reads the class name `7` as a number."""
ClassWeight = Annotated[float, Field(strict=True, ge=0, le=1e6)]


class Section(BaseModel):
    """A part of the file. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
