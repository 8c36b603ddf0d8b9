"""What a report says of a search, of seeds and of folds, as values: made up, of every outcome that there is."""

from __future__ import annotations

from typing import Any, Literal

from snellen.report.model_types import HyperparameterJson, RoundJson, SearchJson, TrialJson

PATHS = {"train.learning_rate": "learning rate", "layers.1.dense.units": "dense units", "train.optimizer": "optimizer"}

Outcome = Literal["winner", "finished", "stopped", "failed"]


def hyperparameters() -> list[HyperparameterJson]:
    """One on a logarithmic range, one of numbers to choose from, one of names."""
    return [
        HyperparameterJson(
            path="train.learning_rate", name="learning rate", scale="log", low=1e-4, high=1e-1, values=None
        ),
        HyperparameterJson(
            path="layers.1.dense.units", name="dense units", scale="linear", low=16, high=64, values=[16, 32, 64]
        ),
        HyperparameterJson(
            path="train.optimizer", name="optimizer", scale="named", low=None, high=None, values=["adam", "sgd"]
        ),
    ]


def trial(number: int, values: tuple[Any, ...], outcome: Outcome, curve: list[float], measure: str) -> TrialJson:
    """A trial; a value of None is one that it does not have."""
    best = min if measure == "loss" else max
    return {
        "trial": number,
        "assignment": {path: value for path, value in zip(PATHS, values, strict=True) if value is not None},
        "epochs": len(curve),
        "score": None if outcome == "failed" else best(curve),
        "outcome": outcome,
        "stopped_early": False,
        "curve": curve,
        "jobs": [f"job{number}"],
        "kept_epochs": [len(curve)] if outcome in ("winner", "finished") else [],
        "same_as": None,
    }


def search(measure: str = "accuracy") -> SearchJson:
    """A search by halving of five trials: the winner, one that also ended, two stopped ones, one that failed."""
    trials = [
        trial(1, (1e-3, 16, "adam"), "stopped", [0.5, 0.6], measure),
        trial(2, (1e-2, 64, "adam"), "winner", [0.7, 0.8, 0.9, 0.95], measure),
        trial(3, (1e-2, 32, None), "finished", [0.6, 0.7, 0.85, 0.8], measure),
        trial(4, (1e-4, 16, "sgd"), "stopped", [0.1, 0.2], measure),
        trial(5, (1e-1, 64, "sgd"), "failed", [], measure),
    ]
    rounds: list[RoundJson] = [
        {"trials": 5, "new": 5, "to_epoch": 2, "went_on": 2, "failed": 1, "seconds": 1.5},
        {"trials": 2, "new": 0, "to_epoch": 4, "went_on": 0, "failed": 0, "seconds": 2.5},
    ]
    return {
        "method": "halving",
        "measure": measure,
        "mean_over": None,
        "networks": 1,
        "combinations": None,
        "hyperparameters": hyperparameters(),
        "trials": trials,
        "rounds": rounds,
        "winner": 2,
        "cost": {"epochs": 12, "epochs_in_full": 20, "saved_by": {"stopping": 8}, "seconds": 2.5},
        "selection": {
            "winner": 0,
            "observed": 0.94,
            "corrected": 0.93,
            "low": 0.9,
            "high": 0.96,
            "optimism": 0.01,
            "chosen": [0.9, 0.1],
            "not_covered": "does not cover the choice of the epoch",
        },
    }


def mean(value: float, low: float, high: float, method: str) -> dict[str, Any]:
    """A mean over networks, as report.json has it."""
    return {"value": value, "low": low, "high": high, "covers": "other images and retraining", "method": method}


def seeds() -> dict[str, Any]:
    """Three seeds on validation."""
    networks = [{"seed": seed, "job": f"s{seed}", "accuracy": 0.9 + seed / 100} for seed in range(3)]
    return {"validation": {"mean": mean(0.91, 0.89, 0.93, "crossed t"), "seeds": networks}}


def folds() -> dict[str, Any]:
    """Three folds of two seeds, and the network on all rows."""
    splits: list[dict[str, Any]] = [
        {"repeat": 1, "fold": fold, "accuracies": [0.88 + fold / 100, 0.9 + fold / 100], "mean": 0.89 + fold / 100}
        | {"losses": [0.4, 0.3], "loss": 0.35, "networks": [{"kept_epoch": 3, "epochs": 4}] * 2, "values": {}}
        for fold in (1, 2, 3)
    ]
    return {
        "splits": splits,
        "seeds": [0, 1],
        "searched": "once",
        "planned": 3,
        "mean": mean(0.91, 0.88, 0.94, "corrected resampled t"),
        "mean_loss": mean(0.35, 0.3, 0.4, "corrected resampled t"),
        "between_splits": 0.01,
        "between_seeds": 0.0141,
        "num_train": 958.0,
        "num_held_out": 479.3,
        "final": {
            "job": "all",
            "status": "done",
            "epochs": [4],
            "kept": [[3, 4, 4, 4, 5, 5]],
            "medians": [4],
            "to_its_end": [False],
        },
    }
