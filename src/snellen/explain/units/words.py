"""The sentences about hidden units: one for each unit, and a few about the layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from snellen.explain.units.facts import UnitCounts, UnitsFacts
from snellen.phrases import listing, percent, points, points_at_least, points_limits

FEW_UNITS = 2
"""Layers with at most this many units are described unit by unit."""
NAMED = 3
"""Most classes or units named in one sentence."""

NO_EVIDENCE = "That is no evidence that single {}s do nothing."

Row = Mapping[str, Any]
"""A row of the table `units` or `classes`."""


def descriptions(facts: UnitsFacts, tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """One line for each unit."""
    rows = {unit: each.to_dicts() for (unit,), each in tables["classes"].group_by("unit")}
    return [_description(facts, unit, rows[unit["unit"]]) for unit in tables["units"].to_dicts()]


def _description(facts: UnitsFacts, unit: Row, classes: Sequence[Row]) -> str:
    noun = facts["noun"]
    name = f"{noun.capitalize()} {unit['unit']}"
    if unit["dead"]:
        images = facts["train_images"] + (facts["images"] if facts["role"] != "train" else 0)
        return f"{name} is dead: it gives {unit['mean']:.3g} for each of {images:,} images."
    copy = "" if unit["duplicate_of"] is None else f" It does nearly the same as {noun} {unit['duplicate_of']}."
    return f"{name} {_response(facts, classes)}; it {_active_share(unit)}; {_loss(facts, classes)}.{copy}"


def _response(facts: UnitsFacts, classes: Sequence[Row]) -> str:
    known = sorted((row for row in classes if row["area"] is not None), key=lambda row: -row["area"])
    selective = [row for row in known if row["selective"]]
    if selective:
        areas = listing([f"{row['area']:.2f}" for row in selective[:NAMED]])
        more = f", and to {len(selective) - NAMED} more" if len(selective) > NAMED else ""
        names = listing([class_of(row) for row in selective[:NAMED]])
        return f"responds most to {names} (AUC {areas}){more}{_least(facts, known, ' and least to')}"
    if not known:
        return "has too few images of each class to be judged"
    best = known[0]
    return (
        f"responds to no class in particular: its largest AUC is {best['area']:.2f} "
        f"({best['low']:.2f} to {best['high']:.2f}), of {class_of(best)}{_least(facts, known, ', least of all to')}"
    )


def _least(facts: UnitsFacts, known: Sequence[Row], words: str) -> str:
    """The class that the unit responds to least, where that is clear."""
    last = known[-1]
    return f"{words} {class_of(last)} ({last['area']:.2f})" if last["high"] < 1 - facts["selective_area"] else ""


def _active_share(unit: Row) -> str:
    if unit["minimum"] >= 0:
        return f"is silent for {percent(1 - unit['active_share'], 0)} of images"
    return f"is above 0 for {percent(unit['active_share'], 0)} of images"


def _loss(facts: UnitsFacts, classes: Sequence[Row]) -> str:
    needed = sorted((row for row in classes if row["needed"]), key=lambda row: row["mean_recall"])
    used = sorted((row for row in classes if row["used"]), key=lambda row: row["mean_probability"])
    if not needed and not used:
        return f"removing it makes no measurable difference ({undetected(facts)})"
    if not needed:
        lost = cost(used[0], "probability")
        return f"removing it costs {lost} and makes no measurable difference to recall ({undetected(facts)})"
    more = f", and {len(needed) - 2} more classes some" if len(needed) > 2 else ""
    return f"removing it costs {' and '.join(cost(row, 'recall') for row in needed[:2])}{more}"


def undetected(facts: UnitsFacts) -> str:
    """The smallest loss that would have been detected, for the class where it is largest."""
    losses = facts["detectable"]
    if not any(loss is not None for loss in losses):
        return "with so few images of each class not even the loss of all recall would have been seen"
    most = points_at_least(max(loss for loss in losses if loss is not None))
    few = sum(loss is None for loss in losses)
    but = "" if not few else f", but for {few} {'class' if few == 1 else 'classes'} with too few images to see any loss"
    return f"a loss of {most} of recall of a class or more would have been seen with a probability of 80 %{but}"


def cost(row: Row, measure: str) -> str:
    """As in "2.1 points of recall of `3` (1.2 to 3.0)". measure: `recall` or `probability`."""
    lost, high, low = (-row[f"mean_{measure}{end}"] for end in ("", "_low", "_high"))
    return f"{points(lost)} of {measure} of {class_of(row)} ({points_limits(low, high)})"


def sentences(facts: UnitsFacts, tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """What the units of the layer respond to, and what is lost without them, most important first."""
    found = [_counts(facts, tables), _coverage(facts, tables["classes"]), _losses(facts, tables)]
    if facts["units"] <= FEW_UNITS:
        found = [*tables["units"]["sentence"], _boxes(facts)]
    return [each for each in found if each]


def counted(tables: Mapping[str, pl.DataFrame]) -> UnitCounts:
    """How many units there are of each kind."""
    units = tables["units"]
    alive = units.filter(~pl.col("dead"))
    return {
        "one": alive.filter(pl.col("selective_classes") == 1).height,
        "several": alive.filter(pl.col("selective_classes") > 1).height,
        "none": alive.filter(pl.col("selective_classes") == 0).height,
        "dead": units.filter("dead").height,
        "duplicates": alive.filter(pl.col("duplicate_of").is_not_null()).height,
        "needed": alive.filter(pl.col("needed_by_classes") > 0).height,
        "used": alive.filter(pl.col("used_by_classes") > 0).height,
    }


def _counts(facts: UnitsFacts, tables: Mapping[str, pl.DataFrame]) -> str:
    counts = counted(tables)
    dead, duplicates = counts["dead"], counts["duplicates"]
    odd = [f"{dead} {'is' if dead == 1 else 'are'} dead"] if dead else []
    odd += [f"{duplicates} {'repeats' if duplicates == 1 else 'repeat'} another"] if duplicates else []
    verb = "responds" if counts["one"] == 1 else "respond"
    return (
        f"Of the {facts['units']:,} {facts['noun']}s of `{facts['layer']}` in `{facts['model']}`, {counts['one']} "
        f"{verb} to one class, {counts['several']} to several and {counts['none']} to no class in particular"
        f"{'; ' + ' and '.join(odd) if odd else ''} (on {facts['images']:,} {facts['role']} images; to respond is an "
        f"AUC above {facts['selective_area']:.2f} with its whole interval)."
    )


def _coverage(facts: UnitsFacts, classes: pl.DataFrame) -> str:
    """Which classes have units of their own."""
    selective = classes.filter("selective").group_by("class").len().rows()
    per_class = dict.fromkeys(facts["classes"], 0) | dict(selective)
    without = [f"`{name}`" for name, count in per_class.items() if not count]
    if len(without) == len(per_class):
        return ""
    if without:
        named = (
            listing(without[:NAMED]) if len(without) <= NAMED else f"{len(without)} classes, {without[0]} among them"
        )
        return f"No {facts['noun']} responds to {named}."
    most, fewest = max(per_class, key=lambda name: per_class[name]), min(per_class, key=lambda name: per_class[name])
    return (
        f"Every class has a {facts['noun']} that responds to it: `{most}` has most of them ({per_class[most]}), "
        f"`{fewest}` fewest ({per_class[fewest]})."
    )


def _losses(facts: UnitsFacts, tables: Mapping[str, pl.DataFrame]) -> str:
    """What removing a unit costs: recall where it does, else probability."""
    counts, classes, noun = counted(tables), tables["classes"], facts["noun"]
    if not counts["used"] + counts["needed"]:
        return (
            f"Removing any single {noun} makes no measurable difference ({classes.height:,} pairs of a {noun} and a "
            f"class tested): {undetected(facts)}. {NO_EVIDENCE.format(noun)}"
        )
    kind, measure = ("needed", "recall") if counts["needed"] else ("used", "probability")
    worst = classes.filter(kind).sort(f"mean_{measure}").to_dicts()[0]
    largest = f"It was picked as the largest of {classes.height:,}, which makes it look larger than it is."
    if counts["needed"]:
        some = f"one of {counts['needed']:,} {noun}s" if counts["needed"] > 1 else f"{noun} {worst['unit']}"
        return (
            f"Removing {some} costs some class recall; most is lost without {noun} {worst['unit']}, which costs "
            f"{cost(worst, measure)}. {largest}"
        )
    return (
        f"Removing any single {noun} makes no measurable difference to recall: {undetected(facts)}. "
        f"{NO_EVIDENCE.format(noun)} {counts['used']:,} of them cost some class probability; most is lost without "
        f"{noun} {worst['unit']}, which costs {cost(worst, measure)}. {largest}"
    )


def _boxes(facts: UnitsFacts) -> str:
    pairs = len(facts["classes"]) * (len(facts["classes"]) - 1) // 2
    where = "its activations" if facts["units"] == 1 else "both activations"
    return (
        f"By {where} alone the boxes (middle halves) of {facts['touching']} of {pairs} pairs of classes overlap, on "
        f"{facts['train_images']:,} training images."
    )


def in_short(facts: UnitsFacts, tables: Mapping[str, pl.DataFrame]) -> str:
    """A part of a sentence: "of the 128 units of `wide`, 42 to one class, 8 to several ..."."""
    counts, units = counted(tables), facts["units"]
    one = "it" if units == 1 else f"one of {counts['needed']:,}" if counts["needed"] else "any single one"
    lost = "costs recall" if counts["needed"] else f"makes no measurable difference to recall: {undetected(facts)}"
    if units <= FEW_UNITS:
        return f"in `{facts['model']}` {listing(_each_to(facts, tables['classes']))}, and removing {one} {lost}"
    kinds = f"{counts['one']} to one class, {counts['several']} to several and {counts['none']} to none"
    if counts["dead"]:
        kinds += f", {counts['dead']} {'is' if counts['dead'] == 1 else 'are'} dead"
    return f"of the {units:,} {facts['noun']}s of `{facts['model']}`, {kinds}, and removing {one} {lost}"


def _each_to(facts: UnitsFacts, classes: pl.DataFrame) -> list[str]:
    """As in "unit 0 to `6`", for every unit."""
    selective = classes.filter("selective").sort("area", descending=True).to_dicts()
    names = [[class_of(row) for row in selective if row["unit"] == unit] for unit in range(facts["units"])]
    return [f"{facts['noun']} {unit} to {listing(each) if each else 'none'}" for unit, each in enumerate(names)]


def class_of(row: Row) -> str:
    """The class of a row, in backquotes."""
    return f"`{row['class']}`"
