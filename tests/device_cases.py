"""Packs that stand for all there is, on the pretended device."""

from __future__ import annotations

from typing import Any

import numpy as np
from pretend_device import DEVICE, PretendDevice
from training_cases import lane

from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.optimizers import OPTIMIZERS
from snellen.train.watcher import Silent

CNN = ["standardise", {"conv": {"filters": 4, "kernel": 3, "padding": "same", "activation": "relu"}}, "batch_norm"]
LENET = [
    {"conv": {"filters": 3, "kernel": 3, "padding": "same", "activation": "tanh"}},
    {"average_pool": 2},
    {"conv": {"filters": 5, "kernel": 2, "activation": "tanh"}},
    "flatten",
    {"dense": {"units": 7, "activation": "tanh"}},
]
SMALL_VGG = [*CNN, {"max_pool": 2}, {"dropout": 0.3}, {"skip": ["batch_norm", "relu"]}, "flatten", {"dense": 6}]
OTHERS = [
    {"whiten_patches": {"kernel": 2, "keep": 2}},
    {"separable_conv": {"filters": 4, "kernel": 2}},
    "layer_norm",
    "gelu",
    {"depthwise_conv": {"kernel": 2, "strides": 2, "padding": "same"}},
    {"average_pool": {"size": 2, "strides": 1, "padding": "same"}},
    "global_average_pool",
]
NOISES = [
    {"normalization": {"mean": 0.4, "variance": [0.1]}},
    {"gaussian_noise": 0.1},
    {"conv": {"filters": 3, "kernel": 3, "activation": "mish"}},
    {"spatial_dropout": 0.3},
    {"prelu": [1, 2]},
    "flatten",
    {"gaussian_dropout": 0.2},
    {"dense": {"units": 6, "activation": "selu"}},
    {"alpha_dropout": 0.2},
]
MOVED = [{"crop": 1}, {"shift": 0.1}, {"rotate": 9}, {"brightness": 0.1}, {"contrast": 0.2}, {"cutout": 2}]
CASES: dict[str, list[dict[str, Any]]] = {
    "dense": [{}],
    "lanes": [{"seed": 1}, {"seed": 2, "learning_rate": 0.02, "weight_decay": 0.1, "label_smoothing": 0.1}],
    "rates": [{"layers": ["flatten", {"dense": 5}, {"dropout": rate}], "clip_norm": 0.5 + rate} for rate in (0.0, 0.4)],
    "lenet": [{"layers": LENET, "schedule": {"cosine": {}}, "total_epochs": 4, "class_weights": (1.0, 2.0, 0.5)}],
    "vgg": [{"layers": SMALL_VGG, "seed": seed} for seed in (1, 2)],
    "others": [{"layers": OTHERS}],
    "noises": [{"layers": NOISES, "seed": seed} for seed in (1, 2)],
    "moved": [{"augment": MOVED}],
    "flipped": [{"augment": [{"flip": "both"}, {"scale": 0.1}, {"mixup": 0.4}], "seed": seed} for seed in (1, 2)],
    "cutmix": [{"layers": LENET, "augment": ["flip", {"cutmix": 1.0}]}],
    **{f"by {name}": [{"optimizer": name, "layers": LENET}] for name in OPTIMIZERS},
    "momenta": [{"optimizer": {"sgd": {"momentum": each, "nesterov": True}}} for each in (0.5, 0.9)],
    "amsgrad": [{"optimizer": {"adam": {"amsgrad": True}}}],
    "penalties": [{"layers": ["flatten", {"dense": {"units": 5, "l1": 0.01, "l2": each}}]} for each in (0.1, 0.0)],
    "clipped": [{"clip_parameter_norm": 0.1}, {"clip_value": 0.01}],
    "plateau": [{"schedule": {"reduce_on_plateau": {"patience": each, "min_delta": 1}}} for each in (1, 2)],
    "rmsprop": [{"optimizer": {"rmsprop": {"momentum": 0.9}}}],
}


class Strict(Silent):
    """Between the first step and the last nothing may wait."""

    def __init__(self, device: PretendDevice) -> None:
        self.device, self.seen = device, 0

    def stepped(self, step: int, steps: int) -> None:
        """The last step is over when it is told of."""
        self.seen += 1
        self.device.forbid_waiting() if step < steps else self.device.allow_waiting()


def pack(changes: list[dict[str, Any]], uneven: bool = False) -> list[Lane]:
    """uneven: the lanes have different numbers of rows, so that last batches are filled up."""
    rows = [np.arange(60 - 3 * number if uneven else 60) for number in range(len(changes))]
    given = [lane(**{"batch_size": 8, **each}) for each in changes]
    return [Lane(each.jobs, {**each.rows, "train": own}) for each, own in zip(given, rows)]


def elsewhere(images: ResidentData) -> ResidentData:
    return ResidentData(images.images.to(DEVICE), images.labels.to(DEVICE))
