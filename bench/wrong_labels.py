"""How many planted wrong labels stand first: the order of the analysis `wrong_labels` and those of cleanlab, on the
same out-of-fold probabilities; and what recording margins costs.

    python bench/wrong_labels.py                                  # 10 draws of each kind of noise, about an hour
    python bench/wrong_labels.py --draws 2 --kinds pairs-10       # a part of it
    python bench/wrong_labels.py --cost                           # a step with and without margins, side by side

The training part of Fashion-MNIST gets wrong labels: 300 at random, 1 % and 10 % at random, or 1 % and 10 % between
classes that people confuse. A network (784-128-10, 10 epochs) is trained in five folds. Recall is the share of planted
labels among the first 2 m rows, m being the number planted. Needs cleanlab (the extra `test-all`).
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cleanlab.rank import get_label_quality_scores

import snellen
from snellen.data.load import read
from snellen.evaluate.record import RunRecord
from snellen.explain.wrong_labels.ranking import groups_of, log_ratios, rank_shares
from snellen.explain.wrong_labels.signals import signals_of
from snellen.models.zoo import ZOO
from snellen.run.data_file import data_values
from snellen.run.run_folder import begin_run, run_context, write_plan
from snellen.study.data_settings import split_of_study
from snellen.study.plan import plan
from snellen.study.search_results import SearchResults
from snellen.train import initial_state
from snellen.train.environment import current_environment
from snellen.train.executors.worker_pool import train_lanes
from snellen.train.loop import Training
from snellen.train.snapshot import together
from snellen.train.watcher import Silent

CONFUSED = {0: 6, 6: 0, 2: 4, 4: 2, 3: 1, 1: 3, 5: 7, 7: 9, 9: 7}
"""Classes that people confuse: T-shirt and shirt, pullover and coat, dress and trouser, sandal, sneaker and boot."""
CLEANLAB = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
TRAIN: dict[str, Any] = {"epochs": 10, "batch_size": 128, "learning_rate": 1e-3}
Noise = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def flips(count: float) -> Noise:
    """So many labels (a share below 1) become another class, at random."""

    def plant(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        number = round(count * len(labels)) if count < 1 else int(count)
        rows, changed = random.choice(len(labels), number, replace=False), labels.copy()
        changed[rows] = (labels[rows] + random.integers(1, 10, number)) % 10
        return changed

    return plant


def pairs(share: float) -> Noise:
    """A share of the labels becomes the class that people confuse it with; bags have none."""

    def plant(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        number, able = round(share * len(labels)), np.flatnonzero(np.isin(labels, list(CONFUSED)))
        rows, changed = random.choice(able, number, replace=False), labels.copy()
        changed[rows] = [CONFUSED[label] for label in labels[rows].tolist()]
        return changed

    return plant


KINDS: dict[str, tuple[str, Noise]] = {
    "flips-300": ("300 at random", flips(300)),
    "flips-1": ("1 % at random", flips(0.01)),
    "flips-10": ("10 % at random", flips(0.10)),
    "pairs-1": ("1 %, confused pairs", pairs(0.01)),
    "pairs-10": ("10 %, confused pairs", pairs(0.10)),
}


def orders(
    images: np.ndarray, labels: np.ndarray, classes: list[str], folder: Path
) -> tuple[Any, dict[str, np.ndarray]]:
    """The signals, and the scores of each row by every order, the lowest first."""
    study = snellen.Study(
        "noisy",
        data=snellen.from_arrays(images, labels, class_names=classes),
        models={"mlp": {"layers": "mlp-128", "train": TRAIN}},
        split={"test": 1, "validation": 0.1},
        folds=5,
        open_test=[],
        analyses=["wrong_labels"],
    )
    assert study.dataset is not None
    data, environment = split_of_study(study.file, study.dataset), current_environment("cpu", None, {})
    planned = plan(study.file, data)
    begin_run(folder, study.document, study.file, environment, data_values(study.file, data))
    context = run_context(folder, data.sealed, environment, None, margins=True)
    write_plan(folder, planned, SearchResults({}))
    for stage in planned.stages:
        train_lanes(stage, context, _Quiet())
    signals = signals_of(RunRecord.open(folder), "mlp")
    [group] = groups_of(signals)
    ratios = log_ratios(signals.labels, signals.probabilities)
    ours = {"both": group.scores, "out-of-fold alone": ratios, "margins alone": rank_shares(signals.margins)}
    theirs = {each: get_label_quality_scores(signals.labels, signals.probabilities, method=each) for each in CLEANLAB}
    return signals, ours | theirs


class _Quiet(Silent):
    def began(self, *_: object) -> None: ...
    def ended(self, *_: object) -> None: ...
    def switched_to(self, *_: object) -> None: ...


def recall(wrong: np.ndarray, scores: np.ndarray) -> float:
    """Of the wrong rows, the share among twice as many of the lowest scores."""
    budget = 2 * int(wrong.sum())
    return float(wrong[np.argsort(scores, kind="stable")[:budget]].sum() / wrong.sum())


def measure(kind: str, draws: int, images: np.ndarray, truth: np.ndarray, classes: list[str]) -> dict[str, list[float]]:
    """The recall of each order in each draw."""
    found: dict[str, list[float]] = {}
    for draw in range(draws):
        labels = KINDS[kind][1](truth, np.random.default_rng(1_000 + draw))
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            signals, scores = orders(images, labels, classes, Path(folder) / "run")
        wrong = (labels != truth)[signals.rows]
        for name, values in scores.items():
            found.setdefault(name, []).append(recall(wrong, values))
        print(f"{kind} draw {draw + 1}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return found


def line(kind: str, found: dict[str, list[float]]) -> str:
    """A row of the table: means in per cent, and ours minus cleanlab's best, with the standard error over draws."""
    means = {name: 100 * float(np.mean(values)) for name, values in found.items()}
    best = max(CLEANLAB, key=lambda name: means[name])
    gaps = 100 * (np.array(found["both"]) - np.array(found[best]))
    error = gaps.std(ddof=1) / len(gaps) ** 0.5 if len(gaps) > 1 else float("nan")
    cells = [f"{means[name]:.1f}" for name in ("both", "out-of-fold alone", "margins alone", *CLEANLAB)]
    return f"| {KINDS[kind][0]} | {' | '.join(cells)} | {gaps.mean():+.1f} ± {error:.1f} |"


def cost() -> None:
    """Processor seconds of an epoch of 20,000 images with and without margins, in turn, on one thread."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import training_cases as cases

    from snellen.train.batches import ResidentData
    from snellen.train.lane import Lane

    random = np.random.default_rng(0)
    images = torch.from_numpy(random.integers(0, 256, (20_000, 28, 28, 1), dtype=np.uint8))
    pictures = ResidentData(images, torch.from_numpy(random.integers(0, 10, 20_000)))
    rows = {"train": np.arange(20_000), "validation": np.arange(0)}
    for name in ("mlp-128", "lenet-5"):
        layers = cases.PARTS.validate_python(ZOO[name])
        changes: dict[str, Any] = {"layers": layers, "input_shape": (28, 28, 1), "classes": 10, "batch_size": 32}
        lane = Lane((cases.job(**changes, epochs=50),), rows)
        begun = together([initial_state.initial(lane, pictures)])
        both = {
            with_margins: Training.prepare([lane], pictures, margins=with_margins) for with_margins in (False, True)
        }
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(12):
            for with_margins in (turn % 2 == 0, turn % 2 == 1):
                began = time.process_time()
                both[with_margins].run_steps(begun, Silent())
                seconds[with_margins].append(time.process_time() - began)
        ratio = float(np.median(np.array(seconds[True]) / np.array(seconds[False])))
        print(f"{name}, batch 32, one thread: {min(seconds[False]):.3f} s an epoch without margins, ratio {ratio:.3f}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--out", type=Path, help="a JSON file of the recalls")
    given = parser.parse_args()
    if given.cost:
        torch.set_num_threads(1)
        cost()
        return
    data = read("fashion-mnist")
    assert data.official_test is not None
    rows = np.flatnonzero(~data.official_test)
    images, truth = np.asarray(data.images[rows]), data.labels[rows]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.processor() or platform.machine()}, torch {torch.__version__}")
    print(
        f"| noise | both | out-of-fold alone | margins alone | {' | '.join(CLEANLAB)} | both minus the best of these |"
    )
    print("|---|" + "---|" * (4 + len(CLEANLAB)))
    kept: dict[str, Any] = {}
    for kind in given.kinds.split(","):
        kept[kind] = measure(kind, given.draws, images, truth, list(data.classes))
        print(line(kind, kept[kind]), flush=True)
    if given.out:
        given.out.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
