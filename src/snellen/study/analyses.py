"""What a study may ask to be explained: `analyses: [units, {maps: {layer: dense_1}}]`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from snellen.models.named import Named, one_of


class Analysis(Named):
    """Base of all analyses. models: those that are analysed, None for all that the analysis fits."""

    models: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None


class Units(Analysis):
    """What each unit of a layer responds to. layer: its name in the table of layers; the last hidden one when None."""

    kind: Literal["units"] = "units"
    layer: str | None = None


ANALYSES: dict[str, type[Analysis]] = {"units": Units}
AnyAnalysis = one_of(ANALYSES, "analysis")
