"""Where training happens: device, threads and versions, recorded beside the results."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from snellen import __version__
from snellen.errors import StudyError
from snellen.kernels.library import instructions
from snellen.limits import MAX_THREADS

CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux names the processor; Python knows only its family there."""


@with_config(ConfigDict(extra="allow", strict=True))
class PackEnvironment(TypedDict, total=False):
    """What the record of each pack says of the machine. threads: the most that a pack may use."""

    device: Annotated[str, Field(max_length=100)]
    threads: Annotated[int, Field(ge=1, le=MAX_THREADS)]
    torch: str
    processor: str


@with_config(ConfigDict(extra="allow", strict=True))
class Environment(PackEnvironment, total=False):
    """environment.json. snellen, python, torch, numpy: versions. kernels: the instructions they were compiled for, or
    off."""

    snellen: str
    python: str
    numpy: str
    system: str
    kernels: str


def current_environment(device: str, threads: int | None, before: Environment) -> Environment:
    """What this machine is and how it is used; `before`: the same when the run was begun.

    device: auto, cpu, cuda, cuda:1 or mps; auto is the one of `before`, else cuda where there is one, else cpu.
    threads: the most that a pack may use; None is that of `before`, else all cores. Raises StudyError for a device that
    is not here.
    """
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
        "threads": threads or before.get("threads") or torch.get_num_threads(),
        "kernels": instructions(),
    }


def choose_device(name: str) -> str:
    """The device of this name, `auto` being cuda where there is one, else cpu. Raises StudyError for one not here."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"device {name} cannot be used here ({reason})", hint="Try --device cpu.") from None
    return name


def _processor() -> str:
    """Its model, where the system says it."""
    with suppress(OSError):
        lines = CPU_INFO.read_text("utf-8", "replace").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if any(models):
            return models[0]
    return platform.processor() or platform.machine()
