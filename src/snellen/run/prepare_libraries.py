"""Libraries that a run needs later: imported at once, and that of the figures bundled while the data are read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from snellen.models.baselines import load_libraries
from snellen.report.figures.charts import javascript, load_figure_libraries


@contextmanager
def prepared_libraries() -> Iterator[Future[str]]:
    """The future is done when the library of the figures is bundled. Wait for it before anything is timed: bundling
    takes one of the cores.

    Only this thread imports: two threads that import packages which import each other end in a deadlock, which Python
    reports as an error (`_DeadlockError`).
    """
    load_figure_libraries()
    load_libraries()
    with ThreadPoolExecutor(1, "snellen-libraries") as pool:
        yield pool.submit(javascript)
