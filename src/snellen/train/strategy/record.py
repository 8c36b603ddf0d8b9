"""packs/<id>/pack.json: who trained in which place, and how the pack is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.errors import IdentityError
from snellen.files.stored import read_as
from snellen.limits import MAX_THREADS


@with_config(ConfigDict(extra="allow", strict=True, allow_inf_nan=False))
class PackStrategy(TypedDict, total=False):
    """What is read of how a pack is computed; see `strategy.as_record`. What else stands there is for the report."""

    threads: Annotated[int, Field(ge=1, le=MAX_THREADS)]
    parts: Annotated[int, Field(ge=1, le=MAX_THREADS)]
    width: Annotated[int, Field(ge=1)]
    way: str
    name: str
    kernels: str
    chosen_by: str
    step_ms: float | None


@with_config(ConfigDict(extra="allow", strict=True))
class PackRecord(TypedDict):
    """lanes: the jobs of each lane. What else stands there is not read."""

    lanes: Annotated[list[Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    strategy: PackStrategy


_KIND = TypeAdapter(PackRecord)


def read_pack(path: Path) -> PackRecord:
    """Such a record. Raises IdentityError for what is none."""
    try:
        return read_as(_KIND, path)
    except IdentityError as error:
        error.hint = f"Remove {path.parent}."
        raise
