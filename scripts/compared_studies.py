"""The small studies on digits that compare_runs.py runs: together they use every part of the product."""

from __future__ import annotations

from typing import Any

SHARED: dict[str, Any] = {
    "split": {"test": 300, "validation": 300, "seed": 1},
    "train": {"epochs": 3, "batch_size": 64},
}
SEARCHED_UNITS: list[Any] = ["flatten", {"dense": {"units": {"choice": [4, 8]}, "activation": "relu"}}]
HIDDEN_8: dict[str, Any] = {"dense": {"units": 8, "activation": "relu"}}
CURVE: dict[str, Any] = {"epochs": 1, "seeds": 1}

STUDIES: dict[str, dict[str, Any]] = {
    "kinds": {
        "models": {
            "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}, {"dropout": 0.2}]},
            "conv": {
                "layers": [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten"],
                "train": {"optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": 0.05, "schedule": "cosine"},
            },
            "norm": {
                "layers": [{"conv": {"filters": 4, "kernel": 3}}, "batch_norm", "relu", {"max_pool": 2}, "flatten"],
                "train": {"optimizer": "rmsprop", "augment": [{"shift": 0.1}, {"contrast": 0.2}]},
            },
            "skip": {"layers": [{"skip": [{"conv": {"filters": 1, "kernel": 3, "padding": "same"}}]}, "flatten"]},
        },
    },
    "lanes": {
        "models": {
            "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}]},
            "conv": {"layers": [{"conv": {"filters": 4, "kernel": 3, "activation": "relu"}}, "max_pool", "flatten"]},
        },
        "seeds": 3,
    },
    "searches": {
        "models": {
            "halving": {
                "layers": SEARCHED_UNITS,
                "train": {"learning_rate": {"choice": [1e-2, 1e-3]}, "epochs": 4},
                "search": {"method": "halving", "factor": 2},
            },
            "tpe": {
                "layers": ["flatten", {"dense": {"units": {"range": [4, 12]}, "activation": "tanh"}}],
                "train": {"learning_rate": {"log": [1e-4, 1e-1]}},
                "search": {"method": "tpe", "trials": 6, "round_size": 3, "startup": 3},
            },
            "grid": {
                "layers": SEARCHED_UNITS,
                "train": {"optimizer": "muon", "epochs": {"choice": [1, 2]}},
                "search": "grid",
            },
            "linear": {"layers": "linear"},
        },
        "folds": 2,
        "seeds": 2,
        "open_test": "all",
    },
    "nested": {
        "models": {
            "random": {
                "layers": SEARCHED_UNITS,
                "train": {"learning_rate": {"log": [1e-3, 1e-1]}, "epochs": 2},
                "search": {"method": "random", "trials": 3},
            },
        },
        "folds": {"count": 2, "repeats": 2, "nested": True},
    },
    "analyses": {
        "split": {**SHARED["split"], "calibration": 100},
        "models": {
            "phases": {
                "layers": [
                    {"conv": {"filters": 4, "kernel": 3, "activation": "relu"}},
                    {"max_pool": 2},
                    "flatten",
                    {"dropout": 0.1},
                    HIDDEN_8,
                ],
                "views": ["shift"],
                "train": [
                    {"epochs": 2},
                    {
                        "epochs": 4,
                        "optimizer": {"sgd": {"momentum": 0.9}},
                        "learning_rate": 0.05,
                        "schedule": "cosine",
                        "augment": [
                            {"crop": 1},
                            {"rotate": 10},
                            {"scale": 0.1},
                            {"brightness": 0.1},
                            {"cutout": 2},
                            {"mixup": 0.2},
                        ],
                    },
                ],
            },
            "components": {
                "features": ["standardise", {"pca": 12}],
                "layers": [HIDDEN_8],
                "train": {
                    "epochs": 30,
                    "patience": 1,
                    "learning_rate": 0.05,
                    "class_weights": "balanced",
                    "label_smoothing": 0.1,
                    "augment": [{"cutmix": 1.0}],
                },
            },
            "pixels": {
                "features": [{"top_pixels": {"count": 20, "by": "anova"}}],
                "layers": [HIDDEN_8],
                "train": {"clip_norm": 1.0, "weight_decay": 1e-3, "measure": "accuracy", "schedule": "linear"},
            },
            "patches": {
                "features": [{"whiten_patches": {"kernel": 3, "keep": 4}}],
                "layers": ["relu", "flatten", HIDDEN_8],
                "train": {"augment": [{"flip": {"anyway": True}}]},
            },
        },
        "analyses": [
            {"units": {"models": ["phases", "components", "pixels"]}},
            {"maps": {"models": ["phases"], "iterations": 260, "rows": 200}},
            "data",
            {"answers": {"models": ["phases"], "images": 4}},
            "errors",
            {"curves": {"models": ["components"], "over": "width", "values": [2, 4], **CURVE}},
            {"curves": {"models": ["components"], "over": "components", "values": [2, 4], **CURVE}},
            {"curves": {"models": ["pixels"], "over": "pixels", "values": [5, 10], "by": ["anova", "l1"], **CURVE}},
            {"curves": {"models": ["pixels"], "over": "images", **CURVE}},
            {"robustness": {"models": ["phases"]}},
            "wrong_labels",
        ],
    },
}

SHIPPED: dict[str, tuple[int, int]] = {
    "cifar10-cnn": (32, 3),
    "cifar10-fast": (32, 3),
    "digits": (8, 1),
    "fashion-best": (28, 1),
    "fashion-fine-tuned": (32, 1),
    "fashion-lenet-transfer": (32, 1),
    "fashion-mlp": (28, 1),
    "fashion-thresholds": (28, 1),
    "fashion-transfer-cost": (32, 1),
    "mnist-best": (28, 1),
    "mnist-hidden-units": (28, 1),
    "svhn-ann-cnn": (32, 1),
}
"""Side and channels of the images of each shipped study."""
