"""Fixtures that several folders of tests share: small finished runs, and copies of them to do harm to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from needs import require
from runs import CROSSED, LINEAR, RATES, SEARCHED, SEEDED, run_small

from snellen.api import Run
from snellen.kernels import library as kernels


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of three networks on digits; to be read only."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNELLEN_RECORDS", str(folder / "records"))  # so that nobody opened this test before
        return run_small(folder / "run")


@pytest.fixture
def run_copy(small_run: Run, tmp_path: Path) -> Path:
    """The directory of a copy of that run, to change at will."""
    return Path(shutil.copytree(small_run.folder, tmp_path / "run"))


@pytest.fixture
def own_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of its own: the folder that holds this test's cache and records."""
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "user/cache"))
    monkeypatch.setenv("SNELLEN_RECORDS", str(tmp_path / "user/records"))
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    return tmp_path / "user"


@pytest.fixture(scope="session")
def seeds_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three models, three seeds each, the test opened for all; two of them differ in one layer. To be read only."""
    return run_small(tmp_path_factory.mktemp("seeds") / "run", **SEEDED)


@pytest.fixture(scope="session")
def folds_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two models over three folds, two seeds each; to be read only."""
    return run_small(tmp_path_factory.mktemp("folds") / "run", **CROSSED)


@pytest.fixture(scope="session")
def search_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A grid of three widths and two numbers of epochs beside a linear model; to be read only."""
    return run_small(tmp_path_factory.mktemp("search") / "run", **SEARCHED)


@pytest.fixture(scope="session")
def rates_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A grid of three widths and three learning rates beside a linear model; to be read only."""
    models = {"dense": RATES, "linear": LINEAR}
    return run_small(tmp_path_factory.mktemp("rates") / "run", models=models)


@pytest.fixture
def seeds_copy(seeds_run: Run, tmp_path: Path) -> Path:
    """The directory of a copy of `seeds_run`, to change at will."""
    return Path(shutil.copytree(seeds_run.folder, tmp_path / "seeds"))


@pytest.fixture
def folds_copy(folds_run: Run, tmp_path: Path) -> Path:
    """The directory of a copy of `folds_run`, to change at will."""
    return Path(shutil.copytree(folds_run.folder, tmp_path / "folds"))


@pytest.fixture
def search_copy(search_run: Run, tmp_path: Path) -> Path:
    """The directory of a copy of `search_run`, to change at will."""
    return Path(shutil.copytree(search_run.folder, tmp_path / "search"))


@pytest.fixture(params=["generic", "avx2", "avx512"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each set of instructions that this processor has."""
    monkeypatch.delenv(kernels.SWITCH, raising=False)
    require("kernels")
    found = kernels.library()
    assert found is not None
    before = kernels.instructions()
    if not found.snellen_use(request.param.encode()):
        pytest.skip(f"the processor or the compiler lacks {request.param}")
    yield request.param
    assert found.snellen_use(before.encode())
