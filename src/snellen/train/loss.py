"""The loss of a training step: cross-entropy with label smoothing, class weights and mixed labels."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from snellen.train.augment.mixing import Mixed
from snellen.train.job import Trajectory


def target_table(trajectory: Trajectory) -> Tensor:
    """(K, K) float64, a row for each label: 1 - e for the label plus e / K for every class, e being the label
    smoothing, times the weight of the label's class. As in Keras, `class_weight` multiplies the loss of a row, and the
    mean is over rows."""
    classes, amount = trajectory.classes, trajectory.label_smoothing
    smooth = (1 - amount) * torch.eye(classes, dtype=torch.float64) + amount / classes
    return smooth * torch.tensor(trajectory.class_weights or (1.0,), dtype=torch.float64).unsqueeze(1)


def row_targets(tables: Tensor, labels: Tensor, mixed: Mixed | None = None, weight: Tensor | None = None) -> Tensor:
    """(L, N, K) targets of each row, which sum up to the weight of the row in the loss.

    tables: (L, K, K) of `target_table`; labels: (L, N); weight: (L, N), 0 for rows that only pad the batch. The target
    of a mixed image is the mean of the targets of both labels, weighted by their shares.
    """
    targets = _looked_up(tables, labels)
    if mixed is not None:
        share = mixed.share.to(targets.dtype).unsqueeze(-1)
        targets = _looked_up(tables, mixed.labels).lerp(targets, share)
    return targets if weight is None else targets * weight.to(targets.dtype).unsqueeze(-1)


def _looked_up(tables: Tensor, labels: Tensor) -> Tensor:
    """(L, N, K): the row of each label in the table of its lane."""
    lanes, classes = tables.shape[:2]
    if lanes > 1:
        labels = labels + torch.arange(0, lanes * classes, classes, device=labels.device).unsqueeze(1)
    return functional.embedding(labels, tables.flatten(0, 1))


def right_labels(labels: Tensor, mixed: Mixed | None, weight: Tensor | None) -> Tensor:
    """(L, N) the label that counts as right: of a mixed image the one with the larger share; -1, which no prediction
    equals, for rows that only pad the batch."""
    if mixed is not None:
        labels = labels.where(mixed.share >= 0.5, mixed.labels)
    return labels if weight is None else labels.where(weight > 0, -1)


def row_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """(L, N) cross-entropy of logits (L, N, K) against targets (L, N, K)."""
    return -(targets * logits.log_softmax(-1)).sum(-1)


def right_answers(logits: Tensor, labels: Tensor) -> Tensor:
    """(L, N) bool: whether the largest logit is that of the label."""
    return logits.argmax(-1) == labels


def loss_gradient(logits: Tensor, targets: Tensor, counts: Tensor | int) -> Tensor:
    """Gradient of the mean loss with respect to the logits: (sum(targets) softmax - targets) / counts."""
    return logits.softmax(-1).mul_(targets.sum(-1, keepdim=True)).sub_(targets).div_(counts)
