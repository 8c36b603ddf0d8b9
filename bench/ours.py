"""Snellen's engine under measurement: python ours.py. Orders come from run.py."""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import snellen  # noqa: E402, F401, I001  # before torch: it says how threads wait
import numpy as np  # noqa: E402
import torch  # noqa: E402
from jobs import BATCH, CLASSES, JOBS  # noqa: E402
from serving import Block, serve  # noqa: E402

from snellen.models.build import parse_layers  # noqa: E402
from snellen.models.layers import Dense  # noqa: E402
from snellen.train import begin  # noqa: E402
from snellen.train.engine import Material, Silent, Training  # noqa: E402
from snellen.train.environment import threads_for  # noqa: E402
from snellen.train.job import Job, StopRule, Trajectory  # noqa: E402
from snellen.train.lane import Lane  # noqa: E402
from snellen.train.snapshot import together  # noqa: E402

CORES = torch.get_num_threads()


def prepare(name: str, lanes: int, way: str) -> Block:
    """One epoch of one pack. way: `threads`, as many as the engine's rule gives it; `worker`, one."""
    images, labels = JOBS[name].pictures()
    material = Material(torch.from_numpy(images), torch.from_numpy(labels))
    pack = [_lane(name, seed, len(labels)) for seed in range(lanes)]
    training, start = Training.prepare(pack, material), together([begin.unfitted(lane, material) for lane in pack])
    threads = threads_for(pack[0].jobs[0], lanes, CORES) if way == "threads" else 1

    def block() -> None:
        torch.set_num_threads(threads)
        training.step_through(start, Silent())

    return block


def _lane(name: str, seed: int, rows: int) -> Lane:
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
    stop = StopRule(epochs=1, patience=None, measure="loss", validation_rows="0" * 64)
    return Lane((Job(trajectory=trajectory, stop=stop),), {"train": np.arange(rows), "validation": np.arange(0)})


def peak_flops() -> float:
    """float32 FLOP a second of a large matrix product on all cores, the best of five."""
    one = torch.rand(1024, 1024)
    best = np.inf
    for _ in range(5):
        began = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - began)
    return 2 * 1024**3 / float(best)


if __name__ == "__main__":
    torch.set_flush_denormal(True)
    serve(prepare, BEGAN, tool=f"snellen on torch {torch.__version__}", peak=peak_flops(), cores=CORES)
