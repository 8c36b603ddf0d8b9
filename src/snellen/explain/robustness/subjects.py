"""The networks that an analysis tries on corrupted images: which network of each model, on which images, with which
thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.errors import unknown
from snellen.evaluate.calibration import network_predictions, temperature_of
from snellen.evaluate.confidence import wanted_thresholds
from snellen.evaluate.record import RunRecord
from snellen.evaluate.thresholds import ThresholdResult, threshold_results
from snellen.explain.analysis_inputs import RunWithImages
from snellen.models.build import Network
from snellen.models.forward import predict_probabilities, resident
from snellen.models.layer import Tensors
from snellen.models.predictions import Predictions

WHITE = (0.0, 255.0)


@dataclass(frozen=True, eq=False)
class Subject:
    """One network of a model. predictions: the stored predictions, with labels, for the images that it is tried on:
    those of the test if the model was evaluated there, else those of validation. thresholds: those of the model that
    have a value. temperature: None if none was fitted."""

    model: str
    job: str
    network: Network
    parameters: Tensors
    state: Tensors
    predictions: Predictions
    temperature: float | None
    thresholds: tuple[ThresholdResult, ...]

    def probabilities(self, images: np.ndarray, device: str) -> np.ndarray:
        """(N, K) float32 probabilities, before the temperature, for (N, H, W, C) uint8 images."""
        given = resident(images, device)
        return predict_probabilities(self.network, self.parameters, self.state, given, WHITE)


def subjects_of(run: RunWithImages, models: Sequence[str] | None) -> list[Subject]:
    """One subject for each model whose training succeeded: the network of its bundle, if it has labelled predictions.
    Raises UnknownName if there is none.
    """
    chosen = [model for model in run.record.done if models is None or model in models]
    if not chosen:
        raise unknown("model", (models or ("",))[0], run.record.done, where="analyses: robustness")
    return [found for model in chosen if (found := _subject(run, model)) is not None]


def depends_on(record: RunRecord) -> dict[str, Any]:
    """What a result depends on, in addition to the jobs of the models: thresholds, temperature, the networks of the
    bundles."""
    study = record.study
    return {
        "thresholds": [each.model_dump(mode="json") for each in study.thresholds],
        "calibrate": study.calibrate,
        "networks": {model: record.planned[model].shipped for model in record.done},
    }


def _subject(run: RunWithImages, model: str) -> Subject | None:
    planned = run.record.planned[model]
    for job, role in ((planned.shipped, "test"), (planned.job, "validation")):
        folder = run.record.folder_of(job)
        predictions = folder.read_predictions(role)
        if predictions is not None and predictions.labels is not None and len(predictions):
            break
    else:
        return None
    network, parameters, state = folder.load_network(str(run.images.device))
    temperature, thresholds = _decisions(run.record, model) if job == planned.shipped else (None, ())
    return Subject(model, job, network, parameters, state, predictions, temperature, thresholds)


def _decisions(record: RunRecord, model: str) -> tuple[float | None, tuple[ThresholdResult, ...]]:
    """The temperature and the thresholds of the network of the bundle."""
    network = network_predictions(record, model, opened=False)
    fitted = temperature_of(network) if record.study.calibrate == "temperature" else None
    temperature = fitted.value if fitted else None
    found = threshold_results(wanted_thresholds(record), network, record.classes, temperature)
    return temperature, tuple(each for each in found if each.threshold is not None)
