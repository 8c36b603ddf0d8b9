"""Findings about the mistakes of the chosen model: its most frequent confusion, and classes confused both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.evaluate.confused_classes import Confusion, Confusions, called, confusions, mean_confusion
from snellen.evaluate.networks import Networks, networks_on
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import all_networks
from snellen.phrases import mean_count, p_value, plural, some
from snellen.statistics.mutual_confusion import MutualConfusion, mutual_confusions, pairs_of

SHOWN = 3
"""Equally frequent confusions that are named."""


def judged_networks(facts: Facts) -> tuple[str, str, Networks] | None:
    """The chosen model, the role that judges it (test where it was evaluated there, else validation), and its networks
    there; None where it has none."""
    model = facts.evaluation.chosen
    if model is None:
        return None
    role = "test" if model in facts.evaluation.opened else "validation"
    networks = networks_on(facts.record, model, role)
    return None if networks is None else (model, role, networks)


def worst_confusion(facts: Facts) -> Iterator[Finding]:
    """SNL006: the most frequent mistake of the chosen model, on test where it was evaluated there, else on validation;
    for several networks the mean over them."""
    judged = judged_networks(facts)
    if judged is None:
        return
    model, role, networks = judged
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
    listed, several = names[0], len(names) > 1
    if several:
        listed = f"{', '.join(names[:SHOWN])}{' and others' if len(names) > SHOWN else ''}, equally"
    frequent, each = f"the most frequent {'are' if several else 'is'} {listed}", " each" if several else ""
    if confused.networks == 1:
        if confused.mistakes == 1:
            return f"The only mistake of {whom} on {role} is {listed}."
        mistakes, most = plural(int(confused.mistakes), "mistake"), plural(int(pairs[0].images), "image")
        return f"Of the {mistakes} of {whom} on {role}, {frequent} ({most}{each})."
    return (
        f"Of the mistakes of {whom} on {role}, {mean_count(confused.mistakes)} a network on average, {frequent}: "
        f"{mean_count(pairs[0].images)} images a network{each}{_share(pairs, names)}."
    )


def _share(pairs: list[Confusion], names: list[str]) -> str:
    """The share of the images of the class, with its interval."""
    if len(pairs) > 1:
        return ""
    share = pairs[0].share
    return f", {share.in_percent} of the {plural(share.n, 'image')} of {names[0].split(' called ')[0]}"


def both_ways(facts: Facts) -> Iterator[Finding]:
    """SNL122: two classes that are confused both ways, each direction beyond what the other mistakes explain."""
    judged = judged_networks(facts)
    if judged is None:
        return
    model, role, networks = judged
    classes = facts.record.classes
    found = mutual_confusions(mean_confusion(networks, len(classes)))
    if not found:
        return
    first, others = found[0], found[1:]
    there, back = (called(networks, *pair) for pair in ((first.a, first.b), (first.b, first.a)))
    a, b = classes[first.a], classes[first.b]
    more = f" {plural(len(others), 'other pair')} of classes too: {_pairs(classes, others)}." if others else ""
    yield Finding(
        "SNL122",
        "notice",
        f"{a} and {b} are confused both ways on {role} by {all_networks(facts, model, role)}: {there.in_percent} of "
        f"{a} is called {b}, and {back.in_percent} of {b} is called {a}. Both are more than the other mistakes explain "
        f"({p_value(first.adjusted_p)}, corrected for {plural(pairs_of(len(classes)), 'pair')} of classes).{more}",
        {
            "model": model,
            "role": role,
            "classes": [a, b],
            "value": there.value,
            "back": back.value,
            "pairs": [[classes[one.a], classes[one.b]] for one in found],
        },
        evidence(model, len(networks.seeds)),
        f"Look at images of {a} and {b} side by side: can a person tell them apart at this size? If so, more of these "
        "images help most; if not, the classes overlap or labels are wrong.",
    )


def _pairs(classes: Sequence[str], pairs: Sequence[MutualConfusion]) -> str:
    return some([f"{classes[one.a]} and {classes[one.b]}" for one in pairs], SHOWN)


def evidence(model: str, networks: int) -> str:
    """The part of the report with these numbers: of all seeds, or of the one network."""
    return f"all-seeds-{model}" if networks > 1 else f"model-{model}"


def _whole(mean: float) -> float | int:
    """A mean over networks, or the count of one network."""
    return int(mean) if mean == int(mean) else round(mean, 4)
