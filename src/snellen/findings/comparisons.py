"""Findings about comparisons of models: which were made, which models cannot be told apart, and what it would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import Comparison, Comparisons
from snellen.evaluate.cross_validation import HELD_OUT
from snellen.evaluate.pair_differences import Kind
from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import (
    compared_on,
    left_out,
    model_or_baseline,
    network_or_baseline,
    seeds_to_compare,
)
from snellen.phrases import capitalised, listing, margin, p_value, points, points_limits, quoted, times
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED

MOST = 8
"""Comparisons in one sentence; the table of the report has all."""
HARDLY_ANY = 0.25
"""A difference so large that a larger detectable one is not given as a number."""
OF_NETWORKS = ("networks", "out of bag")
"""Kinds of comparison that are about trained networks, not about recipes."""
OUT_OF_BAG = "each judged by what the search would have chosen without it"
"""Said of images, beside the numbers of an out-of-bag comparison."""


def no_comparison(facts: Facts) -> Iterator[Finding]:
    """SNL005: too few trainings to compare recipes."""
    ranked, pairs = facts.evaluation.ranked, facts.evaluation.comparisons
    if len(ranked) < 2 or pairs.role == "held_out":
        return
    seeds = min(len(facts.record.planned[model].seeds) for model in ranked)
    wanted = seeds_to_compare(facts)
    if seeds >= (wanted or MIN_SEEDS_COMPARED):
        return
    yield Finding(
        "SNL005",
        "result",
        f"Each of the {len(ranked)} models was trained {times(seeds)}, which is too few to compare recipes: part of "
        "each difference is the luck of the initial weights and of the order of images. Only these trained networks "
        "are compared here.",
        {"models": list(ranked), "trainings_each": seeds},
        "leaderboard",
        steps=(Step("seeds", f"To compare recipes, train each with at least {wanted} seeds: --set seeds={wanted}"),)
        if wanted
        else (),
    )


def undecided(facts: Facts) -> Iterator[Finding]:
    """SNL009: the models that share a letter with the chosen one: which is best is undecided, and what would decide."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    pairs = evaluation.comparisons
    if model is None:
        return
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    unknown = [one for one in level if not one.verdict.equivalent]
    if not unknown:
        return
    comparable = [one for one in unknown if one.kind != "selected"]
    excluded = [one for one in comparable if not pairs.best[one.b].not_worse]
    candidates = [one for one in comparable if one not in excluded]
    behind = not pairs.best[model].not_worse
    first = _chosen_is_not_best(facts, model, candidates) if behind else _candidates(model, candidates, pairs)
    parts = [first, _excluded(model, excluded), _not_comparable(unknown, seeds_to_compare(facts))]
    yield Finding(
        "SNL009",
        "result",
        " ".join(part for part in parts if part),
        {
            "models": [model, *(one.b for one in candidates)],
            "excluded": [one.b for one in excluded],
            "not_compared": [one.b for one in unknown if one not in comparable],
            "detectable": largest_detectable(candidates),
            "margin": pairs.margin,
            "role": unknown[0].role,
        },
        "leaderboard",
    )


def _candidates(model: str, unknown: Sequence[Comparison], pairs: Comparisons) -> str:
    """The models each of which may be the best."""
    if not unknown:
        return ""
    first = next((one for one in unknown if one.kind in OF_NETWORKS), unknown[0])
    what = "the networks of " if first.kind in OF_NETWORKS else ""
    names = quoted([model, *(one.b for one in unknown)])
    found = f" {no_evidence(unknown, len(pairs.all))}" if largest_detectable(unknown) is not None else ""
    return (
        f"Which of {what}{names} is best is undecided {compared_on(first)}{_seeds_too(first)}; that `{model}` ranks "
        f"first among them may be chance.{found}{_needed(unknown, pairs.margin)}"
    )


def _chosen_is_not_best(facts: Facts, model: str, unknown: Sequence[Comparison]) -> str:
    """A model that was chosen by loss, but is not the best by accuracy."""
    measure = facts.record.study.choose_by
    beside = f", though it shares a letter with {quoted(one.b for one in unknown)}" if unknown else ""
    return (
        f"`{model}` was chosen by {measure}; by accuracy, the comparison with the best rules it out as the best"
        f"{beside}."
    )


def _excluded(model: str, excluded: Sequence[Comparison]) -> str:
    """The models that share a letter with the chosen one, but are ruled out as the best."""
    if not excluded:
        return ""
    names, one = quoted(each.b for each in excluded), len(excluded) == 1
    return (
        f"{names} {'shares' if one else 'share'} a letter with `{model}` under the correction for all pairs, but "
        f"the comparison with the best rules {'it' if one else 'them'} out as the best."
    )


def _not_comparable(unknown: Sequence[Comparison], seeds: int | None) -> str:
    """The models that cannot be compared on images by which a search chose. seeds: with which recipes can be
    compared."""
    names = [one.b for one in unknown if one.kind == "selected"]
    if not names:
        return ""
    if unknown[0].role == HELD_OUT:
        images, instead = "folds", "Compare with `folds: {nested: true}` or on test."
    else:
        images, by_seeds = "validation images", f", with `seeds: {seeds}`" if seeds else ""
        instead = f"Compare with `folds`{by_seeds} or on test."
    return (
        f"A search chose its winner by these {images}, so they cannot compare it with others: nothing is said about "
        f"`{unknown[0].a}` against {quoted(names)}. {instead}"
    )


def largest_detectable(unknown: Sequence[Comparison]) -> float | None:
    """The difference that each of these comparisons would have found with a probability of 80 %."""
    found = [one.detectable for one in unknown if one.detectable is not None]
    return max(found) if found and len(found) == len(unknown) else None


def no_evidence(unknown: Sequence[Comparison], family: int) -> str:
    """The difference that would have been found, and that finding none does not show equality."""
    among, smallest = f", corrected for {family} comparisons" * (family > 1), largest_detectable(unknown) or 0.0
    if smallest > HARDLY_ANY:
        return (
            f"Even a difference of {points(HARDLY_ANY)} might have been missed{among}; that none was found is no "
            "evidence that they are equal."
        )
    return (
        f"A difference of {points(smallest)} or more would have been found{among}{',' * bool(among)} with a "
        "probability of about 80 %; that none was found is no evidence that they are equal."
    )


def _seeds_too(one: Comparison) -> str:
    return " and seeds" if one.kind == "folds" and one.seeds > 1 else ""


def _needed(unknown: Sequence[Comparison], smallest: float) -> str:
    """How many images or seeds would be needed to find the smallest difference that matters."""
    cost = _cost(unknown) if smallest > 0 else ""
    return cost and f" To find a difference of {margin(smallest)}, the smallest that matters, {cost}"


def _cost(unknown: Sequence[Comparison]) -> str:
    """Images or seeds for a probability of 80 %, the most that any pair needs. Empty where it is unknown."""
    if unknown[0].kind not in ("networks", "recipes"):
        return ""
    images = [one.images_needed for one in unknown]
    seeds = [one.seeds_needed for one in unknown]
    ways = []
    if None not in images:
        ways.append(f"about {_rounded(max(each for each in images if each is not None)):,} images")
    if unknown[0].kind == "recipes" and None not in seeds:
        ways.append(f"about {max(each for each in seeds if each is not None):,} seeds each")
    if not ways:
        return "neither more images nor more seeds alone would be enough; it takes both."
    return f"{' or '.join(ways)} would be needed."


def _rounded(count: int) -> int:
    """Upwards to two digits: it is an estimate."""
    unit = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // unit) * unit


def compared(facts: Facts) -> Iterator[Finding]:
    """SNL010: the chosen model against the others; not where none of them could be told apart."""
    yield from _pairs(facts, "SNL010", facts.evaluation.comparisons.role)


def compared_on_test(facts: Facts) -> Iterator[Finding]:
    """SNL011: the same pairs on test, for models that the study evaluates there. They choose nothing."""
    yield from _pairs(facts, "SNL011", "test")


def _pairs(facts: Facts, code: str, role: str) -> Iterator[Finding]:
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return
    others = [other for other in evaluation.ranked if other != model]
    found = [one for other in others if (one := evaluation.comparisons.between(model, other, role)) is not None]
    if not found:
        return
    decided = [one for one in found if one.verdict.word != "cannot tell"]
    if role == evaluation.comparisons.role and not decided:
        return  # `undecided` has said so
    first, shown = found[0], decided[:MOST] + [one for one in found if one not in decided][: MOST - len(decided[:MOST])]
    clauses = "; ".join(clause(facts, one) for one in shown)
    more = f"; {len(found) - MOST} more are in the table" if len(found) > MOST else ""
    family = len(evaluation.comparisons.all)
    yield Finding(
        code,
        "result",
        f"{capitalised(compared_on(first))}: {clauses}{more}. {scope(first.kind)} {_correction(facts, family)}",
        {"model": model, "role": role, "verdicts": {one.b: one.verdict.word for one in found}, "family": family},
        "leaderboard",
    )


def _correction(facts: Facts, family: int) -> str:
    apart = {analysis.method.own_correction for analysis in facts.outcomes} - {None}
    own = f" The pages of {listing(sorted(map(str, apart)))} are corrected separately." if apart else ""
    if family == 1:
        return f"It is the only comparison of models in this report.{own}"
    return f"All {family} comparisons of models and baselines in this report are corrected together (Holm).{own}"


def scope(kind: Kind) -> str:
    """What the sentence and its intervals are about."""
    return {
        "networks": "This is about these trained networks, not about training them again.",
        "out of bag": "This is about trained networks, not about training them again.",
        "selected": "",
        "recipes": "The intervals cover other images and training again.",
        "folds": "The intervals cover other images and training again on other rows.",
    }[kind]


def clause(facts: Facts, one: Comparison) -> str:
    """One comparison in words, as its verdict allows."""
    a, b, word = model_or_baseline(facts, one.a), model_or_baseline(facts, one.b), one.verdict.word
    shown = one.swapped.difference if one.verdict.worse else one.difference
    how = f", {OUT_OF_BAG}" if one.kind == "out of bag" else left_out(one)
    size = f"{points(shown.value)}, {points_limits(shown.low, shown.high)}{how}"
    if one.kind == "selected":
        return f"{a} and {b} are not compared, because a search chose by these images"
    if word == "equivalent":
        return f"{a} and {b} are equivalent ({size})"
    if word == "cannot tell":
        return f"{a} and {b} cannot be told apart ({size}{corrected_away(one)})"
    if one.kind in OF_NETWORKS:
        more = word.replace("better", "more").replace("worse", "less")
        a, b = (network_or_baseline(facts, key, one.role) for key in (one.a, one.b))
        return f"{a} is {more} accurate than {b} ({size})"
    same = ", which is less than what matters" if one.verdict.equivalent else ""
    return f"{a} is {word} than {b} ({size}{same})"


def corrected_away(one: Comparison) -> str:
    """Both p-values, where the correction makes the difference."""
    alone = one.difference.p_value
    if alone is None or alone >= SIGNIFICANT:
        return ""
    return f"; {p_value(alone)} alone, {p_value(one.adjusted_p)} after the correction for all comparisons"


def against_baseline(facts: Facts, model: str, baseline: str) -> str:
    """The verdict on a model and a baseline, as a sentence; empty where they were not compared."""
    one = facts.evaluation.comparisons.between(model, baseline_key(baseline))
    one = one or facts.evaluation.comparisons.between(model, baseline_key(baseline), "validation")
    if one is None:
        return ""
    return f" {capitalised(clause(facts, one))}."
