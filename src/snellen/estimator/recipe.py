"""The arguments of ImageClassifier as a study of one model, checked by the schema of study files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snellen.api import Study
from snellen.errors import StudyError, shown, unknown
from snellen.models.backbones.layer import Backbone
from snellen.models.zoo import ZOO
from snellen.study.document import Document, from_values, open_document
from snellen.study.schema import Data, Model, StudyFile

TRAIN_KEYS = (
    *("optimizer", "learning_rate", "weight_decay", "schedule", "epochs", "batch_size", "patience", "min_delta"),
    *("start_from_epoch", "measure", "clip_norm", "clip_parameter_norm", "clip_value", "l1", "l2", "label_smoothing"),
    *("class_weights", "augment"),
)
"""Arguments that are keys of `train` in a study file; None leaves them to the study, or to their default."""
MODEL_KEYS = ("features", "views")
"""Arguments that are keys of a model."""
CHANGES = (
    *("classes", "resize", "resize_crop", "crop", "pad", "grey", "background", "group", "drop_duplicates"),
    *("reviews", "near_duplicates"),
)
"""Keys of `data` that change images, or how they are divided: the estimator takes X as it is."""
BEYOND = ("calibrate", "thresholds", "on_purpose")
"""Keys of a study that change its answers or its training in ways that the estimator does not have."""
NAME, WHERE = "image-classifier", "ImageClassifier"


@dataclass(frozen=True, eq=False)
class Recipe:
    """document: the study of one model, called `name`. validation: share or count of the rows, None for none."""

    document: Document
    name: str
    model: Model
    validation: float | int | None
    pixel_range: tuple[float, float] | None

    @property
    def measured(self) -> Mapping[str, Any]:
        """The model as the study writes it."""
        values: Mapping[str, Any] = self.document.values["models"][self.name]
        return values


def recipe_of(parameters: Mapping[str, Any]) -> Recipe:
    """The recipe of these arguments of ImageClassifier, with `class_weights` by name of the class. Raises StudyError,
    which is a ValueError, with a sentence for each mistake."""
    study_values = _study_of(parameters["model"])
    name, model = _only_model(study_values)
    section = {**model, **_given(parameters, MODEL_KEYS)}
    train = _given(parameters, TRAIN_KEYS)
    if train:
        section["train"] = _with_train(section.get("train"), study_values.get("train"), train)
    values = {**study_values, "models": {name: section}}
    if parameters["validation"] is not None:
        values["split"] = {**(values.get("split") or {}), "validation": parameters["validation"]}
    document = from_values(values, WHERE)
    study = document.study()
    found = study.models[name]
    _expect_simple(study, found)
    validation = study.split.validation
    if validation is not None and not isinstance(validation, int | float):
        raise StudyError("`validation` must be a count or a share", found=shown(validation), where=WHERE)
    if validation is None and any(phase.patience for phase in found.train):
        hint = "Add validation=0.1, for example, or leave `patience` out."
        raise StudyError("`patience` stops by validation images, and there are none", where=WHERE, hint=hint)
    return Recipe(document, name, found, validation, study.data.pixel_range)


def _given(parameters: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: parameters[key] for key in keys if parameters[key] is not None}


def _study_of(model: Any) -> dict[str, Any]:
    """The values of a study with the model in it. Raises StudyError for what is no model."""
    if isinstance(model, Study):
        return dict(model.document.values)
    if isinstance(model, Path) or (isinstance(model, str) and model.endswith((".yaml", ".yml"))):
        return dict(open_document(str(model)).values)
    if isinstance(model, str):
        if model not in ZOO:
            raise unknown("network", model, ZOO, where="`model`")
        return _around(model, {"layers": model})
    if isinstance(model, Mapping):
        if "models" in model:
            return {"study": NAME, "data": "X", **model}
        return _around("model", dict(model))
    if isinstance(model, list | tuple):
        return _around("model", {"layers": list(model)})
    expected = "the name of a network, a list of layers, or a study"
    raise StudyError("bad `model`", found=shown(model), expected=expected, where=WHERE)


def _around(name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    return {"study": NAME, "data": "X", "models": {name: section}}


def _only_model(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    models = values.get("models")
    if not isinstance(models, Mapping) or len(models) != 1 or not isinstance(next(iter(models.values())), Mapping):
        found = ", ".join(map(str, models)) if isinstance(models, Mapping) else shown(models)
        hint = "Give the layers of one of them: model=[...], or a study with one model."
        raise StudyError("an estimator is one model", found=found, expected="a study of one model", hint=hint)
    [(name, section)] = models.items()
    return str(name), dict(section)


def _with_train(own: Any, shared: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(own, list | tuple) or isinstance(shared, list | tuple):
        found = ", ".join(given)
        hint = "Write these values into the phases of the study."
        raise StudyError("training arguments for a study of several phases", found=found, where=WHERE, hint=hint)
    return {**(own or {}), **given}


def _expect_simple(study: StudyFile, model: Model) -> None:
    """Raises StudyError for what only a study does."""
    if model.search is not None:
        hint = "Give them to GridSearchCV, or run the study."
        raise StudyError("values to search in the model of an estimator", where=WHERE, hint=hint)
    if any(isinstance(layer, Backbone) for layer in model.layers):
        raise StudyError("an estimator has no backbones", where=WHERE, hint="Train them by a study: snellen.Study.")
    changed = [name for name in CHANGES if getattr(study.data, name) != Data.model_fields[name].default]
    changed += [name for name in BEYOND if getattr(study, name)]
    if changed:
        hint = "Change X before, or run the study."
        raise StudyError("keys of a study that an estimator does not apply", found=", ".join(changed), hint=hint)


def with_named_classes(parameters: Mapping[str, Any], classes: np.ndarray) -> dict[str, Any]:
    """The same arguments, with `class_weights` by the names of the classes. Raises StudyError for a class that y does
    not have."""
    weights = parameters["class_weights"]
    if not isinstance(weights, Mapping):
        return dict(parameters)
    names = {label: str(label) for label in classes.tolist()}
    odd = [label for label in weights if label not in names and str(label) not in names.values()]
    if odd:
        expected = ", ".join(names.values())
        raise StudyError("`class_weights` of a class that y does not have", found=shown(odd[0]), expected=expected)
    return {**parameters, "class_weights": {names.get(label, str(label)): each for label, each in weights.items()}}
