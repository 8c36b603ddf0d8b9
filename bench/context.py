"""What every part of the bench is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kept import Kept
from sizes import Size


@dataclass(frozen=True)
class Bench:
    """kept: what was measured. work: a folder for images and runs. keras: the Python that has Keras. device: of ours,
    in torch's words; Keras takes the GPU where there is one. data_folder: where data sets are looked for first."""

    size: Size
    kept: Kept
    work: Path
    keras: str
    device: str
    data_folder: Path | None
