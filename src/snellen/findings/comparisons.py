"""How sure, and better than what: ties, and the comparisons that were named beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import Comparison, Comparisons
from snellen.evaluate.cross_validation import HELD_OUT
from snellen.explain.phrases import listing
from snellen.findings.finding import Facts, Finding
from snellen.findings.naming import (
    between,
    called,
    left_out,
    listed,
    on,
    points,
    seeds_to_compare,
    the_network,
)
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED

MOST = 8
"""Comparisons in one sentence; the table of the report has all."""
HARDLY_ANY = 0.25
"""A difference that nobody needs a test for: what would have been found beyond it is not told as a number."""
OF_NETWORKS = ("networks", "out of bag")
"""Kinds of comparison that say nothing of recipes."""
OUT_OF_BAG = "each judged by what the search would have chosen without it"
"""Of images, beside the numbers of a comparison out of bag."""
OWN_CORRECTION = {"curves": "curves", "errors": "errors, for its slices", "units": "units"}
"""Analyses whose tests are families of their own, by what they are called."""


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
        f"Each of the {len(ranked)} recipes was trained {'once' if seeds == 1 else f'{seeds} times'}, so they cannot "
        "be compared yet: their gaps contain the luck of one initialisation and one order of images. What is compared "
        "here are these networks.",
        {"models": list(ranked), "trainings_each": seeds},
        "leaderboard",
        f"For recipes, train each with at least {wanted} seeds: --set seeds={wanted}" if wanted else None,
    )


def undecided(facts: Facts) -> Iterator[Finding]:
    """SNL009: the models that share a letter with the chosen one: which is best is not decided, and what it takes."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    pairs = evaluation.comparisons
    if model is None:
        return
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    unknown = [one for one in level if not one.verdict.equivalent]
    if not unknown:
        return
    judged = [one for one in unknown if one.kind != "selected"]
    excluded = [one for one in judged if not pairs.best[one.b].not_worse]
    open_ = [one for one in judged if one not in excluded]
    behind = not pairs.best[model].not_worse
    first = _chosen_is_not_best(facts, model, open_) if behind else _open(model, open_, pairs)
    parts = [first, _excluded(model, excluded), _not_judged(unknown, seeds_to_compare(facts))]
    yield Finding(
        "SNL009",
        "result",
        " ".join(part for part in parts if part),
        {
            "models": [model, *(one.b for one in open_)],
            "excluded": [one.b for one in excluded],
            "not_compared": [one.b for one in unknown if one not in judged],
            "detectable": largest_detectable(open_),
            "margin": pairs.margin,
            "role": unknown[0].role,
        },
        "leaderboard",
    )


def _open(model: str, unknown: Sequence[Comparison], pairs: Comparisons) -> str:
    """Those of which each may be the best."""
    if not unknown:
        return ""
    first = next((one for one in unknown if one.kind in OF_NETWORKS), unknown[0])
    what = "the networks of " if first.kind in OF_NETWORKS else ""
    names = listed([model, *(one.b for one in unknown)])
    found = f" {no_evidence(unknown, len(pairs.all))}" if largest_detectable(unknown) is not None else ""
    return (
        f"Which of {what}{names} is best is not decided {on(first)}{_seeds_too(first)}; that `{model}` stands first "
        f"among them may be chance.{found}{_needed(unknown, pairs.margin)}"
    )


def _chosen_is_not_best(facts: Facts, model: str, unknown: Sequence[Comparison]) -> str:
    """A choice by loss of what is not the best by accuracy."""
    measure = facts.record.study.choose_by
    beside = f", though it shares a letter with {listed([one.b for one in unknown])}" if unknown else ""
    return (
        f"`{model}` was chosen by {measure}; in accuracy the comparison with the best excludes that "
        f"it is the best{beside}."
    )


def _excluded(model: str, excluded: Sequence[Comparison]) -> str:
    """Those that only the correction over all pairs keeps beside the chosen model."""
    if not excluded:
        return ""
    names, one = listed([each.b for each in excluded]), len(excluded) == 1
    return (
        f"{names} {'shares' if one else 'share'} a letter with `{model}` under the correction for all pairs, but the "
        f"comparison with the best excludes that {'it is' if one else 'any of them is'} the best."
    )


def _not_judged(unknown: Sequence[Comparison], seeds: int | None) -> str:
    """Those that the images cannot compare, because they chose one of the two. seeds: with which recipes can be."""
    names = [one.b for one in unknown if one.kind == "selected"]
    if not names:
        return ""
    if unknown[0].role == HELD_OUT:
        images, can = "folds", "Folds with `nested: true`, or the test, can."
    else:
        images, seeds_can = "validation images", f", `seeds: {seeds}`" if seeds else ""
        can = f"Folds{seeds_can} or the test can."
    return (
        f"The {images} that a search chose by cannot compare its winner with others; so nothing is said of "
        f"`{unknown[0].a}` against {listed(names)}. {can}"
    )


def largest_detectable(unknown: Sequence[Comparison]) -> float | None:
    """The difference that would have been found in any of these comparisons with a probability of 80 %."""
    found = [one.detectable for one in unknown if one.detectable is not None]
    return max(found) if found and len(found) == len(unknown) else None


def no_evidence(unknown: Sequence[Comparison], family: int) -> str:
    """What would have been found, and that not finding it shows nothing; `largest_detectable` is known."""
    among, smallest = f", corrected for {family} comparisons," if family > 1 else "", largest_detectable(unknown) or 0.0
    if smallest > HARDLY_ANY:
        return (
            f"A difference of {points(HARDLY_ANY)} would hardly have been found{among}; that none was found is no "
            "evidence that they are equal."
        )
    return (
        f"A difference of {points(smallest)} or more would have been found{among} with a probability of about 80 %; "
        "that none was found is no evidence that they are equal."
    )


def _seeds_too(one: Comparison) -> str:
    return " and seeds" if one.kind == "folds" and one.seeds > 1 else ""


def _needed(unknown: Sequence[Comparison], margin: float) -> str:
    """With what the margin would be found."""
    cost = _cost(unknown) if margin > 0 else ""
    return cost and f" For {100 * margin:.2g} points, from where on a difference matters, {cost}"


def _cost(unknown: Sequence[Comparison]) -> str:
    """Images or seeds for four in five; the most that any of the pairs asks for. Empty where it is not known."""
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
        return "neither more images nor more seeds alone would do: it takes more of both."
    return f"{' or '.join(ways)} would be needed."


def _rounded(count: int) -> int:
    """Upwards to two digits: it is an estimate."""
    unit = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // unit) * unit


def compared(facts: Facts) -> Iterator[Finding]:
    """SNL010: the chosen model against the others, by the named pairs; not where all of them are a tie."""
    yield from _pairs(facts, "SNL010", facts.evaluation.comparisons.role)


def compared_on_test(facts: Facts) -> Iterator[Finding]:
    """SNL011: the same pairs on test, for models that the study opened it for. They choose nothing."""
    yield from _pairs(facts, "SNL011", "test")


def _pairs(facts: Facts, code: str, role: str) -> Iterator[Finding]:
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return
    others = [other for other in evaluation.ranked if other != model]
    found = [one for other in others if (one := evaluation.comparisons.between(model, other, role)) is not None]
    if not found:
        return
    told = [one for one in found if one.verdict.word != "cannot tell"]
    if role == evaluation.comparisons.role and not told:
        return  # the tie has said so
    first, shown = found[0], told[:MOST] + [one for one in found if one not in told][: MOST - len(told[:MOST])]
    clauses = "; ".join(_clause(facts, one) for one in shown)
    more = f"; {len(found) - MOST} more are in the table" if len(found) > MOST else ""
    family = len(evaluation.comparisons.all)
    yield Finding(
        code,
        "result",
        f"{_opening(on(first))}: {clauses}{more}. {_scope(first)} {_correction(facts, family)}",
        {"model": model, "role": role, "verdicts": {one.b: one.verdict.word for one in found}, "family": family},
        "leaderboard",
    )


def _correction(facts: Facts, family: int) -> str:
    apart = sorted({asked.options.name for asked in facts.outcomes} & OWN_CORRECTION.keys())
    own = (
        f" The pages of {listing(OWN_CORRECTION[name] for name in apart)} have corrections of their own."
        if apart
        else ""
    )
    if family == 1:
        return f"It is the only comparison of models in this report.{own}"
    return f"All {family} comparisons of models and floors in this report stand under one correction (Holm).{own}"


def _opening(text: str) -> str:
    return text[0].upper() + text[1:]


def _scope(one: Comparison) -> str:
    """What the sentence covers."""
    return {
        "networks": "This is about these trained networks, not about training them again.",
        "out of bag": "This is about trained networks, not about training them again.",
        "selected": "",
        "recipes": "The intervals cover other images and training again.",
        "folds": "The intervals cover other images and training again on other rows.",
    }[one.kind]


def _clause(facts: Facts, one: Comparison) -> str:
    """One comparison in words: what the verdict allows, and no more."""
    a, b, word = called(facts, one.a), called(facts, one.b), one.verdict.word
    shown = one.turned.difference if one.verdict.worse else one.difference
    how = f", {OUT_OF_BAG}" if one.kind == "out of bag" else left_out(one)
    size = f"{points(shown.value)}, {between(shown)}{how}"
    if one.kind == "selected":
        return f"{a} and {b} are not compared, because a search chose by these images"
    if word == "equivalent":
        return f"{a} and {b} are equivalent ({size})"
    if word == "cannot tell":
        return f"{a} and {b} cannot be told apart ({size}{corrected_away(one)})"
    if one.kind in OF_NETWORKS:
        above = word.replace("better", "above").replace("worse", "below")
        return f"{the_network(facts, one.a, one.role)} is {above} {the_network(facts, one.b, one.role)} ({size})"
    same = ", which is less than what matters" if one.verdict.equivalent else ""
    return f"{a} is {word} than {b} ({size}{same})"


def corrected_away(one: Comparison) -> str:
    """Where the correction decides."""
    alone = one.difference.p_value
    if alone is None or alone >= SIGNIFICANT:
        return ""
    return f"; p {alone:.2g} alone, {one.adjusted_p:.2g} after the correction for all comparisons"


def against_baseline(facts: Facts, model: str, floor: str) -> str:
    """The verdict on a model and a floor, as a sentence; empty where they were not compared."""
    one = facts.evaluation.comparisons.between(model, baseline_key(floor))
    one = one or facts.evaluation.comparisons.between(model, baseline_key(floor), "validation")
    if one is None:
        return ""
    return f" {_opening(_clause(facts, one))}."
