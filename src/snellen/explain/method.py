"""What each analysis declares of itself: how it is made, of which networks, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from snellen.explain.analysis_result import AnalysisResult
from snellen.models.build import Network


def fits_all(network: Network, options: Any) -> str | None:
    """Of an analysis that every network allows."""
    return None


@dataclass(frozen=True)
class Method:
    """How one kind of analysis is made; `METHOD` in explain/<name>/analysis.py.

    of: `model`, make(TrainedModel, options), once a model; `recipe`, make(ModelOfRun, options), once a model, of all
    networks that were trained for it; `study`, make(RunWithImages, options), once a study. misfit: why a network does
    not allow it, or None. seconds: an estimate for a network and so many images. version: raised when the result
    changes, so that older results are made again.
    """

    of: Literal["model", "recipe", "study"]
    make: Callable[[Any, Any], AnalysisResult]
    misfit: Callable[[Network, Any], str | None] = fits_all
    seconds: Callable[[Network, int], float] = lambda network, images: 1.0
    version: int = 1
