"""What a fresh process takes: python memory_fit.py MODULE JOB LANES WAY STEPS, in JSON the bytes.

MODULE: ours or keras_fit. All images of the job are resident; an epoch has so many steps, and as many images are
evaluated. Bytes: resident memory that the imports took; the most beyond them; all numbers of all models, once.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from pathlib import Path

STATISTICS = Path("/proc/self/statm")
UNIT = 1 if sys.platform == "darwin" else 1024


def most() -> int:
    """Bytes: the peak of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def now() -> int:
    """Bytes; where the system does not tell, the peak."""
    return int(STATISTICS.read_text().split()[1]) * resource.getpagesize() if STATISTICS.exists() else most()


if __name__ == "__main__":
    os.environ["SNELLEN_STRATEGY"] = "rule"  # measuring takes memory of its own, once a machine
    began = now()
    module, job, lanes, way, steps = sys.argv[1:]
    tool = importlib.import_module(module)
    imported = now()
    prepared = tool.prepare(job, int(lanes), way, int(steps), tool.JOBS[job].rows)
    prepared.whole()
    found = {"imported": imported - began, "grown": most() - imported, "models": prepared.model_bytes}
    print(json.dumps(found))
