"""No test touches the user's own cache or log: one of each for the whole suite, so that digits are decoded once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: small steps crawl with more where cores are shared
os.environ.setdefault("KERAS_BACKEND", "torch")  # the one of its backends that is always here

import pytest
from fixtures import (
    folds_copy,
    folds_run,
    instructions,
    own_user,
    rates_run,
    run_copy,
    search_copy,
    search_run,
    seeds_copy,
    seeds_run,
    small_run,
)
from needs import pytest_runtest_setup

__all__ = [  # fixtures and hooks that pytest finds here
    "folds_copy",
    "folds_run",
    "instructions",
    "own_user",
    "pytest_runtest_setup",
    "rates_run",
    "run_copy",
    "search_copy",
    "search_run",
    "seeds_copy",
    "seeds_run",
    "small_run",
]


@pytest.fixture(scope="session", autouse=True)
def suite_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set for the session, because fixtures of modules and child processes need them too."""
    folder = tmp_path_factory.mktemp("suite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNELLEN_CACHE", str(folder / "cache"))
        patch.setenv("SNELLEN_RECORDS", str(folder / "records"))
        yield


@pytest.fixture(autouse=True)
def usual_floats() -> Iterator[None]:
    """A run flushes the smallest floats to zero, for the whole process; hypothesis refuses to draw floats then."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def run_script() -> Callable[..., tuple[int, str]]:
    """Runs Python text in a process of its own, with arguments; returns its exit code and all that it printed."""

    def run(text: str, *arguments: object) -> tuple[int, str]:
        command = [sys.executable, "-W", "error", "-c", text, *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        return done.returncode, done.stdout.decode()

    return run
