"""Maps of the training images of one network: the two most informative pixels, principal components, and t-SNE and
UMAP of the outputs of a layer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import cast

import numpy as np
import polars as pl
import torch

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.maps import projections
from snellen.explain.maps.facts import HowMade, MapJson, MapsFacts, PairJson, SettingsJson, ShareJson
from snellen.explain.maps.quality import MapQuality, brightness_levels, informative_pair, map_quality, mixed_pairs
from snellen.explain.maps.requirements import layer_of, methods_of, misfit, most_placed, seconds, width_of
from snellen.explain.maps.sampled_images import SampledImages
from snellen.explain.maps.words import sentences
from snellen.explain.method import Method
from snellen.limits import MAP_ROWS
from snellen.statistics.student_t import t_limits
from snellen.study.analyses import Maps

NEAREST = 10
"""Neighbours of an image that are compared to judge a map, and to find classes that are neighbours."""

AXES = "xyz"
PIXELS = "pixels"


@dataclass(frozen=True, eq=False)
class Map:
    """One map. of: the layer that it was made from, or PIXELS. positions: (n, 2 or 3) float32. how: how it was made."""

    name: str
    of: str
    positions: np.ndarray
    how: HowMade = field(default_factory=HowMade)


def make(model: TrainedModel, options: Maps) -> AnalysisResult:
    """Projects training images of a network by each method, and measures how well the maps keep neighbours.

    Labels, predicted classes and probabilities are from the stored predictions for the training rows.
    """
    layer = layer_of(model.network, options)
    assert layer is not None  # checked by `misfit`
    sampled = SampledImages(
        model, min(options.rows or MAP_ROWS, most_placed(model.network, options, layer)), options.seed
    )
    methods = methods_of(options, width_of(model.network, layer))
    values = sampled.outputs(layer)
    told_apart = bool((values != values[0]).any())
    maps = _of_pixels(sampled, options, methods) + (_of_layer(values, layer, options, methods) if told_apart else [])
    quality = {of: _quality(of, data, maps, sampled) for of, data in ((PIXELS, sampled.pixels), (layer, values))}
    facts: MapsFacts = {
        "model": model.name,
        "layer": layer,
        "width": values.shape[1],
        "rows": len(sampled.rows),
        "of_rows": len(sampled.all_labels),
        "judged": len(sampled.judged),
        "nearest": NEAREST,
        "seed": options.seed,
        "wrong": int((sampled.predicted != sampled.labels).sum()),
        "told_apart": told_apart,
        "maps": [_described(one, quality[one.of]) for one in maps],
        "closest": _closest(quality[layer], sampled) if told_apart else [],
    }
    facts["sentences"] = sentences(facts, model.classes)
    arrays = {"picture_rows": sampled.rows[sampled.drawn], "pictures": sampled.images[sampled.drawn]}
    return AnalysisResult({**facts}, {"points": _table(sampled, maps)}, arrays)


def _of_pixels(sampled: SampledImages, options: Maps, methods: tuple[str, ...]) -> list[Map]:
    makers = {"pixels": _two_pixels, "pca": lambda *_: _components("pca_pixels", PIXELS, sampled.pixels, options)}
    return [makers[method](sampled, options) for method in makers if method in methods]


def _two_pixels(sampled: SampledImages, options: Maps) -> Map:
    """The brightness, 0..1, of two pixels."""
    how: HowMade = {}
    pixels = options.pixels
    if pixels is None:
        levels = brightness_levels(sampled.images)
        pair, bits = informative_pair(levels, sampled.labels, len(sampled.model.classes))
        first, second = (divmod(pixel, sampled.images.shape[2]) for pixel in pair)
        pixels, how = (first, second), {"bits": bits, "of_bits": _entropy(sampled.labels)}
    positions = np.stack([sampled.images[:, row, column].mean(-1) / 255 for row, column in pixels], axis=1)
    _, sizes = np.unique(positions, axis=0, return_counts=True)
    how |= {"pixels": [list(pixel) for pixel in pixels], "piled": float(sizes.max() / len(positions))}
    return Map("pixels", PIXELS, positions.astype(np.float32), how)


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
    positions, explained = projections.pca(values, components, options.seed)
    return Map(name, of, positions, {"explained": explained})


def _tsne(values: np.ndarray, layer: str, options: Maps) -> Map:
    perplexity, threads = projections.fitting_perplexity(options.perplexity, len(values)), torch.get_num_threads()
    began = time.perf_counter()
    positions = projections.tsne(values, options.seed, perplexity, options.iterations, threads)
    settings: SettingsJson = {"perplexity": perplexity, "iterations": options.iterations, "threads": threads}
    return Map("tsne", layer, positions, {"settings": settings, "seconds": round(time.perf_counter() - began, 1)})


def _umap(values: np.ndarray, layer: str, options: Maps) -> Map:
    began = time.perf_counter()
    positions = projections.umap(values, options.seed, options.neighbours)
    settings: SettingsJson = {"neighbours": options.neighbours, "threads": 1}
    return Map("umap", layer, positions, {"settings": settings, "seconds": round(time.perf_counter() - began, 1)})


def _quality(of: str, values: np.ndarray, maps: list[Map], sampled: SampledImages) -> MapQuality:
    return map_quality(values, {one.name: one.positions for one in maps if one.of == of}, sampled.judged, NEAREST)


def _described(one: Map, quality: MapQuality) -> MapJson:
    """The facts about a map: how it was made, and the means of its scores with 95 % t limits over images."""
    trustworthiness, kept = (_mean(each) for each in quality.scores[one.name].T)
    return {
        "name": one.name,
        "of": one.of,
        "axes": one.positions.shape[1],
        **one.how,
        "trustworthiness": trustworthiness,
        "kept": kept,
    }


def _mean(scores: np.ndarray) -> ShareJson:
    value, error = float(scores.mean()), float(scores.std(ddof=1)) / math.sqrt(len(scores))
    low, high = t_limits(value, error, len(scores) - 1)
    return {"value": value, "low": max(0.0, low), "high": min(1.0, high)}


def _closest(quality: MapQuality, sampled: SampledImages) -> list[PairJson]:
    """Pairs of classes, those that are neighbours in the layer most often first."""
    labels, near = sampled.labels[sampled.judged], sampled.labels[quality.neighbours]
    return [cast(PairJson, asdict(pair)) for pair in mixed_pairs(labels, near, len(sampled.model.classes))]


def _table(sampled: SampledImages, maps: list[Map]) -> pl.DataFrame:
    """One row per image: its row and id, label, prediction, and position on each map."""
    names = np.array(sampled.model.classes)
    images = {
        "row": sampled.rows,
        "id": sampled.ids,
        "label": names[sampled.labels],
        "predicted": names[sampled.predicted],
        "probability": sampled.probability,
    }
    places = {f"{one.name}_{axis}": each for one in maps for axis, each in zip(AXES, one.positions.T)}
    return pl.DataFrame({name: pl.Series(np.ascontiguousarray(each)) for name, each in {**images, **places}.items()})


def _entropy(labels: np.ndarray) -> float:
    """The entropy of the class, in bits."""
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(shares * np.log2(shares)).sum())


METHOD = Method("model", make, misfit, seconds, layer=lambda network, options: f"layer {layer_of(network, options)}")
