"""Protects runs on machines that others use too: threads that wait for each other sleep, unless the user wants else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

SCRIPT = "import os, snellen.train.loop, torch; print(os.environ['OMP_WAIT_POLICY'], torch.__config__.parallel_info())"


@pytest.mark.parametrize("policy", ["passive", "active"])
def test_threads_sleep_while_they_wait(
    run_script: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if policy == "active":
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    code, said = run_script(SCRIPT)
    assert code == 0 and said.startswith(policy) and "OpenMP" in said
