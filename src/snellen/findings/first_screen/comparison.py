"""The second statement: what the chosen model is better than, of the other models and the baselines."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.baselines import KEY_PREFIX, baseline_key
from snellen.evaluate.comparisons import Comparison
from snellen.findings.comparisons import HARDLY_ANY, OF_NETWORKS, largest_detectable
from snellen.findings.finding import Facts, Finding
from snellen.findings.first_screen.statement import Statement, fitted, short
from snellen.findings.naming import with_limits
from snellen.phrases import points
from snellen.train.baselines import is_on_features, model_of

LENGTHS = (
    (True, True, True, True),
    (True, False, True, True),
    (False, False, True, True),
    (False, False, False, True),
    (False, False, False, False),
)
"""What a sentence says beside the verdicts: how often each was trained, the difference that can go unseen, the limits
of differences, the differences. The first that keeps it short is used; that networks were compared, not recipes, is
always said. Where all are too long, the baseline is not named."""
LEARNED_NOTHING, TEST_CHOOSES = "SNL107", "SNL126"
SAME = "the same"
NAMED = 2
"""Models that are named; more are counted."""
JUDGED = {
    "validation": "What a model beats is judged on validation images, where nothing of the test is used up.",
    "held_out": "What a model beats is judged over folds, and the baseline on validation images, where nothing of the "
    "test is used up.",
    "test": "What a model beats is judged on the validation images, which are test images here.",
}
"""Where models are compared, by the role of the comparisons: the score above it is often of test."""


def better_than_what(facts: Facts, others: Sequence[Finding]) -> Statement | None:
    """The statement about the comparisons; None where nothing was compared. others: findings, for to beat a model that
    learned nothing says nothing."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return None
    useless = {one.values.get("model") for one in others if one.code == LEARNED_NOTHING}
    pairs = [
        one
        for other in evaluation.ranked
        if other != model and other not in useless and (one := evaluation.comparisons.between(model, other)) is not None
    ]
    baseline = _with_baseline(facts, model)
    if not pairs and baseline is None:
        return None
    if pairs:
        networks = _networks(facts) if any(one.kind in OF_NETWORKS for one in pairs) else None
        lead = f"`{short(model)}`, chosen from {len(evaluation.ranked)}"
        ways = [
            _of_models(f"{lead} {_compared(networks, often)},", pairs, baseline, unseen=far, limits=ends, sizes=gaps)
            for often, far, ends, gaps in LENGTHS
        ]
        unnamed = [ways[-1].replace(_name(baseline), "the best baseline")] if baseline is not None else []
        sentence = fitted([*ways, *unnamed])
    else:
        sentence = _of_baseline(model, baseline, once=_is_trained_once(facts, model))
    known = [*pairs, *([baseline] if baseline is not None else [])]
    judged = (
        {} if all(one.kind == "selected" for one in known) else {"judged": JUDGED[_judged(facts, others, bool(pairs))]}
    )
    return Statement(
        "comparison",
        sentence,
        ("SNL010", "SNL009", "SNL005", "SNL008", "SNL110"),
        {
            "model": model,
            "verdicts": {one.b: one.verdict.word for one in pairs},
            "baseline": evaluation.best_baseline[0] if evaluation.best_baseline and baseline else None,
            "baseline_verdict": baseline.verdict.word if baseline else None,
            **judged,
        },
    )


def _with_baseline(facts: Facts, model: str) -> Comparison | None:
    best, pairs = facts.evaluation.best_baseline, facts.evaluation.comparisons
    return pairs.between(model, baseline_key(best[0]), "validation") if best else None


def _judged(facts: Facts, others: Sequence[Finding], models: bool) -> str:
    """The key in JUDGED. models: whether models are compared, not only one with a baseline."""
    if any(one.code == TEST_CHOOSES for one in others):
        return "test"
    return "held_out" if models and facts.evaluation.comparisons.role == "held_out" else "validation"


def _networks(facts: Facts) -> str:
    """Which networks were compared, where it was not recipes."""
    known = [one for one in facts.evaluation.ranked if one in facts.record.planned]
    return "each trained once" if all(_is_trained_once(facts, one) for one in known) else "one network of each"


def _is_trained_once(facts: Facts, model: str) -> bool:
    """Whether a model is one network, of one seed and no search."""
    study, planned = facts.record.study, facts.record.planned[model]
    return len(planned.seeds) == 1 and study.models[model].search is None and not facts.evaluation.folds


def _compared(networks: str | None, in_full: bool) -> str:
    """What the model was chosen from. networks: None for recipes."""
    if networks is None:
        return "models"
    return f"models, {networks}" if in_full else "trained networks"


def _of_models(
    lead: str,
    others: Sequence[Comparison],
    baseline: Comparison | None,
    *,
    unseen: bool,
    limits: bool,
    sizes: bool,
) -> str:
    """`cnn`, chosen from 3 models, beats `dense` by 2.1 points (0.9 to 3.3), but cannot be told apart from `linear`.

    unseen: with the difference that could be missed. sizes: with the differences; limits: with theirs.
    """
    known = [baseline] if baseline is not None and baseline.kind != "selected" else []
    better = [one for one in others if one.verdict.better]
    unknown = [one for one in others if not one.is_decided and one.kind != "selected"]
    unknown_baseline = [one for one in known if not one.is_decided]
    most = NAMED if sizes else 1
    if sizes:
        beaten = [_gap(better, others, limits)] if better else []
        beaten += [_gap([one], [one], limits) for one in known if one.verdict.better]
    else:
        beaten = [*_names(better, others, most), *(_name(one) for one in known if one.verdict.better)]
    below = [one for one in (*others, *known) if one.verdict.worse]
    above = [*_names([one for one in others if one.verdict.worse], others, most)]
    above += [_name(one) for one in known if one.verdict.worse]
    level = [*_names(unknown, others, most), *map(_name, unknown_baseline)]
    if not beaten and not above and not level:
        return f"{lead} was not compared with the others: a search chose by the same images."
    but = [f"is worse than {' and '.join(above)}{_deficit(below, limits) if sizes else ''}"] if above else []
    but += [f"cannot be told apart from {_any(level)}"] if level else []
    said = [f"beats {' and '.join(beaten)}"] if beaten else []
    said += [" and ".join(but)] if but else []
    return f"{lead} {', but '.join(said)}{_unseen([*unknown, *unknown_baseline]) if unseen else ''}."


def _deficit(below: Sequence[Comparison], limits: bool) -> str:
    """By how much it is worse; the most, where it is worse than several."""
    most = max((one.swapped for one in below), key=lambda one: one.difference.value)
    return f"{', by up to' if len(below) > 1 else ' by'} {_size(most, limits)}"


def _gap(beaten: Sequence[Comparison], of: Sequence[Comparison], limits: bool) -> str:
    """What it beats, and the closest of them by how much."""
    nearest = min(beaten, key=lambda one: one.difference.value)
    closest = f", the closest, {_name(nearest)}," if len(beaten) > 1 else ""
    return f"{' and '.join(_names(beaten, of))}{closest} by {_size(nearest, limits)}"


def _size(one: Comparison, limits: bool) -> str:
    return with_limits(one.difference) if limits else points(one.difference.value)


def _names(some: Sequence[Comparison], of: Sequence[Comparison], most: int = NAMED) -> list[str]:
    """The models or baselines, or how many they are where they are more than `most`."""
    if len(some) <= most:
        return [_name(one) for one in some]
    return [f"all {len(of)} others" if len(some) == len(of) else f"{len(some)} others"]


def _name(one: Comparison) -> str:
    """The second side of a comparison: `dense`, the baseline logistic regression."""
    if not one.b.startswith(KEY_PREFIX):
        return f"`{short(one.b)}`"
    name = one.b.removeprefix(KEY_PREFIX)
    if is_on_features(name):  # only the name of the model may be long
        return f"the baseline {name.replace(model_of(name), short(model_of(name)))}"
    return f"the baseline {short(name)}"


def _any(names: Sequence[str]) -> str:
    """a, b or c."""
    *head, last = (name.replace("all ", "any of the ") for name in names)
    return f"{', '.join(head)} or {last}" if head else last


def _unseen(unknown: Sequence[Comparison]) -> str:
    """The difference that could be missed, the largest of these; empty where it is not known for all."""
    smallest = largest_detectable([one for one in unknown if not one.verdict.equivalent])
    if smallest is None or smallest > HARDLY_ANY:
        return ""
    return f" (a difference under {points(smallest)} could be missed)"


def _of_baseline(model: str, one: Comparison | None, *, once: bool) -> str:
    """The only model and the best baseline."""
    assert one is not None  # else there is no statement
    name = f"`{short(model)}`"
    if one.kind == "selected":
        return f"{name} was not compared with a baseline: a search chose it by the same validation images."
    if once:
        name = f"{name}, trained once,"
    if one.verdict.better:
        return f"{name} beats {_name(one)} by {with_limits(one.difference)}."
    if one.verdict.worse:
        return f"{name} is worse than {_name(one)} by {with_limits(one.swapped.difference)}."
    observed = one.difference
    known = observed.low is not None and observed.high is not None
    limits = f" ({_side(observed.low or 0.0)} to {_side(observed.high or 0.0)})" if known else ""
    than = "as" if _side(observed.value) == SAME else "than"
    return f"{name} scores {_side(observed.value)} {than} {_name(one)}{limits}: they cannot be told apart."


def _side(difference: float) -> str:
    """1.0 points lower; 0.4 points higher; the same."""
    if points(abs(difference)) == points(0.0):
        return SAME
    return f"{points(abs(difference))} {'lower' if difference < 0 else 'higher'}"
