"""What a run costs around its training: python bench/around_training.py [--images 20000,100000,400000] [--other SRC]

Runs a study of two epochs of a small dense network on made-up 28x28 images, and the shipped study `digits`, each in a
fresh process with an empty cache; Python's bytecode is there already, as pip leaves it. Prints wall seconds, CPU
seconds (user and system) and seconds of training, and the parts of the run that take longest. --other: another
checkout's `src`, run in turns with this one; prints the ratios.
"""

from __future__ import annotations

import argparse
import atexit
import compileall
import gc
import inspect
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

OURS = Path(__file__).parents[1] / "src"
CLASSES, SIDE = 10, 28
STUDY = """
study: around
data: {source: images.npz}
split: {seed: 0}
models:
  dense:
    layers: [flatten, {dense: {units: 32, activation: relu}}]
    train: {optimizer: adam, epochs: 2, batch_size: 128}
"""
SHOWN_SECONDS = 0.05
"""Parts below this are not printed."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", default="20000,100000,400000", help="numbers of images")
    parser.add_argument("--digits", action="store_true", help="the study `digits` too")
    parser.add_argument("--other", type=Path, help="another checkout's src folder")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; medians are printed")
    parser.add_argument("--measure", nargs=2, metavar=("STUDY", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure)
        return
    sources = {"here": OURS} | ({"other": given.other} if given.other else {})
    for source in sources.values():
        compileall.compile_dir(source, quiet=1)
    for images in [*map(int, filter(None, given.images.split(","))), *([0] if given.digits else [])]:
        show(f"{images:,} images" if images else "digits", compared(images, sources, given.repeat))


def compared(images: int, sources: dict[str, Path], repeat: int) -> dict[str, list[dict[str, Any]]]:
    """What was measured in each run of each checkout, in turns."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in sources}
    with TemporaryDirectory() as folder:
        if images:
            make_images(Path(folder) / "images.npz", images)
            (Path(folder) / "study.yaml").write_text(STUDY, encoding="utf-8")
        for number in range(repeat):
            for name, source in sources.items():
                found[name].append(run(Path(folder), "study.yaml" if images else "digits", source, f"{name}-{number}"))
    return found


def make_images(path: Path, count: int) -> None:
    """Images of ten classes: a pattern each, and noise, so that no two images are equal or almost equal."""
    import numpy as np

    random = np.random.default_rng(0)
    labels = np.arange(count) % CLASSES
    patterns = random.integers(0, 128, (CLASSES, SIDE, SIDE), np.uint8)
    images = patterns[labels] + random.integers(0, 128, (count, SIDE, SIDE), np.uint8)
    np.savez(path, images=images, labels=labels)


def run(folder: Path, study: str, source: Path, out: str) -> dict[str, Any]:
    """`snellen run` in a process of its own, with a cache of its own."""
    environment = os.environ | {"PYTHONPATH": str(source), "SNELLEN_CACHE": str(folder / f"{out}-cache")}
    environment["SNELLEN_RECORDS"] = str(folder / f"{out}-records")
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, __file__, "--measure", study, out]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.perf_counter() - began, "cpu": cpu, **json.loads(done.stdout.splitlines()[-1])}


def measure(study: str, out: str) -> None:
    """Runs a study in this process as the command does; seconds of training, and of what the flow calls."""
    parts = defaultdict[str, float](float)

    def report() -> None:
        results = [json.loads(path.read_text("utf-8")) for path in Path(out).glob("jobs/*/result.json")]
        parts["rest"] = time.process_time() - sum(parts.values())
        print(json.dumps({"training": sum(each["seconds"] for each in results), "parts": parts}))

    atexit.register(report)
    from snellen import cli

    gc.set_threshold(getattr(sys.modules.get("snellen.cli.entry"), "GARBAGE_OBJECTS", gc.get_threshold()[0]))
    began = time.process_time()
    from snellen.run import flow

    parts["import"] = time.process_time() - began
    for name, function in inspect.getmembers(flow, inspect.isfunction):
        if function.__module__.startswith("snellen.") and function.__module__ != flow.__name__:
            setattr(flow, name, timed(function, name, parts))
    sys.argv = ["snellen", "run", study, "--out", out, "--device", "cpu"]
    cli.main()


def timed(function: Callable[..., Any], name: str, parts: dict[str, float]) -> Callable[..., Any]:
    """The same function; its CPU seconds are added to `parts`."""

    def call(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            parts[name] += time.process_time() - began

    return call


def show(title: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints the medians of each checkout, their ratios, and the longest parts."""
    middle = {
        name: {key: median(run[key] for run in runs) for key in ("wall", "cpu", "training")}
        for name, runs in found.items()
    }
    for name, seconds in middle.items():
        print(f"{title}, {name}: " + ", ".join(f"{key} {value:.2f} s" for key, value in seconds.items()))
        parts = {key: median(run["parts"].get(key, 0.0) for run in found[name]) for key in found[name][0]["parts"]}
        longest = sorted(parts.items(), key=lambda part: -part[1])
        print("    " + ", ".join(f"{key} {value:.2f}" for key, value in longest if value >= SHOWN_SECONDS))
    if "other" in middle:
        ratios = (f"{key} {middle['here'][key] / middle['other'][key]:.2f}" for key in ("wall", "cpu"))
        print(f"{title}, here / other: " + ", ".join(ratios))


if __name__ == "__main__":
    main()
