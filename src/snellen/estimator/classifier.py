"""ImageClassifier: Snellen's training behind scikit-learn's fit and predict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from snellen.api import Run, Study
from snellen.errors import BundleError, DataError, StudyError, shown
from snellen.estimator import images as given
from snellen.estimator.fitted import Bundle, Fit, dataset_of, fit, with_official_parts
from snellen.estimator.recipe import Recipe, recipe_of, with_named_classes
from snellen.plain import say

STATE_FORMAT = 1
BUNDLE_FILES = {"model.json", "model.safetensors", "card.md"}


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of small images for scikit-learn, trained by the engine of `snellen run`.

        clf = snellen.ImageClassifier("lenet-5", epochs=5)
        scores = cross_val_score(clf, images, labels, cv=5)

    model: the name of a network, a list of layers as in a study file, or a study of one model (a path, a dict, a
    snellen.Study). image_shape: (height, width) or (height, width, channels) of flat rows; without one, flat rows are
    a table, whose values are taken as they are. pixel_range: the values that mean black and white; found from images
    when None. validation: share or number of the rows that choose the epoch and stop; None trains on all rows and keeps
    the last epoch. random_state: the seed of a study; None draws one. device, threads: as for Study.run. verbose:
    prints a line an epoch. All other arguments are the keys of a model and of `train` in a study file
    (docs/study-file.md); None leaves them to the study, or to their defaults.

    Attributes: classes_, n_features_in_, history_ (a dict an epoch: loss, accuracy, validation_loss, ...), strategy_
    (how it was computed).
    """

    def __init__(
        self,
        model: Any = "mlp-128",
        *,
        image_shape: Any = None,
        pixel_range: Any = None,
        features: Any = None,
        views: Any = None,
        optimizer: Any = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        schedule: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        min_delta: float | None = None,
        start_from_epoch: int | None = None,
        measure: str | None = None,
        clip_norm: float | None = None,
        clip_parameter_norm: float | None = None,
        clip_value: float | None = None,
        l1: float | None = None,
        l2: float | None = None,
        label_smoothing: float | None = None,
        class_weights: Any = None,
        augment: Any = None,
        validation: float | int | None = None,
        random_state: Any = 0,
        device: str = "auto",
        threads: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.image_shape = image_shape
        self.pixel_range = pixel_range
        self.features = features
        self.views = views
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.epochs = epochs
        self.batch_size = batch_size
        self.patience = patience
        self.min_delta = min_delta
        self.start_from_epoch = start_from_epoch
        self.measure = measure
        self.clip_norm = clip_norm
        self.clip_parameter_norm = clip_parameter_norm
        self.clip_value = clip_value
        self.l1 = l1
        self.l2 = l2
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.augment = augment
        self.validation = validation
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> ImageClassifier:
        """Trains on images X, (N, H, W), (N, H, W, C) or flat rows, with labels y (N,). A fit that fails or is
        interrupted leaves the classifier unfitted. Raises ValueError with one sentence for each mistake."""
        self._forget()
        try:
            self._fit(X, y)
        except BaseException:
            self._forget()
            raise
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, K) float32 probabilities, in the order of `classes_`: the bits that a run would store."""
        check_is_fitted(self)
        return self._bundle.probabilities(self._images(X), self.device)

    def predict(self, X: Any) -> np.ndarray:
        """(N,) the most probable class of each image."""
        probabilities = self.predict_proba(X)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def save(self, path: str | Path) -> None:
        """Writes the model as a bundle, a folder that `snellen predict` and `snellen.load_bundle` open."""
        check_is_fitted(self)
        self._bundle.save(Path(path))

    def report(self, X_test: Any = None, y_test: Any = None, *, out: str | Path | None = None) -> Run:
        """Runs an ordinary study of this classifier on its training images, into `out`, and returns the run, whose
        `report` is a page.

        After a fit with `validation`, the study trains the job of the fit once more. Otherwise the fit has left nothing
        to judge by, and the study divides the images as studies do. Raises StudyError where the images are gone: a
        classifier is pickled without them.
        """
        check_is_fitted(self)
        done, recipe = self._fit_of, self._recipe
        if done is None or recipe is None:
            hint = "Fit it again."
            raise StudyError("a report needs the training images, which are not pickled with a classifier", hint=hint)
        test = None
        if X_test is not None:
            test = self._images(X_test), self._codes(y_test)
        values = recipe.document.values
        sections = {"seed": self._seed}
        if not len(done.validation):
            sections["split"] = {"seed": self._seed}  # type: ignore[assignment]
        trained = {"train": values["train"]} if values.get("train") else {}
        dataset = with_official_parts(done, test)
        study = Study(str(values["study"]), data=dataset, models={recipe.name: recipe.measured}, **trained, **sections)
        return study.run(out=out, device=self.device, threads=self.threads, progress=bool(self.verbose))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _more_tags(self) -> dict[str, Any]:
        """Tags of scikit-learn before 1.6."""
        return {"X_types": ["2darray", "3darray"]}

    def __getstate__(self) -> dict[str, Any]:
        """The arguments, the bytes of the bundle, and small facts: no weights of torch, no training images."""
        state: dict[str, Any] = {"format": STATE_FORMAT, "parameters": self.get_params(deep=False)}
        if "_bundle" in self.__dict__:
            facts = {name: value for name, value in self.__dict__.items() if _is_fact(name)}
            state |= {"facts": facts, "bundle": dict(self._bundle.files)}
        return state

    def __setstate__(self, state: Any) -> None:
        """Raises BundleError for a state that is none, or a bundle that was changed."""
        if not isinstance(state, Mapping) or state.get("format") != STATE_FORMAT:
            raise BundleError("not a pickled ImageClassifier of this version of Snellen")
        known = set(self._get_param_names())
        parameters, facts, files = (state.get(name, {}) for name in ("parameters", "facts", "bundle"))
        if not all(isinstance(each, Mapping) for each in (parameters, facts, files)) or set(parameters) != known:
            raise BundleError("not a pickled ImageClassifier: other arguments")
        self.__dict__.update(parameters)
        if not files:
            return
        if set(files) != BUNDLE_FILES or not all(isinstance(each, bytes) for each in files.values()):
            raise BundleError(
                "a pickled ImageClassifier without the files of a bundle", found=", ".join(map(str, files))
            )
        bundle, classes = Bundle(dict(files)), facts.get("classes_")
        names = bundle.model.classes
        if not isinstance(classes, np.ndarray) or tuple(map(str, classes.tolist())) != names:
            raise BundleError("a pickled ImageClassifier whose classes are not those of its bundle")
        self.__dict__.update({name: value for name, value in facts.items() if _is_fact(name)})
        self._bundle: Bundle = bundle
        self._fit_of: Fit | None = None
        self._recipe: Recipe | None = None

    def __sklearn_is_fitted__(self) -> bool:
        return "_bundle" in self.__dict__

    def _forget(self) -> None:
        """Removes what a fit has set, and nothing that scikit-learn has put here."""
        for name in [name for name in self.__dict__ if _is_fact(name) or name in ("_bundle", "_fit_of", "_recipe")]:
            del self.__dict__[name]

    def _fit(self, X: Any, y: Any) -> None:
        X, y = _validated(self, X, y)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        recipe = recipe_of(with_named_classes(self.get_params(deep=False), classes))
        shape, stated = given.stated_shape(self.image_shape), given.stated_range(self.pixel_range)
        images = given.as_image_array(X, shape)
        is_table = X.ndim == 2 and shape is None
        if is_table and recipe.model.layers[0].name != "flatten" and not recipe.model.features:
            hint = "Give image_shape=(height, width), or begin the layers with `flatten`."
            raise StudyError("flat rows for a network that looks at the places of pixels", where="X", hint=hint)
        pixel_range = stated or recipe.pixel_range
        self._scale_is_found = pixel_range is None and not is_table
        pixel_range = pixel_range or given.scale_of_fit(images, is_table)
        dataset = dataset_of(images, codes.reshape(-1), classes, pixel_range)
        self._seed = _seed(self.random_state)
        done = fit(
            recipe, dataset, self._seed, self.device, self.threads, _print_epoch if self.verbose else None, is_table
        )
        done.bundle.model  # noqa: B018  reads it as it was stored
        self.classes_, self.history_, self.strategy_ = classes, done.history, done.strategy
        self.n_features_in_ = math.prod(images.shape[1:])
        self._shape = images.shape[1:]
        self._bundle, self._fit_of, self._recipe = done.bundle, done, recipe

    def _images(self, X: Any) -> np.ndarray:
        """(N, H, W, C), in the form and on the scale of the images that were fitted."""
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
        array = _validated_again(self, X) if len(shape) == 2 else check_array(X, allow_nd=True, dtype="numeric")
        if array.ndim == 2:
            array = array.reshape(len(array), *self._shape)
        images = given.as_image_array(array, None)
        if images.shape[1:] != self._shape:
            found, expected = images.shape[1:], self._shape
            raise DataError("images of another shape than in fit", found=found, expected=expected, where="X")
        if self._scale_is_found:
            scale = self._bundle.model.description.input.pixel_range
            given.expect_same_scale(images, scale, array.dtype in (np.uint8, np.bool_))
        return images

    def _codes(self, y: Any) -> np.ndarray:
        labels = np.asarray(y)
        odd = ~np.isin(labels, self.classes_)
        if odd.any():
            raise DataError("a label that was not fitted", found=shown(labels[odd][0].item()), where="y_test")
        return np.searchsorted(self.classes_, labels)


def _is_fact(name: str) -> bool:
    """Whether an attribute is pickled as it is."""
    names = ("classes_", "n_features_in_", "feature_names_in_", "history_", "strategy_")
    return name in (*names, "_shape", "_seed", "_scale_is_found")


def _validated(estimator: Any, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:  # before 1.6
        X, y = estimator._validate_data(X, y, allow_nd=True)
        return X, y
    X, y = validate_data(estimator, X, y, allow_nd=True)
    return X, y


def _validated_again(estimator: Any, X: Any) -> np.ndarray:
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:  # before 1.6
        return np.asarray(estimator._validate_data(X, reset=False))
    return np.asarray(validate_data(estimator, X, reset=False))


def _seed(random_state: Any) -> int:
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise StudyError("bad `random_state`", found=int(random_state), expected="0 or more")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def _print_epoch(row: Mapping[str, Any]) -> None:
    shown_values = [f"{name} {value:.4g}" for name, value in row.items() if name != "epoch" and value is not None]
    say(f"epoch {row['epoch']}: {', '.join(shown_values)}")
