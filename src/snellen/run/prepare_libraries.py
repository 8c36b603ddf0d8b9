"""Prepares libraries that a run needs later: imports them, and bundles that of the figures while the data are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from snellen.garbage import garbage_collection_paused
from snellen.models.baselines import load_libraries
from snellen.report.figures.vega_library import bundled_meanwhile


@contextmanager
def prepared_libraries() -> Iterator[None]:
    """At the end of the block all are ready, so that nothing is timed while the other process uses a core."""
    with bundled_meanwhile():
        with garbage_collection_paused():
            load_libraries()
        yield
