"""backbones.json: what is known of the pretrained weights of a run, and the models without them."""

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
    """One file. name: of the network. origin: where it is from, a sentence. licence: None where it does not say. side:
    of the images that the weights were trained on, in pixels; mean, deviation: their scaling."""

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
    """None in a run without backbones."""
    path = run / BACKBONES
    return read_as(_KIND, path) if path.exists() else None
