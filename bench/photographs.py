"""What a stranger gets for a folder of photographs: `snellen init`, `snellen run`, and the accuracy on fresh images.

    python bench/photographs.py --work FOLDER [--sets cat-dog,animals] [--old] [--small]

Beside it: logistic regression on pretrained features; with --old what `init` proposed before; with --small the small
network alone (as where no weights are at hand). Each result is kept in FOLDER/results.json and not computed again.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from photograph_references import logistic_regressions, weights_folder
from photograph_sets import SETS, PhotographSet, make

from snellen.init.propose import propose
from snellen.init.survey import survey

OLD = """
study: old
data: {{source: "{source}", resize: 64}}
split: {{test: 0.2, validation: 0.2, seed: 0}}
train: {{optimizer: adam, learning_rate: 1e-3, batch_size: 32, epochs: 60, patience: 10}}
models:
  linear: {{layers: [flatten]}}
  dense: {{layers: [flatten, {{dense: {{units: 128, activation: relu}}}}]}}
  cnn:
    layers:
      - conv: {{filters: 16, kernel: 3, padding: same, activation: relu}}
      - max_pool: 2
      - conv: {{filters: 32, kernel: 3, padding: same, activation: relu}}
      - max_pool: 2
      - conv: {{filters: 64, kernel: 3, padding: same, activation: relu}}
      - max_pool: 2
      - conv: {{filters: 64, kernel: 3, padding: same, activation: relu}}
      - max_pool: 2
      - flatten
      - dropout: 0.25
      - dense: {{units: 64, activation: relu}}
"""


def main() -> None:
    """Measures the wanted sets and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(each.name for each in SETS))
    parser.add_argument("--old", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--threads", default="2")
    given = parser.parse_args()
    wanted = [each for each in SETS if each.name in given.sets.split(",")]
    for each in wanted:
        _measure(each, given)
    _print_table(wanted, _kept(given.work))


def _measure(wanted: PhotographSet, given: argparse.Namespace) -> None:
    own, fresh = make(wanted, given.work / "sets")
    weights, folder = weights_folder(), given.work / "runs" / wanted.name
    folder.mkdir(parents=True, exist_ok=True)

    def proposal() -> dict[str, Any]:
        study = folder / "proposed.yaml"
        study.unlink(missing_ok=True)
        _snellen("init", str(own), "--out", str(study))
        return _run(study, fresh, folder / "proposed", given.threads)

    def small() -> dict[str, Any]:
        study, found = folder / "small.yaml", survey(str(own))
        text = propose(found.dataset, str(own), options=found.options, sizes=found.sizes, near=found.near).text
        study.write_text(text, "utf-8")
        return _run(study, fresh, folder / "small", given.threads)

    def old() -> dict[str, Any]:
        study = folder / "old.yaml"
        study.write_text(OLD.format(source=own), "utf-8")
        return _run(study, fresh, folder / "old", given.threads)

    parts: dict[str, Callable[[], dict[str, Any]]] = {"proposed": proposal}
    parts |= {"small": small} if given.small else {}
    parts |= {"old": old} if given.old else {}
    if weights is not None:
        parts["logistic"] = lambda: {"accuracy": max(logistic_regressions(own, fresh, weights).values())}
    for name, measure in parts.items():
        kept = _kept(given.work)
        if name not in kept.get(wanted.name, {}):
            began = time.perf_counter()
            result = measure() | {"seconds": round(time.perf_counter() - began, 1)}
            kept.setdefault(wanted.name, {})[name] = result
            (given.work / "results.json").write_text(json.dumps(kept, indent=1), "utf-8")
            print(wanted.name, name, result, flush=True)


def _kept(work: Path) -> dict[str, dict[str, Any]]:
    path = work / "results.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _run(study: Path, fresh: Path, out: Path, threads: str) -> dict[str, Any]:
    said = _snellen("run", str(study), "--out", str(out), "--threads", threads)
    scored = _snellen("predict", str(out), str(fresh), "--score")
    [accuracy] = re.findall(r"Accuracy on .*: ([0-9.]+) %", scored)
    chosen = re.findall(r"^(\S+) \*", said, re.MULTILINE)
    return {"accuracy": float(accuracy) / 100, "chosen": chosen[0] if chosen else None}


def _snellen(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "snellen", *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"snellen {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def _print_table(wanted: list[PhotographSet], kept: dict[str, dict[str, Any]]) -> None:
    columns = ("proposed", "small", "old", "logistic")
    print(f"{'set':14} {'images':>6} {'tuned':>6} " + " ".join(f"{name:>9}" for name in columns))
    gaps = []
    for each in wanted:
        found = {name: kept[each.name][name]["accuracy"] for name in columns if name in kept.get(each.name, {})}
        cells = " ".join(f"{100 * found[name]:9.1f}" if name in found else " " * 9 for name in columns)
        print(f"{each.name:14} {each.images:6} {'yes' if each.tuned else '':>6} {cells}")
        others = [found[name] for name in ("small", "logistic") if name in found]
        if others and "proposed" in found:
            gaps.append(100 * (found["proposed"] - max(others)))
    if gaps:
        print(f"proposed minus the best of small and logistic: median {statistics.median(gaps):+.1f} points")


if __name__ == "__main__":
    main()
