"""Confident learning: labels that disagree with the predictions of models that were not trained on them.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021), 1373-1411.
The probabilities must be those of images that the model was not trained on: out of fold, or held out.
"""

from __future__ import annotations

import numpy as np


def class_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(K,) the mean probability of each class over the images with its label; 1 for a class without images.

    labels: (N,) int64 in 0..K-1; probabilities: (N, K)."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = np.bincount(labels, probabilities[np.arange(len(labels)), labels].astype(np.float64), classes)
    return np.where(counts > 0, own / np.maximum(counts, 1), 1.0)


def confident_classes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) int64: the most probable of the classes at or above their threshold; -1 if there is none."""
    above = np.where(probabilities >= class_thresholds(labels, probabilities), probabilities, -1.0)
    return np.asarray(np.where(above.max(1) >= 0, above.argmax(1), -1), np.int64)


def suspects(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) bool: whether an image is off the diagonal of the confident joint, and predicted as another class."""
    confident = confident_classes(labels, probabilities)
    return np.asarray((confident >= 0) & (confident != labels) & (probabilities.argmax(1) != labels))


def label_margins(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) float64 in -1..1: the probability of the label minus the largest other one ("normalized margin")."""
    values = probabilities.astype(np.float64)
    own = values[np.arange(len(labels)), labels]
    values[np.arange(len(labels)), labels] = -np.inf
    return np.asarray(own - values.max(1))


def other_classes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) int64: the most probable class other than the label."""
    values = probabilities.astype(np.float64)
    values[np.arange(len(labels)), labels] = -np.inf
    return np.asarray(values.argmax(1), np.int64)
