"""Snellen beside Keras, on this machine, in one run: see README.md in this folder.

    python bench/run.py --quick            builds bench/.venv-keras once, then measures for under 15 minutes
    python bench/run.py                    the whole bench: about an hour on 2 cores
    python bench/run.py --parts search     some of it; what was measured before is kept and shown with it
    python bench/run.py --write            the same, and the tables into README.md and docs/results.md

Interrupted, it goes on where it was. --fresh measures again what it is asked for.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import accuracy
import blocks
import folds
import lanes
import reach
import search
import shown
import tsne
from context import Bench
from kept import Kept
from sizes import QUICK, SIZES, WHOLE
from tools import keras_python

TOP = Path(__file__).resolve().parents[1]
PARTS: dict[str, ModuleType] = {
    "blocks": blocks,
    "search": search,
    "folds": folds,
    "reach": reach,
    "accuracy": accuracy,
    "tsne": tsne,
    "lanes": lanes,
}
TOO_LONG = {QUICK.name: {"reach"}}
"""Parts that a size leaves out unless they are asked for."""
ONLY_ON_A_GPU = {"lanes"}


def main() -> None:
    """The command line."""
    given = _arguments()
    bench = _bench(given)
    for name in given.parts or usual(bench.size.name, bench.device):
        print(f"bench: {name}", flush=True)
        if given.fresh:
            bench.kept.forget(name)
        PARTS[name].measure(bench)
    report = shown.collect(bench, PARTS.values())
    shown.store(report, bench.kept.folder)
    print(report.whole())
    if given.write:
        shown.write(report, TOP)


def usual(size: str, device: str) -> list[str]:
    """Parts that are measured when none is named."""
    left_out = TOO_LONG.get(size, set()) | (ONLY_ON_A_GPU if device == "cpu" else set())
    return [name for name in PARTS if name not in left_out]


def _bench(given: argparse.Namespace) -> Bench:
    size, kind = SIZES[given.size], given.device.partition(":")[0]
    out = (given.out or TOP / "runs" / "bench" / f"{size.name}-{kind}").resolve()
    conditions = {"size": size.name, "device": given.device, "machine": platform.platform(), "cores": os.cpu_count()}
    return Bench(
        size=size,
        kept=Kept(out, conditions),
        work=out / "work",
        keras=given.keras or keras_python(kind),
        device=given.device,
        data_folder=given.data_dir.resolve() if given.data_dir else None,
    )


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", dest="size", action="store_const", const=QUICK.name, help="the same as --size quick")
    parser.add_argument("--size", choices=SIZES, help="tiny only shows that everything runs")
    parser.set_defaults(size=WHOLE.name)
    parser.add_argument("--parts", type=_parts, help=f"some of {','.join(PARTS)}")
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
