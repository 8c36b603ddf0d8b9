"""Where the chosen model fails: its most frequent confusion, its weakest class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.findings.finding import Facts, Finding, interval, plural
from snellen.metrics.scores import confusion


def worst_confusion(facts: Facts) -> Iterator[Finding]:
    """SNL006: the most frequent mistake of the chosen model, on test where opened, else on validation."""
    model = facts.evaluation.chosen
    if model is None:
        return
    role = "test" if model in facts.evaluation.opened else "validation"
    predictions = facts.record.predictions(model, role)
    if predictions is None or predictions.labels is None:
        return
    matrix = confusion(predictions.labels, predictions.predicted, len(facts.record.classes))
    mistakes = matrix - np.diag(np.diagonal(matrix))
    total, most = int(mistakes.sum()), int(mistakes.max())
    if total == 0:
        return
    pairs = [(int(i), int(j)) for i, j in np.argwhere(mistakes == most)]
    names = [f"{facts.record.classes[i]} called {facts.record.classes[j]}" for i, j in pairs]
    listed = (
        names[0] if len(names) == 1 else f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''}, equally"
    )
    yield Finding(
        "SNL006",
        "result",
        f"Of the {plural(total, 'mistake')} of `{model}` on {role}, the most frequent is {listed} "
        f"({plural(most, 'image')}{' each' if len(names) > 1 else ''}).",
        {"model": model, "role": role, "mistakes": total, "most": most, "pairs": names},
        f"model-{model}",
    )


def weakest_class(facts: Facts) -> Iterator[Finding]:
    """SNL007: the lowest observed recall, with its interval; said as an observation, not as a difference."""
    model = facts.evaluation.chosen
    if model is None:
        return
    role = "test" if model in facts.evaluation.opened else "validation"
    recalls = {name: facts.evaluation.estimate(model, role, "recall", name) for name in facts.record.classes}
    known = {name: recall for name, recall in recalls.items() if recall and recall.value is not None}
    if not known:
        return
    name = min(known, key=lambda each: known[each].value or 0.0)
    recall = known[name]
    yield Finding(
        "SNL007",
        "result",
        f"The lowest observed recall is that of class {name}: {interval(recall)} of its {plural(recall.n, 'image')} on "
        f"{role} are found. It was picked as the lowest of {len(known)}, which makes it look worse than it is.",
        {"class": name, "role": role, "value": recall.value, "low": recall.low, "high": recall.high, "n": recall.n},
        f"model-{model}",
    )
