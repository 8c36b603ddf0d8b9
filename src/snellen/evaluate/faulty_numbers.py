"""The effect of faults on purpose on the numbers of a run: the faulty number and the correct one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import COVERS, Estimate, proportion
from snellen.files.inside import inside

HONEST = "honest"
"""The folder of the run without faults, in that of the run with them."""


@dataclass(frozen=True)
class FaultyNumber:
    """One accuracy, or the precision of a threshold. faulty_of, honest_of: what each number measures, in words. faulty,
    honest: None if unknown."""

    fault: str
    model: str
    faulty_of: str
    faulty: Estimate | None
    honest_of: str
    honest: Estimate | None


@dataclass(frozen=True)
class _Sides:
    """The evaluations of the run with faults and of the run without, None if the latter was removed. swapped: whether
    the test images of the honest run are the validation images of the other."""

    faulty: Evaluation
    honest: Evaluation | None
    swapped: bool

    def without(self, model: str, role: str) -> Estimate | None:
        """The accuracy of a model of the honest run; None if unknown."""
        return self.honest.standing(model, role) if self.honest else None


def faulty_numbers(record: RunRecord, evaluation: Evaluation) -> list[FaultyNumber]:
    """The numbers for each fault of the study, in the order of `study.on_purpose.FAULTS`. For a fault in training, the
    honest number is from a run without any of the faults."""
    folder = inside(record.folder, HONEST)
    honest = evaluations.load(RunRecord.open(folder)) if folder.exists() else None
    sides = _Sides(evaluation, honest, "test_as_validation" in record.study.on_purpose)
    return [number for fault in record.study.on_purpose for number in NUMBERS[fault](fault, sides)]


def _judged(evaluation: Evaluation, model: str) -> tuple[str, Estimate | None]:
    """The role on which a model is evaluated, and its accuracy there."""
    role = "test" if model in evaluation.opened else "validation"
    return role, evaluation.standing(model, role)


def _of_training(fault: str, sides: _Sides) -> Iterator[FaultyNumber]:
    """Each model with the fault and without it, on the same images: the test if both were evaluated there."""
    for model in sides.faulty.ranked:
        opened = sides.honest is not None and model in sides.honest.opened
        role = "test" if opened and (sides.swapped or model in sides.faulty.opened) else "validation"
        own = {"test": "validation", "validation": "test"}[role] if sides.swapped else role
        with_fault, without = sides.faulty.standing(model, own), sides.without(model, role)
        if with_fault is not None:
            yield FaultyNumber(
                fault, model, f"{role} images", with_fault, f"{role} images, trained without it", without
            )


def _test_as_validation(fault: str, sides: _Sides) -> Iterator[FaultyNumber]:
    """The best score on the test images, which were used to choose it, and the scores on images that were not used to
    choose."""
    chosen, honest = sides.faulty.chosen, sides.honest.chosen if sides.honest else None
    if chosen is None:
        return
    best = sides.faulty.standing(chosen, "validation")
    words = "the test images, which chose epoch and model"
    fresh = sides.faulty.standing(chosen, "test")
    yield FaultyNumber(fault, chosen, words, best, "other images, which chose nothing, the same network", fresh)
    if honest is not None:
        again = sides.without(honest, "test")
        yield FaultyNumber(fault, chosen, words, best, f"the same test images, `{honest}` chosen by validation", again)


def _last_rows(fault: str, sides: _Sides) -> Iterator[FaultyNumber]:
    """The validation score on the last rows, compared with a random part, and with the test of the same network."""
    for model in sides.faulty.ranked:
        last, drawn = sides.faulty.standing(model, "validation"), sides.without(model, "validation")
        yield FaultyNumber(fault, model, "the last rows", last, "validation images drawn at random", drawn)
        if model in sides.faulty.opened:
            test = sides.faulty.standing(model, "test")
            yield FaultyNumber(fault, model, "the last rows", last, "test images, the same network", test)


def _folds(fault: str, sides: _Sides) -> Iterator[FaultyNumber]:
    for model in sides.faulty.ranked:
        joined, apart = sides.faulty.over_folds(model), sides.honest.over_folds(model) if sides.honest else None
        yield FaultyNumber(fault, model, "folds that go on", joined, "folds from initial weights", apart)


def _on_training(fault: str, sides: _Sides) -> Iterator[FaultyNumber]:
    for model in sides.faulty.ranked:
        role, judged = _judged(sides.faulty, model)
        trained = sides.faulty.estimate(model, "train", "accuracy")
        yield FaultyNumber(fault, model, "training images", trained, f"{role} images", judged)


def _among_true(fault: str, sides: _Sides) -> Iterator[FaultyNumber]:
    """For each threshold of a class: the precision among all accepted images, or wrongly among those of the class
    only."""
    for model in sides.faulty.ranked:
        found = sides.faulty.confidence.get(model)
        for one in found.thresholds if found else ():
            role = next((role for role in ("test", "calibration", "validation") if role in one.achieved), None)
            if one.wanted.class_name is None or role is None or one.threshold is None:
                continue
            honest = one.achieved[role].precision
            hits = round((honest.value or 0.0) * honest.n)
            of = f"precision of {one.wanted.class_name} from {round(one.threshold, 4)} on {role}"
            true = proportion(hits, hits, COVERS[role])
            yield FaultyNumber(fault, model, f"{of}, among true ones", true, f"{of}, among all accepted", honest)


NUMBERS: dict[str, Callable[[str, _Sides], Iterator[FaultyNumber]]] = {
    "test_as_validation": _test_as_validation,
    "last_rows_validation": _last_rows,
    "keep_last_epoch": _of_training,
    "unscaled_pixels": _of_training,
    "folds_continue_training": _folds,
    "report_on_training": _on_training,
    "threshold_among_true": _among_true,
}
