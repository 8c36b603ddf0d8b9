"""Where training happens: device, threads and versions, recorded beside the results."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from snellen import __version__
from snellen.errors import StudyError


def settle(device: str, threads: int | None, before: Mapping[str, Any]) -> dict[str, Any]:
    """Makes torch use the wanted threads, and returns what the machine is; `before`: the same when the run was begun.

    device: auto, cpu, cuda, cuda:1 or mps; auto is the one of `before`, else cuda where there is one, else cpu.
    Raises StudyError for a device that is not here.
    """
    count = threads or before.get("threads") or torch.get_num_threads()
    torch.set_num_threads(count)
    torch.set_flush_denormal(True)
    chosen = choose_device(before.get("device", "auto") if device == "auto" else device)
    return {
        "snellen": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.cuda.get_device_name(chosen) if chosen.startswith("cuda") else _processor(),
        "device": chosen,
        "threads": count,
    }


def choose_device(wanted: str) -> str:
    """The device of this name, `auto` being cuda where there is one, else cpu. Raises StudyError for one not here."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"device {wanted} cannot be used here ({reason})", hint="Try --device cpu.") from None
    return wanted


def _processor() -> str:
    return platform.processor() or platform.machine()
