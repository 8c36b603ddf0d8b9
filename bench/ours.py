"""Snellen's engine under measurement: python ours.py [DEVICE]. Orders come from blocks.py and lanes.py."""

from __future__ import annotations

import sys
import time

BEGAN = time.perf_counter()

import snellen  # noqa: E402, F401, I001  # before torch: it says how threads wait
import numpy as np  # noqa: E402
import torch  # noqa: E402
from jobs import BATCH, CLASSES, JOBS, MANY  # noqa: E402
from serving import Prepared, Values, serve  # noqa: E402

from snellen.models.build import parse_layers  # noqa: E402
from snellen.models.layers import Dense  # noqa: E402
from snellen.train import begin  # noqa: E402
from snellen.train.engine import Material, Silent, Training  # noqa: E402
from snellen.train.environment import parts_for, threads_for  # noqa: E402
from snellen.train.job import Job, StopRule, Trajectory  # noqa: E402
from snellen.train.lane import Lane  # noqa: E402
from snellen.train.packs import form  # noqa: E402
from snellen.train.snapshot import together  # noqa: E402

DEVICE = sys.argv[1] if __name__ == "__main__" and sys.argv[1:] else "cpu"
CORES = torch.get_num_threads()
PRODUCTS = {1024: 30, 2048: 10, 3072: 3}
"""Sizes of the matrices whose product shows what the machine can do, and how often: the best counts."""


def prepare(name: str, lanes: int, way: str, steps: int) -> Prepared:
    """One epoch of one pack. way: `threads`, as many as the engine's rule gives it; `worker`, one."""
    images, labels = JOBS[name].pictures(steps)
    began = time.perf_counter()
    material = Material(torch.from_numpy(images).to(DEVICE), torch.from_numpy(labels).to(DEVICE))
    _synchronise()
    data_seconds = time.perf_counter() - began
    pack = [_lane(name, seed, len(labels), 1) for seed in range(lanes)]
    most = CORES if way == "threads" else 1
    parts = parts_for(pack[0].jobs[0], lanes, most) if DEVICE == "cpu" else 1
    threads = max(parts, threads_for(pack[0].jobs[0], lanes, most))
    training = Training.prepare(pack, material, parts)
    start = together([begin.unfitted(lane, material) for lane in pack])

    def train() -> None:
        torch.set_num_threads(threads)
        training.step_through(start, Silent())
        _synchronise()

    def evaluate() -> None:
        torch.set_num_threads(threads)
        training.validate(0, start.theta[:1], {key: value[:1] for key, value in start.state.items()})

    return Prepared(train, evaluate, data_seconds)


def _lane(name: str, seed: int, rows: int, epochs: int) -> Lane:
    trajectory = Trajectory(
        layers=(*parse_layers(JOBS[name].layers), Dense(units=CLASSES)),
        input_shape=JOBS[name].shape,
        classes=CLASSES,
        pixel_range=(0, 255),
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=0.0,
        schedule="constant",
        batch_size=BATCH,
        seed=seed,
        rows="0" * 64,
        total_epochs=None,
    )
    stop = StopRule(epochs=epochs, patience=None, measure="loss", validation_rows="0" * 64)
    return Lane((Job(trajectory=trajectory, stop=stop),), {"train": np.arange(rows), "validation": np.arange(rows)})


def packs() -> dict[str, list[int]]:
    """Lanes of each pack in which a study would train MANY of each job."""
    plans = {name: [_lane(name, seed, job.rows, job.epochs) for seed in range(MANY)] for name, job in JOBS.items()}
    return {name: [len(pack) for pack in form(lanes, lambda _: 0)] for name, lanes in plans.items()}


def peak(order: Values) -> Values:
    """float32 FLOP a second of large matrix products on order["threads"] threads: the best of many, warm."""
    torch.set_num_threads(order["threads"])
    return {"flops": max(_product_flops(size, times) for size, times in PRODUCTS.items())}


def _product_flops(size: int, times: int) -> float:
    one, out = torch.rand(size, size, device=DEVICE), torch.empty(size, size, device=DEVICE)
    best = np.inf
    for _ in range(times):
        began = time.perf_counter()
        torch.mm(one, one, out=out)
        _synchronise()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / float(best)


def _synchronise() -> None:
    if DEVICE != "cpu":
        torch.cuda.synchronize()


if __name__ == "__main__":
    torch.set_flush_denormal(True)
    serve(prepare, BEGAN, {"peak": peak}, tool=f"snellen on torch {torch.__version__}", cores=CORES, packs=packs())
