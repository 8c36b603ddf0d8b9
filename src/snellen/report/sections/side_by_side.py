"""What report.json says of models side by side: each pair on the images that both predicted, from what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from snellen.evaluate.chosen_by_search import Chosen, chosen_by_search, unranked
from snellen.evaluate.class_differences import are_recipes, class_differences
from snellen.evaluate.cross_validation import HELD_OUT, OUT_OF_FOLD, held_out
from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.trained_networks import which_network
from snellen.findings.finding import Facts
from snellen.limits import LISTED_CLASSES, SIDE_BY_SIDE
from snellen.metrics.scores import confusion
from snellen.report.model_types import ModelJson
from snellen.report.sections.side_by_side_units import units_in_short
from snellen.report.sections.side_by_side_words import pair_sentences
from snellen.report.side_by_side_types import (
    ConfusionChangeJson,
    PairJson,
    RecallChangeJson,
    RecallsJson,
    SideBySideJson,
)
from snellen.statistics.results import COVERS_IMAGES, COVERS_IMAGES_AND_SEEDS

PAGE = "side_by_side.html"
BEST_FIRST = ("test", OUT_OF_FOLD, "validation")
"""Roles by which models are compared, the most trusted first."""
CHOSEN_BY_THESE = "a search chose by these images"
OVER_FOLDS = "each image is judged by the network of its own fold"


def side_by_side_section(facts: Facts, models: Mapping[str, ModelJson]) -> SideBySideJson | None:
    """The section; None with fewer than two evaluated models, or where none share a role. models: by name."""
    evaluated = [name for name in facts.record.models if name in models and _roles(models[name])]
    listed = _listed(evaluated, facts.evaluation.chosen)
    roles = {(a, b): _best(models[a], models[b]) for a, b in combinations(listed, 2)}
    shared = {pair: role for pair, role in roles.items() if role is not None}
    if not shared:
        return None
    compared = _Networks(facts)
    pairs = [_pair(facts, compared, *pair, role) for pair, role in shared.items()]
    return {
        "page": f"pages/{PAGE}",
        "models": listed,
        "left_out": [name for name in evaluated if name not in listed],
        "role": _best(*(models[name] for name in listed)),
        "first": pairs[0]["first"],
        "second": pairs[0]["second"],
        "pairs": pairs,
        "units": units_in_short(facts, listed),
    }


def _listed(evaluated: list[str], chosen: str | None) -> list[str]:
    """The first SIDE_BY_SIDE of the study; the chosen one is among them."""
    first = evaluated[:SIDE_BY_SIDE]
    return first if chosen in first or chosen not in evaluated else [*first[:-1], str(chosen)]


def _roles(model: ModelJson) -> list[str]:
    return [role for role in BEST_FIRST if role in model["roles"]]


def _best(*models: ModelJson) -> str | None:
    """The most trusted role that all of them have."""
    return next((role for role in BEST_FIRST if all(role in model["roles"] for model in models)), None)


class _Networks:
    """The networks of each model on each role, read once; which of them a search chose."""

    def __init__(self, facts: Facts) -> None:
        self.record = facts.record
        self.chosen: dict[str, Chosen] = chosen_by_search(facts.record, facts.evaluation.ranked)
        self.read: dict[tuple[str, str], Networks] = {}

    def of(self, model: str, role: str) -> Networks:
        """Of all seeds, the one shown first; on out_of_fold the first networks of all folds as one."""
        if (model, role) not in self.read:
            self.read[model, role] = self._pooled(model) if role == OUT_OF_FOLD else self._own(model, role)
        return self.read[model, role]

    def _own(self, model: str, role: str) -> Networks:
        networks = networks_on(self.record, model, role)
        assert networks is not None  # the role has scores of this model
        return networks

    def _pooled(self, model: str) -> Networks:
        folds = held_out(self.record, model)
        assert folds is not None  # likewise
        return Networks({0: folds.pooled()}, (f"folds of {model}",))

    def judging(self, model: str, role: str, networks: Networks) -> Networks | None:
        """Those that no search ranked by these images; None where that leaves none to speak of."""
        places = unranked(networks.seeds, self.chosen.get(model) if role == "validation" else None)
        return None if places is None else networks.only(places)


def _pair(facts: Facts, compared: _Networks, first: str, second: str, role: str) -> PairJson:
    """Both on the images that they share; counts are of the networks whose confusion matrices are shown."""
    a, b = _on_shared_images(compared.of(first, role), compared.of(second, role))
    right_a, right_b = (each.all[0].predicted == each.labels for each in (a, b))
    risen, fallen = _changed_confusions(a, b, len(facts.record.classes))
    planned = facts.evaluation.comparisons.between(first, second, HELD_OUT if role == OUT_OF_FOLD else role)
    pair: PairJson = {
        "first": first,
        "second": second,
        "role": role,
        "shown": [which_network(facts.record, model, role) for model in (first, second)],
        "images": len(a.rows),
        "both": int((right_a & right_b).sum()),
        "only_first": int((right_a & ~right_b).sum()),
        "only_second": int((right_b & ~right_a).sum()),
        "neither": int((~right_a & ~right_b).sum()),
        "verdict": planned.verdict.word if planned else None,
        "recalls": _recalls(facts, compared, (first, second), (a, b), role),
        "risen": risen,
        "fallen": fallen,
        "sentences": [],
    }
    return {**pair, "sentences": pair_sentences(facts, pair, planned)}


def _on_shared_images(a: Networks, b: Networks) -> tuple[Networks, Networks]:
    """The same, unless a fold failed for one of them."""
    _, of_a, of_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
    return a.at(of_a), b.at(of_b)


def _recalls(
    facts: Facts, compared: _Networks, names: tuple[str, str], shown: tuple[Networks, Networks], role: str
) -> RecallsJson:
    """As `snellen compare` gives them: of recipes where both have enough seeds, else of the networks shown. Without
    intervals over folds, and where a search chose by these images."""
    judging = [compared.judging(name, role, each) for name, each in zip(names, shown, strict=True)]
    a, b = (own or each for own, each in zip(judging, shown, strict=True))
    chosen = None in judging
    if not are_recipes(a, b):  # then the network shown stands for each side
        chosen = chosen or any(each.seeds[0] != own.seeds[0] for own, each in zip((a, b), shown, strict=True))
        a, b = (each.only([0]) for each in shown)
    why_none = OVER_FOLDS if role == OUT_OF_FOLD else CHOSEN_BY_THESE if chosen else None
    found: list[RecallChangeJson] = [
        {
            "class": one.class_name,
            "images": one.images,
            "first": one.b,
            "second": one.a,
            "change": one.value,
            "low": None if why_none else one.low,
            "high": None if why_none else one.high,
        }
        for one in class_differences(b, a, facts.record.classes)
    ]
    most = sorted(range(len(found)), key=lambda at: -abs(found[at]["change"]))[:LISTED_CLASSES]
    covers = COVERS_IMAGES_AND_SEEDS if are_recipes(a, b) else COVERS_IMAGES
    return {
        "networks": [len(a.seeds), len(b.seeds)],
        "covers": None if why_none else covers,
        "why_none": why_none,
        "classes": len(found),
        "listed": [found[at] for at in sorted(most)],
    }


def _changed_confusions(
    a: Networks, b: Networks, num_classes: int
) -> tuple[ConfusionChangeJson | None, ConfusionChangeJson | None]:
    """The confusion with most more images in B than in A, and that with most fewer; None where there is none."""
    one, other = (confusion(a.labels, each.all[0].predicted, num_classes) for each in (a, b))
    change = (other - one) * (1 - np.eye(num_classes, dtype=np.int64))

    def at(place: int, rises: bool) -> ConfusionChangeJson | None:
        label, predicted = divmod(place, num_classes)
        if change[label, predicted] == 0 or (change[label, predicted] > 0) != rises:
            return None
        counts = int(one[label, predicted]), int(other[label, predicted])
        of = int(one[label].sum())
        return {"label": label, "predicted": predicted, "first": counts[0], "second": counts[1], "of": of}

    return at(int(change.argmax()), True), at(int(change.argmin()), False)
