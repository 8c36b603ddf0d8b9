"""The finding about what to do next: the first step that applies and that no other advice rules out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.scores import Estimate
from snellen.findings.finding import Action, Facts, Finding, Step
from snellen.findings.naming import seeds_to_compare
from snellen.models.backbones.layer import Backbone
from snellen.phrases import quoted
from snellen.train.baselines import is_on_features

NAMED = 3
"""Models that are named; more are not."""
MOST_SEEDS = 30
"""More seeds than this are never recommended."""


def what_next(facts: Facts) -> Iterator[Finding]:
    """SNL015: all steps that apply, in the order of STEPS; `snellen.findings.advice` keeps the first that no other
    advice rules out."""
    model = facts.evaluation.chosen
    steps = [Step(action, text) for action, of in STEPS if (text := of(facts, model))] if model else []
    if model and steps:
        yield Finding("SNL015", "result", steps[0].text, {"model": model}, f"model-{model}", steps=tuple(steps))


def _beat_the_baseline(facts: Facts, model: str) -> str:
    best = facts.evaluation.best_baseline
    one = facts.evaluation.comparisons.between(model, baseline_key(best[0]), "validation") if best else None
    if best is None or one is None or one.verdict.better or one.kind == "selected":
        return ""
    use = f"; until then {'prefer' if one.verdict.worse else 'consider'} the best baseline, {best[0]}"
    folds = "" if facts.record.study.folds else "; `folds: 5` compares more precisely"
    learned = not _guesses(facts, best[1])
    is_pretrained = isinstance(facts.record.model(model).layers[0], Backbone)
    is_known = is_pretrained or is_on_features(best[0])
    pretrained = "" if is_known else " or start from a pretrained network"
    return f"collect more images{pretrained}{folds}{use if learned else ''}."


def _guesses(facts: Facts, accuracy: Estimate) -> bool:
    """Whether an accuracy on validation may be that of always answering the class most frequent in training."""
    guess = facts.evaluation.estimate(baseline_key("majority class"), "validation", "accuracy")
    return (
        guess is not None and None not in (guess.value, accuracy.low) and (accuracy.low or 0.0) <= (guess.value or 0.0)
    )


def _seeds(facts: Facts, model: str) -> str:
    ranked, pairs = facts.evaluation.ranked, facts.evaluation.comparisons
    seeds = min(len(facts.record.planned[each].seeds) for each in ranked)
    wanted = seeds_to_compare(facts)
    if len(ranked) < 2 or pairs.role == "held_out" or wanted is None or seeds >= wanted:
        return ""
    return f"train every model from at least {wanted} random starts (--set seeds={wanted}), and compare again."


def _decide(facts: Facts, model: str) -> str:
    """More seeds, where they would decide between models that share a letter."""
    pairs = facts.evaluation.comparisons
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    needed = [one.seeds_needed for one in level if one.seeds_needed is not None]
    if not needed or min(needed) > MOST_SEEDS:
        return ""
    which = "if it matters which of the models that cannot be told apart is better"
    return f"{which}, train each with {min(needed)} seeds; else take the smallest."


def _take_the_smallest(facts: Facts, model: str) -> str:
    """The smallest model, where nothing known would decide between models that share a letter."""
    pairs = facts.evaluation.comparisons
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    if not level:
        return ""
    many = all(one.kind == "recipes" and not one.verdict.equivalent for one in level)
    why = f"not even {MOST_SEEDS} seeds of each would decide" if many else "this study cannot decide"
    names = [model, *(one.b for one in level)]
    which = quoted(names) if len(names) <= NAMED else "the models that cannot be told apart"
    return f"take the smallest of {which}, or the one you understand best: {why}."


def _evaluate_on_test(facts: Facts, model: str) -> str:
    if model in facts.evaluation.opened or not facts.record.data["roles"]["counts"].get("test"):
        return ""
    return "all choices are made: evaluate this model on the test images, once (--set open_test=chosen)."


def _look(facts: Facts, model: str) -> str:
    mistakes = f"look at the mistakes of `{model}` in the report, those it was surest of first"
    return f"{mistakes}; after changes, judge on fresh images."


STEPS: tuple[tuple[Action, Callable[[Facts, str], str]], ...] = (
    ("tune", _beat_the_baseline),
    ("seeds", _seeds),
    ("seeds", _decide),
    ("smallest", _take_the_smallest),
    ("evaluate on test", _evaluate_on_test),
    ("look", _look),
)
"""In order of importance; the last always applies, and nothing rules it out."""
