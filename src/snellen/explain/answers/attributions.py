"""The explanation methods: each returns facts about every chosen image, and most return attribution maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.explain.analysis_inputs import ROWS_AT_ONCE, TrainedModel
from snellen.explain.answers.chosen_images import ChosenImage
from snellen.explain.answers.facts import ExplanationJson, NeighbourJson, UnitJson
from snellen.explain.answers.gradcam_layer import gradcam_layer
from snellen.explain.answers.gradients import Logits, enlarged, grad_cam, integrated_gradients
from snellen.explain.answers.occlusion import occlusion, patch_side
from snellen.explain.last_layer import LastLayer, contributions, nearest
from snellen.models import chain
from snellen.models.layer import Step
from snellen.study.analyses import Answers, ExplanationMethod

UNITS = 8
"""Units that are shown for an image: those with the largest contributions, positive or negative."""

SEARCHED = 5 * 10**11
"""Most multiplications of the search for neighbours: 10 s on 2 cores. If it would take more, fewer images are
searched."""


@dataclass(frozen=True, eq=False)
class ImagesToExplain:
    """The images to explain and how. baseline: (H, W, C), the image that stands for the absence of evidence."""

    model: TrainedModel
    options: Answers
    chosen: Sequence[ChosenImage]
    baseline: Tensor

    @property
    def rows(self) -> np.ndarray:
        """Data set rows of the images."""
        return np.array([image.row for image in self.chosen], np.int64)

    @property
    def patch_side(self) -> int:
        """Side of the square patch of occlusion, in pixels."""
        return self.options.patch or patch_side(*self.baseline.shape[:2])


Explanations = tuple[list[ExplanationJson], np.ndarray | None]
"""The facts about each image, and the attribution maps (n, H, W) of methods that draw some."""


def logits_of(model: TrainedModel, after: str | None = None) -> Logits:
    """The logits as a differentiable function of images, or of the outputs of the layer `after`."""
    if after is None:
        return lambda x: model.network.apply(model.parameters, model.state, x.unsqueeze(0), "evaluate")[0][0]
    later_layers = model.network.layers[model.place_of(after) + 1 :]
    return lambda x: chain.apply(later_layers, model.parameters, model.state, x.unsqueeze(0), Step("evaluate"))[0][0]


def mean_input(model: TrainedModel) -> Tensor:
    """(H, W, C) the mean of the training images, scaled as the network expects them."""
    rows = model.predictions["train"].rows
    starts = range(0, len(rows), ROWS_AT_ONCE)
    sums = [model.inputs(rows[start : start + ROWS_AT_ONCE]).double().sum(0) for start in starts]
    return (torch.stack(sums).sum(0) / len(rows)).float()


def _grad_cam(images: ImagesToExplain) -> Explanations:
    layer = gradcam_layer(images.model.network, images.options.layer)
    assert layer is not None  # checked by `misfit` and `methods_of`
    values = torch.from_numpy(images.model.outputs(layer, images.rows)).to(images.baseline.device)
    answers = torch.tensor([image.answer for image in images.chosen], device=values.device)
    maps = enlarged(grad_cam(logits_of(images.model, layer), values, answers), *images.baseline.shape[:2])
    return [{} for _ in images.chosen], maps.cpu().numpy()


def _integrated(images: ImagesToExplain) -> Explanations:
    logits, inputs = logits_of(images.model), images.model.inputs(images.rows)
    results = [
        integrated_gradients(logits, x, images.baseline, image.answer, image.rival)
        for x, image in zip(inputs, images.chosen, strict=True)
    ]
    facts: list[ExplanationJson] = [
        {
            "integrated": {
                "change": each.change,
                "gap": each.gap,
                "share": each.share,
                "complete": each.is_complete,
                "points": each.points,
            }
        }
        for each in results
    ]
    return facts, np.stack([each.attribution.sum(-1) for each in results])


def _occlusion(images: ImagesToExplain) -> Explanations:
    logits, inputs = logits_of(images.model), images.model.inputs(images.rows)
    results = [
        occlusion(logits, x, images.baseline, images.patch_side, image.answer, image.rival)
        for x, image in zip(inputs, images.chosen, strict=True)
    ]
    facts: list[ExplanationJson] = [
        {"occlusion": {"least": each.least, "changed": each.changed, "patches": each.patches}} for each in results
    ]
    return facts, np.stack([each.drops for each in results])


def searched_rows(model: TrainedModel) -> np.ndarray:
    """Training rows among which neighbours are searched: all, or a random sample of as many as SEARCHED allows."""
    rows = model.predictions["train"].rows
    most = SEARCHED // max(1, model.multiply_adds)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.Generator(np.random.Philox(0)).choice(rows, most, replace=False))


def _neighbours(images: ImagesToExplain) -> Explanations:
    train = images.model.predictions["train"]
    rows, distances = nearest(
        LastLayer(images.model), images.rows, searched_rows(images.model), images.options.neighbours
    )
    labels = np.asarray(train.labels)[np.searchsorted(train.rows, rows)]
    neighbours: list[list[NeighbourJson]] = [
        [
            {"row": int(row), "label": int(label), "distance": float(distance)}
            for row, label, distance in zip(*each, strict=True)
            if np.isfinite(distance)
        ]
        for each in zip(rows, labels, distances, strict=True)
    ]
    return [{"neighbours": each} for each in neighbours], None


def _units(images: ImagesToExplain) -> Explanations:
    layer = LastLayer(images.model)
    activations = layer.activations(images.rows)
    explanations = [
        _contributions(layer, values, image) for values, image in zip(activations, images.chosen, strict=True)
    ]
    return explanations, None


def _contributions(layer: LastLayer, activations: np.ndarray, image: ChosenImage) -> ExplanationJson:
    parts, bias = contributions(layer, activations, image.answer, image.rival)
    shown = np.argsort(-np.abs(parts), kind="stable")[:UNITS]
    units: list[UnitJson] = [
        {"unit": int(unit), "name": layer.unit_name(unit), "part": float(parts[unit])} for unit in shown
    ]
    others = float(parts.sum() - parts[shown].sum())
    return {
        "units": units,
        "others": others,
        "num_others": len(parts) - len(shown),
        "bias": bias,
        "margin": float(parts.sum() + bias),
    }


EXPLANATIONS: dict[ExplanationMethod, Callable[[ImagesToExplain], Explanations]] = {
    "grad_cam": _grad_cam,
    "integrated_gradients": _integrated,
    "occlusion": _occlusion,
    "neighbours": _neighbours,
    "units": _units,
}
