"""costs.json: prediction times of each model on one machine, measured once after training, and the sizes of the
models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter

from snellen.errors import IdentityError
from snellen.files.stored import STORED, read_as

FILE = "costs.json"
FORMAT = 1

Milliseconds = tuple[Annotated[float, Field(ge=0)], ...]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Machine:
    """The machine on which times were measured. Times are comparable only if all fields are equal. images: those in a
    batch."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    processor: str
    device: str
    threads: int
    torch: str
    pictures: Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class MeasuredCost:
    """The cost of one network or baseline. alone_ms: milliseconds for a single image, one value per repeat; batch_ms:
    milliseconds per image in a batch of `Machine.pictures`. parameters: all parameters; trained_parameters: those that
    training changed. file_bytes: size of the arrays in its bundle. frozen_backbone: whether only the layers after a
    backbone were trained, on features that were computed once."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    alone_ms: Annotated[Milliseconds, Field(min_length=1)]
    batch_ms: Annotated[Milliseconds, Field(min_length=1)]
    parameters: Count
    trained_parameters: Count
    file_bytes: Count
    frozen_backbone: bool


@dataclass(frozen=True)
class CostFile:
    """The whole file. networks, baselines: by the name of their folder in jobs/ or floors/."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    format: int
    machine: Machine
    networks: Mapping[str, MeasuredCost]
    baselines: Mapping[str, MeasuredCost]


_KIND = TypeAdapter(CostFile)


def read_costs(run: Path) -> CostFile | None:
    """Reads the file of a run; None in a run of a version that measured no costs. Raises IdentityError for another
    format."""
    path = run / FILE
    if not path.exists():
        return None
    found = read_as(_KIND, path)
    if found.format != FORMAT:
        raise IdentityError("costs of another format", found=found.format, expected=FORMAT, where=str(path))
    return found
