"""Findings about classes that the chosen model recognises less often: weak ones, else the lowest observed recall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.evaluate.confused_classes import called
from snellen.evaluate.networks import Networks
from snellen.evaluate.scores import Estimate
from snellen.findings.class_advice import class_advice
from snellen.findings.finding import Facts, Finding
from snellen.findings.mistakes import evidence, judged_networks
from snellen.findings.naming import all_networks
from snellen.phrases import mean_count, percent, plural, points, some
from snellen.statistics.weak_classes import MARGIN, WeakClasses, weak_classes

NAMED = 5
"""Further weak classes that are named in one sentence."""


@dataclass(frozen=True)
class _Judged:
    """A class on the role that judges the chosen model. mostly: the class that its images are most often called instead
    of their own, and how many of them, the mean over networks; None where no answer is wrong."""

    model: str
    role: str
    name: str
    recall: Estimate
    mostly: tuple[str, float] | None
    networks: int

    @property
    def values(self) -> dict[str, Any]:
        """Of findings about one class."""
        name, images = self.mostly or (None, None)
        return {
            "model": self.model,
            "class": self.name,
            "role": self.role,
            "value": self.recall.value,
            "low": self.recall.low,
            "high": self.recall.high,
            "n": self.recall.n,
            "called": name,
            "called_count": int(images) if images is not None and images == int(images) else images,
        }

    @property
    def called(self) -> str:
        """A sentence with a space before: 4 of the 44 were called 1."""
        if self.mostly is None:
            return ""
        name, images = self.mostly
        average = " a network on average" if self.networks > 1 else ""
        count = mean_count(images) if self.networks > 1 else f"{int(images):,}"
        return f" {count} of the {self.recall.n:,} {'were' if images != 1 else 'was'} called {name}{average}."


def weak(facts: Facts) -> Iterator[Finding]:
    """SNL121: the weak classes of the chosen model, see `statistics.weak_classes`; a conclusion, because some classes
    are simply harder than others."""
    judged = judged_networks(facts)
    if judged is None:
        return
    model, role, networks = judged
    found = _weak_classes(networks)
    if not found.weak:
        return
    first, others = found.weak[0], found.weak[1:]
    one, best = _judged(facts, model, role, networks, first.code), _best(facts, networks)
    yield Finding(
        "SNL121",
        "result",
        f"Weakest on class {one.name}: {all_networks(facts, model, role)} "
        f"{'recognise' if one.networks > 1 else 'recognises'} {one.recall.in_percent} of its "
        f"{plural(one.recall.n, f'{role} image')}, and {percent(found.overall)} of all.{one.called} Corrected for "
        f"{plural(found.tested, 'class')}, its recall is at most {percent(first.ceiling)}, more than {points(MARGIN)} "
        f"below that of all images.{_others(facts, found)}{best.sentence}",
        {
            **one.values,
            "overall": found.overall,
            "ceiling": first.ceiling,
            "weak": [facts.record.classes[each.code] for each in (first, *others)],
            **best.values,
        },
        evidence(model, one.networks),
        class_advice(facts, model, first.code, one.recall.value),
    )


def _others(facts: Facts, found: WeakClasses) -> str:
    """The other weak classes, as a sentence with a space before."""
    names = [f"{facts.record.classes[each.code]} ({percent(each.recall)})" for each in found.weak[1:]]
    return f" Also weak: {some(names, NAMED)}." if names else ""


def lowest(facts: Facts) -> Iterator[Finding]:
    """SNL007: the class with the lowest observed recall, for several networks of their mean; an observation, not a
    comparison of classes. Silent where a class is weak (SNL121), and where all recalls are equal."""
    judged = judged_networks(facts)
    if judged is None:
        return
    model, role, networks = judged
    recalls = _recalls(networks)
    if len(set(recalls.values())) < 2 or _weak_classes(networks).weak:
        return
    least = [code for code, recall in recalls.items() if recall == min(recalls.values())]
    one, best = _judged(facts, model, role, networks, least[0]), _best(facts, networks)
    tied = [facts.record.classes[code] for code in least[1:]]
    also = f" The same holds for {some(tied, NAMED)}: a tie." if tied else ""
    average = "on average " if one.networks > 1 else ""
    yield Finding(
        "SNL007",
        "result",
        f"Class {one.name} has the lowest observed recall: {one.recall.in_percent} of its "
        f"{plural(one.recall.n, 'image')} on {role} are recognised {average}by {all_networks(facts, model, role)}."
        f"{one.called}{also} It was picked as the lowest of {len(recalls)}, which makes it look worse than it is."
        f"{best.sentence}",
        {**one.values, **best.values},
        evidence(model, one.networks),
    )


@dataclass(frozen=True)
class _Best:
    """The class with the highest observed recall, as a sentence with a space before, and its values."""

    sentence: str
    values: dict[str, Any]


def _best(facts: Facts, networks: Networks) -> _Best:
    """An observation, not a comparison of classes: those with the same recall share it, and those whose intervals reach
    that of the best are named, because nothing sets them apart."""
    recalls, classes = _recalls(networks), facts.record.classes
    codes = [code for code, recall in recalls.items() if recall == max(recalls.values())]
    first = called(networks, codes[0], codes[0])
    by_recall = sorted((code for code in recalls if code not in codes), key=lambda code: -recalls[code])
    near = [code for code in by_recall if _reaches(called(networks, code, code), first)]
    names, others = [classes[code] for code in codes], [classes[code] for code in near]
    if len(codes) > 1:
        said = f" The highest observed recall is a tie of {some(names, NAMED)}: {first.in_percent} each."
    else:
        said = f" Best on class {names[0]}: {first.in_percent} of its {plural(first.n, 'image')}."
    if others:
        said += f" Their intervals do not set {some(others, NAMED)} apart from {'it' if len(codes) == 1 else 'these'}."
    values = {"best": names, "best_recall": first.value, "best_low": first.low, "best_high": first.high}
    return _Best(said, {**values, "best_not_set_apart": others})


def _reaches(one: Estimate, best: Estimate) -> bool:
    """Whether the intervals of two recalls overlap."""
    return one.high is not None and best.low is not None and one.high >= best.low


def _recalls(networks: Networks) -> dict[int, float]:
    """The recall of each class that has images, by its code, the mean over networks."""
    right = networks.per_image("accuracy")
    return {int(code): float(right[:, networks.labels == code].mean()) for code in np.unique(networks.labels)}


def _weak_classes(networks: Networks) -> WeakClasses:
    return weak_classes(networks.per_image("accuracy").astype(bool), networks.labels)


def _judged(facts: Facts, model: str, role: str, networks: Networks, code: int) -> _Judged:
    own = networks.labels == code
    counts = np.zeros(len(facts.record.classes))
    for one in networks.all:
        counts += np.bincount(one.predicted[own], minlength=len(counts))
    counts[code] = 0
    most = int(counts.argmax())
    mostly = (facts.record.classes[most], float(counts[most] / len(networks.seeds))) if counts[most] else None
    name, recall = facts.record.classes[code], called(networks, code, code)
    return _Judged(model, role, name, recall, mostly, len(networks.seeds))
