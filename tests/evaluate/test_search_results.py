"""Protects what is said of a search: candidates are different networks, the correction is that of their predictions,
and the end of a range is named only where the best value beats its neighbour."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from runs import LINEAR, edit_json, facts_of, plant, run_small
from scipy.stats import norm

from snellen.api import Run
from snellen.evaluate.search_effects import effects
from snellen.evaluate.search_results import Edge, SearchResult, edges
from snellen.search.stored import SearchOutcome, Trial
from snellen.statistics.seed_intervals import matched_limits
from snellen.statistics.selection_bias import corrected_selection
from snellen.study.values import Choice

UNITS, EPOCHS = "layers.1.dense.units", "train.epochs"


def trials(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "search/dense.json").read_text())["outcome"]["trials"])


def standing(folder: Path) -> SearchResult:
    return facts_of(folder).evaluation.searches["dense"]


def plant_trials(folder: Path, shares: dict[tuple[int, int], float]) -> None:
    """Every trial right on the first images, as many as its share of 210, by units and epochs."""
    for trial in trials(folder):
        key = trial["assignment"][UNITS], trial["assignment"][EPOCHS]
        plant(folder, trial["jobs"][0], "validation", np.arange(210) < 210 * shares[key])


def grid(four: float, eight: float, thirty_two: float) -> dict[tuple[int, int], float]:
    return {(units, epochs): share for units, share in ((4, four), (8, eight), (32, thirty_two)) for epochs in (2, 4)}


def test_the_winner_is_corrected_over_the_stored_predictions(search_run: Run) -> None:
    found, record = standing(search_run.folder), search_run.record
    right = []
    for trial in trials(search_run.folder):
        stored = record.folder_of(trial["jobs"][0]).read_predictions("validation")
        assert stored is not None
        right.append(stored.predicted == stored.labels)
    expected = corrected_selection(np.stack(right))
    assert (found.trials, found.cut, found.candidates, found.method) == (6, 0, 6, "grid")
    assert found.selection is not None and found.selection.corrected == expected.corrected
    assert found.selection.optimism == expected.optimism and "halving" in found.selection.not_covered


def test_the_same_epoch_of_the_same_training_is_one_candidate(search_copy: Path) -> None:
    """Cells of 2 and of 4 epochs that kept the same epoch."""
    record = facts_of(search_copy).record
    for trial in trials(search_copy):
        edit_json(record.folder_of(trial["jobs"][0]).path / "result.json", lambda result: {**result, "kept_epoch": 2})
    assert standing(search_copy).candidates == 3


def test_epochs_of_one_training_are_no_repetition(search_copy: Path) -> None:
    """Three values, each trained once and kept at two epochs: one training cannot tell luck from the value."""
    plant_trials(search_copy, grid(0.5, 0.7, 0.9))
    assert standing(search_copy).edges == ()


@dataclass(frozen=True)
class Grid:
    """A search over three values of `a` and some of `b`, as `edges` reads it. right: (trials, N)."""

    right: np.ndarray
    others: int
    cut: bool = False

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        pairs = [(a, b) for a in (1, 2, 3) for b in range(self.others)]
        cut = [self.cut and number == 0 for number in range(len(pairs))]
        return tuple(
            Trial(number, {"a": a, "b": f"b{b}"}, (f"j{number}",), 5, 0.5, cut[number])
            for number, (a, b) in enumerate(pairs)
        )

    @property
    def searched(self) -> SearchOutcome:
        winner = int(self.right.mean(1).argmax())
        return SearchOutcome("grid", "accuracy", self.trials, winner)

    @property
    def ended(self) -> dict[int, Trial]:
        return {trial.number: trial for trial in self.trials}

    def per_image(self, trial: Trial) -> np.ndarray:
        return np.asarray(self.right[trial.number], float)

    @property
    def record(self) -> SimpleNamespace:
        return SimpleNamespace(
            folder_of=lambda job: SimpleNamespace(labelled=lambda _role: self.labelled(int(job[1:])))
        )

    def labelled(self, number: int) -> SimpleNamespace:
        right = self.right[number]
        rows, labels = np.arange(len(right)), np.ones(len(right), np.int64)
        return SimpleNamespace(rows=rows, labels=labels, probabilities=np.stack([~right, right], 1).astype(float))

    def network(self, trial: Trial) -> tuple[tuple[str, int], ...]:
        return ((trial.jobs[0], 5),)


def edges_of(search: Grid) -> list[Edge]:
    names = tuple(f"b{b}" for b in range(search.others))
    space = {"a": Choice((1, 2, 3), (1, 2, 3)), "b": Choice(names, names)}
    winner = search.ended[search.searched.winner]
    return list(edges(search, winner, space))  # type: ignore[arg-type]


def drawn(generator: np.random.Generator, shares: tuple[float, ...], others: int, spread: float) -> Grid:
    """300 images that some networks find hard together; networks of one value vary by chance of training."""
    means = np.repeat(norm.ppf(shares), others) + generator.normal(0, spread, 3 * others)
    common, own = generator.standard_normal(300), generator.standard_normal((3 * others, 300))
    return Grid(np.sqrt(0.7) * common + np.sqrt(0.3) * own + means[:, None] > 0, others)


def test_a_winner_at_the_end_of_its_range_that_beats_its_neighbour() -> None:
    search = drawn(np.random.default_rng(1), (0.5, 0.7, 0.9), 4, 0.05)
    (edge,) = edges_of(search)
    assert (edge.path, edge.value, edge.neighbour, edge.end, edge.values, edge.pairs) == ("a", 3, 2, "largest", 3, 4)
    assert edge.difference.value == pytest.approx(search.right[8:].mean() - search.right[4:8].mean())
    limits = matched_limits(search.right[8:], search.right[4:8], 0.95)
    assert (edge.difference.low, edge.difference.high) == limits, "as in what a searched key did, and no others"
    assert edges_of(replace(search, cut=True)) == [], "which trials remain depends on how they came out"
    assert edges_of(drawn(np.random.default_rng(1), (0.5, 0.7, 0.9), 2, 0.05)) == []


@pytest.mark.parametrize("others", [3, 6])
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_the_end_of_a_range_of_equal_values_is_rarely_named(others: int, spread: float) -> None:
    """In 600 searches in at most 5 % and two standard errors; with one pair of networks it was 17 %."""
    generator = np.random.default_rng([others, round(10 * spread)])
    named = sum(bool(edges_of(drawn(generator, (0.8, 0.8, 0.8), others, spread))) for _ in range(600))
    assert named / 600 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)


def told_apart(search: Grid) -> np.ndarray:
    [effect] = effects(search, {"a": Choice((1, 2, 3), (1, 2, 3))})  # type: ignore[arg-type]
    assert effect.trainings == search.others and effect.comparisons == 3 and effect.missing is None
    return np.array(effect.above)


def test_a_searched_key_without_effect_rarely_has_one() -> None:
    """In 200 searches in at most 5 % and two standard errors; with the intervals of means it was 12 %, of 3 trainings
    each."""
    generator = np.random.default_rng(3)
    named = sum(told_apart(drawn(generator, (0.9, 0.9, 0.9), 3, 0.1)).any() for _ in range(200))
    assert named / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_searched_key_with_an_effect_has_one() -> None:
    above = told_apart(drawn(np.random.default_rng(1), (0.5, 0.7, 0.9), 5, 0.05))
    assert above.tolist() == [[False, False, False], [True, False, False], [True, True, False]]


def test_no_edge_inside_the_range(search_copy: Path) -> None:
    winner = json.loads((search_copy / "search/dense.json").read_text())["outcome"]["winner"]
    inside = next(trial for trial in trials(search_copy) if trial["assignment"][UNITS] == 8)
    edit_json(
        search_copy / "search/dense.json",
        lambda stored: {**stored, "outcome": {**stored["outcome"], "winner": inside["number"]}},
    )
    plant_trials(search_copy, grid(0.5, 0.7, 0.2))
    assert inside["number"] != winner and standing(search_copy).edges == ()


def test_two_values_have_no_edge(search_copy: Path) -> None:
    """Epochs are searched over two values only, whatever beats what."""
    shares = {(units, epochs): 0.9 if epochs == 4 else 0.3 for units in (4, 8, 32) for epochs in (2, 4)}
    plant_trials(search_copy, shares)
    assert EPOCHS not in {edge.path for edge in standing(search_copy).edges}


@pytest.mark.parametrize(("epochs", "never"), [(1, True), (4, False)])
def test_halving_that_was_none(tmp_path: Path, epochs: int, never: bool) -> None:
    """One epoch leaves one rung: nothing to halve."""
    layers = ["flatten", {"dense": {"units": {"choice": [4, 8]}, "activation": "relu"}}]
    model = {"layers": layers, "train": {"epochs": epochs}, "search": {"method": "halving", "factor": 2}}
    found = standing(run_small(tmp_path, models={"dense": model, "linear": LINEAR}).folder)
    assert found.never_halved == never and (found.cut > 0) != never


def test_the_choice_among_models_is_corrected_over_means(seeds_run: Run) -> None:
    record, means = seeds_run.record, []
    for model in seeds_run.evaluation.ranked:
        stored = [record.folder_of(job).read_predictions("validation") for job in record.planned[model].seeds.values()]
        means.append(np.mean([each.predicted == each.labels for each in stored if each is not None], axis=0))
    found = seeds_run.evaluation.selection
    assert found is not None and found.corrected == corrected_selection(np.stack(means)).corrected


def test_one_model_is_no_choice(tmp_path: Path) -> None:
    assert run_small(tmp_path, models={"linear": LINEAR}).evaluation.selection is None
