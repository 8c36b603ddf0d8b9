"""The third statement: the class that the chosen model recognises least, and what it calls it instead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from snellen.evaluate.networks import networks_on
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Facts, Finding
from snellen.findings.first_screen.statement import LONGEST_NAME, Statement, fitted, short
from snellen.metrics.scores import confusion
from snellen.phrases import listing, plural

WEAK = "SNL121"
FEW = 3
"""With no more mistakes than this, no class is called the weakest."""
NAME_WORDS = (LONGEST_NAME, 4, 2, 1)
"""Words that are left of the name of a class; the first that keep the sentence short."""


def where_it_fails(facts: Facts, results: Sequence[Finding]) -> Statement | None:
    """The statement about the weakest class, on test where the model was evaluated there. results: findings, which say
    whether a class is shown to be weak; else that with the lowest recall is named."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return None
    role = "test" if model in evaluation.opened else "validation"
    networks, classes = networks_on(facts.record, model, role), facts.record.classes
    recalls = {code: evaluation.standing(model, role, "recall", name) for code, name in enumerate(classes)}
    known = {code: recall for code, recall in recalls.items() if recall is not None and recall.value is not None}
    if networks is None or not known:
        return None
    counts_KK = np.mean([confusion(networks.labels, one.predicted, len(classes)) for one in networks.all], axis=0)
    weak = next((one for one in results if one.code == WEAK), None)
    code = classes.index(weak.values["class"]) if weak else min(known, key=lambda each: known[each].value or 0.0)
    values = {"model": model, "role": role, "class": classes[code], "value": known[code].value, "n": known[code].n}
    wrong_KK = counts_KK * (1 - np.eye(len(classes)))
    if not wrong_KK.any():
        judged = plural(len(networks.labels), f"{'new' if role == 'test' else role} image")
        return Statement("weakness", f"It makes no mistake on these {judged}.", ("SNL007",), values)
    given = int(wrong_KK[code].argmax())
    few = len(networks.all) == 1 and wrong_KK.sum() <= FEW
    images = float(wrong_KK[code, given])
    ways = (
        _few_mistakes(names, wrong_KK)
        if few
        else f"{_lowest(names[code], known[code], weak)}; {_called(names[given], images, known[code])}."
        for words in NAME_WORDS
        for names in ([short(name, words) for name in classes],)
    )
    return Statement(
        "weakness",
        fitted(ways),
        (WEAK if weak else "SNL007", "SNL006"),
        {
            **values,
            "true": code,
            "given": given,
            "networks": len(networks.all),
            "low": known[code].low,
            "high": known[code].high,
        },
    )


def _few_mistakes(classes: Sequence[str], wrong_KK: np.ndarray) -> str:
    """Every mistake, where there are too few to call a class weak."""
    found = [
        f"{_quoted(classes[true])} called {_quoted(classes[given])}" + (f" ({count:.0f} times)" if count > 1 else "")
        for (true, given), count in np.ndenumerate(wrong_KK)
        if count
    ]
    return f"Only {plural(int(wrong_KK.sum()), 'mistake')}, too few to call a class weak: {listing(found)}."


def _lowest(name: str, recall: Estimate, weak: Finding | None) -> str:
    lead = "Weakest class:" if weak else "No class is shown to be weak; lowest is"
    mean = f", on average over {recall.networks} trainings" if recall.networks > 1 else ""
    return f"{lead} {_quoted(name)}, with {recall.in_percent} of its {plural(recall.n, 'image')} recognised{mean}"


def _called(name: str, images: float, recall: Estimate) -> str:
    """How many are called what instead."""
    if round(images) == 0:  # a mean over networks
        return f"most often called {_quoted(name)} instead"
    about = "about " if recall.networks > 1 else ""
    return f"{about}{images:,.0f} {'was' if round(images) == 1 else 'were'} called {_quoted(name)}"


def _quoted(name: str) -> str:
    return f"“{name}”"
