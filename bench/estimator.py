"""How long does `cross_val_score` of LeNet-5 take, with snellen.ImageClassifier and with skorch?

    python bench/estimator.py                      # 10,000 images of MNIST, 5 folds, 3 rounds in turns
    python bench/estimator.py --jobs 2             # both with n_jobs=2

The same network, images, folds, epochs, batch size and Adam, written as users of each write it. Each round has one
call of either, first one and then the other; medians, and the ratio of each round. A short call of each comes before.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from sklearn.model_selection import cross_val_score
from skorch import NeuralNetClassifier
from torch import nn

import snellen
from snellen.data.load import read

SHORT = 500
"""Images of the call before the first round, which loads what is needed."""


class LeNet5(nn.Module):
    """The network `lenet-5` in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 10) of x (N, 1, 28, 28)."""
        logits: torch.Tensor = self.layers(x)
        return logits


def with_snellen(images: np.ndarray, labels: np.ndarray, epochs: int, jobs: int) -> np.ndarray:
    """Accuracy of each fold. images: (N, 28, 28) uint8."""
    classifier = snellen.ImageClassifier("lenet-5", epochs=epochs)
    return np.asarray(cross_val_score(classifier, images, labels, cv=5, n_jobs=jobs))


def with_skorch(images: np.ndarray, labels: np.ndarray, epochs: int, jobs: int) -> np.ndarray:
    """The same: pixels from 0 to 1, no validation part, shuffled batches of 32."""
    torch.manual_seed(0)
    network = NeuralNetClassifier(
        LeNet5,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    pixels = images[:, None].astype(np.float32) / 255
    return np.asarray(cross_val_score(network, pixels, labels, cv=5, n_jobs=jobs))


CALLS: dict[str, Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]] = {
    "snellen": with_snellen,
    "skorch": with_skorch,
}


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="n_jobs of both")
    options = parser.parse_args()
    dataset = read("mnist")
    images, labels = np.asarray(dataset.images[: options.images, ..., 0]), dataset.labels[: options.images]
    seconds: dict[str, list[float]] = {name: [] for name in CALLS}
    scores: dict[str, list[float]] = {name: [] for name in CALLS}
    for call in CALLS.values():
        call(images[:SHORT], labels[:SHORT], 1, options.jobs)
    for _ in range(options.rounds):
        for name, call in CALLS.items():
            began = time.perf_counter()
            accuracy = call(images, labels, options.epochs, options.jobs)
            seconds[name].append(time.perf_counter() - began)
            scores[name].append(float(accuracy.mean()))
    for name in CALLS:
        print(f"{name}: {statistics.median(seconds[name]):.1f} s, accuracy {statistics.median(scores[name]):.4f}")
    ratios = [other / own for own, other in zip(seconds["snellen"], seconds["skorch"], strict=True)]
    print(f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}), {options.rounds} rounds")


if __name__ == "__main__":
    main()
