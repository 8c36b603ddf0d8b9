"""Libraries that a run needs later, prepared in a thread of their own while the data are read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from snellen.models.baselines import load_libraries
from snellen.report.figures.charts import javascript


@contextmanager
def prepared_libraries() -> Iterator[Future[None]]:
    """The future is done when the library of the figures is bundled and that of the baselines imported.

    Wait for its result before anything is timed: what prepares them takes one of the cores.
    """
    with ThreadPoolExecutor(1, "snellen-libraries") as pool:
        yield pool.submit(_prepare)


def _prepare() -> None:
    javascript()  # lets go of the interpreter
    load_libraries()
