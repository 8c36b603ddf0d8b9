"""Describes every unit of a layer: what it responds to, which image activates it most, and what is lost without it.

Images, box plots and correlations of units are from training images. Everything that is claimed is measured on images
that the weights were not fitted to.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from snellen.errors import StudyError
from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.method import Method
from snellen.explain.thumbnails import to_uint8
from snellen.explain.units import activation_maximisation, box_plots, words
from snellen.explain.units.ablation import ablate
from snellen.explain.units.facts import UnitsFacts
from snellen.explain.units.layer import (
    Readings,
    UnitLayer,
    chosen_layer,
    incoming_weights,
    read_units,
    unit_layer,
)
from snellen.explain.units.selectivity import selectivity
from snellen.explain.units.tables import DUPLICATE, SELECTIVE_AREA, UnitMeasures, classes_table, units_table
from snellen.models import chain
from snellen.models.build import Network
from snellen.models.predictions import Predictions
from snellen.phrases import plural
from snellen.statistics.false_discovery import benjamini_hochberg
from snellen.study.analyses import Units

SHOWN, FEW_SHOWN, MANY_UNITS = 12, 4, 256
"""Images that activate a unit most and least; fewer if there are many units, because the page can hold 6,000."""
ABLATION_MULTIPLICATIONS = 5e11
"""Most multiplications of all ablations, about 10 seconds on two cores. If more are needed, fewer images are used."""
LEAST_ABLATED = 500
POINTS = 5_000
"""Most images in the scatter plot of two units."""


def misfit(network: Network, options: Units) -> str | None:
    """Why the options do not fit a network, or None."""
    try:
        chosen_layer(network, options.layer)
    except StudyError as error:
        return str(error)
    return None


def seconds(network: Network, images: int) -> float:
    """An estimate for the last hidden layer: a pass over all images, the ablations by mean and by zero, and gradient
    ascents (three passes per step) if there is no closed form.

    Measured CPU seconds: 0.1 for 64 dense units on digits, 0.3 behind two convolutions.
    """
    layer = unit_layer(network, chosen_layer(network, None))
    ablations = min(ABLATION_MULTIPLICATIONS, 2 * 2 * layer.units * _after(network, layer) * images)
    starts, steps = activation_maximisation.affordable(network, layer.units)
    ascents = 0 if layer.affine else 3 * starts * steps * layer.units * network.multiply_adds
    return 0.5 + images * network.multiply_adds / 1e10 + (ablations + ascents) / 5e10


def layer_in_words(network: Network, options: Units) -> str:
    """Such as "layer conv_2 (16 filters, relu)"."""
    layer = unit_layer(network, chosen_layer(network, options.layer))
    return f"layer {layer.name} ({plural(layer.units, _noun(layer))}, {layer.activation})"


def _noun(layer: UnitLayer) -> str:
    return "filter" if layer.convolutional else "unit"


def make(model: TrainedModel, options: Units) -> AnalysisResult:
    """Describes all units of a layer.

    tables: `units` (one row per unit), `classes` (one row per unit and class: selectivity, ablation), `boxes` (one row
    per unit and class, by true and by predicted class; training images). arrays: weights (U, h, w, c) if they can be
    drawn, maximal (U, H, W, C), most and least (U, m) data set rows, rows and images: thumbnails of these. For a layer
    of two units also points (n, 2), points_true and points_predicted (n,).
    """
    layer = unit_layer(model.network, chosen_layer(model.network, options.layer))
    train, evaluated = model.predictions["train"], _evaluated(model)
    training, evaluation = read_units(model, layer, train.rows), read_units(model, layer, evaluated.rows)
    measures = measure_units(model, layer, evaluation, evaluated, training.activation.mean(0))
    most, least = extremes(training)
    highest, norm = _maximal(model, layer, train.rows, most)
    by_class = {"true": _labels(train), "predicted": train.predicted}
    drawn = {by: box_plots.boxes(training.activation, each, len(model.classes)) for by, each in by_class.items()}
    touching = box_plots.touching(drawn["true"])
    tables = {
        "units": units_table(training, evaluation, measures, highest, touching),
        "classes": classes_table(measures, box_plots.overlaps(drawn["true"]), model.classes),
        "boxes": pl.concat(box_plots.table(each, by, model.classes) for by, each in drawn.items()),
    }
    overlapping = int(np.triu(touching.all(0), 1).sum())
    facts = _facts(model, layer, measures, highest, norm, len(train), overlapping)
    tables["units"] = tables["units"].with_columns(sentence=pl.Series(words.descriptions(facts, tables)))
    texts = {"sentences": words.sentences(facts, tables), "in_short": words.in_short(facts, tables)}
    return AnalysisResult(
        {**facts, **texts, "counts": words.counted(tables)},
        tables,
        _arrays(model, layer, highest, most, least) | _points(evaluation, evaluated),
    )


def _evaluated(model: TrainedModel) -> Predictions:
    """Predictions for images that the weights were not fitted to; for training images only if there are no others."""
    validation = model.predictions.get("validation")
    return validation if validation is not None and len(validation) else model.predictions["train"]


def _labels(predictions: Predictions) -> np.ndarray:
    assert predictions.labels is not None, "train and validation labels are never hidden"
    return predictions.labels


def measure_units(
    model: TrainedModel, layer: UnitLayer, read: Readings, part: Predictions, means: np.ndarray
) -> UnitMeasures:
    """Selectivity and ablation on the images of `part`. means: (U,), the constant that replaces each unit."""
    labels = _labels(part)
    found = selectivity(read.activation, labels, len(model.classes))
    ablated = _evenly_spaced(len(labels), _affordable(model, layer, len(labels)))
    values = model.outputs(layer.read_at, part.rows[ablated])
    by_mean, by_zero = (
        ablate(model, layer.read_at, values, instead.astype(np.float32), labels[ablated])
        for instead in (means, np.zeros(layer.units))
    )
    return UnitMeasures(
        found,
        by_mean,
        by_zero,
        selective_p=benjamini_hochberg(found.p),
        needed_p=benjamini_hochberg(by_mean.recall_cost_p),
        used_p=benjamini_hochberg(by_mean.probability_cost_p),
        role=part.role,
        images=len(labels),
        ablated=len(ablated),
        per_class=np.bincount(labels[ablated], minlength=len(model.classes)),
    )


def _affordable(model: TrainedModel, layer: UnitLayer, images: int) -> int:
    """How many images ABLATION_MULTIPLICATIONS allows, but LEAST_ABLATED at least."""
    each = 2 * layer.units * max(1, _after(model.network, layer))
    return min(images, max(LEAST_ABLATED, int(ABLATION_MULTIPLICATIONS / each)))


def _after(network: Network, layer: UnitLayer) -> int:
    """Multiplications per image in the layers after the units."""
    place = next(place for place, placed in enumerate(network.layers) if placed.name == layer.read_at)
    return chain.multiply_adds(network.layers[place + 1 :])


def _evenly_spaced(images: int, count: int) -> np.ndarray:
    """(count,) evenly spaced indices into this many images."""
    return np.linspace(0, images - 1, min(count, images)).round().astype(int)


def extremes(read: Readings) -> tuple[np.ndarray, np.ndarray]:
    """(U, m) indices of the images that activate each unit most and least, the most extreme first.

    Equal activations, as of a unit that is 0, are ordered by the input of the activation function.
    """
    count = min(SHOWN if read.activation.shape[1] <= MANY_UNITS else FEW_SHOWN, len(read.activation))
    orders = [np.lexsort((drive, values)) for drive, values in zip(read.drive.T, read.activation.T, strict=True)]
    return np.stack([order[::-1][:count] for order in orders]), np.stack([order[:count] for order in orders])


def _maximal(
    model: TrainedModel, layer: UnitLayer, rows: np.ndarray, most: np.ndarray
) -> tuple[activation_maximisation.Maximal, float]:
    """The images that maximise each unit, and the limit of their norm: the mean norm of 1,000 training images."""
    some = model.inputs(rows[_evenly_spaced(len(rows), 1_000)])
    norm = float(some.flatten(1).norm(dim=1).mean())
    strongest = model.inputs(rows[most[:, 0]]).cpu().numpy()
    starts = activation_maximisation.starts(some.mean(0).cpu().numpy(), strongest)
    return activation_maximisation.maximal(model, layer, starts, norm), norm


def _facts(
    model: TrainedModel,
    layer: UnitLayer,
    measures: UnitMeasures,
    highest: activation_maximisation.Maximal,
    norm: float,
    trained: int,
    touching: int,
) -> UnitsFacts:
    return {
        "model": model.name,
        "layer": layer.name,
        "read_at": layer.read_at,
        "activation": layer.activation,
        "convolutional": layer.convolutional,
        "noun": _noun(layer),
        "units": layer.units,
        "classes": list(model.classes),
        "train_images": trained,
        "role": measures.role,
        "images": measures.images,
        "ablated_images": measures.ablated,
        "maximal": highest.method,
        "goal": "mean activation" if layer.convolutional else f"input of its activation function ({layer.activation})",
        "norm": norm,
        "most_bits": float(np.log2(len(model.classes))),
        "selective_area": SELECTIVE_AREA,
        "duplicate": DUPLICATE,
        "detectable": [None if np.isnan(loss) else float(loss) for loss in measures.detectable],
        "touching": touching,
    }


def _arrays(
    model: TrainedModel,
    layer: UnitLayer,
    highest: activation_maximisation.Maximal,
    most: np.ndarray,
    least: np.ndarray,
) -> dict[str, np.ndarray]:
    rows = model.predictions["train"].rows
    shown = np.unique(rows[np.concatenate([most, least])])
    images = model.images[shown].cpu().numpy()
    weights = incoming_weights(model, layer)
    return {
        **({} if weights is None else {"weights": weights.astype(np.float32)}),
        "maximal": to_uint8(highest.images, (0.0, 1.0)),
        "most": rows[most],
        "least": rows[least],
        "rows": shown,
        "images": to_uint8(images, model.pixel_range),
    }


def _points(read: Readings, part: Predictions) -> dict[str, np.ndarray]:
    """The arrays of the scatter plot of a layer of two units."""
    if read.activation.shape[1] != 2:
        return {}
    some = _evenly_spaced(len(part), POINTS)
    return {
        "points": read.activation[some].astype(np.float32),
        "points_true": _labels(part)[some],
        "points_predicted": part.predicted[some],
    }


METHOD = Method("model", make, misfit, seconds, version=2, own_correction="units", layer=layer_in_words)
