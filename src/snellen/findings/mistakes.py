"""Findings about the mistakes of the chosen model: its most frequent confusion and its weakest class."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.evaluate.confused_classes import Confusion, Confusions, confusions
from snellen.evaluate.networks import networks_on
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import all_networks
from snellen.phrases import mean_count, plural

SHOWN = 3
"""Equally frequent confusions that are named."""


def worst_confusion(facts: Facts) -> Iterator[Finding]:
    """SNL006: the most frequent mistake of the chosen model, on test where it was evaluated there, else on validation;
    for several networks the mean over them."""
    model = facts.evaluation.chosen
    if model is None:
        return
    role = "test" if model in facts.evaluation.opened else "validation"
    networks = networks_on(facts.record, model, role)
    if networks is None:
        return
    confused = confusions(networks, len(facts.record.classes), most=1)
    if not confused.pairs:
        return
    pairs, classes = confused.most_frequent, facts.record.classes
    names = [f"{classes[pair.true]} called {classes[pair.given]}" for pair in pairs]
    yield Finding(
        "SNL006",
        "result",
        _most_frequent(all_networks(facts, model, role), role, confused, names),
        {
            "model": model,
            "role": role,
            "networks": confused.networks,
            "mistakes": _whole(confused.mistakes),
            "most": _whole(pairs[0].images),
            "pairs": names,
        },
        evidence(model, confused.networks),
    )


def _most_frequent(whom: str, role: str, confused: Confusions, names: list[str]) -> str:
    pairs = confused.most_frequent
    listed = names[0]
    if len(names) > 1:
        listed = f"{', '.join(names[:SHOWN])}{' and others' if len(names) > SHOWN else ''}, equally"
    each = " each" if len(names) > 1 else ""
    if confused.networks == 1:
        mistakes, most = plural(int(confused.mistakes), "mistake"), plural(int(pairs[0].images), "image")
        return f"Of the {mistakes} of {whom} on {role}, the most frequent is {listed} ({most}{each})."
    return (
        f"Of the mistakes of {whom} on {role}, {mean_count(confused.mistakes)} a network on average, the most frequent "
        f"is {listed}: {mean_count(pairs[0].images)} images a network{each}{_share(pairs, names)}."
    )


def _share(pairs: list[Confusion], names: list[str]) -> str:
    """The share of the images of the class, with its interval."""
    if len(pairs) > 1:
        return ""
    share = pairs[0].share
    return f", {share.in_percent} of the {plural(share.n, 'image')} of {names[0].split(' called ')[0]}"


def weakest_class(facts: Facts) -> Iterator[Finding]:
    """SNL007: the class with the lowest observed recall, for several networks of their mean; an observation, not a
    comparison of classes."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return
    role = "test" if model in evaluation.opened else "validation"
    recalls = {name: evaluation.standing(model, role, "recall", name) for name in facts.record.classes}
    known = {name: recall for name, recall in recalls.items() if recall and recall.value is not None}
    if not known:
        return
    name = min(known, key=lambda each: known[each].value or 0.0)
    recall = known[name]
    average = "on average " if recall.networks > 1 else ""
    yield Finding(
        "SNL007",
        "result",
        f"Class {name} has the lowest observed recall: {recall.in_percent} of its {plural(recall.n, 'image')} on "
        f"{role} are recognised {average}by {all_networks(facts, model, role)}. It was picked as the lowest of "
        f"{len(known)}, which makes it look worse than it is.",
        {"class": name, "role": role, "value": recall.value, "low": recall.low, "high": recall.high, "n": recall.n},
        evidence(model, recall.networks),
    )


def evidence(model: str, networks: int) -> str:
    """The part of the report with these numbers: of all seeds, or of the one network."""
    return f"all-seeds-{model}" if networks > 1 else f"model-{model}"


def _whole(mean: float) -> float | int:
    """A mean over networks, or the count of one network."""
    return int(mean) if mean == int(mean) else round(mean, 4)
