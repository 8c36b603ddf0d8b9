"""Protects the estimate of free memory: that of the kernel, and the limit of a container where that is less."""

from __future__ import annotations

from pathlib import Path

import pytest

from snellen.train import memory


def test_the_least_of_machine_and_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 900 kB\nMemAvailable:    500 kB\n", encoding="ascii")
    assert memory.available_memory() == 500 * 1024
    (tmp_path / "memory.max").write_text("max\n", encoding="ascii")
    assert memory.available_memory() == 500 * 1024
    (tmp_path / "memory.max").write_text("400000\n", encoding="ascii")
    (tmp_path / "memory.current").write_text("300000\n", encoding="ascii")
    (tmp_path / "memory.stat").write_text("anon 200000\ninactive_file 50000\n", encoding="ascii")
    assert memory.available_memory() == 150_000


def test_there_is_some_here() -> None:
    found = memory.available_memory()
    assert found is None or found > 0
