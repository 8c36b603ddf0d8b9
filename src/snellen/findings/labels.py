"""Findings about labels: which look wrong, and what reviews of them did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from snellen.evaluate.data_file import ReviewedList, ReviewsSection
from snellen.evaluate.reviews_effect import ReviewsEffect, failed_without, reviews_effects
from snellen.explain.wrong_labels.facts import WrongLabelsFacts
from snellen.explain.wrong_labels.words import counted_group, suspected_sentence, too_weak
from snellen.findings.comparisons import scope
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import one_network
from snellen.phrases import listing, percent, percent_interval, percent_limits, plural, points, points_limits
from snellen.statistics.levels import CONFIDENCE
from snellen.statistics.wilson_interval import wilson_limits

WARNED = 0.01
"""From this share of suspected labels on, its lower limit, something should be looked at before anything else."""


def suspected(facts: Facts) -> Iterator[Finding]:
    """SNL140: labels that look wrong to a model that was not trained on them, or that resisted training; none where
    most do, as the model is too weak to judge."""
    for one, outcome in facts.outcomes.items():
        if one.options.name != "wrong_labels":
            continue
        about = cast(WrongLabelsFacts, outcome.facts)
        counted = counted_group(about)
        if about["suspected"] and not too_weak(about):
            yield Finding(
                "SNL140",
                "warning" if counted is not None and (counted["low"] or 0.0) >= WARNED else "notice",
                suspected_sentence(about),
                {
                    "model": about["model"],
                    "suspected": about["suspected"],
                    "images": about["images"],
                    "share": counted and counted["suspected"] / counted["images"],
                    "low": counted and counted["low"],
                    "high": counted and counted["high"],
                    "test_suspected": about["test_suspected"],
                },
                "analyses",
                f"Look at them on the page `{one.key}`, and give your answers to the study: data.reviews: reviews.csv",
            )


def reviews_applied(facts: Facts) -> Iterator[Finding]:
    """SNL141: what reviews changed, the scores with and without them, and how many reviewed suspects are wrong."""
    applied = facts.record.data.get("reviews")
    if applied is None:
        return
    effects = reviews_effects(facts.record)
    said = [_changed(applied), *(_effect(facts, one) for one in effects), *_failed(facts), *_listed(applied["listed"])]
    if applied["test_images"]:
        kept = "it keeps its label" if applied["test_images"] == 1 else "they keep their labels"
        said.append(f"{plural(applied['test_images'], 'reviewed image')} of the test: {kept}.")
    values = {"corrected": applied["corrected"], "excluded": applied["excluded"], "test_images": applied["test_images"]}
    of_list = {} if applied["listed"] is None else {"listed": {**applied["listed"], **_precision(applied["listed"])}}
    scores = {one.model: _values(one) for one in effects}
    yield Finding("SNL141", "result", " ".join(said), {**values, **of_list, "scores": scores}, "roles")


def _changed(applied: ReviewsSection) -> str:
    return (
        f"Reviews corrected {plural(applied['corrected'], 'label')} and excluded "
        f"{plural(applied['excluded'], 'image')} outside the test. Scores on validation images and over folds are on "
        "these labels, which favours them: only the test compares."
    )


def _effect(facts: Facts, one: ReviewsEffect) -> str:
    limits = one.change.limits.at(CONFIDENCE)
    low, high = limits or (None, None)
    before, after = (percent_interval(each.value, each.low, each.high) for each in (one.without, one.with_reviews))
    who = f"`{one.model}`" if one.change.kind == "recipes" else one_network(facts, one.model, "test")
    return (
        f"On the unchanged test {who} reaches {after} with them and {before} without: a difference of "
        f"{points(one.change.limits.value)} ({points_limits(low, high)}). {scope(one.change.kind)}"
    )


def _failed(facts: Facts) -> Iterator[str]:
    models = [f"`{each}`" for each in failed_without(facts.record)]
    if models:
        have = "have no scores" if len(models) > 1 else "has no score"
        yield f"{listing(models)} {have} without them: training on the labels as they were failed."


def _values(one: ReviewsEffect) -> dict[str, Any]:
    low, high = one.change.limits.at(CONFIDENCE) or (None, None)
    change = {"value": one.change.limits.value, "low": low, "high": high}
    return {"with": one.with_reviews.value, "without": one.without.value, "change": change}


def _listed(found: ReviewedList | None) -> Iterator[str]:
    """How many of the reviewed suspects are wrong, and what sample these are."""
    if found is None:
        return
    low, high = wilson_limits(found["wrong"], found["reviewed"])
    of = f" of {found['suspects']:,}" if found["suspects"] else ""
    which = f"the first {found['reviewed']:,}{of} suspects" if found["first"] else f"{found['reviewed']:,}{of} suspects"
    doubt = f", {found['unsure']:,} unsure counted as not wrong" if found["unsure"] else ""
    sample = "" if found["suspects"] == found["reviewed"] else " This says nothing of those that were not reviewed."
    share = f"{percent(found['wrong'] / found['reviewed'])} ({percent_limits(low, high)})"
    yield f"Of {which}, {found['wrong']:,} were wrong or excluded: {share}{doubt}.{sample}"


def _precision(found: ReviewedList) -> dict[str, float]:
    low, high = wilson_limits(found["wrong"], found["reviewed"])
    return {"share": found["wrong"] / found["reviewed"], "low": low, "high": high}
