"""Maps of the training pictures of one network: two telling pixels, principal components, t-SNE and UMAP of a layer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch

from snellen.explain.maps import placing
from snellen.explain.maps.fit import layer_of, methods_of, most_placed, width_of
from snellen.explain.maps.measures import Look, brightness_levels, look, mixed_pairs, telling_pair
from snellen.explain.maps.rows import MapRows
from snellen.explain.maps.words import sentences
from snellen.explain.outcome import Outcome
from snellen.explain.subject import Subject
from snellen.limits import MAP_ROWS
from snellen.statistics.student_t import t_limits
from snellen.study.analyses import Maps

NEAREST = 10
"""Neighbours by which a map is judged, and by which classes are."""

AXES = "xyz"
PIXELS = "pixels"


@dataclass(frozen=True, eq=False)
class Map:
    """One map. of: the layer it was made from, or PIXELS. positions: (n, 2 or 3) float32. about: how it was made."""

    name: str
    of: str
    positions: np.ndarray
    about: dict[str, Any] = field(default_factory=dict)


def make(subject: Subject, options: Maps) -> Outcome:
    """Places the training pictures of a network on every map that was asked for, and judges the maps.

    Labels, answers and probabilities are those of the stored predictions of the training rows.
    """
    layer = layer_of(subject.network, options)
    assert layer is not None  # `misfit` was asked before
    chosen = MapRows(subject, min(options.rows or MAP_ROWS, most_placed(subject.network, options, layer)), options.seed)
    methods = methods_of(options, width_of(subject.network, layer))
    values = chosen.outputs(layer)
    told_apart = bool((values != values[0]).any())
    maps = _of_pixels(chosen, options, methods) + (_of_layer(values, layer, options, methods) if told_apart else [])
    seen = {of: _look(of, data, maps, chosen) for of, data in ((PIXELS, chosen.pixels), (layer, values))}
    facts = {
        "model": subject.model,
        "layer": layer,
        "width": values.shape[1],
        "rows": len(chosen.rows),
        "of_rows": len(chosen.all_labels),
        "judged": len(chosen.judged),
        "nearest": NEAREST,
        "seed": options.seed,
        "wrong": int((chosen.predicted != chosen.labels).sum()),
        "told_apart": told_apart,
        "maps": [_described(one, seen[one.of]) for one in maps],
        "closest": _closest(seen[layer], chosen) if told_apart else [],
    }
    drawn = {"picture_rows": chosen.rows[chosen.drawn], "pictures": chosen.pictures[chosen.drawn]}
    facts["sentences"] = sentences(facts, subject.classes)
    return Outcome(facts, {"points": _table(chosen, maps)}, drawn)


def _of_pixels(chosen: MapRows, options: Maps, methods: tuple[str, ...]) -> list[Map]:
    makers = {"pixels": _two_pixels, "pca": lambda *_: _components("pca_pixels", PIXELS, chosen.pixels, options)}
    return [makers[method](chosen, options) for method in makers if method in methods]


def _two_pixels(chosen: MapRows, options: Maps) -> Map:
    """Brightness 0..1 of two pixels."""
    about: dict[str, Any] = {}
    pixels = options.pixels
    if pixels is None:
        levels = brightness_levels(chosen.pictures)
        pair, bits = telling_pair(levels, chosen.labels, len(chosen.subject.classes))
        first, second = (divmod(pixel, chosen.pictures.shape[2]) for pixel in pair)
        pixels, about = (first, second), {"bits": bits, "of_bits": _entropy(chosen.labels)}
    positions = np.stack([chosen.pictures[:, row, column].mean(-1) / 255 for row, column in pixels], axis=1)
    _, sizes = np.unique(positions, axis=0, return_counts=True)
    about |= {"pixels": [list(pixel) for pixel in pixels], "piled": float(sizes.max() / len(positions))}
    return Map("pixels", PIXELS, positions.astype(np.float32), about)


def _of_layer(values: np.ndarray, layer: str, options: Maps, methods: tuple[str, ...]) -> list[Map]:
    two = values.shape[1] == 2
    makers: dict[str, Callable[[], Map]] = {
        "pca": lambda: Map("units", layer, values) if two else _components("pca_layer", layer, values, options),
        "tsne": lambda: _tsne(values, layer, options),
        "umap": lambda: _umap(values, layer, options),
    }
    return [maker() for method, maker in makers.items() if method in methods]


def _components(name: str, of: str, values: np.ndarray, options: Maps) -> Map:
    components = min(options.components, values.shape[1])
    positions, explained = placing.pca(values, components, options.seed)
    return Map(name, of, positions, {"explained": explained})


def _tsne(values: np.ndarray, layer: str, options: Maps) -> Map:
    perplexity, threads = placing.fitting_perplexity(options.perplexity, len(values)), torch.get_num_threads()
    began = time.perf_counter()
    positions = placing.tsne(values, options.seed, perplexity, options.iterations, threads)
    how = {"perplexity": perplexity, "iterations": options.iterations, "threads": threads}
    return Map("tsne", layer, positions, {"settings": how, "seconds": round(time.perf_counter() - began, 1)})


def _umap(values: np.ndarray, layer: str, options: Maps) -> Map:
    began = time.perf_counter()
    positions = placing.umap(values, options.seed, options.neighbours)
    how = {"neighbours": options.neighbours, "threads": 1}
    return Map("umap", layer, positions, {"settings": how, "seconds": round(time.perf_counter() - began, 1)})


def _look(of: str, values: np.ndarray, maps: list[Map], chosen: MapRows) -> Look:
    return look(values, {one.name: one.positions for one in maps if one.of == of}, chosen.judged, NEAREST)


def _described(one: Map, seen: Look) -> dict[str, Any]:
    """What facts.json says of a map: how it was made, and means of its scores with 95 % t limits over images."""
    scores = seen.scores[one.name]
    judged = {name: _mean(each) for name, each in zip(("trustworthiness", "kept"), scores.T)}
    return {"name": one.name, "of": one.of, "axes": one.positions.shape[1], **one.about, **judged}


def _mean(scores: np.ndarray) -> dict[str, float]:
    value, error = float(scores.mean()), float(scores.std(ddof=1)) / math.sqrt(len(scores))
    low, high = t_limits(value, error, len(scores) - 1)
    return {"value": value, "low": max(0.0, low), "high": min(1.0, high)}


def _closest(seen: Look, chosen: MapRows) -> list[dict[str, Any]]:
    """Pairs of classes in the layer, the most mixed first."""
    labels, near = chosen.labels[chosen.judged], chosen.labels[seen.neighbours]
    return [vars(pair) for pair in mixed_pairs(labels, near, len(chosen.subject.classes))]


def _table(chosen: MapRows, maps: list[Map]) -> pl.DataFrame:
    """A row a picture: which, what it is, what the network said, and where it is on each map."""
    names = np.array(chosen.subject.classes)
    said = {
        "row": chosen.rows,
        "id": chosen.ids,
        "label": names[chosen.labels],
        "predicted": names[chosen.predicted],
        "probability": chosen.probability,
    }
    places = {f"{one.name}_{axis}": each for one in maps for axis, each in zip(AXES, one.positions.T)}
    return pl.DataFrame({name: pl.Series(np.ascontiguousarray(each)) for name, each in {**said, **places}.items()})


def _entropy(labels: np.ndarray) -> float:
    """Of the classes, in bits."""
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(shares * np.log2(shares)).sum())
