"""Where training happens: device, threads and versions, recorded beside the results."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen import __version__
from snellen.errors import StudyError
from snellen.kernels.library import instructions
from snellen.train.backend.choose import KERNELS, TORCH
from snellen.train.job import Job

CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux says which processor it is; Python knows only the family there."""
FLOP_PER_THREAD = 400e6
"""A step with less work a thread is slower with more threads: waking them costs more than they do, most of all on a
machine that others use. Measured on 2 cores: LeNet-5 at batch 32 (92 MFLOP a step) gains nothing from the second."""
FLOP_PER_PART, ROWS_PER_PART = {TORCH: 45e6, KERNELS: 90e6}, 8
"""A step of one lane with less work a part is not shared among parts. On 2 idle cores two parts of LeNet-5 at batch 32
took 0.76 of the time of one, of vgg-small (7.8 GFLOP a step) 0.6, and of 784-128-10 (20 MFLOP) 1.5 times as long. To
hand a part over costs 0.11 to 0.17 ms of CPU time a step; the kernels take 0.6 ms for a pass of LeNet-5."""


def settle(device: str, threads: int | None, before: Mapping[str, Any]) -> dict[str, Any]:
    """What this machine is and how it is used; `before`: the same when the run was begun.

    device: auto, cpu, cuda, cuda:1 or mps; auto is the one of `before`, else cuda where there is one, else cpu.
    threads: the most that a job may use; None is that of `before`, else all cores. Raises StudyError for a device that
    is not here.
    """
    torch.set_flush_denormal(True)
    count = threads or before.get("threads") or torch.get_num_threads()
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
        "kernels": instructions(),
    }


def threads_for(job: Job, lanes: int, most: int) -> int:
    """As many threads as the work of a training step of so many lanes is worth, at most `most`."""
    flop = 6 * job.trajectory.network.multiply_adds * job.trajectory.batch_size * lanes
    return min(most, max(1, round(flop / FLOP_PER_THREAD)))


def parts_for(job: Job, lanes: int, most: int, way: str = TORCH) -> int:
    """In how many parts each batch of a pack on the CPU is computed, by at most `most` threads; 1 where torch's own
    threads could be more than the parts."""
    least, flop = FLOP_PER_PART[way], 6 * job.trajectory.network.multiply_adds * job.trajectory.batch_size
    parts = min(most, round(flop / least), job.trajectory.batch_size // ROWS_PER_PART)
    return parts if lanes == 1 and parts > 1 and parts >= threads_for(job, lanes, most) else 1


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
    """Its model, where the system says it."""
    with suppress(OSError):
        lines = CPU_INFO.read_text("utf-8", "replace").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if any(models):
            return models[0]
    return platform.processor() or platform.machine()
