"""How findings write numbers, names and intervals."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.networks import networks_on
from snellen.evaluate.scores import Estimate
from snellen.evaluate.trained_networks import which_network
from snellen.explain.phrases import listing
from snellen.findings.finding import Facts, interval, percent, plural
from snellen.statistics.results import Difference
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED

FLOOR = "floor: "
ROLES = {"validation": "validation", "test": "test", "held_out": "held-out"}


def points(value: float) -> str:
    """0.0213 as 2.1 points."""
    return f"{_tenths(value)} points"


def between(difference: Difference) -> str:
    """1.5 to 2.7: the interval of a difference in points; "no interval" where nothing varied."""
    if difference.low is None or difference.high is None:
        return "no interval"
    return f"{_tenths(difference.low)} to {_tenths(difference.high)}"


def listed(names: Sequence[str]) -> str:
    """`a`, `b` and `c`."""
    return listing(f"`{name}`" for name in names)


def share(estimate: Estimate) -> str:
    """97.2 % (95.0 to 98.5), or without brackets where there is no interval."""
    if estimate.value is None:
        return "undefined"
    return interval(estimate) if estimate.low is not None else percent(estimate.value)


def called(facts: Facts, key: str) -> str:
    """A model in backticks; a floor by its label."""
    if not key.startswith(FLOOR):
        return f"`{key}`"
    return f"the floor `{facts.record.baseline_results[key.removeprefix(FLOOR)].label}`"


def of_networks(facts: Facts, model: str, role: str) -> str:
    """Whose numbers on a role are told: `m`, the network that it is, or all of its networks."""
    networks = networks_on(facts.record, model, role)
    if networks is not None and len(networks.seeds) > 1:
        return f"the {len(networks.seeds)} networks of `{model}`"
    return of_network(facts, model, role)


def of_network(facts: Facts, model: str, role: str = "validation") -> str:
    """The network whose predictions stand for a model on a role: `m` where there is no other."""
    which = which_network(facts.record, model, role)
    return f"`{model}` ({which})" if which else f"`{model}`"


def only(facts: Facts, models: Sequence[str]) -> str:
    """Which network an analysis looked at, as a sentence; empty where the models have one each."""
    which = [each for model in models if (each := which_network(facts.record, model))]
    if not which:
        return ""
    several = len(which) > 1
    what = which[0].replace("the network", "the networks", 1) if several else which[0]
    return f" Looked at {'were' if several else 'was'} {what} alone."


def decimals(value: float) -> str:
    """A mean of counts: 4, 4.3, 1,024.7."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def what_validation_chose(facts: Facts, model: str) -> str:
    """What the validation images chose: the epoch, values that were searched, the model."""
    chosen = ["the epoch"]
    if facts.record.study.models[model].search:
        chosen.append("the values that were searched")
    if len(facts.evaluation.ranked) > 1 and facts.evaluation.by != "folds":
        chosen.append("the model")
    return listing(chosen)


def on(one: Comparison) -> str:
    """What was compared: on 5,000 validation images, 3 seeds each."""
    if one.kind == "folds":
        return f"over the same {plural(one.splits or 0, 'fold')}"
    images = f"on the same {plural(one.images, f'{ROLES[one.role]} image')}"
    return f"{images}, {one.seeds} seeds each" if one.kind == "recipes" else images


def left_out(one: Comparison) -> str:
    """Which network a comparison of recipes leaves out, with a comma before; empty where none."""
    if not one.left_out:
        return ""
    return f", without the network of {listed(one.left_out)} that the search ranked by these images"


def the_network(facts: Facts, key: str, role: str) -> str:
    """A side of a comparison of two networks: the network of `m`, which one where there are several; a floor."""
    if key.startswith(FLOOR):
        return called(facts, key)
    which = which_network(facts.record, key, role)
    return f"{which} of `{key}`" if which and " of the study" not in which else f"the network of `{key}`"


def seeds_to_compare(facts: Facts) -> int | None:
    """With how many seeds the recipes of a study can be compared: one more where a search ranked the first. None where
    a search ranked them all."""
    searches = [each.search for each in facts.record.study.models.values() if each.search is not None]
    if any(each.mean_over == "seeds" for each in searches):
        return None
    return MIN_SEEDS_COMPARED + any(each.mean_over is None for each in searches)


def _tenths(value: float) -> str:
    """In points with one decimal; nothing is minus nought."""
    text = f"{100 * value:.1f}"
    return "0.0" if text == "-0.0" else text
