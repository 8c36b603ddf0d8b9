"""A curve in a plan: the values at which a model is trained, and the jobs trained at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict

from snellen.files.stored import STORED

WORDS = {"width": "units", "components": "components", "pixels": "pixels", "images": "training images"}
"""What the values of a curve count."""


@dataclass(frozen=True)
class Point:
    """One value of a curve. by: how pixels were chosen. seeds: seed -> job.

    images: on which each network is trained. epochs, steps: upper bounds, of all phases. parameters: of the network.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    value: int
    by: str | None
    seeds: Mapping[int, str]
    images: int
    epochs: int
    steps: int
    parameters: int


@dataclass(frozen=True)
class Curve:
    """The points of one model. options: of the analysis in the study, as written, without the names of models."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    model: str
    options: Mapping[str, Any]
    points: tuple[Point, ...]

    @property
    def jobs(self) -> set[str]:
        """Of all points."""
        return {job for point in self.points for job in point.seeds.values()}

    def labels(self) -> dict[str, str]:
        """What to call each job."""
        words = WORDS[self.options["over"]]
        return {
            job: f"{self.model}, {point.value:,} {words}{_ways(point.by)}, seed {seed}"
            for point in self.points
            for seed, job in point.seeds.items()
        }

    def as_json(self) -> dict[str, Any]:
        """For plan.json."""
        return asdict(self)


def _ways(by: str | None) -> str:
    return f" by {by.replace('_', ' ')}" if by else ""
