"""Runs a study once a seed and prints the test accuracies, their median and the machine, as a Markdown table.

    python scripts/repeat_seeds.py mnist-hidden-units --seeds 5 --out runs/seeds

Each seed is a run directory of its own; running again goes on where it stood. The data set is looked for as by
`snellen run` (SNELLEN_DATA).
"""

from __future__ import annotations

import argparse
import platform
import statistics
from datetime import date
from pathlib import Path

import snellen
from snellen.api import Run, Study
from snellen.evaluate.evaluation import Evaluation


def main() -> None:
    arguments = _parse()
    runs = [_run(arguments.study, seed, arguments.out, arguments.set) for seed in range(arguments.seeds)]
    environment = runs[0].record.read_json("environment.json")
    print(f"`{arguments.study}`, {arguments.seeds} seeds, snellen {snellen.__version__}, {date.today()}, ", end="")
    print(f"torch {environment['torch']}, {environment['threads']} cores of {platform.processor() or 'x86_64'}\n")
    print("| model | parameters | test accuracy of each seed | median | median seconds of training |")
    print("|---|---|---|---|---|")
    evaluations = [run.evaluation for run in runs]
    for model in runs[0].record.models:
        print(_row(model, runs, evaluations))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


def _run(study: str, seed: int, out: Path, overrides: list[str]) -> Run:
    opened = Study.load(study, [*overrides, f"seed={seed}"])
    return opened.run(out=out / f"{opened.file.study}-{seed}")


def _row(model: str, runs: list[Run], evaluations: list[Evaluation]) -> str:
    estimates = [evaluation.estimate(model, "test", "accuracy") for evaluation in evaluations]
    accuracies = [found.value for found in estimates if found and found.value is not None]
    listed, median = ", ".join(f"{value:.4f}" for value in accuracies), statistics.median(accuracies)
    seconds = statistics.median(run.record.results[model].seconds for run in runs)
    parameters = runs[0].record.job(model).read_job().trajectory.network.parameter_count
    return f"| {model} | {parameters:,} | {listed} | {median:.4f} | {seconds:.0f} |"


if __name__ == "__main__":
    main()
