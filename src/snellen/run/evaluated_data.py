"""The result of `snellen evaluate`: one network on labelled images that came later, compared with the test of its
run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from snellen.data.splits.vault import Openings
from snellen.deploy.answers import Answers, applied
from snellen.deploy.model import Model
from snellen.deploy.predict import LabelledPart
from snellen.evaluate.calibration import NetworkPredictions, Temperature
from snellen.evaluate.confidence import Confidence, confidence_of
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.score_drop import ScoreDrop
from snellen.evaluate.scores import COVERS, SCHEMA, Estimate, proportion, score, table
from snellen.evaluate.thresholds import ThresholdResult, Wanted, achieved_on
from snellen.models.bundle_optional_sections import Threshold
from snellen.models.predictions import Predictions
from snellen.run.own_run import FITTED, OwnImages, OwnRun
from snellen.statistics.learn_then_test import Certificate

ROLE = "evaluated"


@dataclass(frozen=True)
class Unfamiliar:
    """The evaluated images that are unlike the training images. by_chance: the expected number if all images were like
    the training images; more: whether there are more than chance explains. like, unlike: accuracy on the other images
    and on these."""

    images: int
    share: Estimate
    by_chance: float
    more: bool
    like: Estimate
    unlike: Estimate


@dataclass(frozen=True)
class UnknownClass:
    """Images of a class that the model does not have. answer, answers: the most frequent answer, and how often it is
    given. confidence: the mean probability of the answers. unlike: the number of images unlike the training images;
    None if the bundle has no such measure."""

    class_name: str
    images: int
    answer: str
    answers: int
    confidence: float
    unlike: int | None


@dataclass(frozen=True, eq=False)
class DataEvaluation:
    """One network on labelled images from outside its training. sources: as they were given. predictions: raw ones, of
    the evaluated images, whose rows are indices into `answers`. images: (N, H, W, C) uint8, those of all answers. test:
    the answers of the same network on the test of its run; no_test: why there are none, a clause. copies: images of the
    run among these images; no_copies: why that is unknown, a clause. drop: None with no_test. openings: uses of these
    labels by this user, including this one; test_openings: those of the test of the run, if images of it are among
    these images. remarks: how the images were read; failed: images that could not be read.
    """

    model: Model
    run: OwnRun | None
    sources: tuple[str, ...]
    answers: Answers
    images: np.ndarray
    part: LabelledPart
    predictions: Predictions
    test: Predictions | None
    no_test: str | None
    copies: OwnImages | None
    no_copies: str | None
    drop: ScoreDrop | None
    openings: int
    test_openings: Openings | None
    remarks: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.model.description.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the model."""
        return self.model.classes

    @cached_property
    def evaluation(self) -> Evaluation:
        """The scores on these images and on the test, in the form of a run's scores."""
        job = self.model.description.job
        rows = [
            row
            for each in (self.predictions, self.test)
            if each is not None
            for row in table(self.name, job, each.role, score(each, self.classes))
        ]
        frame = pl.DataFrame(rows, schema=SCHEMA)
        return Evaluation((self.name,), (), Openings(0, self.openings), frame, confidence={self.name: self.confidence})

    @cached_property
    def confidence(self) -> Confidence:
        """Calibration on these images and on the test, with the temperature and the thresholds of the model."""
        sections, value = self.model.description.sections, self.model.temperature
        fitted = sections.temperature if sections else None
        by_role = {each.role: each for each in (self.predictions, self.test) if each is not None}
        return confidence_of(
            NetworkPredictions(self.model.description.job, None, by_role),
            self.classes,
            Temperature(fitted.value, fitted.role, fitted.images) if fitted else None,
            [_threshold(each, by_role, self.classes, value) for each in self.model.thresholds],
        )

    @property
    def scores(self) -> pl.DataFrame:
        """Every score with its interval: a row for each role (evaluated, test), measure and class."""
        return self.evaluation.scores

    @property
    def table(self) -> pl.DataFrame:
        """One row for each image, as `snellen predict --csv` writes it, and whether it was evaluated."""
        frame, evaluated = applied(self.answers, self.model).table(), np.zeros(len(self.answers.ids), bool)
        evaluated[self.predictions.rows] = True
        return frame.insert_column(1, pl.Series("evaluated", evaluated))

    @property
    def missing(self) -> list[str]:
        """Classes of the model without an evaluated image."""
        there = set(self.labels.tolist())
        return [name for code, name in enumerate(self.classes) if code not in there]

    @property
    def left_out(self) -> dict[str, int]:
        """Images that training or the choice of the epoch used, by role: they are not evaluated."""
        if self.copies is None:
            return {}
        return {role: number for role, number in self.copies.counts(self.part.rows).items() if role in FITTED}

    @property
    def copies_of_test(self) -> int:
        """Evaluated images that are test images of the run."""
        return self._copies("test")

    @property
    def copies_of_calibration(self) -> int:
        """Evaluated images that are calibration images of the run, which its thresholds were certified on."""
        return self._copies("calibration")

    def _copies(self, role: str) -> int:
        return 0 if self.copies is None else self.copies.counts(self.predictions.rows).get(role, 0)

    @cached_property
    def unfamiliar(self) -> Unfamiliar | None:
        """The images unlike the training images; None if the bundle has no such measure."""
        if self.model.distance is None or self.answers.unfamiliar is None:
            return None
        rows, covers = self.predictions.rows, COVERS[ROLE]
        unlike, right = self.answers.unfamiliar[rows], self.predictions.predicted == self.labels
        number = int(unlike.sum())
        return Unfamiliar(
            number,
            proportion(number, len(rows), covers),
            self.model.distance.rate * len(rows),
            self.model.distance.is_more_than_chance(number, len(rows)),
            proportion(int((right & ~unlike).sum()), len(rows) - number, covers),
            proportion(int((right & unlike).sum()), number, covers),
        )

    @property
    def unknown(self) -> list[UnknownClass]:
        """Classes of the data that the model does not have, largest first."""
        return [self._unknown(name, self.part.unknown[name]) for name in self.part.unknown_counts]

    def _unknown(self, name: str, rows: np.ndarray) -> UnknownClass:
        probabilities, unlike = self.answers.probabilities[rows], self.answers.unfamiliar
        answers = np.bincount(probabilities.argmax(1), minlength=len(self.classes))
        most = int(answers.argmax())
        return UnknownClass(
            name,
            len(rows),
            self.classes[most],
            int(answers[most]),
            float(probabilities.max(1).mean()),
            None if unlike is None else int(unlike[rows].sum()),
        )

    @property
    def labels(self) -> np.ndarray:
        """(n,) int64 labels of the evaluated images."""
        assert self.predictions.labels is not None  # chosen by their labels
        return self.predictions.labels


def _threshold(
    certified: Threshold, by_role: Mapping[str, Predictions], classes: tuple[str, ...], temperature: float | None
) -> ThresholdResult:
    """A threshold of the bundle as it was certified, and what it achieves on each role."""
    code = None if certified.class_name is None else classes.index(certified.class_name)
    return ThresholdResult(
        Wanted(certified.class_name, certified.measure, certified.target),
        certified.threshold,
        Certificate(
            certified.target,
            certified.delta,
            certified.threshold,
            certified.threshold,
            certified.hits,
            certified.accepted,
            certified.provable,
            None,
        ),
        {role: achieved_on(each, certified.threshold, code, temperature) for role, each in by_role.items()},
    )
