"""Builds the content of a report from real digits and scikit-learn classifiers: everything a study would give."""

from __future__ import annotations

import copy
import math
import warnings
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from choosing_cases import folds, search, seeds

from snellen.explain.mistakes import cell_rows, confident_mistakes, first_examples, random_examples, worst_pairs
from snellen.explain.thumbnails import Thumbnails, to_uint8
from snellen.metrics.scores import confusion
from snellen.models.predictions import Predictions

ROLES = ("train", "validation", "calibration", "test")
TRAINING: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 32,
    "epochs": 15,
    "weight_decay": 0.0,
    "schedule": {"name": "constant"},
    "early_stopping": {"measure": "loss", "patience": 5},
}


def digits_report() -> tuple[Any, Thumbnails]:
    """(content, thumbnails) of a study of scikit-learn's digits with a linear, a dense and a failed model. The content
    is the caller's own: a test may change it."""
    content, thumbnails = _digits_report()
    return copy.deepcopy(content), thumbnails


@cache
def _digits_report() -> tuple[Any, Thumbnails]:
    from sklearn.datasets import load_digits

    data = load_digits()
    images = data.images.astype(np.uint8)[..., None]
    return report("digits", images, data.target, tuple("0123456789"), (0, 16))


def report(
    name: str,
    images: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    pixel_range: tuple[float, float],
    hidden_units: tuple[int, ...] = (0, 32),
) -> tuple[Any, Thumbnails]:
    """The report of one model for each number of hidden units (0: linear) and one that failed."""
    rows = np.random.default_rng(0).permutation(len(images))
    parts = dict(zip(("train", "validation", "test"), np.split(rows, [int(0.6 * len(rows)), int(0.8 * len(rows))])))
    roles = {role: np.sort(part) for role, part in parts.items()} | {"calibration": np.array([], np.int64)}
    tones = to_uint8(images, pixel_range)
    models = [_model(units, tones, labels, classes, roles) for units in hidden_units]
    models.sort(key=lambda model: -model["roles"]["validation"]["scores"]["accuracy"]["value"])
    models[0] |= {"chosen": True, "search": search(), "seeds": seeds(), "folds": folds()}
    for model in models[1:]:
        del model["roles"]["test"]
    models.append(_failed_model())
    content = {
        "format": 1,
        "snellen": "0.1.0",
        "made": "2026-11-22T14:00:00+00:00",
        "study": name,
        "chosen": models[0]["name"],
        "answer": _answer(models[0]),
        "findings": _findings(models),
        "claim": _claim(models[0]),
        "openings": {"this_run": 1, "ever": 3, "models": [models[0]["name"]]},
        "leaderboard": [_leader(model) for model in models],
        "floors": [_majority(labels, roles)],
        "models": models,
        "data": _data(name, images, labels, classes, pixel_range, roles, tones),
        "roles": _roles(roles),
        "environment": {"python": "3.12.3", "torch": "2.13.0", "processor": "x86_64", "threads": 2, "device": "cpu"},
        "resolved": f"study: {name}\ndata:\n  source: {name}\nsplit:\n  test: 0.2\n  validation: 0.2\n  seed: 0\n",
    }
    return content, Thumbnails(np.arange(len(images)), tones)


def estimate(value: float | None, n: int, proportion: bool = True) -> dict[str, Any]:
    """An estimate with its Wilson interval (or, for a loss, one of two per cent each side)."""
    if value is None:
        return {"value": None, "low": None, "high": None, "n": n, "covers": None, "method": None}
    low, high = _wilson(value, n) if proportion else (0.8 * value, 1.2 * value)
    method = "Wilson" if proportion else "bootstrap"
    return {"value": value, "low": low, "high": high, "n": n, "covers": "other images", "method": method}


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _model(
    units: int, tones: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], roles: dict[str, np.ndarray]
) -> dict[str, Any]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier
    from sklearn.neural_network import MLPClassifier

    flat = tones.reshape(len(tones), -1) / 255
    network = (
        MLPClassifier((units,), random_state=0, max_iter=1)
        if units
        else SGDClassifier(loss="log_loss", random_state=0, eta0=0.05, learning_rate="constant")
    )
    history = []
    for epoch in range(1, 16):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.partial_fit(flat[roles["train"]], labels[roles["train"]], classes=np.arange(len(classes)))
        train, validation = (_loss_accuracy(network, flat, labels, roles[role]) for role in ("train", "validation"))
        history.append(
            {
                "epoch": epoch,
                "loss": train[0],
                "accuracy": train[1],
                "validation_loss": validation[0],
                "validation_accuracy": validation[1],
                "learning_rate": 0.001,
                "seconds": 0.2,
            }
        )
    inputs = flat.shape[1]
    sizes = [inputs, units, len(classes)] if units else [inputs, len(classes)]
    counts = [(a + 1) * b for a, b in pairwise(sizes)]
    layers = [{"name": "flatten", "kind": "flatten", "detail": "", "output": [inputs], "parameters": 0}] + [
        {"name": f"dense_{at + 1}", "kind": "dense", "detail": f"{size} units", "output": [size], "parameters": count}
        for at, (size, count) in enumerate(zip(sizes[1:], counts))
    ]
    return {
        "name": f"dense-{units}" if units else "linear",
        "job": f"3f2a9c{units:04d}",
        "chosen": False,
        "status": "done",
        "reason": None,
        "parameters": sum(counts),
        "trainable_parameters": sum(counts),
        "seconds": 3.2,
        "kept_epoch": 13,
        "stopped_epoch": 15,
        "input": list(tones.shape[1:]),
        "layers": layers,
        "pixels": None,
        "augmented": [],
        **_phase(TRAINING, 15),
        "search": None,
        "seeds": None,
        "folds": None,
        "history": history,
        "roles": {
            role: _role(role, network, flat, labels, classes, roles[role]) for role in ("train", "validation", "test")
        },
    }


def _loss_accuracy(network: Any, flat: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    probabilities = network.predict_proba(flat[rows]).clip(1e-12, 1)
    loss = -np.log(probabilities[np.arange(len(rows)), labels[rows]]).mean()
    return float(loss), float((probabilities.argmax(1) == labels[rows]).mean())


def _role(
    role: str, network: Any, flat: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], rows: np.ndarray
) -> dict[str, Any]:
    ids = np.array([f"digits:{row}" for row in rows])
    probabilities = network.predict_proba(flat[rows]).astype(np.float32)
    predictions = Predictions(role, rows, ids, labels[rows].astype(np.int64), probabilities)
    matrix = confusion(labels[rows], predictions.predicted, len(classes))
    loss, accuracy = _loss_accuracy(network, flat, labels, rows)
    per_class = [_class(matrix, at, name) for at, name in enumerate(classes)]
    means = {
        f"macro_{key}": float(np.mean([one[key]["value"] or 0 for one in per_class]))
        for key in ("precision", "recall", "f1")
    }
    top_2 = float(np.mean((np.argsort(-probabilities, axis=1)[:, :2] == labels[rows][:, None]).any(axis=1)))
    scores = {"accuracy": estimate(accuracy, len(rows)), "loss": estimate(loss, len(rows), proportion=False)}
    scores |= {key: estimate(value, len(rows)) for key, value in (means | {"top_2": top_2}).items()}
    return {
        "n": len(rows),
        "scores": scores,
        "per_class": per_class,
        "confusion": matrix.tolist(),
        "cells": cell_rows(predictions, len(classes), 60),
        "mistakes": confident_mistakes(predictions, 12),
        "pairs": [] if role == "train" else worst_pairs(predictions, len(classes), 2),
        "examples": first_examples(predictions),
        "drawn": [] if role == "train" else random_examples(predictions, 3, 4),
    }


def _class(matrix: np.ndarray, at: int, name: str) -> dict[str, Any]:
    hits, support, predicted = (int(number) for number in (matrix[at, at], matrix[at].sum(), matrix[:, at].sum()))
    recall, precision = (hits / total if total else None for total in (support, predicted))
    f1 = 2 * hits / (support + predicted) if support + predicted else None
    return {
        "class": name,
        "support": support,
        "predicted": predicted,
        "precision": estimate(precision, predicted),
        "recall": estimate(recall, support),
        "f1": estimate(f1, support),
    }


def _phase(settings: dict[str, Any], epochs: int | None) -> dict[str, Any]:
    """The one phase of a model's training."""
    phase = {"settings": settings, "first_epoch": 1, "last_epoch": epochs, "kept_epoch": epochs, "seconds": 0.4}
    return {"training": settings, "phases": [phase]}


def _failed_model() -> dict[str, Any]:
    reason = "non-finite loss at step 41 of epoch 2, learning rate 10; the last good epoch is 1"
    layers = [{"name": "dense_1", "kind": "dense", "detail": "10 units", "output": [10], "parameters": 650}]
    return {
        "name": "too-fast",
        "job": "77aa01",
        "chosen": False,
        "status": "failed",
        "reason": reason,
        "parameters": 650,
        "trainable_parameters": 650,
        "seconds": 0.4,
        "kept_epoch": None,
        "stopped_epoch": None,
        "input": [8, 8, 1],
        "layers": layers,
        "pixels": None,
        "augmented": [],
        **_phase({"optimizer": "sgd", "learning_rate": 10.0}, None),
        "search": None,
        "seeds": None,
        "folds": None,
        "history": [],
        "roles": {},
    }


def _leader(model: dict[str, Any]) -> dict[str, Any]:
    scores = {role: one["scores"] for role, one in model["roles"].items() if role != "train"}
    keys = ("job", "status", "chosen", "parameters", "kept_epoch", "seconds", "reason")
    return {"model": model["name"], "epochs": model["stopped_epoch"], "scores": scores} | {k: model[k] for k in keys}


def _majority(labels: np.ndarray, roles: dict[str, np.ndarray]) -> dict[str, Any]:
    """The floor that always answers the most frequent class."""
    most = np.bincount(labels[roles["train"]]).argmax()
    shares = {role: float((labels[roles[role]] == most).mean()) for role in ("validation", "test")}
    scores = {
        role: {"accuracy": estimate(share, len(roles[role])), "loss": estimate(2.3, len(roles[role]), False)}
        for role, share in shares.items()
    }
    images = len(roles["train"])
    counts = {"images": images, "of_images": images, "rounds": None, "converged": None, "parameters": 10}
    named = {
        "floor": "majority",
        "label": "majority class",
        "on_features": False,
        "status": "done",
        "reason": None,
        "seconds": 0.0,
    }
    return named | counts | {"scores": scores}


def _finding(code: str, severity: str, sentence: str, evidence: str, advice: str | None = None) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "sentence": sentence,
        "values": {},
        "evidence": evidence,
        "advice": advice,
    }


def _answer(model: dict[str, Any]) -> list[dict[str, Any]]:
    test = model["roles"]["test"]["scores"]["accuracy"]
    value, low, high = (100 * test[key] for key in ("value", "low", "high"))
    name = model["name"]
    good = f"It names the class of {value:.1f} % of {test['n']:,} unseen test images (95 %: {low:.1f} to {high:.1f})."
    return [
        _finding("SNL001", "result", f"`{name}` was chosen: it has the best validation accuracy.", "leaderboard"),
        _finding("SNL002", "result", good, f"model-{name}"),
        _finding("SNL003", "result", "Each model was trained once, so recipes cannot be compared yet.", "leaderboard",
                 "Ask for seeds: 3 to compare recipes."),
    ]  # fmt: skip


def _claim(model: dict[str, Any]) -> str:
    test = model["roles"]["test"]
    return (
        f"Trained once, {model['name']} names the class of {100 * test['scores']['accuracy']['value']:.1f} % of "
        f"{test['n']:,} test images that took no part in training or choosing. Another training may differ."
    )


def _findings(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    failed = "too-fast failed: its loss became infinite at step 41 of epoch 2."
    return [
        _finding("SNL010", "warning", failed, "model-too-fast", "Lower its learning rate of 10."),
        _finding("SNL020", "warning", "`linear` was still improving when it stopped.", "model-linear", "More epochs."),
        *[_finding(f"SNL03{n}", "notice", f"Class {n} has 35 test images; its recall is uncertain.", "data")
          for n in range(5)],
    ]  # fmt: skip


def _data(
    name: str,
    images: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    pixel_range: tuple[float, float],
    roles: dict[str, np.ndarray],
    tones: np.ndarray,
) -> dict[str, Any]:
    of_class = [roles["train"][labels[roles["train"]] == at] for at in range(len(classes))]
    counts = [
        {"class": one} | {role: int((labels[roles[role]] == at).sum()) for role in ROLES}
        for at, one in enumerate(classes)
    ]
    return {
        "name": name,
        "images": len(images),
        "shape": list(images.shape[1:]),
        "classes": list(classes),
        "pixel_range": list(pixel_range),
        "fingerprint": "9b1c" * 16,
        "counts": counts,
        "samples": [rows[:10].tolist() for rows in of_class],
        "means": [(tones[rows].mean(axis=0) / 255).ravel().tolist() for rows in of_class],
        "conflicting": 0,
        "duplicate_pictures": 3,
    }


def _roles(roles: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "counts": {role: len(roles[role]) for role in ROLES},
        "seed": 0,
        "stratified": True,
        "official_test": False,
        "left_out": [{"id": "digits:12", "reason": "duplicate", "twin": "digits:7"}],
        "left_out_total": {"duplicate": 1, "in official test": 0},
        "rules": [
            "train: fits the weights",
            "validation: chooses the epoch that is kept and the model",
            "test: opened once, for the chosen model only",
        ],
    }
