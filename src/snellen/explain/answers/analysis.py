"""Explains predictions of a model: attribution maps of single images, the most frequent confusions, and whether the
model is more sensitive to the foreground of an image than to its background."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import cast

import numpy as np
import torch
from torch import Tensor

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.answers.attributions import (
    EXPLANATIONS,
    SEARCHED,
    ImagesToExplain,
    logits_of,
    mean_input,
    searched_rows,
)
from snellen.explain.answers.chosen_images import MISTAKE, ChosenImage, most_informative, requested_images
from snellen.explain.answers.confused_cells import confusions
from snellen.explain.answers.facts import AnswersFacts, CellJson, ImageJson, SensitivityJson
from snellen.explain.answers.foreground_sensitivity import (
    IMAGES,
    differs,
    foreground_sensitivity,
    sensitivity_sentence,
)
from snellen.explain.answers.gradcam_layer import gradcam_layer, methods_of, misfit, reasons_left_out
from snellen.explain.foreground import EVEN_WITHIN, backgrounds, brightness_of, has_even_background
from snellen.explain.last_layer import LastLayer, has_hidden
from snellen.explain.method import Method
from snellen.explain.thumbnails import to_uint8
from snellen.models.build import Network
from snellen.statistics.levels import SIGNIFICANT
from snellen.study.analyses import Answers


def seconds(network: Network, images: int) -> float:
    """An estimate, at 4e10 multiplications per second and 0.1 ms per image.

    Counted are 22 explained images with about 100 forward and backward passes and 200 forward passes each, the
    sensitivity to the foreground, the search for neighbours, and the units of a tenth of all images. Measured CPU
    seconds: 0.4 on digits, 10 for LeNet-5 on Fashion, 30 for 2.4 M parameters on CIFAR-10.
    """
    passes = 22 * (3 * 100 + 200) + 4 * IMAGES + images // 10
    work = network.multiply_adds * passes + min(SEARCHED, network.multiply_adds * images)
    return 0.5 + 1e-4 * images + work / 4e10


def make(model: TrainedModel, options: Answers) -> AnalysisResult:
    """Explains validation images, unless `rows` or `ids` name others. Not test images by default: what is learnt here
    may change the model."""
    methods = methods_of(model.network, options)
    baseline, name = _baseline(model, options)
    explained = ImagesToExplain(model, options, _chosen(model, options), baseline)
    images, maps = _explained(explained, methods)
    layer = LastLayer(model) if has_hidden(model.network) else None
    cells = confusions(model, layer, options.cells)
    facts: AnswersFacts = {
        "model": model.name,
        "images": images,
        "cells": cells.facts,
        "methods": list(methods),
        "left_out": reasons_left_out(model.network, options),
        "baseline": name,
        "patch": explained.patch_side,
        "camera": gradcam_layer(model.network, options.layer) if "grad_cam" in methods else None,
        "last_layer": LastLayer(model).name,
        "has_hidden": layer is not None,
        "looks": _foreground_sensitivity(model),
        "searched": len(searched_rows(model)),
        "trained_on": len(model.predictions["train"]),
    }
    rows = _rows(images, cells.facts)
    thumbnails = to_uint8(_stored(model, rows), model.pixel_range)
    arrays = {"rows": rows, "pictures": thumbnails, "means": cells.means, "differences": cells.differences}
    sentences = list(_sentences(facts, model.classes))
    return AnalysisResult({**facts, "sentences": sentences}, {"cells": cells.table}, {**maps, **arrays})


def _chosen(model: TrainedModel, options: Answers) -> list[ChosenImage]:
    if options.rows or options.ids:
        return requested_images(model.predictions, options.rows or (), options.ids or ())
    return most_informative(model.predictions["validation"], options.images)


def _baseline(model: TrainedModel, options: Answers) -> tuple[Tensor, str]:
    """The baseline image (H, W, C) and its name: the one of the options, else black if images have a uniform black
    background, else the mean image."""
    name = options.baseline or ("black" if _is_black(model) else "mean")
    mean = mean_input(model)
    return (mean, name) if name == "mean" else (torch.zeros_like(mean), name)


def _is_black(model: TrainedModel) -> bool:
    brightness = brightness_of(_stored(model, _evenly_spaced_rows(model)), model.pixel_range)
    return has_even_background(brightness) and float(np.median(backgrounds(brightness))) <= EVEN_WITHIN


def _evenly_spaced_rows(model: TrainedModel) -> np.ndarray:
    """IMAGES validation rows, evenly spaced: no property of the images selects them."""
    rows = model.predictions["validation"].rows
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, min(IMAGES, len(rows))).astype(int))])


def _stored(model: TrainedModel, rows: np.ndarray) -> np.ndarray:
    return np.asarray(model.images[torch.from_numpy(rows)].cpu().numpy())


def _explained(explained: ImagesToExplain, methods: Sequence[str]) -> tuple[list[ImageJson], dict[str, np.ndarray]]:
    """The facts about each image, and the attribution maps by method."""
    images = [cast(ImageJson, asdict(chosen)) for chosen in explained.chosen]
    maps: dict[str, np.ndarray] = {}
    for method, explain in EXPLANATIONS.items():
        if method in methods and explained.chosen:
            explanations, drawn = explain(explained)
            images = [{**image, **explanation} for image, explanation in zip(images, explanations, strict=True)]
            maps |= {} if drawn is None else {method: drawn.astype(np.float32)}
    return images, maps


def _rows(images: Sequence[ImageJson], cells: Sequence[CellJson]) -> np.ndarray:
    """Rows of all images that the page shows, ascending."""
    near = [each["row"] for image in images for each in image.get("neighbours", [])]
    confused = [row for cell in cells for row in cell["rows"]]
    return np.unique(np.array([image["row"] for image in images] + near + confused, np.int64))


def _foreground_sensitivity(model: TrainedModel) -> SensitivityJson | None:
    rows = _evenly_spaced_rows(model)
    sensitivity = foreground_sensitivity(
        logits_of(model), lambda places: model.inputs(rows[places]), _stored(model, rows), model.pixel_range
    )
    return sensitivity.as_json() if sensitivity else None


def _sentences(facts: AnswersFacts, classes: Sequence[str]) -> Iterator[str]:
    yield from _about_confusions(facts, classes)
    yield from _about_neighbours(facts)
    if facts["looks"] and differs(facts["looks"]):
        yield sensitivity_sentence(facts["model"], facts["looks"])


def _about_confusions(facts: AnswersFacts, classes: Sequence[str]) -> Iterator[str]:
    """The units of the most frequent confusion in which some differ significantly and shift towards the mistake."""
    for cell in facts["cells"]:
        leading = [unit for unit in cell["units"][:3] if unit["adjusted_p"] < SIGNIFICANT and unit["margin"] > 0]
        if leading and (cell["margin"] or 0) > 0:
            moved = sum(unit["margin"] for unit in leading)
            names = ", ".join(f"`{unit['name']}`" for unit in leading)
            yield (
                f"`{classes[cell['label']]}` called `{classes[cell['answer']]}` by `{facts['model']}` "
                f"({cell['images']:,} validation images): {cell['differing']:,} of {cell['compared']:,} units of "
                f"`{facts['last_layer']}` respond differently than to images that are predicted correctly; {names} "
                f"{'moves' if len(leading) == 1 else 'move'} the margin by "
                f"{moved:+.1f} logits, all units by {cell['margin']:+.1f}."
            )
            return


def _about_neighbours(facts: AnswersFacts) -> Iterator[str]:
    wrong = [image for image in facts["images"] if image["why"] == MISTAKE and image.get("neighbours")]
    beside = sum(image["neighbours"][0]["label"] == image["answer"] for image in wrong)
    if wrong:
        yield (
            f"Of the {len(wrong)} most confident mistakes of `{facts['model']}`, {beside} "
            f"{'is' if beside == 1 else 'are'} nearest to a training image of the predicted class, in "
            f"`{facts['last_layer']}`."
        )


METHOD = Method("model", make, misfit, seconds)
