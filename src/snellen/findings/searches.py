"""Findings about searches: how optimistic the winner is, ranges that were too short, halving that stopped nothing."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.evaluate.search_results import Edge, SearchResult
from snellen.findings.finding import Action, Facts, Finding, Step
from snellen.phrases import loss, loss_limits, percent, percent_limits, plural, points, points_limits
from snellen.statistics.selection_bias import Selection

SIZES = ("units", "filters", "depth", "width", "layers")
"""Last words of the paths of settings that change the size of a network."""


def optimism(facts: Facts) -> Iterator[Finding]:
    """SNL013: the score of the winner of a search, and of the chosen model, on images that did not choose it."""
    for model, search in facts.evaluation.searches.items():
        if search.selection is not None:
            yield _of_search(model, search, search.selection)
    selection, chosen = facts.evaluation.selection, facts.evaluation.chosen
    if selection is not None and chosen is not None:
        yield _of_choice(facts, chosen, selection)


def _of_search(model: str, search: SearchResult, selection: Selection) -> Finding:
    cut = f" The {search.cut} stopped early are not counted." if search.cut else ""
    return Finding(
        "SNL013",
        "result",
        f"The search of `{model}` tried {plural(search.trials, 'combination')}; the best of {search.candidates} "
        f"different networks trained to the end has a validation {search.measure} of "
        f"{_number(selection.observed, search.measure)}. Chosen on some images and scored on others, it has "
        f"{_number(selection.corrected, search.measure)}{_limits(selection, search.measure)}: "
        f"{_optimism(selection, search.measure)}.{cut} This correction {selection.not_covered}.",
        {"model": model, "trials": search.trials, "candidates": search.candidates, "method": search.method},
        f"model-{model}",
    )


def _of_choice(facts: Facts, model: str, selection: Selection) -> Finding:
    measure = facts.record.study.choose_by
    images = "held-out" if facts.evaluation.by == "folds" else "validation"
    article = "an" if measure == "accuracy" else "a"
    return Finding(
        "SNL013",
        "result",
        f"`{model}` was chosen among {len(facts.evaluation.ranked)} models. Chosen on some {images} images and scored "
        f"on others, the best has {article} {measure} of {_number(selection.corrected, measure)}"
        f"{_limits(selection, measure)}: {_optimism(selection, measure)}. This correction {selection.not_covered}"
        f"{', nor the searches before it' if _searched_before(facts) else ''}.",
        {"model": model, "candidates": len(facts.evaluation.ranked)},
        "leaderboard",
    )


def _searched_before(facts: Facts) -> bool:
    """Whether a model was searched with images that then score it."""
    by_folds = facts.evaluation.by == "folds"
    return any(not (by_folds and facts.record.nested(model)) for model in facts.evaluation.searches)


def _optimism(selection: Selection, measure: str) -> str:
    """By how much the choice makes the score look better."""
    size = abs(selection.optimism)
    if round(100 * size, 1) == 0:
        return (
            "being chosen makes it look better by less than 0.1 points"
            if measure == "accuracy"
            else "being chosen hardly changes it"
        )
    better = "better" if selection.optimism > 0 else "worse"
    amount = points(size) if measure == "accuracy" else loss(size)
    return f"being chosen makes it look {better} by {amount}"


def _number(score: float, measure: str) -> str:
    """A score where higher is better, as its measure: losses are stored as negative."""
    return percent(score) if measure == "accuracy" else loss(-score)


def _limits(selection: Selection, measure: str) -> str:
    """The limits in brackets, with a space before; empty where nothing varied."""
    if selection.low is None or selection.high is None:
        return ""
    low, high = selection.low, selection.high
    limits = percent_limits(low, high) if measure == "accuracy" else loss_limits(-high, -low)
    return f" ({limits}, over other images)"


def at_the_edge(facts: Facts) -> Iterator[Finding]:
    """SNL111: the best value is the first or last of its range, and better than its neighbour by more than chance."""
    for model, search in facts.evaluation.searches.items():
        for edge in search.edges:
            yield Finding(
                "SNL111",
                "notice",
                f"The best `{edge.path}` of `{model}` is {edge.value}, the {edge.end} of the {edge.values} tried, and "
                f"in {edge.pairs} pairs of trials that differ only in it, it is better than {edge.neighbour} by "
                f"{_gap(edge, search.measure)} on average. An even better value may lie beyond.",
                {"model": model, "path": edge.path, "values": edge.values, "value": edge.value},
                f"model-{model}",
                steps=(Step(_beyond(edge), f"Search `{edge.path}` beyond {edge.value}."),),
            )


def _beyond(edge: Edge) -> Action:
    """What searching beyond the end of a range means: a larger or smaller network, longer training, or neither."""
    name, upwards = edge.path.rpartition(".")[2], edge.end == "largest"
    if name == "epochs":
        return "longer" if upwards else "stop earlier"
    if name in SIZES:
        return "larger" if upwards else "smaller"
    return "search on"


def _gap(edge: Edge, measure: str) -> str:
    low, high = edge.difference.low or 0.0, edge.difference.high or 0.0
    covers = "over other images and training again"
    if measure == "accuracy":
        return f"{points(edge.difference.value)} ({points_limits(low, high)}, {covers})"
    return f"{loss(edge.difference.value)} of loss ({loss_limits(low, high)}, {covers})"


MORE_ROOM = Step("search on", "Give it more epochs or combinations, a smaller factor, or a larger budget.")


def never_halved(facts: Facts) -> Iterator[Finding]:
    """SNL112: a search method that stops trials early, but stopped none."""
    for model, search in facts.evaluation.searches.items():
        if search.never_halved:
            yield Finding(
                "SNL112",
                "warning",
                f"The search of `{model}` by `{search.method}` never halved: {plural(search.trials, 'combination')} "
                f"were started, none was continued after the first rung, and none was trained for more than "
                f"{plural(search.epochs, 'epoch')}.",
                {"model": model, "method": search.method, "trials": search.trials, "epochs": search.epochs},
                f"model-{model}",
                steps=(MORE_ROOM,),
            )
