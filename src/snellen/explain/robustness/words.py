"""The sentences about corrupted images."""

from __future__ import annotations

from collections.abc import Iterator

from snellen import phrases
from snellen.evaluate.thresholds import Wanted
from snellen.explain.robustness.facts import DropJson, OtherDataJson, RobustModelJson, RobustnessFacts, ShareJson
from snellen.phrases import listing, percent, percent_limits, plural, points, points_limits, some

NAMED = 5
"""The most classes that are named."""


def sentences(facts: RobustnessFacts) -> Iterator[str]:
    """The mean drop of each model, then the corruptions they are brittle to, then those that training used."""
    for model in facts["models"]:
        yield drop_sentence(facts, model)
    for model in facts["models"]:
        brittle = worst_first(model)
        if brittle:
            yield brittle_sentence(facts, model, brittle)
        used = trained_with(model)
        if used:
            yield used
    if other := facts.get("other_data"):
        for model in facts["models"]:
            yield from _on_other_data(model, other)
        if other["same_names"]:
            yield (
                f"Classes of `{other['name']}` have the names of classes of the study "
                f"({some(other['same_names'], NAMED)}): such images may be known ones."
            )


def _on_other_data(model: RobustModelJson, other: OtherDataJson) -> Iterator[str]:
    """How sure a model is on images of another data set, and what distinguishes them from known ones."""
    known = next(one for one in model["unfamiliar"] if one["kind"] == "known")
    one = model["unfamiliar"][-1]  # the last kind
    told = [
        f"{what} tells them apart with AUC {area['value']:.3f}{_ends(area)}"
        for what, area in (("the top probability", one["area"]), ("the measure of the bundle", one["area_unlike"]))
        if area is not None
    ]
    yield (
        f"On {one['images']:,} images of `{other['name']}` the mean top probability of `{model['model']}` is "
        f"{percent(one['confidence'])}, on {known['images']:,} known ones {percent(known['confidence'])}"
        f"{': ' if told else ''}{', '.join(told)}."
    )


def _ends(area: ShareJson) -> str:
    return "" if area["low"] is None else f" ({area['low']:.3f} to {area['high']:.3f})"


def drop_sentence(facts: RobustnessFacts, model: RobustModelJson) -> str:
    """The mean loss of one model."""
    clean, drop = model["clean"], model["drop"]
    some = f" (of {model['of']:,})" if model["of"] > clean["n"] else ""
    verb, value, low, high = "loses", drop["value"], drop["low"], drop["high"]
    if value < 0:
        verb, value, low, high = "gains", -value, None if high is None else -high, None if low is None else -low
    return (
        f"Under {len(facts['ladder'])} corruptions at {facts['severities']} severities each `{model['model']}` {verb} "
        f"{points(value)} of accuracy on average ({points_limits(low, high)}): from {percent(clean['value'])} "
        f"({percent_limits(clean['low'], clean['high'])}) to {percent(model['mean'])}, on "
        f"{plural(clean['n'], model['role'] + ' image')}{some}."
    )


def worst_first(model: RobustModelJson) -> list[DropJson]:
    """The corruptions that a model is brittle to."""
    return sorted((one for one in model["corruptions"] if one["brittle"]), key=lambda one: -one["beyond"]["value"])


def brittle_sentence(facts: RobustnessFacts, model: RobustModelJson, brittle: list[DropJson]) -> str:
    """brittle: as `worst_first`, at least one."""
    worst, *others = brittle
    beyond = worst["beyond"]
    compared = plural(len(facts["ladder"]) * len(facts["models"]), "comparison")
    more = f" It is also brittle to {listing(one['name'] for one in others)}." if others else ""
    return (
        f"`{model['model']}` is brittle to {worst['name']}: it loses {points(worst['drop']['value'])} there, "
        f"{points(beyond['value'])} more than under the other corruptions "
        f"({points_limits(beyond['low'], beyond['high'])}, corrected over {compared}).{more}"
    )


def trained_with(model: RobustModelJson) -> str:
    """Which corruptions training used; empty if none."""
    used = [one for one in model["corruptions"] if one["trained_with"]]
    if not used:
        return ""
    words = listing(f"{one['name']} (`{', '.join(one['trained_with'])}`)" for one in used)
    return f"`{model['model']}` was trained with changes of the same kind as {words}: it saw such images."


def threshold_words(wanted: Wanted, threshold: float) -> str:
    """Sandal, precision 99 %: from 0.9713."""
    target = "" if wanted.measure == "probability" else f", {wanted.measure} {percent(wanted.target)}"
    return f"{wanted.class_name or 'any answer'}{target}: from {phrases.threshold(threshold)}"
