"""Snellen's engine under measurement: python ours.py [DEVICE]. Orders come from blocks.py and lanes.py."""

from __future__ import annotations

import sys
import time

BEGAN = time.perf_counter()

import snellen  # noqa: E402, F401, I001  # before torch: it says how threads wait
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import cache  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from how import words_of  # noqa: E402
from jobs import BATCH, CLASSES, JOBS, MANY  # noqa: E402
from serving import Prepared, Values, serve  # noqa: E402

from snellen.kernels.library import instructions  # noqa: E402
from snellen.models.build import parse_layers  # noqa: E402
from snellen.models.layers import Dense  # noqa: E402
from snellen.train import initial_state  # noqa: E402
from snellen.train.batches import ResidentData  # noqa: E402
from snellen.train.loop import Training  # noqa: E402
from snellen.train.watcher import Silent  # noqa: E402
from snellen.train.environment import Environment, current_environment  # noqa: E402
from snellen.train.job import Job, StopRule, Trajectory  # noqa: E402
from snellen.train.lane import Lane  # noqa: E402
from snellen.train.strategy.packs import form_packs, cost_key  # noqa: E402
from snellen.train.snapshot import together  # noqa: E402
from snellen.train.strategy.cache import settle_timings  # noqa: E402
from snellen.train.strategy.record import as_recorded  # noqa: E402
from snellen.train.strategy.rule import UNMEASURED, Timings, choose_for_pack, choose_side_by_side  # noqa: E402

DEVICE = sys.argv[1] if __name__ == "__main__" and sys.argv[1:] else "cpu"
CORES = torch.get_num_threads()
PRODUCTS = {1024: 20, 2048: 5, 3072: 2}
"""Sizes of the matrices whose product shows what the machine can do, and how often: the best counts."""
CONVOLUTIONS = {(32, 64, 32, 3): 15, (32, 64, 28, 5): 15}
"""The same of convolutions: images, channels in and out, pixels of a side, and of the window's."""


def prepare(name: str, lanes: int, way: str, steps: int, rows: int | None = None) -> Prepared:
    """One epoch of one pack. way: `threads`, as many as the engine's rule gives it; `worker`, one. rows: images that
    are resident, when more than those of the steps."""
    images, labels = JOBS[name].pictures(rows or steps * BATCH)
    began = time.perf_counter()
    material = ResidentData(torch.from_numpy(images).to(DEVICE), torch.from_numpy(labels).to(DEVICE))
    _synchronise()
    data_seconds = time.perf_counter() - began
    pack = [_lane(name, seed, steps * BATCH, 1) for seed in range(lanes)]
    timings = _timings(name, 1 if way == "threads" and lanes == 1 else MANY)
    chosen = choose_for_pack(pack, CORES if way == "threads" else 1, DEVICE, timings)
    training = Training.prepare(pack, material, chosen.batch_shards, chosen.backend)
    start = together([initial_state.unfitted(lane, material) for lane in pack])

    def train() -> None:
        torch.set_num_threads(chosen.threads)
        training.run_steps(start, Silent())
        _synchronise()

    def evaluate() -> None:
        torch.set_num_threads(chosen.threads)
        state = {key: value[:1] for key, value in start.state.items()}
        training.validation.scores(pack[0], 0, start.theta[:1], state)

    def whole() -> None:
        torch.set_num_threads(chosen.threads)
        training.epoch(start, Silent())

    how = words_of(as_recorded(pack, chosen, timings), instructions())
    return Prepared(train, evaluate, whole, data_seconds, start.theta.nbytes, how)


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


def packs(order: Values) -> Values:
    """Lanes of each pack in which a study would train MANY of a job."""
    name = order["job"]
    timings = _timings(name, MANY)
    formed = form_packs(_jobs(name, MANY), lambda _: 0, lambda lane: choose_side_by_side(lane, DEVICE, timings).width)
    return {"packs": [len(pack) for pack in formed]}


def _jobs(name: str, count: int) -> list[Lane]:
    """Whole trainings."""
    return [_lane(name, seed, JOBS[name].rows, JOBS[name].epochs) for seed in range(count)]


@cache
def _timings(name: str, count: int) -> Timings:
    """What a study of so many such jobs would have measured of the ways to compute them: now, or earlier."""
    lanes = _jobs(name, count)
    with tempfile.TemporaryDirectory() as folder:
        return settle_timings(Path(folder), lanes, _environment()).get(cost_key(lanes[0]), UNMEASURED)


@cache
def _environment() -> Environment:
    return current_environment(DEVICE, CORES, {})


def peaks(order: Values) -> Values:
    """float32 FLOP a second on order["threads"] threads of large matrix products and of convolutions without their
    gradients: the best of many, warm."""
    torch.set_num_threads(order["threads"])
    products = [_most(2 * size**3, times, _product(size)) for size, times in PRODUCTS.items()]
    convolutions = [
        _most(_convolution_flop(*shape), times, _convolution(*shape)) for shape, times in CONVOLUTIONS.items()
    ]
    return {"matrix products": max(products), "convolutions": max(convolutions)}


def _product(size: int) -> Callable[[], object]:
    one, out = torch.rand(size, size, device=DEVICE), torch.empty(size, size, device=DEVICE)
    return lambda: torch.mm(one, one, out=out)


def _convolution(count: int, channels: int, side: int, window: int) -> Callable[[], object]:
    x = torch.rand(count, channels, side, side, device=DEVICE).contiguous(memory_format=torch.channels_last)
    kernel = torch.rand(channels, channels, window, window, device=DEVICE).contiguous(memory_format=torch.channels_last)
    return lambda: torch.nn.functional.conv2d(x, kernel)


def _convolution_flop(count: int, channels: int, side: int, window: int) -> float:
    return 2.0 * count * (side - window + 1) ** 2 * channels**2 * window**2


def _most(flop: float, times: int, compute: Callable[[], object]) -> float:
    """FLOP a second of the quickest."""
    best = np.inf
    for _ in range(times):
        began = time.perf_counter()
        compute()
        _synchronise()
        best = min(best, time.perf_counter() - began)
    return flop / float(best)


def _synchronise() -> None:
    if DEVICE != "cpu":
        torch.cuda.synchronize(DEVICE)


if __name__ == "__main__":
    torch.set_flush_denormal(True)
    serve(prepare, BEGAN, {"peaks": peaks, "packs": packs}, tool=f"snellen on torch {torch.__version__}", cores=CORES)
