"""The explanation methods: each gives facts about every picture of a model, and most give attribution maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snellen.explain.analysis_inputs import ROWS_AT_ONCE, TrainedModel
from snellen.explain.answers.chosen_pictures import ChosenPicture
from snellen.explain.answers.gradcam_layer import gradcam_layer
from snellen.explain.answers.gradients import Logits, enlarged, grad_cam, integrated_gradients
from snellen.explain.answers.occlusion import occlusion, patch_side
from snellen.explain.last_layer import LastLayer, contributions, nearest
from snellen.models import chain
from snellen.models.layer import Step
from snellen.study.analyses import Answers, ExplanationMethod

UNITS = 8
"""Units that are shown of a picture: those with the largest contributions, for or against."""

SEARCHED = 5 * 10**11
"""Multiplications that the search for neighbours may take: 10 s on 2 cores. Beyond, it looks among fewer pictures."""

Facts = dict[str, Any]


@dataclass(frozen=True, eq=False)
class PicturesToExplain:
    """What is explained: pictures of a model, as options say. baseline: (H, W, C), what stands for no evidence."""

    subject: TrainedModel
    options: Answers
    chosen: Sequence[ChosenPicture]
    baseline: Tensor

    @property
    def rows(self) -> np.ndarray:
        """Data set rows of the pictures."""
        return np.array([one.row for one in self.chosen], np.int64)

    @property
    def side(self) -> int:
        """Of a patch, in pixels."""
        return self.options.patch or patch_side(*self.baseline.shape[:2])


Explained = tuple[list[Facts], np.ndarray | None]
"""What is said of each picture, and its maps (n, H, W) if there are any."""


def logits_of(subject: TrainedModel, after: str | None = None) -> Logits:
    """The network as a differentiable function of pictures, or of what the layer `after` gives."""
    if after is None:
        return lambda x: subject.network.apply(subject.parameters, subject.state, x.unsqueeze(0), "evaluate")[0][0]
    rest = subject.network.layers[subject.place_of(after) + 1 :]
    return lambda x: chain.apply(rest, subject.parameters, subject.state, x.unsqueeze(0), Step("evaluate"))[0][0]


def mean_input(subject: TrainedModel) -> Tensor:
    """(H, W, C) the mean of the training pictures, as networks see them."""
    rows = subject.parts["train"].rows
    starts = range(0, len(rows), ROWS_AT_ONCE)
    sums = [subject.inputs(rows[start : start + ROWS_AT_ONCE]).double().sum(0) for start in starts]
    return (torch.stack(sums).sum(0) / len(rows)).float()


def _grad_cam(work: PicturesToExplain) -> Explained:
    layer = gradcam_layer(work.subject.network, work.options.layer)
    assert layer is not None  # checked by `misfit` and `methods_of`
    values = torch.from_numpy(work.subject.outputs(layer, work.rows)).to(work.baseline.device)
    answers = torch.tensor([one.answer for one in work.chosen], device=values.device)
    maps = enlarged(grad_cam(logits_of(work.subject, layer), values, answers), *work.baseline.shape[:2])
    return [{} for _ in work.chosen], maps.cpu().numpy()


def _integrated(work: PicturesToExplain) -> Explained:
    logits, pictures = logits_of(work.subject), work.subject.inputs(work.rows)
    found = [
        integrated_gradients(logits, x, work.baseline, one.answer, one.rival)
        for x, one in zip(pictures, work.chosen, strict=True)
    ]
    said = [
        {
            "change": each.change,
            "gap": each.gap,
            "share": each.share,
            "complete": each.is_complete,
            "points": each.points,
        }
        for each in found
    ]
    return [{"integrated": each} for each in said], np.stack([each.attribution.sum(-1) for each in found])


def _occlusion(work: PicturesToExplain) -> Explained:
    logits, pictures = logits_of(work.subject), work.subject.inputs(work.rows)
    found = [
        occlusion(logits, x, work.baseline, work.side, one.answer, one.rival)
        for x, one in zip(pictures, work.chosen, strict=True)
    ]
    said = [{"least": each.least, "changed": each.changed, "patches": each.patches} for each in found]
    return [{"occlusion": each} for each in said], np.stack([each.drops for each in found])


def searched_rows(subject: TrainedModel) -> np.ndarray:
    """Training rows among which neighbours are looked for: all, or as many as SEARCHED allows, drawn by lot."""
    rows = subject.parts["train"].rows
    room = SEARCHED // max(1, subject.network.multiply_adds)
    if len(rows) <= room:
        return rows
    return np.sort(np.random.Generator(np.random.Philox(0)).choice(rows, room, replace=False))


def _neighbours(work: PicturesToExplain) -> Explained:
    train = work.subject.parts["train"]
    rows, distances = nearest(LastLayer(work.subject), work.rows, searched_rows(work.subject), work.options.neighbours)
    labels = np.asarray(train.labels)[np.searchsorted(train.rows, rows)]
    found = [
        [
            {"row": int(row), "label": int(label), "distance": float(distance)}
            for row, label, distance in zip(*each, strict=True)
            if np.isfinite(distance)
        ]
        for each in zip(rows, labels, distances, strict=True)
    ]
    return [{"neighbours": each} for each in found], None


def _units(work: PicturesToExplain) -> Explained:
    layer = LastLayer(work.subject)
    activations = layer.activations(work.rows)
    return [_speakers(layer, values, one) for values, one in zip(activations, work.chosen, strict=True)], None


def _speakers(layer: LastLayer, activations: np.ndarray, one: ChosenPicture) -> Facts:
    parts, bias = contributions(layer, activations, one.answer, one.rival)
    shown = np.argsort(-np.abs(parts), kind="stable")[:UNITS]
    units = [{"unit": int(unit), "name": layer.unit_name(unit), "part": float(parts[unit])} for unit in shown]
    rest = float(parts.sum() - parts[shown].sum())
    return {
        "units": units,
        "others": rest,
        "num_others": len(parts) - len(shown),
        "bias": bias,
        "margin": float(parts.sum() + bias),
    }


EXPLAINED: dict[ExplanationMethod, Callable[[PicturesToExplain], Explained]] = {
    "grad_cam": _grad_cam,
    "integrated_gradients": _integrated,
    "occlusion": _occlusion,
    "neighbours": _neighbours,
    "units": _units,
}
