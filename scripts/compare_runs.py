"""Do two versions of Snellen train the same networks, bit for bit?

    python scripts/compare_runs.py make FOLDER          runs small studies into FOLDER, with the Snellen at hand
    python scripts/compare_runs.py compare ONE OTHER    compares two such folders, or any two run directories

For every job of both: weights, history without its clock, predictions of every role. Exits 1 where anything differs,
and says by how much, so that rounding can be told from a mistake.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

SHARED = {"split": {"test": 300, "validation": 300, "seed": 1}, "train": {"epochs": 3, "batch_size": 64}}
STUDIES: dict[str, dict[str, Any]] = {
    "kinds": {
        "models": {
            "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}, {"dropout": 0.2}]},
            "conv": {
                "layers": [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten"],
                "train": {"optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": 0.05, "schedule": "cosine"},
            },
            "norm": {
                "layers": [{"conv": {"filters": 4, "kernel": 3}}, "batch_norm", "relu", {"max_pool": 2}, "flatten"],
                "train": {"optimizer": "rmsprop", "augment": [{"shift": 0.1}, {"contrast": 0.2}]},
            },
            "skip": {"layers": [{"skip": [{"conv": {"filters": 1, "kernel": 3, "padding": "same"}}]}, "flatten"]},
        },
    },
    "lanes": {
        "models": {
            "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}]},
            "conv": {"layers": [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, "max_pool", "flatten"]},
        },
        "seeds": 3,
    },
}


def make(folder: Path) -> None:
    """Runs the studies into folder/<study>."""
    import snellen

    for name, sections in STUDIES.items():
        study = snellen.Study(name, data="digits", **{**SHARED, **sections})
        study.run(out=folder / name, device="cpu", threads=1, progress=False)


def compare(one: Path, other: Path) -> int:
    """Prints every difference; their number."""
    jobs, others = ({job.name: job for job in _jobs(folder)} for folder in (one, other))
    found = [f"{name}: only in one of the two" for name in sorted(jobs.keys() ^ others.keys())]
    for name in sorted(jobs.keys() & others.keys()):
        found += [f"{name}: {difference}" for difference in _differences(jobs[name], others[name])]
    for line in found:
        print(line)
    print(f"{len(jobs.keys() & others.keys())} jobs in both, {len(found)} differences")
    return len(found)


def _jobs(folder: Path) -> Iterator[Path]:
    yield from (path.parent for path in sorted(folder.rglob("jobs/*/result.json")))


def _differences(job: Path, other: Path) -> Iterator[str]:
    histories = [_history(each) for each in (job, other)]
    if histories[0] != histories[1]:
        yield f"history: {histories[0][-1:]} against {histories[1][-1:]}"
    for path in sorted(job.rglob("*.safetensors")):
        name = path.relative_to(job)
        if not (other / name).exists():
            yield f"{name}: only in one of the two"
        else:
            yield from _of_arrays(name, load_file(path), load_file(other / name))


def _history(job: Path) -> list[dict[str, Any]]:
    path = job / "history.json"
    records = json.loads(path.read_text("utf-8")) if path.exists() else []
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def _of_arrays(name: Path, one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> Iterator[str]:
    if one.keys() != other.keys() or any(one[key].shape != other[key].shape for key in one):
        yield f"{name}: other arrays"
        return
    for key in one:
        if one[key].tobytes() != other[key].tobytes():
            yield f"{name}, {key}: {_distance(one[key], other[key])}"


def _distance(one: np.ndarray, other: np.ndarray) -> str:
    if one.dtype.kind != "f":
        return f"{(one != other).sum()} of {one.size} values"
    size = max(float(np.abs(one).max()), 1e-30)
    return f"at most {float(np.abs(one - other).max()) / size:.1e} of the largest value"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("make").add_argument("folder", type=Path)
    both = verbs.add_parser("compare")
    both.add_argument("one", type=Path)
    both.add_argument("other", type=Path)
    given = parser.parse_args()
    if given.verb == "make":
        make(given.folder)
    elif compare(given.one, given.other):
        sys.exit(1)


if __name__ == "__main__":
    main()
