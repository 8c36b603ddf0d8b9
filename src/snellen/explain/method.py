"""What each analysis declares about itself: how it is made, for which networks, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from snellen.evaluate.record import RunRecord
from snellen.explain.analysis_result import AnalysisResult
from snellen.models.build import Network


def fits_all(network: Network, options: Any) -> str | None:
    """For an analysis that fits every network."""
    return None


@dataclass(frozen=True)
class Method:
    """How one kind of analysis is made; `METHOD` in explain/<name>/analysis.py.

    of: `model`: make(TrainedModel, options), once per model; `recipe`: make(ModelOfRun, options), once per model, for
    all its networks; `study`: make(RunWithImages, options), once per study. misfit: why the analysis does not fit a
    network, or None. seconds: an estimate for a network and a number of images. version: increased when the result
    changes, so that older results are made again. own_correction: what the report calls its tests, if they are
    corrected for multiple comparisons on its own page. depends_on: JSON values that the result depends on, in addition
    to options, networks and data. of_each_network: for an analysis of the study, whether it takes `seconds` for each
    network. layer: of a network, the layer that the analysis looks at, in words for its title; None if there is no
    single one.
    """

    of: Literal["model", "recipe", "study"]
    make: Callable[[Any, Any], AnalysisResult]
    misfit: Callable[[Network, Any], str | None] = fits_all
    seconds: Callable[[Network, int], float] = lambda network, images: 1.0
    version: int = 1
    own_correction: str | None = None
    depends_on: Callable[[RunRecord], dict[str, Any]] | None = None
    of_each_network: bool = False
    layer: Callable[[Network, Any], str | None] = lambda network, options: None
