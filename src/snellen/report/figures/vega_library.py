"""The library that draws the figures of a page: Vega, Vega-Lite and vega-embed as one ES module.

`python -m snellen.report.figures.vega_library` bundles it into the user's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from pathlib import Path

from snellen.child_process import ChildProcess
from snellen.files.atomic import write_text
from snellen.files.cache import cache_folder, cached

VEGA_LITE = "6.4.1"
"""The version that the figures are written in."""


def javascript() -> str:
    """The module, of 0.9 MB, which sets `window.vegaEmbed`.

    Bundling takes a second, so the text is kept in the user's cache, one for each version of vl-convert and Vega-Lite.
    """
    return (cached(_key(), _bundle) / "bundle.js").read_text(encoding="utf-8")


@contextmanager
def bundled_meanwhile() -> Iterator[None]:
    """When the block ends the library is in the cache. A process of its own bundles it, because no other thread runs in
    the process that does; where that one fails, `javascript` bundles again, and raises the error."""
    if (cache_folder() / _key()).is_dir():
        yield
        return
    child = ChildProcess("snellen.report.figures.vega_library", environment={})
    try:
        yield
        child.wait()
    finally:
        child.close()


def _key() -> str:
    return f"figures/vl-convert-{version_of('vl-convert-python')}-vega-lite-{_version()}"


def _version() -> str:
    """Without the last number, as vl-convert names it."""
    return VEGA_LITE.rpartition(".")[0]


def _bundle(folder: Path) -> None:
    import vl_convert

    text = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_version())
    write_text(folder / "bundle.js", text)


if __name__ == "__main__":
    javascript()
