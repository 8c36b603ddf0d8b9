"""Every test of data has a cache and a log of its own, and no data folder but what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that holds this test's cache and records."""
    folder = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("SNELLEN_CACHE", str(folder / "cache"))
    monkeypatch.setenv("SNELLEN_RECORDS", str(folder / "records"))
    monkeypatch.delenv("SNELLEN_DATA", raising=False)
    return folder
