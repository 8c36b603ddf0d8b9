"""Findings about choosing the best of many: how optimistic a winner is, ranges that were too short, halving that was
none."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.evaluate.search_results import Edge, SearchResult
from snellen.findings.finding import Facts, Finding, percent, plural
from snellen.findings.naming import points
from snellen.statistics.selection_bias import Selection


def optimism(facts: Facts) -> Iterator[Finding]:
    """SNL013: what the winner of a search, and the chosen model, score where they were not chosen."""
    for model, search in facts.evaluation.searches.items():
        if search.selection is not None:
            yield _of_search(model, search, search.selection)
    selection, chosen = facts.evaluation.selection, facts.evaluation.chosen
    if selection is not None and chosen is not None:
        yield _of_choice(facts, chosen, selection)


def _of_search(model: str, search: SearchResult, selection: Selection) -> Finding:
    cut = f" {search.cut} that were stopped early are not among them." if search.cut else ""
    return Finding(
        "SNL013",
        "result",
        f"The search of `{model}` tried {plural(search.trials, 'combination')}; of {search.candidates} different "
        f"networks trained to their end the best has validation {search.measure} {_value(selection.observed, search)}. "
        f"Chosen on some images and scored on others it has {_value(selection.corrected, search)}"
        f"{_limits(selection, search.measure)}, {_flattered(selection, search.measure)}.{cut} This "
        f"{selection.not_covered}.",
        {"model": model, "trials": search.trials, "candidates": search.candidates, "method": search.method},
        f"model-{model}",
    )


def _of_choice(facts: Facts, model: str, selection: Selection) -> Finding:
    measure = facts.record.study.choose_by
    images = "held-out" if facts.evaluation.by == "folds" else "validation"
    return Finding(
        "SNL013",
        "result",
        f"The choice among {len(facts.evaluation.ranked)} models is a selection too: chosen on some {images} images "
        f"and scored on others, the first has {measure} {_number(selection.corrected, measure)}"
        f"{_limits(selection, measure)}, {_flattered(selection, measure)}. This "
        f"{selection.not_covered}{', nor the searches before it' if _searched_before(facts) else ''}.",
        {"model": model, "candidates": len(facts.evaluation.ranked)},
        "leaderboard",
    )


def _searched_before(facts: Facts) -> bool:
    """Whether a model was searched with images that then score it."""
    by_folds = facts.evaluation.by == "folds"
    return any(not (by_folds and facts.record.nested(model)) for model in facts.evaluation.searches)


def _flattered(selection: Selection, measure: str) -> str:
    size = abs(selection.optimism)
    if round(100 * size, 1) == 0:
        return (
            "so the choice flatters it by less than 0.1 points"
            if measure == "accuracy"
            else "so the choice hardly flatters it"
        )
    better = "better" if selection.optimism > 0 else "worse"
    amount = points(size) if measure == "accuracy" else f"{size:.4f}"
    return f"so the choice makes it look {better} by {amount}"


def _value(score: float, search: SearchResult) -> str:
    return _number(score, search.measure)


def _number(score: float, measure: str) -> str:
    """A score, higher is better, as the measure: losses were negative."""
    return percent(score) if measure == "accuracy" else f"{-score:.4f}"


def _limits(selection: Selection, measure: str) -> str:
    """In brackets, with a space before; empty where nothing varied."""
    if selection.low is None or selection.high is None:
        return ""
    if measure == "accuracy":
        return f" ({100 * selection.low:.1f} to {100 * selection.high:.1f}, over other images)"
    return f" ({-selection.high:.4f} to {-selection.low:.4f}, over other images)"


def at_the_edge(facts: Facts) -> Iterator[Finding]:
    """SNL111: the best value is the first or last of its range, and beyond noise better than its neighbour."""
    for model, search in facts.evaluation.searches.items():
        for edge in search.edges:
            yield Finding(
                "SNL111",
                "notice",
                f"The best `{edge.path}` of `{model}` is {edge.value}, the {edge.end} of the {edge.values} tried, and "
                f"in {edge.pairs} pairs of trials that differ in nothing else it is better than {edge.neighbour} by "
                f"{_gap(edge, search.measure)} on average. The best value may lie beyond.",
                {"model": model, "path": edge.path, "values": edge.values, "value": edge.value},
                f"model-{model}",
                f"Search `{edge.path}` beyond {edge.value}.",
            )


def _gap(edge: Edge, measure: str) -> str:
    low, high = edge.difference.low or 0.0, edge.difference.high or 0.0
    covers = "over other images and training again"
    if measure == "accuracy":
        return f"{points(edge.difference.value)} ({100 * low:.1f} to {100 * high:.1f}, {covers})"
    return f"{edge.difference.value:.4f} of loss ({low:.4f} to {high:.4f}, {covers})"


def never_halved(facts: Facts) -> Iterator[Finding]:
    """SNL112: a method that is to stop bad trials early, and stopped none."""
    for model, search in facts.evaluation.searches.items():
        if search.never_halved:
            yield Finding(
                "SNL112",
                "warning",
                f"The search of `{model}` by `{search.method}` never halved: {plural(search.trials, 'combination')} "
                f"began, none was gone on with after the first look, and none was trained for more than "
                f"{plural(search.epochs, 'epoch')}.",
                {"model": model, "method": search.method, "trials": search.trials, "epochs": search.epochs},
                f"model-{model}",
                "Give it more epochs or combinations, a smaller factor, or a larger budget.",
            )
