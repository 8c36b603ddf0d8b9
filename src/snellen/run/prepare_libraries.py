"""Libraries that a run needs later: imported at once, and that of the figures bundled while the data are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from snellen.garbage import garbage_collection_paused
from snellen.models.baselines import load_libraries
from snellen.report.figures.vega_library import bundled_meanwhile


@contextmanager
def prepared_libraries() -> Iterator[None]:
    """When the block ends all are ready, so that nothing is timed while the other process has one of the cores."""
    with bundled_meanwhile():
        with garbage_collection_paused():
            load_libraries()
        yield
