"""A curve as plan.json stores it: the values at which a model is trained, and the jobs that are trained there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict

from snellen.files.stored import STORED

WORDS = {
    "width": "units",
    "components": "components",
    "pixels": "pixels",
    "images": "training images",
    "images_a_class": "training images a class",
}
"""What each kind of curve counts."""


@dataclass(frozen=True)
class Point:
    """One value of a curve. by: how pixels were chosen, for a curve over pixels. seeds: seed -> job.

    images: how many each network is trained on. epochs, steps: for how many it is trained at most, in all phases.
    parameters: how many the network has.
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
    """The points of one model. options: those of the study's `curves` analysis, without the names of models."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    model: str
    options: Mapping[str, Any]
    points: tuple[Point, ...]

    @property
    def jobs(self) -> set[str]:
        """The jobs of all points."""
        return {job for point in self.points for job in point.seeds.values()}

    def labels(self) -> dict[str, str]:
        """What to call each job."""
        words = WORDS[self.options["over"]]
        return {
            job: f"{self.model}, {point.value:,} {words}{_ways(point.by)}, seed {seed}"
            for point in self.points
            for seed, job in point.seeds.items()
        }


def _ways(by: str | None) -> str:
    return f" by {by.replace('_', ' ')}" if by else ""
