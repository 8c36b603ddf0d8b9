"""backbones.json: the source and licence of the pretrained weights of a run, and the models without them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.files.stored import read_as

BACKBONES = "backbones.json"

Channels = Annotated[list[float], Field(min_length=3, max_length=3)]


@with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class WeightsFacts(TypedDict):
    """One file of weights. name: that of the network. origin: its source, a sentence. licence: None if it states none.
    side: side in pixels of the images that the weights were trained on; mean, deviation: the scaling of these
    images."""

    name: str
    origin: str
    licence: str | None
    side: int
    mean: Channels
    deviation: Channels


@with_config(ConfigDict(extra="forbid", strict=True))
class BackbonesFile(TypedDict):
    """weights: by SHA-256. skipped: model -> why it was left out."""

    weights: dict[str, WeightsFacts]
    skipped: dict[str, str]


_KIND = TypeAdapter(BackbonesFile)


def read_backbones(run: Path) -> BackbonesFile | None:
    """Reads the file; None in a run without backbones."""
    path = run / BACKBONES
    return read_as(_KIND, path) if path.exists() else None
