"""How sure, and better than what: ties, and the comparisons that were named beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.floors import floor_key
from snellen.evaluate.recipes import MIN_SEEDS_COMPARED
from snellen.findings.finding import Facts, Finding, percent
from snellen.findings.words import FLOOR, between, called, listed, on, points

MOST = 8
"""Comparisons in one sentence; the table of the report has all."""


def no_comparison(facts: Facts) -> Iterator[Finding]:
    """SNL005: too few trainings to compare recipes."""
    ranked, pairs = facts.evaluation.ranked, facts.evaluation.comparisons
    if len(ranked) < 2 or pairs.role == "held_out":
        return
    seeds = min(len(facts.record.planned[model].seeds) for model in ranked)
    if seeds >= MIN_SEEDS_COMPARED:
        return
    yield Finding(
        "SNL005",
        "result",
        f"Each of the {len(ranked)} recipes was trained {'once' if seeds == 1 else f'{seeds} times'}, so they cannot "
        "be compared yet: their gaps contain the luck of one initialisation and one order of images. What is compared "
        "here are these networks.",
        {"models": list(ranked), "trainings_each": seeds},
        "leaderboard",
        f"For recipes, train each with at least {MIN_SEEDS_COMPARED} seeds: --set seeds={MIN_SEEDS_COMPARED}",
    )


def tie(facts: Facts) -> Iterator[Finding]:
    """SNL009: the models that cannot be told apart from the chosen one, and what it would take."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    pairs = evaluation.comparisons
    if model is None:
        return
    level = [one for other in pairs.like(model) if (one := pairs.between(model, other)) is not None]
    unknown = [one for one in level if not one.verdict.equivalent]
    if not unknown:
        return
    first = unknown[0]
    what = "The networks of " if first.kind == "networks" else ""
    names = listed([model, *(one.b for one in unknown)])
    yield Finding(
        "SNL009",
        "result",
        f"{what}{names} cannot be told apart {on(first)}{_reach(first)}: that `{model}` stands first among them is a "
        f"tie, not a win.{_needed(unknown, pairs.margin)}",
        {"models": [model, *(one.b for one in unknown)], "margin": pairs.margin, "role": first.role},
        "leaderboard",
    )


def _reach(one: Comparison) -> str:
    return " and seeds" if one.kind == "folds" and one.seeds > 1 else ""


def _needed(unknown: Sequence[Comparison], margin: float) -> str:
    """How far the study was from seeing the margin, and with what it would."""
    if margin <= 0:
        return ""
    powers = [one.power for one in unknown if one.power is not None]
    if not powers:
        return " They are right and wrong alike." if all(one.difference.low is None for one in unknown) else ""
    least = percent(min(powers)) if min(powers) >= 0.001 else "less than 0.1 %"
    wanted = f"a difference of {100 * margin:.2g} points, from where on it matters,"
    return f" A study like this finds {wanted} with a probability of {least}.{_cost(unknown)}"


def _cost(unknown: Sequence[Comparison]) -> str:
    """Images or seeds for four in five; the most that any of the pairs asks for."""
    if unknown[0].kind == "folds":
        return ""
    images = [one.images_needed for one in unknown]
    seeds = [one.seeds_needed for one in unknown]
    ways = []
    if None not in images:
        ways.append(f"about {_rounded(max(each for each in images if each is not None)):,} images")
    if unknown[0].kind == "recipes" and None not in seeds:
        ways.append(f"about {max(each for each in seeds if each is not None):,} seeds each")
    if not ways:
        return " Neither more images nor more seeds alone would do: it takes more of both."
    return f" For a probability of 80 % {' or '.join(ways)} would be needed."


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
        f"{_opening(on(first))}: {clauses}{more}. {_scope(first)} {_correction(family)}",
        {"model": model, "role": role, "verdicts": {one.b: one.verdict.word for one in found}, "family": family},
        "leaderboard",
    )


def _correction(family: int) -> str:
    if family == 1:
        return "It is the only comparison of this report."
    return f"All {family} comparisons of this report stand under one correction (Holm)."


def _opening(text: str) -> str:
    return text[0].upper() + text[1:]


def _scope(one: Comparison) -> str:
    """What the sentence covers."""
    return {
        "networks": "This is about these trained networks, not about training them again.",
        "recipes": "The intervals cover other images and training again.",
        "folds": "The intervals cover other images and training again on other rows.",
    }[one.kind]


def _clause(facts: Facts, one: Comparison) -> str:
    """One comparison in words: what the verdict allows, and no more."""
    a, b, word = called(facts, one.a), called(facts, one.b), one.verdict.word
    shown = one.turned.difference if one.verdict.worse else one.difference
    size = f"{points(shown.value)}, {between(shown)}"
    if word == "equivalent":
        return f"{a} and {b} are equivalent ({size})"
    if word == "cannot tell":
        return f"{a} and {b} cannot be told apart ({size}{_corrected_away(one)})"
    if one.kind == "networks":
        above = word.replace("better", "above").replace("worse", "below")
        return f"the network of {a} is {above} {b if one.b.startswith(FLOOR) else f'that of {b}'} ({size})"
    same = ", which is less than what matters" if one.verdict.equivalent else ""
    return f"{a} is {word} than {b} ({size}{same})"


def _corrected_away(one: Comparison) -> str:
    """Why an interval beside nought is not enough."""
    low, high = one.difference.low, one.difference.high
    beside = low is not None and high is not None and (low > 0 or high < 0)
    return "; alone it would count, among so many comparisons it does not" if beside else ""


def against_floor(facts: Facts, model: str, floor: str) -> str:
    """The verdict on a model and a floor, as a sentence; empty where they were not compared."""
    one = facts.evaluation.comparisons.between(model, floor_key(floor))
    one = one or facts.evaluation.comparisons.between(model, floor_key(floor), "validation")
    if one is None:
        return ""
    return f" {_opening(_clause(facts, one))}."
