"""`snellen compare`: models of different runs on the images that they share, and the differences between the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from snellen.errors import RunError, StudyError
from snellen.evaluate.class_differences import ClassDifference
from snellen.evaluate.cross_validation import HELD_OUT
from snellen.evaluate.file_integrity import StoredFiles
from snellen.evaluate.rank_flips import MEASURES, Flip, MeasureDifference, flip_of
from snellen.evaluate.verdicts import equivalence_margin, verdict
from snellen.files.stored import read_json
from snellen.report.sections.phases import epochs_before, whole_history
from snellen.run.compared_pair import ComparedPair, compared_pair
from snellen.run.compared_side import ROLES, ComparedSide, Contents, Key, contents
from snellen.statistics.holm import family
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.results import Difference

JUDGING = ("validation", HELD_OUT, "test")
TABLES = ("study", "data", "environment", "training")
HISTORY = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class RunComparison:
    """A against B in accuracy on the images that they share in a role, or over the same folds. reason: why there is no
    verdict. measures: other measures, with separate 95 % intervals. flip: whether their order depends on the measure,
    by intervals that hold for all comparisons together. classes: recalls. opened: whether this was a new use of test
    labels. networks: number of networks (seeds) of each side; `kind` says whether only the first ones are compared.
    identical: whether they give the same probabilities (recipes: all networks; else the first). relabelled: shared
    images left out because their labels differ."""

    a: str
    b: str
    role: str
    images: int
    relabelled: int
    kind: str | None
    splits: int | None
    networks: tuple[int, int] | None
    difference: Difference | None
    adjusted_p: float | None
    verdict: str | None
    reason: str | None
    measures: Mapping[str, MeasureDifference]
    flip: Flip | None
    classes: Sequence[ClassDifference]
    identical: bool
    opened: bool


@dataclass(frozen=True)
class History:
    """The training history of the first seed of one side. records: one for each epoch, with the keys of HISTORY."""

    kept_epoch: int
    records: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RunsCompared:
    """shared: by pair, the number of images in each role of A and each role of B. scores: those of each side on its own
    images. differing: by table of TABLES, key -> value of each side, only for keys that differ. changed: the stored
    files of a side that were changed or removed, so that its numbers cannot be believed. margin: margin of equivalence,
    a share."""

    names: tuple[str, ...]
    shared: Mapping[tuple[str, str], Mapping[tuple[str, str], int]]
    scores: Mapping[str, Mapping[str, list[dict[str, Any] | None]]]
    comparisons: tuple[RunComparison, ...]
    histories: Mapping[str, History]
    differing: Mapping[str, Mapping[str, list[Any]]]
    changed: Mapping[str, list[str]]
    margin: float

    @property
    def letters(self) -> dict[str, str]:
        """The letter of each side: A, B and so on; numbers after Z."""
        return {name: chr(ord("A") + at) if at < 26 else str(at + 1) for at, name in enumerate(self.names)}

    def as_json(self) -> dict[str, Any]:
        """As a JSON value."""
        shared = [
            {"a": a, "b": b, "role_a": one, "role_b": other, "images": count}
            for (a, b), counts in self.shared.items()
            for (one, other), count in counts.items()
        ]
        return {
            "sides": [*self.names],
            "shared": shared,
            "scores": self.scores,
            "comparisons": [asdict(each) for each in self.comparisons],
            "histories": {name: asdict(each) for name, each in self.histories.items()},
            "differing": self.differing,
            "changed": self.changed,
            "margin": self.margin,
        }


def compare_runs(texts: Sequence[str], data_folder: Path | None = None) -> RunsCompared:
    """Compares two or more sides, each RUN or RUN:MODEL. Raises StudyError for fewer than two sides or one named twice,
    RunError if two runs share no image."""
    sides = [ComparedSide.of(text) for text in texts]
    names = [side.name for side in sides]
    if len(sides) < 2 or len({*names}) < len(names):
        raise StudyError("`compare` needs two different runs or models", found=", ".join(names), expected="A B")
    images = contents(sides, data_folder)
    shared = {
        (sides[i].name, sides[j].name): _shared(images[i].by_role, images[j].by_role)
        for i, j in combinations(range(len(sides)), 2)
    }
    for (a, b), counts in shared.items():
        if not counts:
            raise RunError("these runs share no image", found=f"{a} and {b}", hint="Compare runs of the same data.")
    margin = _margin(sides)
    return RunsCompared(
        tuple(names),
        shared,
        {role: {measure: [_score(side, role, measure) for side in sides] for measure in MEASURES} for role in JUDGING},
        tuple(_judged(_pairs(sides, images), margin)),
        {side.name: _history(side) for side in sides},
        {name: _differing([_facts(side)[name] for side in sides]) for name in TABLES},
        {side.name: changed for side in sides if (changed := sorted(StoredFiles(side.record).changes))},
        margin,
    )


def _shared(a: Mapping[str, list[Key]], b: Mapping[str, list[Key]]) -> dict[tuple[str, str], int]:
    counts = {(one, other): len({*a.get(one, ())} & {*b.get(other, ())}) for one in ROLES for other in ROLES}
    return {pair: count for pair, count in counts.items() if count}


def _score(side: ComparedSide, role: str, measure: str) -> dict[str, Any] | None:
    if role == HELD_OUT:
        estimate = side.evaluation.over_folds(side.model, measure)
    else:
        estimate = side.evaluation.standing(side.model, role, measure)
    return estimate.as_json() if estimate else None


def _margin(sides: Sequence[ComparedSide]) -> float:
    """The margin of practical equivalence, from the best accuracy on validation."""
    scores = [side.evaluation.standing(side.model, "validation") for side in sides]
    return equivalence_margin(1 - max(one.value or 0.0 if one else 0.0 for one in scores))


def _pairs(sides: Sequence[ComparedSide], images: Sequence[Contents]) -> list[ComparedPair]:
    """All pairs on all roles, and over folds if one of them has folds."""
    return [
        compared_pair(sides[i], sides[j], role, (images[i], images[j]))
        for i, j in combinations(range(len(sides)), 2)
        for role in JUDGING
        if role != HELD_OUT or sides[i].folds or sides[j].folds
    ]


def _judged(pairs: Sequence[ComparedPair], margin: float) -> Iterator[RunComparison]:
    """The pairs with verdicts, under one Holm correction."""
    tested = {
        str(place): difference.difference for place, difference in enumerate(pairs) if difference.difference is not None
    }
    adjusted = family([(place, difference.limits.p_value) for place, difference in tested.items()])
    level = SIGNIFICANT / max(1, len(tested))
    for place, pair in enumerate(pairs):
        difference = pair.difference
        word = p_value = None
        if difference is not None and pair.is_judged:
            p_value = adjusted[str(place)]
            word = verdict(difference.limits.difference, difference.limits.at(1 - level), p_value, margin).word
        yield RunComparison(
            pair.a.name,
            pair.b.name,
            pair.role,
            pair.images,
            pair.relabelled,
            difference.kind if difference else None,
            difference.splits if difference else None,
            pair.networks,
            difference.limits.difference if difference else None,
            p_value,
            word,
            pair.reason,
            pair.measures(1 - SIGNIFICANT),
            flip_of(pair.measures(1 - level)),
            pair.classes(),
            pair.is_identical,
            pair.opened,
        )


def _history(side: ComparedSide) -> History:
    records = [{key: each.get(key) for key in HISTORY} for each in whole_history(side.record, side.model)]
    return History(epochs_before(side.record, side.model) + side.record.results[side.model].kept_epoch, records)


def _facts(side: ComparedSide) -> dict[str, dict[str, Any]]:
    """The settings and data of a side, as flat keys by table."""
    record, data = side.record, side.record.data
    values = record.study.model_dump(mode="json", exclude={"models", "study"})
    result, before = record.results[side.model], epochs_before(record, side.model)
    model = record.model(side.model).model_dump(mode="json")
    counts = {f"{role} images": len(rows) for role, rows in side.rows.items()}
    named = ("name", "images", "shape", "classes", "pixel_range", "fingerprint")
    return {
        "study": {**dict(_flat(values)), **dict(_flat(model, "model"))},
        "data": {**{name: data["data"][name] for name in named}, **counts},  # type: ignore[literal-required]
        "environment": dict(_flat(read_json(record.folder / "environment.json"))),
        "training": {
            "parameters": record.job(side.model).read_job().trajectory.network.parameter_count,
            "seeds": len(record.planned[side.model].seeds),
            "kept epoch": before + result.kept_epoch,
            "epochs": before + result.epochs,
            "seconds": result.seconds,
        },
    }


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _differing(facts: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values that differ between sides. A value that is empty on one side and has entries on another is listed by
    its entries only."""
    keys = dict.fromkeys(key for each in facts for key in each)
    named = [key for key in keys if not any(other.startswith(f"{key}.") for other in keys)]
    found = {key: [each.get(key) for each in facts] for key in named}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values[1:])}
