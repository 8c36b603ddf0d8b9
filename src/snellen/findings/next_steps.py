"""What to do next: the one thing that would make the answer surer, and that no other advice speaks against."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from snellen.evaluate.baselines import baseline_key
from snellen.findings.finding import Facts, Finding, Step, TrialRequest
from snellen.findings.naming import seeds_to_compare

MOST_SEEDS = 30
"""More seeds than this are not asked of anybody."""


def what_next(facts: Facts) -> Iterator[Finding]:
    """SNL015: what would help most: the first that applies and that the advice of the other findings does not rule out,
    as `snellen.findings.advice` has it."""
    model = facts.evaluation.chosen
    steps = [Step(ask, text) for ask, of in STEPS if (text := of(facts, model))] if model else []
    if model and steps:
        yield Finding("SNL015", "result", steps[0].text, {"model": model}, f"model-{model}", steps=tuple(steps))


def _beat_the_baseline(facts: Facts, model: str) -> str:
    best = facts.evaluation.best_baseline
    one = facts.evaluation.comparisons.between(model, baseline_key(best[0]), "validation") if best else None
    if best is None or one is None or one.verdict.better or one.kind == "selected":
        return ""
    return (
        f"`{model}` is not shown to be above the floor `{best[0]}`; other layers, another learning rate or more "
        "validation images come before all else."
    )


def _seeds(facts: Facts, model: str) -> str:
    ranked, pairs = facts.evaluation.ranked, facts.evaluation.comparisons
    seeds = min(len(facts.record.planned[each].seeds) for each in ranked)
    wanted = seeds_to_compare(facts)
    if len(ranked) < 2 or pairs.role == "held_out" or wanted is None or seeds >= wanted:
        return ""
    return f"train every recipe with at least {wanted} seeds (--set seeds={wanted}), then compare."


def _decide(facts: Facts, model: str) -> str:
    """A tie that more seeds would decide."""
    pairs = facts.evaluation.comparisons
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    needed = [one.seeds_needed for one in level if one.seeds_needed is not None]
    if not needed or min(needed) > MOST_SEEDS:
        return ""
    which = "if it matters which of the models with its letter is better"
    return f"{which}, train {min(needed)} seeds of each; else take the smallest."


def _take_the_smallest(facts: Facts, model: str) -> str:
    """A tie that no reasonable number of seeds would decide, or of which nobody knows what would."""
    pairs = facts.evaluation.comparisons
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    if not level:
        return ""
    many = all(one.kind == "recipes" and not one.verdict.equivalent for one in level)
    why = f"not even {MOST_SEEDS} seeds of each would decide" if many else "nothing here decides"
    return f"{why} between the models with its letter: take the smallest, or the one you understand."


def _open(facts: Facts, model: str) -> str:
    if model in facts.evaluation.opened or not facts.record.data["roles"]["counts"].get("test"):
        return ""
    return "nothing more is to be chosen; open the test once for this model (--set open_test=chosen)."


def _look(facts: Facts, model: str) -> str:
    return f"look at the mistakes of `{model}` below, the most confident first; they say more than one more decimal."


STEPS: tuple[tuple[TrialRequest, Callable[[Facts, str], str]], ...] = (
    ("tune", _beat_the_baseline),
    ("seeds", _seeds),
    ("seeds", _decide),
    ("smallest", _take_the_smallest),
    ("open the test", _open),
    ("look", _look),
)
"""In the order in which they are asked; the last always applies, and nothing rules it out."""
