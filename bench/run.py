"""Snellen beside Keras, on this machine, in one run: see README.md in this folder.

    python bench/run.py --quick            builds bench/.venv-keras once, then measures for under 15 minutes
    python bench/run.py                    the whole bench: about 40 minutes on 2 cores
    python bench/run.py --parts search     some of it; what was measured before is kept and shown with it
    python bench/run.py --run 2            once more, beside what was measured first
    python bench/run.py --write            the same, and the tables into README.md and docs/results.md

Interrupted, it goes on where it was. --fresh measures again what it is asked for. A part that fails does not keep the
others from being measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import accuracy
import blocks
import folds
import lanes
import memory
import notebook
import reach
import search
import shown
import tsne
from context import Bench
from kept import Kept
from sizes import QUICK, SIZES, TINY, WHOLE
from tools import keras_python

TOP = Path(__file__).resolve().parents[1]
PARTS: dict[str, ModuleType] = {
    "blocks": blocks,
    "search": search,
    "folds": folds,
    "reach": reach,
    "accuracy": accuracy,
    "tsne": tsne,
    "memory": memory,
    "notebook": notebook,
    "lanes": lanes,
}
TOO_LONG = {QUICK.name: {"reach", "notebook"}, TINY.name: {"reach", "notebook"}}
"""Parts that a size leaves out unless they are asked for."""
ONLY_ON_A_GPU = {"lanes"}
RUNS = (1, 2)
"""Each has a folder of its own."""


def main() -> None:
    """The command line."""
    given = _arguments()
    keras = given.keras or keras_python(given.device.partition(":")[0])
    runs = {number: _bench(given, number, keras) for number in RUNS}
    bench = runs[given.run]
    os.environ["SNELLEN_CACHE"] = str(bench.work / "cache")  # what other days measured of this machine decides nothing
    names = given.parts or usual(bench.size.name, bench.device)
    failed = [name for name in names if not measured(bench, name, PARTS[name], given.fresh)]
    report = shown.collect(runs[1], runs[2], tuple(PARTS.values()))
    shown.store(report, bench.kept.folder.parent)
    print(report.whole())
    if given.write:
        shown.write(report, TOP)
    if failed:
        sys.exit(f"bench: failed: {', '.join(failed)}")


def measured(bench: Bench, name: str, part: ModuleType, fresh: bool) -> bool:
    """Measures a part; whether that went well. What went wrong is printed, and the other parts go on."""
    print(f"bench: {name}", flush=True)
    began = time.perf_counter()
    if fresh:
        bench.kept.forget(name)
    try:
        part.measure(bench)
    except Exception:
        traceback.print_exc()
        return False
    finally:
        print(f"bench: {name}, {time.perf_counter() - began:.0f} s", flush=True)
    return True


def usual(size: str, device: str) -> list[str]:
    """Parts that are measured when none is named."""
    left_out = TOO_LONG.get(size, set()) | (ONLY_ON_A_GPU if device == "cpu" else set())
    return [name for name in PARTS if name not in left_out]


def _bench(given: argparse.Namespace, number: int, keras: str) -> Bench:
    size, kind = SIZES[given.size], given.device.partition(":")[0]
    out = (given.out or TOP / "runs" / "bench" / f"{size.name}-{kind}").resolve() / f"run-{number}"
    conditions = {"size": size.name, "device": given.device, "machine": platform.platform(), "cores": os.cpu_count()}
    return Bench(
        size=size,
        kept=Kept(out, conditions),
        work=out / "work",
        keras=keras,
        device=given.device,
        data_folder=given.data_dir.resolve() if given.data_dir else None,
    )


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", dest="size", action="store_const", const=QUICK.name, help="the same as --size quick")
    parser.add_argument("--size", choices=SIZES, help="tiny only shows that everything runs")
    parser.set_defaults(size=WHOLE.name)
    parser.add_argument("--parts", type=_parts, help=f"some of {','.join(PARTS)}")
    parser.add_argument("--run", type=int, choices=RUNS, default=RUNS[0], help="2: once more, shown beside the first")
    parser.add_argument("--keras", metavar="PYTHON", help="an environment that has keras, keras-tuner and tensorflow")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--data-dir", type=Path, help="where data sets are looked for first")
    parser.add_argument("--out", type=Path, help="what was measured; runs/bench/SIZE-DEVICE when not given")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    parser.add_argument("--write", action="store_true", help="the tables into README.md and docs/results.md")
    return parser.parse_args(given)


def _parts(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    main()
