"""Images without content: how confident a network is, and whether its bundle's measure calls them unlike the training
images."""

from __future__ import annotations

import numpy as np

from snellen.evaluate.familiarity import familiarity_path, load_familiarity
from snellen.evaluate.record import RunRecord
from snellen.explain.robustness.addressed import random_shares, random_uint16
from snellen.explain.robustness.facts import ShareJson, UnfamiliarJson
from snellen.explain.robustness.subjects import WHITE, Subject
from snellen.files.stored import read_bytes
from snellen.models.forward import resident
from snellen.models.temperature import with_temperature
from snellen.models.training_distance import TrainingDistance, unpack
from snellen.statistics.delong_roc_areas import count_ties, roc_areas
from snellen.statistics.wilson_interval import wilson_limits

MOST_UNFAMILIAR = 1_000
SURE = 0.9
"""The top probability from which on a network counts as sure."""
KINDS = {
    "noise": "every value random",
    "blank": "one random grey",
    "scattered pixels": "the pixels of a test or validation image in another order",
}


def unfamiliar_images(images: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
    """By kind: one image for each image (N, H, W, C) uint8 and its key (N,) uint64."""
    count, height, width, channels = images.shape
    noise = (random_uint16(keys, "unfamiliar noise", images[:1].size) >> 8).astype(np.uint8)
    greys = (random_shares(keys, "unfamiliar blank", 1) * 256).astype(np.uint8)
    order = np.argsort(random_uint16(keys, "unfamiliar scattered", height * width), axis=1, kind="stable")
    pixels = images.reshape(count, height * width, channels)
    return {
        "noise": noise.reshape(images.shape),
        "blank": np.broadcast_to(greys[:, :, None, None], images.shape).copy(),
        "scattered pixels": np.take_along_axis(pixels, order[..., None], 1).reshape(images.shape),
    }


def try_unfamiliar(
    record: RunRecord, subject: Subject, known: np.ndarray, images: dict[str, np.ndarray], device: str
) -> list[UnfamiliarJson]:
    """known: (N, H, W, C) uint8 images of the data, which are the first entry; the kinds follow."""
    distance = _distance(record, subject)
    found, reference = [], None
    for kind, shown in {"known": known, **images}.items():
        probabilities = with_temperature(subject.probabilities(shown, device), subject.temperature)
        top, far = probabilities.max(1).astype(np.float64), None
        if distance is not None:
            given = resident(shown, device)
            far = distance.measure(subject.network, subject.parameters, subject.state, given, WHITE)
        reference = reference or (top, far)
        entry: UnfamiliarJson = {
            "kind": kind,
            "images": len(shown),
            "confidence": float(top.mean()),
            "sure": _share(top >= SURE),
            "unlike": None if far is None else _share(far > 1),
            "area": None if kind == "known" else _area(reference[0], top),
            "area_unlike": None if kind == "known" or far is None else _area(-_known(reference[1]), -far),
        }
        found.append(entry)
    return found


def _known(values: np.ndarray | None) -> np.ndarray:
    return np.empty(0) if values is None else values


def _distance(record: RunRecord, subject: Subject) -> TrainingDistance | None:
    """The measure in the bundle of the network; None if there is none."""
    section = load_familiarity(record.folder, subject.job)
    if section is None:
        return None
    return unpack(read_bytes(familiarity_path(record.folder, subject.job)), section, subject.network)


def _share(true: np.ndarray) -> ShareJson:
    low, high = wilson_limits(int(true.sum()), len(true))
    return {"value": float(true.mean()), "low": low, "high": high}


def _area(known: np.ndarray, unknown: np.ndarray) -> ShareJson | None:
    """The area under the ROC curve of known against unknown images, higher scores for known ones; None where there
    are fewer than 2 of each."""
    if min(len(known), len(unknown)) < 2:
        return None
    finite = np.nan_to_num(np.concatenate([known, unknown]), posinf=np.finfo(float).max, neginf=np.finfo(float).min)
    areas = roc_areas(count_ties(finite, np.repeat([1, 0], [len(known), len(unknown)]), 2))
    low, high = (None if np.isnan(end[1]) else float(end[1]) for end in (areas.low, areas.high))
    return {"value": float(areas.area[1]), "low": low, "high": high}
