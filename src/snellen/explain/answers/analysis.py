"""Explanations of answers: attribution maps of single pictures, the worst cells of the confusion matrix, and whether a
model is more sensitive to the foreground of a picture than to its background."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snellen.explain.analysis_inputs import TrainedModel
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.answers.attributions import (
    EXPLAINED,
    SEARCHED,
    PicturesToExplain,
    logits_of,
    mean_input,
    searched_rows,
)
from snellen.explain.answers.chosen_pictures import MISTAKE, ChosenPicture, most_informative, requested_pictures
from snellen.explain.answers.confused_cells import confusions
from snellen.explain.answers.foreground_sensitivity import (
    PICTURES,
    ForegroundSensitivity,
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

Facts = dict[str, Any]


def seconds(network: Network, images: int) -> float:
    """22 images with about 100 forward and backward and 200 forward passes each, the sensitivity, the search for
    neighbours, and the units of a tenth of the images; at 4e10 multiplications a second, and 0.1 ms an image.

    Measured, CPU seconds: 0.4 on digits, 10 for LeNet-5 on Fashion, 30 for 2.4 M parameters on CIFAR-10.
    """
    passes = 22 * (3 * 100 + 200) + 4 * PICTURES + images // 10
    work = network.multiply_adds * passes + min(SEARCHED, network.multiply_adds * images)
    return 0.5 + 1e-4 * images + work / 4e10


def make(subject: TrainedModel, options: Answers) -> AnalysisResult:
    """Explains validation images, unless `rows` or `ids` name others: what one learns here may change the model."""
    methods = methods_of(subject.network, options)
    baseline, name = _baseline(subject, options)
    work = PicturesToExplain(subject, options, _chosen(subject, options), baseline)
    images, maps = _explained(work, methods)
    layer = LastLayer(subject) if has_hidden(subject.network) else None
    cells = confusions(subject, layer, options.cells)
    facts: Facts = {
        "model": subject.model,
        "images": images,
        "cells": cells.facts,
        "methods": list(methods),
        "left_out": reasons_left_out(subject.network, options),
        "baseline": name,
        "patch": work.side,
        "camera": gradcam_layer(subject.network, options.layer) if "grad_cam" in methods else None,
        "last_layer": LastLayer(subject).name,
        "has_hidden": layer is not None,
        "looks": _foreground_sensitivity(subject),
        "searched": len(searched_rows(subject)),
        "trained_on": len(subject.parts["train"]),
    }
    rows = _rows(images, cells.facts)
    pictures = to_uint8(subject.images[torch.from_numpy(rows)].cpu().numpy(), subject.pixel_range)
    own = {"rows": rows, "pictures": pictures, "means": cells.means, "differences": cells.differences}
    return AnalysisResult(
        {**facts, "sentences": list(_sentences(facts, subject.classes))}, {"cells": cells.table}, {**maps, **own}
    )


def _chosen(subject: TrainedModel, options: Answers) -> list[ChosenPicture]:
    if options.rows or options.ids:
        return requested_pictures(subject.parts, options.rows or (), options.ids or ())
    return most_informative(subject.parts["validation"], options.images)


def _baseline(subject: TrainedModel, options: Answers) -> tuple[Tensor, str]:
    """(H, W, C) and its name: that of the options, else black for images with a uniform black background, else the
    mean."""
    name = options.baseline or ("black" if _is_black(subject) else "mean")
    mean = mean_input(subject)
    return (mean, name) if name == "mean" else (torch.zeros_like(mean), name)


def _is_black(subject: TrainedModel) -> bool:
    tones = brightness_of(_stored(subject, _spread(subject)), subject.pixel_range)
    return has_even_background(tones) and float(np.median(backgrounds(tones))) <= EVEN_WITHIN


def _spread(subject: TrainedModel) -> np.ndarray:
    """PICTURES validation rows, evenly spaced, so that they are not selected."""
    rows = subject.parts["validation"].rows
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, min(PICTURES, len(rows))).astype(int))])


def _stored(subject: TrainedModel, rows: np.ndarray) -> np.ndarray:
    return np.asarray(subject.images[torch.from_numpy(rows)].cpu().numpy())


def _explained(work: PicturesToExplain, methods: Sequence[str]) -> tuple[list[Facts], dict[str, np.ndarray]]:
    """The facts about each picture, and the maps by method."""
    images = [asdict(one) for one in work.chosen]
    maps: dict[str, np.ndarray] = {}
    for way, explain in EXPLAINED.items():
        if way in methods and work.chosen:
            said, drawn = explain(work)
            images = [{**image, **more} for image, more in zip(images, said, strict=True)]
            maps |= {} if drawn is None else {way: drawn.astype(np.float32)}
    return images, maps


def _rows(images: Sequence[Facts], cells: Sequence[Facts]) -> np.ndarray:
    """Rows of all pictures that a page shows, ascending."""
    near = [each["row"] for image in images for each in image.get("neighbours", [])]
    behind = [row for cell in cells for row in cell["rows"]]
    return np.unique(np.array([image["row"] for image in images] + near + behind, np.int64))


def _foreground_sensitivity(subject: TrainedModel) -> Facts | None:
    rows = _spread(subject)
    found: ForegroundSensitivity | None = foreground_sensitivity(
        logits_of(subject), lambda places: subject.inputs(rows[places]), _stored(subject, rows), subject.pixel_range
    )
    return found.as_json() if found else None


def _sentences(facts: Facts, classes: Sequence[str]) -> Iterator[str]:
    yield from _on_cells(facts, classes)
    yield from _on_neighbours(facts)
    yield from _on_looks(facts)


def _on_cells(facts: Facts, classes: Sequence[str]) -> Iterator[str]:
    """The units of the worst compared cell, if any differs significantly and the shift is towards the mistake."""
    for cell in facts["cells"]:
        leading = [unit for unit in cell["units"][:3] if unit["adjusted_p"] < SIGNIFICANT and unit["margin"] > 0]
        if leading and cell["margin"] > 0:
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


def _on_neighbours(facts: Facts) -> Iterator[str]:
    wrong = [image for image in facts["images"] if image["why"] == MISTAKE and image.get("neighbours")]
    beside = sum(image["neighbours"][0]["label"] == image["answer"] for image in wrong)
    if wrong:
        yield (
            f"Of the {len(wrong)} most confident mistakes of `{facts['model']}`, {beside} "
            f"{'is' if beside == 1 else 'are'} nearest to a training image of the predicted class, in "
            f"`{facts['last_layer']}`."
        )


def _on_looks(facts: Facts) -> Iterator[str]:
    if facts["looks"] and differs(facts["looks"]):
        yield sensitivity_sentence(facts["model"], facts["looks"])


METHOD = Method("model", make, misfit, seconds)
