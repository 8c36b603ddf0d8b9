"""`snellen compare`: models of different runs on the images that they share, and what differs between the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from snellen.data.splits import vault
from snellen.errors import RunError, StudyError
from snellen.evaluate.file_integrity import StoredFiles
from snellen.evaluate.networks import Networks
from snellen.evaluate.pair_differences import PairDifference, Side, difference
from snellen.evaluate.verdicts import equivalence_margin, verdict
from snellen.files.stored import read_json
from snellen.metrics.scores import METRICS
from snellen.run.compared_side import ROLES, ComparedSide, Key, contents
from snellen.statistics.holm import family
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.results import Difference

JUDGING = ("validation", "test")
MEASURES = ("accuracy", "macro_f1", "loss")
TABLES = ("study", "data", "environment", "training")


@dataclass(frozen=True)
class RunComparison:
    """A against B in accuracy on the images that they share in a role. reason: why there is no verdict. measures: the
    value of each measure on these images, mean over seeds, of A and of B. opened: whether this was a new use of test
    labels. relabelled: shared images left out because their labels differ."""

    a: str
    b: str
    role: str
    images: int
    relabelled: int
    kind: str | None
    difference: Difference | None
    adjusted_p: float | None
    verdict: str | None
    reason: str | None
    measures: Mapping[str, tuple[float, float]]
    flips: str | None
    opened: bool


@dataclass(frozen=True)
class RunsCompared:
    """shared: by pair, the images in a role of A and a role of B. scores: of each side on its own images. differing:
    by table of TABLES, key -> value of each side, only where they differ. changed: the stored files
    of a side that were changed or removed, so that its numbers cannot be believed."""

    names: tuple[str, ...]
    shared: Mapping[tuple[str, str], Mapping[tuple[str, str], int]]
    scores: Mapping[str, Mapping[str, list[dict[str, Any] | None]]]
    comparisons: tuple[RunComparison, ...]
    differing: Mapping[str, Mapping[str, list[Any]]]
    changed: Mapping[str, list[str]]

    def as_json(self) -> dict[str, Any]:
        """As a JSON value."""
        shared = [
            {"a": a, "b": b, "role_a": one, "role_b": other, "images": count}
            for (a, b), counts in self.shared.items()
            for (one, other), count in counts.items()
        ]
        comparisons = [asdict(each) for each in self.comparisons]
        return {
            "sides": [*self.names],
            "shared": shared,
            "scores": self.scores,
            "comparisons": comparisons,
            "differing": self.differing,
            "changed": self.changed,
        }


def compare_runs(texts: Sequence[str], data_folder: Path | None = None) -> RunsCompared:
    """Compares two or more sides, each RUN or RUN:MODEL. Raises StudyError for fewer than two or one named twice,
    RunError where two runs share no image."""
    sides = [ComparedSide.of(text) for text in texts]
    names = [side.name for side in sides]
    if len(sides) < 2 or len({*names}) < len(names):
        raise StudyError("`compare` needs two different runs or models", found=", ".join(names), expected="A B")
    keys = contents(sides, data_folder)
    shared = {(sides[i].name, sides[j].name): _shared(keys[i], keys[j]) for i, j in combinations(range(len(sides)), 2)}
    for (a, b), counts in shared.items():
        if not counts:
            raise RunError("these runs share no image", found=f"{a} and {b}", hint="Compare runs of the same data.")
    return RunsCompared(
        tuple(names),
        shared,
        {role: {measure: [_score(side, role, measure) for side in sides] for measure in MEASURES} for role in JUDGING},
        tuple(_judged(sides, keys)),
        {name: _differing([_facts(side)[name] for side in sides]) for name in TABLES},
        {side.name: changed for side in sides if (changed := sorted(StoredFiles(side.record).changes))},
    )


def _shared(a: Mapping[str, list[Key]], b: Mapping[str, list[Key]]) -> dict[tuple[str, str], int]:
    counts = {(one, other): len({*a.get(one, ())} & {*b.get(other, ())}) for one in ROLES for other in ROLES}
    return {pair: count for pair, count in counts.items() if count}


def _score(side: ComparedSide, role: str, measure: str) -> dict[str, Any] | None:
    found = side.evaluation.standing(side.model, role, measure)
    return found.as_json() if found else None


def _judged(sides: Sequence[ComparedSide], keys: Sequence[Mapping[str, list[Key]]]) -> Iterator[RunComparison]:
    """All pairs on all roles, one family under one Holm correction."""
    pairs = [
        _Pair(sides[i], sides[j], role, keys[i], keys[j])
        for i, j in combinations(range(len(sides)), 2)
        for role in JUDGING
    ]
    tested = {str(place): one.difference for place, one in enumerate(pairs) if one.difference is not None}
    adjusted = family([(place, one.limits.p_value) for place, one in tested.items()])
    level = SIGNIFICANT / max(1, len(tested))
    best = max(
        (side.evaluation.standing(side.model, "validation") for side in sides),
        key=lambda one: one.value if one and one.value else 0.0,
    )
    margin = equivalence_margin(1 - (best.value if best and best.value else 0.0))
    for place, pair in enumerate(pairs):
        one = pair.difference
        word = p_value = None
        if one is not None and pair.reason is None:
            p_value = adjusted[str(place)]
            word = verdict(one.limits.difference, one.limits.at(1 - level), p_value, margin).word
        yield RunComparison(
            pair.a.name,
            pair.b.name,
            pair.role,
            len(pair.places[0]),
            pair.relabelled,
            one.kind if one else None,
            one.limits.difference if one else None,
            p_value,
            word,
            pair.reason,
            pair.measures,
            _flips(pair.a.name, pair.b.name, pair.measures),
            pair.opened,
        )


class _Pair:
    """Two sides on the images that both have in a role, with equal labels."""

    def __init__(
        self,
        a: ComparedSide,
        b: ComparedSide,
        role: str,
        a_keys: Mapping[str, list[Key]],
        b_keys: Mapping[str, list[Key]],
    ) -> None:
        self.a, self.b, self.role = a, b, role
        self.relabelled, self.measures = 0, dict[str, tuple[float, float]]()
        self.difference: PairDifference | None = None
        self.opened = False
        there = {key: place for place, key in enumerate(b_keys.get(role, ()))}
        found = [(place, there[key]) for place, key in enumerate(a_keys.get(role, ())) if key in there]
        self.places = np.array(found, np.int64).reshape(-1, 2).T
        self.reason = self._judge() if found else f"they share no {role} image"

    def _judge(self) -> str | None:
        """Fills in the difference and the measures; returns why there is no verdict, else None."""
        networks = [side.networks(self.role) for side in (self.a, self.b)]
        for side, own in zip((self.a, self.b), networks, strict=True):
            if own is None and self.role == "test":
                return f"the test was not opened for {side.name}; `open_test` in its study opens it"
            if own is None:
                return f"{side.name} has no labelled {self.role} predictions of its own"
        one, other = (each for each in networks if each is not None)
        if self.a.record.classes != self.b.record.classes:
            return "their classes differ"
        self.opened = self.role == "test" and self._record_opening()
        equal = one.labels[self.places[0]] == other.labels[self.places[1]]
        self.relabelled, self.places = int((~equal).sum()), self.places[:, equal]
        if not equal.any():
            return "no shared image has the same label in both"
        selected = [side.why_selected(self.role) for side in (self.a, self.b)]
        sides = [
            Side(own.per_image("accuracy")[:, places].astype(bool), selected=why is not None)
            for own, places, why in zip((one, other), self.places, selected, strict=True)
        ]
        self.difference = difference(*sides)
        self.measures = {
            measure: (_mean(one, self.places[0], measure), _mean(other, self.places[1], measure))
            for measure in MEASURES
        }
        return "; ".join(why for why in selected if why) or None

    def _record_opening(self) -> bool:
        """Records, in the user's log of each test part, that its labels served one more comparison."""
        new = False
        for side, other in ((self.a, self.b), (self.b, self.a)):
            job = side.record.planned[side.model].tested[0]
            against = other.record.planned[other.model].tested[0]
            new |= vault.record_comparison(
                vault.stored_fingerprint(side.record.folder),
                study=side.record.study.study,
                job=job,
                model=side.model,
                reason=f"compare with job {against}",
            )
        return new


def _mean(networks: Networks, places: np.ndarray, measure: str) -> float:
    labels = networks.labels[places]
    return float(np.mean([METRICS[measure].function(labels, each.probabilities[places]) for each in networks.all]))


def _flips(a: str, b: str, measures: Mapping[str, tuple[float, float]]) -> str | None:
    """Which measures put A first and which B, where they disagree; an order is no claim."""
    first: dict[str, list[str]] = {a: [], b: []}
    for name, (one, other) in measures.items():
        if one != other:
            first[a if (one > other) == METRICS[name].higher_is_better else b].append(name)
    if not all(first.values()):
        return None
    return "The order depends on the measure: " + "; ".join(
        f"{side} is first by {', '.join(by)}" for side, by in first.items()
    )


def _facts(side: ComparedSide) -> dict[str, dict[str, Any]]:
    """What a side is made of, as flat keys by table."""
    record, data = side.record, side.record.data
    values = record.study.model_dump(mode="json", exclude={"models", "study"})
    result = record.results[side.model]
    own = record.model(side.model).model_dump(mode="json")
    counts = {f"{role} images": len(rows) for role, rows in side.rows.items()}
    named = ("name", "images", "shape", "classes", "pixel_range", "fingerprint")
    return {
        "study": {**dict(_flat(values)), **dict(_flat(own, "model"))},
        "data": {**{name: data["data"][name] for name in named}, **counts},  # type: ignore[literal-required]
        "environment": dict(_flat(read_json(record.folder / "environment.json"))),
        "training": {
            "parameters": record.job(side.model).read_job().trajectory.network.parameter_count,
            "seeds": len(record.planned[side.model].seeds),
            "kept epoch": result.kept_epoch,
            "epochs": result.epochs,
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
    found = {key: [each.get(key) for each in facts] for key in dict.fromkeys(key for each in facts for key in each)}
    return {key: values for key, values in found.items() if any(value != values[0] for value in values[1:])}
