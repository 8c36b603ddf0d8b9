"""Snellen trains, compares and explains classifiers of small images.

    import snellen
    run = snellen.Study.load("digits").run()
    run.leaderboard

Names are loaded when they are first used, so that `import snellen` costs nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
"""Read when torch is loaded: threads that wait for each other sleep. Where another process has one of the cores, two
that spin take ten times as long as one (docs/log.md)."""

if TYPE_CHECKING:
    from snellen.api import Run, Study
    from snellen.data.as_dataset import as_dataset
    from snellen.data.dataset import Dataset
    from snellen.data.readers.arrays import from_arrays
    from snellen.deploy.load_bundle import load_bundle
    from snellen.errors import SnellenError
    from snellen.estimator.classifier import ImageClassifier
    from snellen.keras_import.bundle import import_keras
    from snellen.run.evaluate_given import evaluate_data

__all__ = [
    "Dataset",
    "ImageClassifier",
    "Run",
    "SnellenError",
    "Study",
    "__version__",
    "as_dataset",
    "evaluate_data",
    "from_arrays",
    "import_keras",
    "load_bundle",
]

_MODULES = {
    "Dataset": "snellen.data.dataset",
    "ImageClassifier": "snellen.estimator.classifier",
    "Run": "snellen.api",
    "SnellenError": "snellen.errors",
    "Study": "snellen.api",
    "as_dataset": "snellen.data.as_dataset",
    "evaluate_data": "snellen.run.evaluate_given",
    "from_arrays": "snellen.data.readers.arrays",
    "import_keras": "snellen.keras_import.bundle",
    "load_bundle": "snellen.deploy.load_bundle",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'snellen' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
