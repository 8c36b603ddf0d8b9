"""What `snellen check` says about backbones: their weights, the layer that is read, and the cost of their features."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from snellen.data.dataset import Dataset
from snellen.limits import PREDICTION_BATCH
from snellen.models import chain
from snellen.models.backbones.layer import ALL, FROZEN, Backbone
from snellen.models.layer import Step
from snellen.models.threads import one_thread, pool
from snellen.phrases import megabytes, plural, seconds
from snellen.study.backbones import FoundBackbones
from snellen.train.frozen_features import feature_bytes, features_key, missing_parts
from snellen.train.job import Trajectory

FIRST_IMAGES = 8
"""Images computed before the first timed batch: libraries prepare themselves for the shapes of a network."""
TIMED_SECONDS = 1.0
REPEATS = 3
"""Number of timed batches, for about TIMED_SECONDS in total; the fastest counts."""


def backbone_rows(
    models: Mapping[str, Sequence[Trajectory]],
    found: FoundBackbones,
    dataset: Dataset,
    data_rows: np.ndarray,
    device: str,
) -> list[dict[str, Any]]:
    """One row for each backbone of each model, as JSON values. models: the trajectories of each model, including those
    of its search. data_rows: the rows that have a role. Features are extracted once: images and seconds are 0 if an
    earlier row has the same features, or they are in the cache. seconds_an_image: time of the frozen layers, on all
    threads. memory_bytes: of each process, and the same on disk. Both are 0 if the backbone is trained.
    """
    rows, keys, timed = list[dict[str, Any]](), set[str](), dict[str, float]()
    for model, trajectories in models.items():
        new = set[str]()
        for trajectory in trajectories:
            placed = trajectory.network.layers[0]
            layer = placed.layer
            if not isinstance(layer, Backbone):
                continue
            key = features_key(trajectory, dataset) if trajectory.frozen else repr(layer)
            if key in new:
                continue
            is_new = key not in keys and bool(trajectory.frozen)
            missing = sum(map(len, missing_parts(trajectory, dataset, data_rows, device))) if is_new else 0
            new.add(key)
            if trajectory.frozen and key not in timed:
                timed[key] = seconds_an_image(trajectory, device)
            weights = found.weights.get(layer.sha256 or "")
            rows.append(
                {
                    "model": model,
                    "name": layer.architecture,
                    "read": layer.place,
                    "train": layer.train,
                    "resize": layer.resize,
                    "output": list(placed.output_shape),
                    "features": list(trajectory.frozen[-1].output_shape) if trajectory.frozen else None,
                    "sha256": None if weights and weights.download_bytes else layer.sha256,
                    "download_bytes": weights.download_bytes if weights else None,
                    "origin": weights.origin if weights else None,
                    "licence": weights.licence if weights else None,
                    "images": missing,
                    "seconds_an_image": timed.get(key, 0.0),
                    "seconds": missing * timed[key] if missing else 0.0,
                    "memory_bytes": 0 if key in keys else feature_bytes(trajectory, len(data_rows)),
                    "shared": key in keys and bool(trajectory.frozen),
                }
            )
            keys.add(key)
    return rows


def seconds_an_image(trajectory: Trajectory, device: str) -> float:
    """The time of the frozen layers, for random images and weights: one batch on each thread at the same time, or a
    part of a batch if a whole one takes long."""
    layers = trajectory.frozen
    _, shapes = trajectory.network.shapes
    names = [name for name in shapes if name.startswith(f"{layers[0].name}.")]
    values = {name: torch.rand((1, *shapes[name]), device=device) * 0.05 for name in names}

    def compute(count: int) -> None:
        x = torch.rand((1, count, *trajectory.input_shape), device=device)
        with torch.inference_mode():
            chain.apply(layers, {}, values, x, Step("evaluate"))[0].sum().item()  # waits for the device to finish

    def timed(together: ThreadPoolExecutor, count: int) -> float:
        began = time.perf_counter()
        list(together.map(compute, [count] * threads))
        return (time.perf_counter() - began) / (count * threads)

    with one_thread() as available:
        threads = available if device == "cpu" else 1
        with pool(threads) as together:
            timed(together, FIRST_IMAGES)
            images = TIMED_SECONDS / (timed(together, FIRST_IMAGES) * threads * REPEATS)
            count = min(PREDICTION_BATCH, max(FIRST_IMAGES, math.floor(images)))
            return min(timed(together, count) for _ in range(REPEATS))


def backbone_sentences(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each row of `backbone_rows`."""
    return [_sentence(row) for row in rows]


def _sentence(row: Mapping[str, Any]) -> str:
    resized = f" at {row['resize']}x{row['resize']} pixels" if row["resize"] else ""
    trained = {FROZEN: "frozen", ALL: "all of it trained"}.get(row["train"], f"trained from {row['train']}")
    sentence = f"{row['model']}: {row['name']}{resized}, read after {row['read']} ({_by(row['output'])}), {trained}"
    if row["sha256"]:
        sentence += f", weights {row['sha256'][:12]}, licence {row['licence'] or 'not stated'}"
    elif row["download_bytes"]:
        sentence += f", weights to be downloaded, licence {row['licence'] or 'not stated'}"
    else:
        sentence += ", random weights"
    if row["features"] is None:
        return f"{sentence}."
    if row["shared"]:
        return f"{sentence}. It has the features of a backbone above."
    size = f"{megabytes(row['memory_bytes'])} in memory, once for each process, and on disk"
    when = f"to be extracted for {plural(row['images'], 'image')}, about {seconds(row['seconds'])}"
    return f"{sentence}. Features ({_by(row['features'])}): {when if row['images'] else 'in the cache'}; {size}."


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
