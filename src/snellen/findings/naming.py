"""How findings name what they are about: models, their networks, baselines, and what was compared."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.baselines import KEY_PREFIX
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.networks import networks_on
from snellen.evaluate.trained_networks import which_network
from snellen.findings.finding import Facts
from snellen.phrases import listing, plural, points, points_limits, quoted
from snellen.statistics.results import Difference
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED

ROLES = {"validation": "validation", "test": "test", "held_out": "held-out"}


def model_or_baseline(facts: Facts, key: str) -> str:
    """`m`, or: the baseline `nearest centroid`."""
    if not key.startswith(KEY_PREFIX):
        return f"`{key}`"
    return f"the baseline `{facts.record.baseline_results[key.removeprefix(KEY_PREFIX)].label}`"


def all_networks(facts: Facts, model: str, role: str) -> str:
    """The networks whose scores on a role are given: all networks of a model where it has several, else the one."""
    networks = networks_on(facts.record, model, role)
    if networks is not None and len(networks.seeds) > 1:
        return f"the {len(networks.seeds)} networks of `{model}`"
    return one_network(facts, model, role)


def one_network(facts: Facts, model: str, role: str = "validation") -> str:
    """The network whose predictions represent a model on a role: `m` where there is no other."""
    which = which_network(facts.record, model, role)
    return f"`{model}` ({which})" if which else f"`{model}`"


def network_or_baseline(facts: Facts, key: str, role: str) -> str:
    """A side of a comparison of two networks: the network of `m`, or `m` (the network of seed 0)."""
    if key.startswith(KEY_PREFIX):
        return model_or_baseline(facts, key)
    which = which_network(facts.record, key, role)
    return f"`{key}` ({which})" if which and " of the study" not in which else f"the network of `{key}`"


def analysed_only(facts: Facts, models: Sequence[str]) -> str:
    """Which networks an analysis looked at, as a sentence; empty where each model has only one."""
    which = [each for model in models if (each := which_network(facts.record, model))]
    if not which:
        return ""
    what = which[0].replace("the network", "the networks", 1) if len(which) > 1 else which[0]
    return f" Only {what} {'were' if len(which) > 1 else 'was'} analysed."


def what_validation_chose(facts: Facts, model: str) -> str:
    """What the validation images chose: the epoch, values that were searched, the model."""
    chosen = ["the epoch"]
    if facts.record.study.models[model].search:
        chosen.append("the values that were searched")
    if len(facts.evaluation.ranked) > 1 and facts.evaluation.by != "folds":
        chosen.append("the model")
    return listing(chosen)


def compared_on(one: Comparison) -> str:
    """What two sides were compared on: on the same 5,000 validation images, 3 seeds each."""
    if one.kind == "folds":
        return f"over the same {plural(one.splits or 0, 'fold')}"
    images = f"on the same {plural(one.images, f'{ROLES[one.role]} image')}"
    return f"{images}, {one.seeds} seeds each" if one.kind == "recipes" else images


def left_out(one: Comparison) -> str:
    """Which network a comparison of recipes leaves out, with a comma before; empty where none."""
    if not one.left_out:
        return ""
    return f", without the network of {quoted(one.left_out)} that the search ranked by these images"


def with_limits(difference: Difference) -> str:
    """2.1 points (1.5 to 2.7)."""
    return f"{points(difference.value)} ({points_limits(difference.low, difference.high)})"


def seeds_to_compare(facts: Facts) -> int | None:
    """The number of seeds with which recipes can be compared: one more where a search ranked the first. None where a
    search ranked them all."""
    searches = [each.search for each in facts.record.study.models.values() if each.search is not None]
    if any(each.mean_over == "seeds" for each in searches):
        return None
    return MIN_SEEDS_COMPARED + any(each.mean_over is None for each in searches)
