"""Measures, before the report, how long predictions of each model take on this machine, and stores it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from snellen.data.splits.split_data import SplitData
from snellen.evaluate.cost_file import FILE, FORMAT, CostFile, Machine, MeasuredCost, read_costs
from snellen.evaluate.costs import GUESSING
from snellen.evaluate.familiarity import familiarity_path
from snellen.evaluate.record import RunRecord
from snellen.files import hashes, tensors
from snellen.files.atomic import write_json
from snellen.limits import PREDICTION_BATCH
from snellen.models import baselines
from snellen.models.backbones.layer import Backbone
from snellen.models.forward import predict_probabilities, resident
from snellen.models.weights import pack_weights
from snellen.run.callback import RunCallback
from snellen.train.run_context import RunContext

ROUNDS, MIN_ROUNDS = 9, 3
"""Number of measurements of each model. Models take turns, so that disturbances of the machine affect all of them
alike."""
SECONDS = 20.0
"""After this many seconds there are no rounds beyond MIN_ROUNDS."""
FULL_BATCHES, FULL_BATCHES_OF_BACKBONES = 2, 1
"""Images of a thread in a batch; fewer for models with a pretrained network, where 512 images three times would take
minutes, longer than a small study trains."""
BLOCK_SECONDS = 0.002
"""Predictions that take less are repeated within one measurement, at most MOST_CALLS times."""
MOST_CALLS = 50
MOST_IMAGES = 4_096

Predict = Callable[[np.ndarray], object]
"""A function from rows of the data set to probabilities, which are not used."""


@dataclass(frozen=True, eq=False)
class _Subject:
    """A measured model or baseline. computes: a key that is equal for subjects with the same computation and time.
    inside: the context in which it is called, which is not timed. has_backbone: whether it has a backbone, frozen or
    trained. Other fields: as in `MeasuredCost`."""

    computes: str
    predict: Predict
    parameters: int
    trained_parameters: int
    file_bytes: int
    frozen_backbone: bool = False
    has_backbone: bool = False
    inside: Callable[[], AbstractContextManager[None]] = nullcontext


def measure_costs(record: RunRecord, data: SplitData, context: RunContext, callback: RunCallback) -> None:
    """Measures the network that each model ships and the baselines, by the functions that predict with them, and writes
    costs.json. All are measured again if there is a new one or the machine has changed: times of different machines, or
    of different occasions, are not compared."""
    networks, stored = dict(_networks(record, context)), read_costs(record.folder)
    machine = _machine(context, any(one.has_backbone for one in networks.values()))
    fitted = dict(_baselines(record, context))
    if stored is not None and stored.machine == machine and _has(stored, networks, fitted):
        return
    callback.costs_begin(len(networks), len(fitted))
    rows = np.resize(data.roles.rows["train"], machine.pictures)
    with _threads(machine.threads):
        measured = _measured({**networks, **fitted}, rows)
    costs = CostFile(
        FORMAT, machine, {job: measured[job] for job in networks}, {name: measured[name] for name in fitted}
    )
    path = record.folder / FILE
    with hashes.rewriting(record.folder, [path]):
        write_json(path, asdict(costs))


def _has(stored: CostFile, networks: Iterable[str], fitted: Iterable[str]) -> bool:
    return stored.networks.keys() >= {*networks} and stored.baselines.keys() >= {*fitted}


def measuring_seconds(of_image: Iterable[float], threads: int, has_backbone: bool) -> float:
    """Estimated seconds of `measure_costs`. of_image: for each network, seconds per image in a large batch."""
    one_round = _images(threads, has_backbone) * sum(of_image)
    return min(ROUNDS * one_round, max(MIN_ROUNDS * one_round, SECONDS))


def _images(threads: int, has_backbone: bool) -> int:
    """Images in a batch, with work for every thread: each thread computes whole batches of PREDICTION_BATCH."""
    return min(MOST_IMAGES, (FULL_BATCHES_OF_BACKBONES if has_backbone else FULL_BATCHES) * threads * PREDICTION_BATCH)


def _machine(context: RunContext, has_backbone: bool) -> Machine:
    environment = context.environment
    return Machine(
        processor=environment["processor"],
        device=environment["device"],
        threads=environment["threads"],
        torch=environment["torch"],
        pictures=_images(environment["threads"], has_backbone),
    )


def _networks(record: RunRecord, context: RunContext) -> Iterator[tuple[str, _Subject]]:
    """The network of each model's bundle, by job; networks without weights are left out."""
    for model in record.done:
        job = record.planned[model].shipped
        folder = record.folder_of(job)
        result = folder.read_result()
        if result is not None and result.status == "done" and folder.has_weights(result):
            yield job, _network(record, job, context)


def _network(record: RunRecord, job: str, context: RunContext) -> _Subject:
    """The computation of `snellen predict` after images are read: from stored images to probabilities."""
    folder, images, device = record.folder_of(job), context.dataset.images, context.environment["device"]
    trajectory = folder.read_job().trajectory
    network, parameters, state = folder.load_network(device)

    def predict(rows: np.ndarray) -> np.ndarray:
        batch = resident(images[rows], device)
        return predict_probabilities(network, parameters, state, batch, trajectory.pixel_range)

    frozen, familiarity = bool(trajectory.frozen), familiarity_path(record.folder, job)
    has_backbone = isinstance(trajectory.layers[0], Backbone)
    weights = len(pack_weights(parameters, state, {"job": job})) if frozen else folder.weights.stat().st_size
    size = weights + (familiarity.stat().st_size if familiarity.exists() else 0)
    shape = trajectory.model_dump_json(include={"layers", "input_shape", "classes", "pixel_range"})
    return _Subject(shape, predict, network.parameter_count, network.trainable_count, size, frozen, has_backbone)


def _baselines(record: RunRecord, context: RunContext) -> Iterator[tuple[str, _Subject]]:
    """The fitted baselines that compute on images, by the name of their folder; without those on features of a
    backbone, whose cost is that of the backbone."""
    for name, result in record.baseline_results.items():
        files = record.baselines[name]
        if name in baselines.BASELINES and name != GUESSING and result.status == "done" and files.job.weights.exists():
            arrays, _ = tensors.load(files.job.weights)
            predict = partial(baselines.predict_here, name, arrays, context.dataset)
            size = files.job.weights.stat().st_size
            yield files.path.name, _Subject(name, predict, *2 * (result.parameters,), size, inside=baselines.one_thread)


def _measured(subjects: Mapping[str, _Subject], rows: np.ndarray) -> dict[str, MeasuredCost]:
    """Times all subjects in rounds, each of which begins with a different subject; of subjects with the same
    computation only one is timed. Fast subjects are computed once before they are timed, because the subject before has
    filled the caches with other data, and baselines change the number of threads."""
    timed = {one.computes: one for one in subjects.values()}
    alone: dict[str, list[float]] = {key: [] for key in timed}
    batch: dict[str, list[float]] = {key: [] for key in timed}
    calls = {key: _calls_of(one, rows) for key, one in timed.items()}
    until = time.monotonic() + SECONDS
    for done in range(ROUNDS):
        if done >= MIN_ROUNDS and time.monotonic() > until:
            break
        for key in (*timed, *timed)[done % max(1, len(timed)) :][: len(timed)]:
            one, (of_one, of_many) = timed[key], calls[key]
            with one.inside():
                if of_one > 1:
                    one.predict(rows)
                alone[key].append(_milliseconds(one.predict, rows[:1], of_one))
                batch[key].append(_milliseconds(one.predict, rows, of_many))
    return {
        name: MeasuredCost(
            alone_ms=tuple(alone[one.computes]),
            batch_ms=tuple(batch[one.computes]),
            parameters=one.parameters,
            trained_parameters=one.trained_parameters,
            file_bytes=one.file_bytes,
            frozen_backbone=one.frozen_backbone,
        )
        for name, one in subjects.items()
    }


def _calls_of(subject: _Subject, rows: np.ndarray) -> tuple[int, int]:
    """The numbers of predictions of one image, and of all rows, in a measurement; the first call is a warm-up. If one
    image takes long, all rows are not tried."""
    with subject.inside():
        subject.predict(rows[:1])
        alone = _calls(subject.predict, rows[:1])
        return alone, _calls(subject.predict, rows) if alone > 1 else 1


def _calls(predict: Predict, rows: np.ndarray) -> int:
    seconds = _milliseconds(predict, rows, 1) * len(rows) / 1000
    return min(MOST_CALLS, max(1, math.ceil(BLOCK_SECONDS / max(seconds, 1e-6))))


def _milliseconds(predict: Predict, rows: np.ndarray, calls: int) -> float:
    """Milliseconds per image."""
    began = time.perf_counter()
    for _ in range(calls):
        predict(rows)
    return 1000 * (time.perf_counter() - began) / (calls * len(rows))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
