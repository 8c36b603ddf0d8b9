"""The third statement: the class that the chosen model recognises least, and what it calls it instead."""

from __future__ import annotations

import numpy as np

from snellen.evaluate.networks import networks_on
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Facts
from snellen.findings.first_screen.statement import Statement, short
from snellen.metrics.scores import confusion
from snellen.phrases import mean_count, plural


def where_it_fails(facts: Facts) -> Statement | None:
    """The statement about the class with the lowest recall, on test where the model was evaluated there."""
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
    code = min(known, key=lambda each: known[each].value or 0.0)
    values = {"model": model, "role": role, "class": classes[code], "value": known[code].value, "n": known[code].n}
    if known[code].value == 1.0:
        images = plural(len(networks.labels), f"{'new' if role == 'test' else role} image")
        return Statement("weakness", f"It makes no mistake on these {images}.", ("SNL007",), values)
    wrong_K = counts_KK[code].copy()
    wrong_K[code] = 0
    given = int(wrong_K.argmax())
    return Statement(
        "weakness",
        f"{_weakest(classes[code], known[code])}; {_called(classes[given], float(wrong_K[given]), known[code])}.",
        ("SNL121", "SNL007", "SNL006"),
        {
            **values,
            "true": code,
            "given": given,
            "networks": len(networks.all),
            "low": known[code].low,
            "high": known[code].high,
        },
    )


def _weakest(name: str, recall: Estimate) -> str:
    mean = ", the mean of its networks" if recall.networks > 1 else ""
    return f"It is weakest on {short(name)}: {recall.in_percent} of {plural(recall.n, 'image')} recognised{mean}"


def _called(name: str, images: float, recall: Estimate) -> str:
    """How many are called what instead."""
    if recall.networks > 1:
        return f"on average {mean_count(round(images, 1))} {'is' if images == 1 else 'are'} called {short(name)}"
    return f"{images:,.0f} {'was' if images == 1 else 'were'} called {short(name)}"
