"""Protects runs from import deadlocks: while libraries are prepared only the main thread imports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType


class Noting:
    """Stands before all finders of modules; notes what other threads than the main one look for."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.found.append(name)


SCRIPT = """
import os, sys
os.environ["SNELLEN_CACHE"] = sys.argv[1]
sys.path.insert(0, {tests!r})
from test_prepare_libraries import Noting
noting = Noting()
sys.meta_path.insert(0, noting)
from snellen.run.prepare_libraries import prepared_libraries
from snellen.report.figures.vega_library import javascript
with prepared_libraries():
    pass
assert "vegaEmbed" in javascript()
print(noting.found)
"""


def test_other_threads_import_nothing(tmp_path: Path, run_script: Callable[..., tuple[int, str]]) -> None:
    """In a fresh process and a fresh cache, where nothing has been imported or bundled before."""
    code, printed = run_script(SCRIPT.format(tests=str(Path(__file__).parent)), tmp_path)
    assert (code, printed.strip()) == (0, "[]"), printed
