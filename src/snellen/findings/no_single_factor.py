"""Finding about differences that belong to no single setting: which control is missing, and the option to add it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.search_effects import Effect, by_reason
from snellen.findings.effects import varied_of
from snellen.findings.factor_words import Varied, range_clause
from snellen.findings.finding import Facts, Finding
from snellen.findings.set_options import another_model, first_accepted, with_value
from snellen.phrases import plural, points, points_limits, quoted, setting, some
from snellen.statistics.seed_intervals import MIN_SEEDS_COMPARED
from snellen.study.differences import Differing, differences
from snellen.study.schema import Model

MOST_KEYS = 4
"""Settings that are named with their values, and models in one sentence."""
NETWORK = ("layers", "features")
"""Parts of a model that are exchanged whole."""
LONG, LONGEST_LINE = 40, 300
"""Characters of two values that are still given in a sentence, and of a line that is still advised."""


@dataclass(frozen=True)
class _Apart:
    """Two models that differ in several settings; the better first. keys: by their part of the model."""

    pair: Comparison
    keys: tuple[Differing, ...]


def no_single_factor(facts: Facts) -> Iterator[Finding]:
    """SNL180: models, or trials of a search, that differ in more than one setting, or trained too few times for each
    value: what a setting did cannot be told, and the control that is missing."""
    yield from _of_models(facts)
    few: dict[tuple[str, int], dict[str, Effect]] = {}
    for model, search in facts.evaluation.searches.items():
        for reason, effects in by_reason(search.effects):
            if reason == "few":
                for effect in effects:
                    few.setdefault((effect.path, effect.trainings), {})[model] = effect
            else:
                yield _of_search(facts, model, reason, effects)
    yield from (_too_few(facts, by_model) for by_model in few.values())


def _of_models(facts: Facts) -> Iterator[Finding]:
    """The model nearest to the chosen one that no chain of single settings joins to it."""
    chosen = facts.evaluation.chosen
    apart = [] if chosen is None else _not_joined(facts, chosen)
    if not apart:
        return
    first = min(apart, key=lambda one: len(one.keys))
    a, b = first.pair.a, first.pair.b
    others = [each.pair.b if each.pair.a == chosen else each.pair.a for each in apart if each is not first]
    more = f" The same holds of {quoted(others[:MOST_KEYS])} against `{chosen}`." if others else ""
    line = _control(facts, first)
    yield Finding(
        "SNL180",
        "result",
        f"`{a}` and `{b}` differ in {plural(len(first.keys), 'setting')} at once ({_named(first.keys)}): the study "
        f"cannot tell which of them made the difference of {points(abs(first.pair.difference.value))}. Missing: "
        f"{_missing(first)}.{more}",
        {"models": [a, b], "keys": [one.path for one in first.keys], "others": others},
        "leaderboard",
        f"Add the missing control to the study: {line}" if line else None,
    )


def _not_joined(facts: Facts, chosen: str) -> list[_Apart]:
    """The other models, in their order, that no chain of models joins to the chosen one, each step in one setting."""
    names, models = facts.evaluation.ranked, {name: facts.record.model(name) for name in facts.evaluation.ranked}
    near = {frozenset((a, b)) for a, b in combinations(names, 2) if len(differences(models[a], models[b])) < 2}
    joined = {chosen}
    while more := {b for a in joined for b in names if b not in joined and frozenset((a, b)) in near}:
        joined |= more
    found = []
    for other in names:
        pair = facts.evaluation.comparisons.between(chosen, other)
        if other not in joined and pair is not None:
            pair = pair.swapped if pair.difference.value < 0 else pair
            found.append(_Apart(pair, _keys(models[pair.a], models[pair.b])))
    return found


def _keys(a: Model, b: Model) -> tuple[Differing, ...]:
    """The settings that differ; several of the layers count as one where settings of other parts differ too."""
    found = differences(a, b)
    parts = {one.path.partition(".")[0] for one in found}
    if len(parts) < 2:
        return tuple(found)
    whole = a.model_dump(mode="json"), b.model_dump(mode="json")
    kept: list[Differing] = []
    for one in found:
        part = one.path.partition(".")[0]
        several = sum(each.path.partition(".")[0] == part for each in found) > 1
        if part not in NETWORK or not several:
            kept.append(one)
        elif all(each.path != part for each in kept):
            kept.append(Differing(part, whole[0][part], whole[1][part]))
    return tuple(kept)


def _named(keys: Sequence[Differing]) -> str:
    return some([_named_key(one) for one in keys], MOST_KEYS)


def _named_key(one: Differing) -> str:
    values = f"{setting(one.a)} against {setting(one.b)}"
    return f"`{one.path}` {values}" if len(values) <= LONG else f"`{one.path}`"


def _moved(one: _Apart) -> Differing:
    """The setting that the control takes from the other model: rather one of training than the network."""
    return next((key for key in one.keys if key.path not in NETWORK), one.keys[0])


def _missing(one: _Apart) -> str:
    moved = _moved(one).path
    if len(one.keys) == 2:
        return f"a model as `{one.pair.a}` with `{moved}` of `{one.pair.b}`, which differs from each in one of the two"
    return f"models as `{one.pair.a}` that take over the settings of `{one.pair.b}` one at a time, first `{moved}`"


def _control(facts: Facts, one: _Apart) -> str | None:
    """The line that adds the first control; None where it is too long to be read, or would need other layers too."""
    key, model = _moved(one), facts.record.model(one.pair.a)
    if key.path in NETWORK or key.path.rpartition(".")[2].isdigit():
        return None
    name = f"{one.pair.a}-{key.path.rpartition('.')[2].replace('_', '-')}-of-{one.pair.b}"
    changed = with_value(model.model_dump(mode="json", exclude={"search"}), key.path, key.b)
    line = another_model(facts.record, name, Model.model_validate(changed), like=(one.pair.a, key.path, key.b))
    return line if line is not None and len(line) <= LONGEST_LINE else None


def _of_search(facts: Facts, model: str, reason: str, effects: Sequence[Effect]) -> Finding:
    search = facts.evaluation.searches[model]
    keys = quoted(one.path for one in effects)
    if reason == "stopped":
        found = (
            f"it stopped {search.cut} of its {plural(search.trials, 'trial')} early, by their results, so that the "
            "values were not tried on equal terms"
        )
    else:
        found = "no trials at all of its values differ in nothing else"
    place = f"models.{model}.search"
    line = first_accepted(facts.record, [[f"{place}=grid"]])
    control = "a search that trains every combination to its end"
    return Finding(
        "SNL180",
        "result",
        f"What {keys} did in the search of `{model}` the study cannot tell: {found}. Missing: {control}.",
        {"model": model, "keys": [one.path for one in effects]},
        f"model-{model}",
        f"Train every combination: {line}" if line else None,
    )


def _too_few(facts: Facts, by_model: Mapping[str, Effect]) -> Finding:
    """Of one key with as many trainings at each value: one finding for all searches that tried it."""
    varied = {model: varied_of(effect) for model, effect in by_model.items()}
    models, (first, *others) = list(by_model), by_model.values()
    luck = f"part of {'each' if others else 'this'} is the luck of {plural(first.trainings, 'training')} at each value"
    missing = f"Missing: at least {MIN_SEEDS_COMPARED} trainings at each value that differ in nothing else."
    values: dict[str, Any] = {"key": first.path, "keys": [first.path], "trainings": first.trainings}
    line, which = _more_trainings(facts, models), ""
    if line is None and others:
        rest = "other" if len(others) == 1 else "others"
        line, which = _more_trainings(facts, models[:1]), f", in `{models[0]}` and likewise in the {rest}"
    advice = f"Rank each value by its mean over seeds{which}: {line}" if line else None
    if not others:
        found = range_clause(varied[models[0]])
        said = f"What `{first.path}` did in the search of `{models[0]}` the study cannot tell: {found}, but {luck}."
        values |= {"model": models[0], "curve": varied[models[0]].curve}
        return Finding("SNL180", "result", f"{said} {missing}", values, f"model-{models[0]}", advice)
    spans = [_span(each) for each in varied.values()]
    said = (
        f"What `{first.path}` did in the searches of {quoted(models)} the study cannot tell: the values of a search "
        f"differ by {points_limits(min(spans), max(spans))} points of validation accuracy, but {luck}."
    )
    values |= {"models": models, "curves": {model: each.curve for model, each in varied.items()}}
    return Finding("SNL180", "result", f"{said} {missing}", values, "leaderboard", advice)


def _span(varied: Varied) -> float:
    """The highest accuracy of the values minus the lowest."""
    accuracies = [level.accuracy for level in varied.levels]
    return max(accuracies) - min(accuracies)


def _more_trainings(facts: Facts, models: Sequence[str]) -> str | None:
    """The line that ranks the values of all these searches by their means over seeds; None where none is accepted, or
    it is too long to be read."""
    seeds = max(MIN_SEEDS_COMPARED, facts.record.study.seeds)
    more = [f"seeds={seeds}"] if facts.record.study.seeds < seeds else []
    methods = {model: facts.evaluation.searches[model].method for model in models}
    short = [f"models.{model}.search.mean_over=seeds" for model in models]
    whole = [f"models.{model}.search={{method: {method}, mean_over: seeds}}" for model, method in methods.items()]
    line = first_accepted(facts.record, [[*short, *more], [*whole, *more]])
    return line if line is not None and (len(models) == 1 or len(line) <= LONGEST_LINE) else None
