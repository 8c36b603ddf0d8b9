"""Curves: a model trained again and again with one value changed, each with several seeds, after the study's own jobs.

A point whose resolved configuration is that of a job of the study is that job, and is not trained again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from snellen.data.splits.split_data import RoleRows, SplitData
from snellen.data.splits.stratified import nested_sample, nested_sample_by_class, random_numbers
from snellen.errors import StudyError, located
from snellen.models.layer import Layer
from snellen.study.analyses import Curves
from snellen.study.jobs import Collector, add_jobs
from snellen.study.plan import Plan
from snellen.study.points import Curve, Point
from snellen.study.schema import Model, StudyFile
from snellen.study.train_section import Train
from snellen.train.lane import Lane

IMAGES, A_CLASS = "images", "images_a_class"
STEPS: Mapping[str, tuple[str, str]] = {
    "width": ("dense", "units"),
    "components": ("pca", "keep"),
    "pixels": ("top_pixels", "count"),
}
"""Which step of a model a curve changes, and which argument of it."""

MISFITS = {
    "width": "it has no hidden `dense` layer",
    "components": "it has no `pca` among its features",
    "pixels": "it has no `top_pixels` among its features",
}
FIRST, MOST = {"width": 1, "components": 2, "pixels": 8}, {"width": 256, "components": 256, "pixels": 512}
"""Where values begin and end that a study leaves open; each is twice the one before."""

HALVINGS = 4
"""How often the training images are halved where a study leaves their numbers open: five sizes."""

SIZES_A_CLASS = (10, 30, 100, 300, 1_000)
"""Images of each class where a study leaves their numbers open, those that every class has."""

PURPOSE = 8
"""Of the random numbers that decide which images a smaller training set keeps."""
PURPOSE_BY_CLASS = 9 * 2**32
"""The same for images of each class; the seed of the network is added, so that each seed draws its own."""


def with_curves(planned: Plan, study: StudyFile, data: SplitData) -> Plan:
    """The plan and, in stages of their own, the jobs of all points that it does not have yet.

    Raises StudyError for a value that the model or the data do not allow.
    """
    wanted = [options for options in study.analyses if isinstance(options, Curves)]
    if not wanted:
        return planned
    inputs = _CurveInputs(study, data, Collector(predicted=("validation",)))
    curves = tuple(
        _curve(name, model, options, inputs)
        for options in wanted
        for name, model in study.models.items()
        if name in (options.models or study.models) and misfit((*model.features, *model.layers), options) is None
    )
    known = {job for lane in planned.lanes for job in lane.ids}
    stages = (_unknown(stage, known) for stage in inputs.collected.stages())
    return replace(planned, stages=(*planned.stages, *(stage for stage in stages if stage)), curves=curves)


def misfit(steps: Iterable[Layer], options: Curves) -> str | None:
    """Why a model cannot be changed so, or None. steps: its features and layers, without the implied last one."""
    if options.over in (IMAGES, A_CLASS) or any(step.name == STEPS[options.over][0] for step in steps):
        return None
    return MISFITS[options.over]


def options_json(options: Curves) -> dict[str, Any]:
    """What of the options makes a curve: all but the names of models."""
    return {name: value for name, value in options.model_dump(mode="json")[options.name].items() if name != "models"}


def varied(steps: Sequence[Layer], over: str, value: int, by: str | None = None) -> tuple[Layer, ...]:
    """The features and layers of a model, but for the implied last one, with one value changed in the last of its kind.

    Raises StudyError for a value out of range.
    """
    place, argument = place_of(steps, over)
    values = {**dict(steps[place]), argument: value, **({"by": by} if by else {})}
    try:
        changed = type(steps[place]).model_validate(values)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise StudyError(f"`{argument}` of `{steps[place].name}`: {reason}", found=f"{value:,}") from None
    return (*steps[:place], changed, *steps[place + 1 :])


def place_of(steps: Sequence[Layer], over: str) -> tuple[int, str]:
    """Which step a curve changes, and which argument of it."""
    kind, argument = STEPS[over]
    return max(place for place, step in enumerate(steps) if step.name == kind), argument


def nested_rows(labels: np.ndarray, rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` ascending rows with the proportions of the classes; a larger count has all of a smaller one's.

    labels: (N,) of the data set.
    """
    if not 1 <= count <= len(rows):
        raise StudyError("not as many training images", found=f"{count:,}", expected=f"1 to {len(rows):,}")
    return nested_sample(rows, count, labels, random_numbers(len(labels), seed, PURPOSE))


def rows_by_class(labels: np.ndarray, rows: np.ndarray, count: int, seed: int, network_seed: int) -> np.ndarray:
    """`count` ascending rows of each class; a larger count has all of a smaller one's. They depend on the two seeds,
    and not on the model. labels: (N,) of the data set."""
    return nested_sample_by_class(
        rows, count, labels, random_numbers(len(labels), seed, PURPOSE_BY_CLASS + network_seed)
    )


@dataclass(frozen=True, eq=False)
class _CurveInputs:
    """What all curves of a study stand on."""

    study: StudyFile
    data: SplitData
    collected: Collector

    @property
    def images(self) -> int:
        """How many the study trains on."""
        return len(self.data.main.rows["train"])

    def rows(self, count: int) -> RoleRows:
        """The study's own with so many training rows."""
        dataset, main = self.data.dataset, self.data.main
        if count == self.images:
            return main
        return main.with_train(dataset, nested_rows(dataset.labels, main.rows["train"], count, self.study.split.seed))

    @property
    def smallest_class(self) -> tuple[int, str]:
        """The number of training images of the class that has the fewest, and its name."""
        dataset = self.data.dataset
        counts = np.bincount(dataset.labels[self.data.main.rows["train"]], minlength=len(dataset.classes))
        return int(counts.min()), dataset.classes[int(counts.argmin())]

    def rows_by_class(self, count: int, network_seed: int) -> RoleRows:
        """The study's own with so many training rows of each class."""
        dataset, main = self.data.dataset, self.data.main
        rows = rows_by_class(dataset.labels, main.rows["train"], count, self.study.split.seed, network_seed)
        return main if len(rows) == self.images else main.with_train(dataset, rows)


def _curve(name: str, model: Model, options: Curves, inputs: _CurveInputs) -> Curve:
    points = []
    for by in options.by or (None,):
        for value in _values(options, inputs):
            with located(f"analyses: curves over {options.over} of {name} at {value:,}"):
                points.append(_point(model, options, value, by, inputs))
    return Curve(name, options_json(options), tuple(points))


def _values(options: Curves, inputs: _CurveInputs) -> Sequence[int]:
    """Those of the study, else doublings within the size of an image, or halvings of the training images."""
    if options.over == A_CLASS:
        return _sizes_a_class(options, inputs)
    if options.values:
        return options.values
    if options.over == IMAGES:
        images = inputs.images
        return sorted({max(1, round(images / 2**halving)) for halving in range(HALVINGS + 1)})
    most = (
        MOST[options.over] if options.over == "width" else min(MOST[options.over], math.prod(inputs.data.dataset.shape))
    )
    doublings = range(round(math.log2(MOST[options.over] / FIRST[options.over])) + 1)
    return [value for value in (FIRST[options.over] * 2**doubling for doubling in doublings) if value <= most]


def _sizes_a_class(options: Curves, inputs: _CurveInputs) -> Sequence[int]:
    """Those of the study, else those of SIZES_A_CLASS that every class has. Raises StudyError where a class has too
    few training images."""
    fewest, name = inputs.smallest_class
    values = options.values or [value for value in SIZES_A_CLASS if value <= fewest]
    if len(values) < 2 or values[-1] > fewest:
        wanted = values[-1] if options.values else SIZES_A_CLASS[1]
        raise StudyError(
            f"class {name} has too few training images for a curve over images a class",
            found=f"{fewest:,}",
            expected=f"at least {wanted:,}",
            where="analyses: curves",
            hint=f"Give smaller `values`, up to {fewest:,}.",
        )
    return values


def _point(model: Model, options: Curves, value: int, by: str | None, inputs: _CurveInputs) -> Point:
    dataset, (images, most) = inputs.data.dataset, _training_images(options, value, inputs)
    phases = _phases(model, options, images, most)
    changed = model.model_copy(update={**_parts(model, options.over, value, by), "train": phases})
    seeds = range(inputs.study.seed, inputs.study.seed + options.seeds)
    if options.over == A_CLASS:
        drawn = ((seed, inputs.rows_by_class(value, seed)) for seed in seeds)
        chains = {seed: add_jobs(changed, dataset, rows, [seed], inputs.collected)[seed] for seed, rows in drawn}
    else:
        chains = add_jobs(changed, dataset, inputs.rows(images), seeds, inputs.collected)
    return Point(
        value,
        by,
        {seed: chain[-1].id for seed, chain in chains.items()},
        images,
        sum(phase.epochs for phase in changed.train),
        sum(phase.epochs * math.ceil(images / phase.batch_size) for phase in changed.train),
        chains[inputs.study.seed][-1].trajectory.network.parameter_count,
    )


def _training_images(options: Curves, value: int, inputs: _CurveInputs) -> tuple[int, int]:
    """How many images a point is trained on, and how many the longest training of its curve: that of the largest value
    where a study has a few images of each class, else that of the study."""
    if options.over == A_CLASS:
        classes = len(inputs.data.dataset.classes)
        return value * classes, _sizes_a_class(options, inputs)[-1] * classes
    return value if options.over == IMAGES else inputs.images, inputs.images


def _phases(model: Model, options: Curves, images: int, all_images: int) -> tuple[Train, ...]:
    """The training of a point: of fewer images so many more epochs that the steps are as many, and none left out."""
    last = model.last_phase.model_copy(update={"epochs": options.epochs or model.last_phase.epochs})
    phases = (*model.train[:-1], last)
    if options.over not in (IMAGES, A_CLASS):
        return phases
    return tuple(
        phase.model_copy(update={"epochs": _as_many_steps(phase, images, all_images), "patience": None})
        for phase in phases
    )


def _as_many_steps(phase: Train, images: int, all_images: int) -> int:
    longest = math.ceil(all_images / phase.batch_size)
    return max(1, round(phase.epochs * longest / math.ceil(images / phase.batch_size)))


def _parts(model: Model, over: str, value: int, by: str | None) -> dict[str, tuple[Layer, ...]]:
    if over in (IMAGES, A_CLASS):
        return {}
    steps, features = varied((*model.features, *model.layers), over, value, by), len(model.features)
    return {"features": steps[:features], "layers": steps[features:]}


def _unknown(stage: tuple[Lane, ...], known: set[str]) -> tuple[Lane, ...]:
    """The lanes of a stage without the jobs that are in the plan already."""
    kept = (replace(lane, jobs=tuple(job for job in lane.jobs if job.id not in known)) for lane in stage)
    return tuple(lane for lane in kept if lane.jobs)
