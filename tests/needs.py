"""What tests need that some machines lack: packages of extras, tools, data. The one place that skips for want of them.

    @needs("browser")            a test that is skipped by name where there is no browser
    pytestmark = needs("umap")   a whole file; any name that is not in TOOLS or DATA is a package to import
    require("kernels")           inside a test or a fixture

SNELLEN_REQUIRE names what must be there, separated by commas: a name as above, a group (`packages`, `tools`, `data`) or
`all`. What it names fails where it is missing, instead of being skipped: so CI cannot lose tests without a word.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")
AXE = Path(os.environ.get("SNELLEN_AXE", "absent"))
"""axe-core's axe.min.js."""
REAL_DATA = Path(os.environ.get("SNELLEN_DATA", "absent"))
"""The folder of published data sets; tests that change SNELLEN_DATA do not change this."""


def _has_kernels() -> bool:
    from snellen.kernels.library import library

    return library() is not None


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


TOOLS: dict[str, tuple[Callable[[], bool], str]] = {
    "axe": (AXE.is_file, "needs axe-core: SNELLEN_AXE must name its axe.min.js"),
    "browser": (lambda: bool(CHROMIUM and CHROMEDRIVER), "needs chromium and chromedriver"),
    "datasets": (lambda: find_spec("datasets") is not None, "needs the package datasets, which is in no extra"),
    "gpu": (_has_gpu, "needs a GPU"),
    "kernels": (_has_kernels, "needs the compiled kernels: a C++ compiler at installation, SNELLEN_KERNELS not off"),
    "node": (lambda: shutil.which("node") is not None, "needs node"),
}
"""Whether each is here, and what a test says that needs it."""
DATA = ("cifar-10", "fashion-mnist", "fashion-mnist-csv", "mnist", "svhn", "weights")
"""Folders of SNELLEN_DATA; `weights` holds those of two pretrained networks."""


def missing(name: str) -> str | None:
    """What to say of a need that is not met; None where it is."""
    if name in TOOLS:
        found, sentence = TOOLS[name]
        return None if found() else sentence
    if name in DATA:
        return None if (REAL_DATA / name).is_dir() else f"needs {name}: SNELLEN_DATA has no such folder"
    return None if find_spec(name) else f"needs the package {name}: pip install '.[test-all]'"


def is_required(name: str) -> bool:
    """Whether SNELLEN_REQUIRE says that it must be here."""
    group = "tools" if name in TOOLS else "data" if name in DATA else "packages"
    return bool({name, group, "all"} & set(os.environ.get("SNELLEN_REQUIRE", "").replace(" ", "").split(",")))


def require(name: str) -> None:
    """Returns where the need is met; else skips the test that calls, or fails it where SNELLEN_REQUIRE says so."""
    sentence = missing(name)
    if sentence is not None and is_required(name):
        pytest.fail(f"{sentence}; SNELLEN_REQUIRE is {os.environ['SNELLEN_REQUIRE']!r}", pytrace=False)
    if sentence is not None:
        pytest.skip(sentence)


def needs(*names: str) -> pytest.MarkDecorator:
    """A mark for a test, a parameter or a file; each name is required before the test's fixtures are made."""
    return pytest.mark.needs(*names)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A hook of pytest, which conftest.py imports: requires the names of the marks."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            require(name)
