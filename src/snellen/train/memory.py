"""How much memory this machine, or the container that the process is in, has left."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Bytes that can be used without swapping, as the kernel estimates them; all physical memory where it does not say,
    None where even that is unknown."""
    found = [each for each in (_of_machine(), _of_group()) if each is not None]
    return max(0, min(found)) if found else None


def _of_machine() -> int | None:
    with suppress(OSError, KeyError, ValueError):
        return 1024 * _numbers(MEMINFO)["MemAvailable:"]
    with suppress(OSError, AttributeError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_group() -> int | None:
    """What the limit of the control group (version 2) leaves; None without one. Files that it holds in memory are given
    back when memory is short."""
    with suppress(OSError, KeyError, ValueError):
        limit = int((GROUP / "memory.max").read_text(encoding="ascii"))  # `max` without a limit
        used = int((GROUP / "memory.current").read_text(encoding="ascii"))
        return limit - used + _numbers(GROUP / "memory.stat")["inactive_file"]
    return None


def _numbers(path: Path) -> dict[str, int]:
    """The second word of each line, by the first."""
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1}
