"""Attribution by occlusion: how the prediction changes when a patch of the image is covered (Zeiler and Fergus, ECCV
2014)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snellen.explain.answers.gradients import POINTS_AT_ONCE, Logits

PIECES = 7
"""The side of a patch is the side of the image divided by this: 4 pixels for 28, 5 for 32."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """drops: (H, W), the mean fall of the margin over all patches that cover a pixel. least: the smallest probability
    of the answer under any patch. changed: how many of the `patches` change the predicted class."""

    drops: np.ndarray
    least: float
    changed: int
    patches: int


def patch_side(height: int, width: int) -> int:
    """The default side of a patch, in pixels."""
    return max(2, round(min(height, width) / PIECES))


def occlusion(logits: Logits, x: Tensor, fill: Tensor, side: int, answer: int, rival: int) -> Occlusion:
    """Occlusion of one image x (H, W, C). A square patch of `side` pixels is replaced by that part of `fill` (H, W, C).
    It moves in steps of half its side; the last positions are at the edge."""
    height, width = x.shape[:2]
    corners = [(top, left) for top in _starts(height, side) for left in _starts(width, side)]
    covers = torch.zeros(len(corners), height, width, 1, dtype=torch.bool, device=x.device)
    for cover, (top, left) in zip(covers, corners):
        cover[top : top + side, left : left + side] = True
    with torch.inference_mode():
        parts = [logits(torch.where(cover, fill, x)) for cover in covers.split(POINTS_AT_ONCE)]
        occluded = torch.cat(parts).double().cpu().numpy()
        intact = logits(x.unsqueeze(0)).double().cpu().numpy()[0]
    drops = intact[answer] - intact[rival] - (occluded[:, answer] - occluded[:, rival])
    weights = covers[..., 0].double().cpu().numpy()
    shares = np.exp(occluded - occluded.max(1, keepdims=True))
    return Occlusion(
        np.tensordot(drops, weights, 1) / weights.sum(0),
        float((shares[:, answer] / shares.sum(1)).min()),
        int((occluded.argmax(1) != answer).sum()),
        len(corners),
    )


def _starts(size: int, side: int) -> list[int]:
    """First pixels of the patches along one side of the image."""
    last = max(0, size - side)
    return sorted({*range(0, last, max(1, side // 2)), last})
