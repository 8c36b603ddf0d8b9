"""The sentences about suspected wrong labels."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.explain.wrong_labels.facts import GroupJson, WrongLabelsFacts
from snellen.phrases import listing, percent, percent_limits, plural, quoted

SIGNALS = {
    "both": "margins during training and out-of-fold predictions",
    "probabilities": "predictions of networks that were not trained on them",
    "margins": "margins during training",
}
REVIEW = "Suspects are for review: hard images with a right label are among them."


def sentences(facts: WrongLabelsFacts) -> Iterator[str]:
    """The number of suspects and the signals, then what is missing."""
    yield suspected_sentence(facts)
    pairs = common_pairs(facts)
    if pairs and facts["suspected"]:
        yield f"Most frequent among those listed: {pairs}."
    if facts["test_suspected"]:
        yield (
            f"In the test {facts['test_suspected']:,} of {plural(facts['test_images'], 'label')} look wrong to "
            f"`{facts['model']}`. They stay as they are: a test that is changed after it was seen measures something "
            "else."
        )
    if facts["mixed"]:
        yield f"Training mixed images ({quoted(facts['mixed'])}): margins of mixed images say less about one label."
    if not facts["networks"]:
        yield (
            "No margins were recorded: these networks were trained before the analysis was asked for. To record them, "
            "name it in the study and run that again."
        )


def suspected_sentence(facts: WrongLabelsFacts) -> str:
    """The number of labels that look wrong to the model, and the signals."""
    if not facts["images"]:
        return f"No label could be judged: `{facts['model']}` has neither margins nor predictions for other images."
    judged = plural(facts["images"], "label")
    if not facts["suspected"]:
        return f"No label of {judged} outside the test looks wrong to `{facts['model']}`."
    if too_weak(facts):
        return (
            f"`{facts['model']}` is too weak to judge labels: {facts['suspected']:,} of {judged} outside the test look "
            "wrong to it, more than half."
        )
    by = listing(dict.fromkeys(SIGNALS[group["by"]] for group in facts["groups"] if group["images"]))
    return (
        f"{facts['suspected']:,} of {judged} outside the test look wrong to `{facts['model']}`{share(facts)}, "
        f"judged by {by}. {REVIEW}"
    )


def too_weak(facts: WrongLabelsFacts) -> bool:
    """Whether most labels look wrong to the model, which then says more about the model."""
    return 2 * facts["suspected"] > facts["images"]


def share(facts: WrongLabelsFacts) -> str:
    """The counted share in brackets with its interval; empty if it was not counted."""
    counted = counted_group(facts)
    if counted is None:
        return ""
    of = "" if counted["images"] == facts["images"] else f" of {plural(counted['images'], 'held-out image')}"
    value = percent(counted["suspected"] / counted["images"])
    return f" ({value}{of}, {percent_limits(counted['low'], counted['high'])})"


def counted_group(facts: WrongLabelsFacts) -> GroupJson | None:
    """The largest group whose suspects confident learning counted."""
    counted = [group for group in facts["groups"] if group["low"] is not None]
    return max(counted, key=lambda group: group["images"], default=None)


def common_pairs(facts: WrongLabelsFacts) -> str:
    """The three most frequent pairs of label and suggestion, those that occur at least twice."""
    counts: dict[tuple[str, str], int] = {}
    for one in facts["suspects"]:
        pair = one["label"], one["suggested"]
        counts[pair] = counts.get(pair, 0) + 1
    often = sorted((pair for pair in counts if counts[pair] > 1), key=lambda pair: -counts[pair])[:3]
    return (
        listing(f"{label} that looks like {other} ({counts[label, other]:,})" for label, other in often)
        if often
        else ""
    )
