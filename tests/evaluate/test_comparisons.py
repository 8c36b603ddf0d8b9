"""Protects the comparisons of a report: named beforehand, of the kind that the trainings allow, all under one Holm
correction, and a tie is never a win."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from runs import LINEAR, SEARCH, facts_of, plant, run_small
from statsmodels.stats.multitest import multipletests

from snellen.api import Run
from snellen.errors import StudyError
from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.chosen_by_search import chosen_by_search, ranked_by_search
from snellen.evaluate.comparisons import Comparisons, best_of
from snellen.evaluate.pair_differences import PairDifference, Side, detectable, difference, differences
from snellen.evaluate.verdicts import equivalence_margin
from snellen.statistics.corrected_resampled_t import fold_limits
from snellen.statistics.mcnemar import mcnemar, paired_limits
from snellen.statistics.out_of_bag_bootstrap import out_of_bag
from snellen.statistics.seed_intervals import recipe_difference
from snellen.train.results import JobFolder

SHARES = {"a": 0.9, "b": 0.8, "c": 0.85}
BASELINES = [baseline_key(name) for name in ("majority class", "nearest centroid", "logistic regression")]


def found(folder: Path) -> Comparisons:
    return facts_of(folder).evaluation.comparisons


def plant_seeds(folder: Path, model: str, role: str, right_SN: np.ndarray) -> None:
    """The networks of a model, seed by seed, right where the table says so."""
    record = facts_of(folder).record
    for job, right in zip(record.planned[model].seeds.values(), right_SN, strict=True):
        plant(folder, job, role, right)


def noisy(share: float, seeds: int = 3, images: int = 210, draw: int = 0) -> np.ndarray:
    """Right on about that share of the images, each seed on others. draw: another number, other images."""
    return np.random.default_rng([draw, seeds, images]).random((seeds, images)) < share


def steady(shift: int) -> np.ndarray:
    """Three seeds that are right on 190 of 210 images each, all but one of them the same."""
    table = np.tile(np.roll(np.arange(210) < 190, shift), (3, 1))
    for seed in range(3):
        table[seed, np.flatnonzero(table[seed])[seed]] = False
        table[seed, np.flatnonzero(~table[seed])[-1 - seed]] = True
    return table


def test_all_that_was_named_stands_in_one_family(seeds_run: Run) -> None:
    pairs = seeds_run.evaluation.comparisons
    models = [*combinations(("plain", "dropped", "linear"), 2)]
    named = [*models, *((model, floor) for model in ("plain", "dropped", "linear") for floor in BASELINES)]
    expected = {(frozenset(pair), role) for pair in named for role in ("validation", "test")}
    assert {(frozenset((one.a, one.b)), one.role) for one in pairs.all} == expected
    assert len(pairs.all) == len(expected) == 24
    raw = [one.difference.p_value for one in pairs.all]
    adjusted = multipletests([1.0 if value is None else value for value in raw], method="holm")[1]
    assert [one.adjusted_p for one in pairs.all] == pytest.approx(adjusted)


def test_only_opened_models_are_compared_on_test(small_run: Run) -> None:
    pairs = small_run.evaluation.comparisons
    assert {one.role for one in pairs.all} == {"validation"} and len(pairs.all) == 3 + 9
    assert {one.kind for one in pairs.all} == {"networks"}


def test_recipes_are_compared_by_the_crossed_variance(seeds_run: Run) -> None:
    record, pairs = seeds_run.record, seeds_run.evaluation.comparisons
    tables = {}
    for model in ("plain", "linear"):
        stored = [record.folder_of(job).read_predictions("validation") for job in record.planned[model].seeds.values()]
        tables[model] = np.stack([each.predicted == each.labels for each in stored if each is not None])
    one = pairs.between("plain", "linear")
    assert one is not None and one.kind == "recipes" and one.seeds == 3
    assert one.difference == recipe_difference(tables["plain"], tables["linear"])
    assert pairs.between("linear", "plain") == one.swapped and one.swapped.difference.value == -one.difference.value


def test_a_floor_has_no_seeds_and_is_compared_with_the_recipe(seeds_copy: Path) -> None:
    """The crossed mean of the differences at each seed and image, written out once more."""
    record = facts_of(seeds_copy).record
    right = noisy(0.9)
    plant_seeds(seeds_copy, "plain", "validation", right)
    floor = record.baselines["nearest centroid"].job.read_predictions("validation")
    assert floor is not None
    one = found(seeds_copy).between("plain", baseline_key("nearest centroid"), "validation")
    table = right.astype(float) - (floor.predicted == floor.labels)
    a, b = table.mean(1).var(ddof=1) / 3, table.mean(0).var(ddof=1) / 210
    residual = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    c = (residual**2).sum() / (2 * 209 * 210 * 3)
    assert one is not None and one.difference.value == pytest.approx(table.mean())
    assert one.difference.standard_error == pytest.approx(np.sqrt(max(a + b - c, a, b)))


def test_two_seeds_are_two_networks(folds_run: Run) -> None:
    pairs = folds_run.evaluation.comparisons
    one = pairs.between("plain", BASELINES[0], "validation")
    assert one is not None and (one.kind, one.seeds) == ("networks", 1)


def test_folds_tell_models_apart_where_there_are_folds(folds_run: Run) -> None:
    pairs, folds = folds_run.evaluation.comparisons, folds_run.evaluation.folds
    one = pairs.between("plain", "linear")
    a, b = (np.array(folds[model].by_split) for model in ("plain", "linear"))
    error = np.sqrt((1 / 3 + folds["plain"].num_held_out / folds["plain"].num_train) * (a - b).var(ddof=1))
    assert pairs.role == "held_out" and one is not None and (one.kind, one.splits) == ("folds", 3)
    assert one.difference.value == pytest.approx((a - b).mean())
    assert one.difference.standard_error == pytest.approx(error)
    assert not [each for each in pairs.all if each.role == "validation" and not each.b.startswith("floor")]


def test_two_networks_have_the_exact_test_and_its_interval() -> None:
    a, b = (noisy(share, 1, 500, draw=draw)[0] for draw, share in enumerate((0.9, 0.8)))
    one = difference(Side(a[None]), Side(b[None]))
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    assert one.limits.p_value == pytest.approx(mcnemar(only_a, only_b))
    assert one.limits.at(0.95) == pytest.approx(paired_limits(only_a, only_b, 500))
    assert one.limits.standard_error == pytest.approx((a.astype(float) - b).std() / np.sqrt(500))


def test_images_that_chose_a_network_say_nothing_of_it() -> None:
    """But out of bag, and of other seeds."""
    right = noisy(0.95, 3)
    searched, other = Side(right, selected=True), Side(noisy(0.5, 3, draw=1))
    one = difference(searched, other)
    assert one.kind == "selected" and one.limits.at(0.95) is None and one.limits.p_value is None
    bag = difference(Side(right, selected=True, out_of_bag_N=np.full(210, 0.9)), other)
    assert bag.kind == "out of bag" and bag.limits.value == pytest.approx(0.9 - other.right_SN[0].mean())
    assert bag.limits.p_value is not None and bag.limits.p_value < 1e-6
    assert difference(Side(right), other).kind == "recipes"


def test_the_winner_of_a_grid_is_compared_out_of_bag(rates_run: Run) -> None:
    pairs = rates_run.evaluation.comparisons
    assert {one.kind for one in pairs.all if "dense" in (one.a, one.b)} == {"out of bag"}
    one = pairs.between("dense", "linear")
    record = rates_run.record
    right = []
    for trial in json.loads((rates_run.folder / "search/dense.json").read_text())["outcome"]["trials"]:
        stored = record.folder_of(trial["jobs"][0]).read_predictions("validation")
        assert stored is not None
        right.append(stored.predicted == stored.labels)
    linear = record.folder_of(record.planned["linear"].seeds[0]).read_predictions("validation")
    assert one is not None and linear is not None
    expected = out_of_bag(np.stack(right)).scores_N.mean() - np.mean(linear.predicted == linear.labels)
    assert one.difference.value == pytest.approx(expected)


def test_seeds_that_a_search_did_not_rank_make_a_recipe(tmp_path: Path) -> None:
    """Of four seeds the first is the winner's; three are compared, two would not be enough."""
    small = {"layers": SEARCH["layers"], "search": "grid", "train": {"epochs": 1}}
    found = run_small(tmp_path, models={"dense": small, "linear": LINEAR}, seeds=4)
    one = found.evaluation.comparisons.between("dense", "linear")
    assert one is not None and (one.kind, one.seeds, one.left_out) == ("recipes", 3, ("dense",))
    first = found.record.planned["dense"].seeds[0]
    searched = chosen_by_search(found.record, ["dense"])["dense"]
    assert searched.seeds == {0} and first in ranked_by_search(found.record, "dense")


def test_what_seeds_without_variance_would_find_is_what_the_exact_test_finds() -> None:
    """Recipes that are wrong on 3 and on 4 of 210 images, in all seeds: t alone would find anything."""
    a, b = np.ones((3, 210), bool), np.ones((3, 210), bool)
    a[:, :3] = b[:, 3:7] = False
    one = difference(Side(a), Side(b))
    smallest = detectable(Side(a), Side(b), one)
    assert smallest is not None and smallest > 0.03
    reject = [mcnemar(round(210 * smallest) + 4, 3) < 0.05, mcnemar(2 + 4, 3) < 0.05]
    assert reject == [True, False]


@pytest.mark.parametrize(("images", "error"), [(200, 0.01), (1_000, 0.02)])
def test_what_is_said_to_be_found_with_80_per_cent_is(images: int, error: float) -> None:
    """Two networks, the difference on top of the noise that was seen: at least 75 % of 400 draws."""
    generator = np.random.default_rng(images)
    a, b = generator.random((2, 1, images)) >= error
    smallest = detectable(Side(a), Side(b), difference(Side(a), Side(b)))
    assert smallest is not None
    share, found = float(np.mean(a != b)), 0
    for _ in range(400):
        better = generator.random(images) < share / 2 + smallest
        worse = ~better & (generator.random(images) < share / 2)
        found += mcnemar(int(better.sum()), int(worse.sum())) < 0.05
    assert found / 400 >= 0.75


def test_folds_that_a_search_ranked_compare_nothing(tmp_path: Path) -> None:
    """`mean_over: folds`: the networks of the folds are those of the winning trial."""
    small = {"layers": SEARCH["layers"], "train": {"epochs": 1}, "search": {"method": "grid", "mean_over": "folds"}}
    found = run_small(tmp_path, models={"dense": small, "linear": LINEAR}, folds=3).evaluation
    one = found.comparisons.between("dense", "linear")
    assert found.comparisons.role == "held_out" and one is not None
    assert one.kind == "selected" and one.verdict.word == "cannot tell" and one.difference.p_value is None
    assert all(each.not_worse for each in found.comparisons.best.values())


def test_where_nothing_varied_over_folds_nobody_is_excluded_from_being_the_best() -> None:
    """One model a point worse in every fold alike: that is no certainty. With another fold it is one of noise."""
    alike = PairDifference("folds", fold_limits(np.array([0.9, 0.8]), np.array([0.89, 0.79]), 100, 50), 100, 1, 2)
    assert alike.limits.at(0.95) is None
    assert all(each.not_worse for each in best_of({("a", "b", "held_out"): alike}, "held_out", ["a", "b"]).values())
    varied = fold_limits(np.array([0.9, 0.8, 0.85]), np.array([0.69, 0.6, 0.64]), 100, 50)
    found = best_of({("a", "b", "held_out"): PairDifference("folds", varied, 100, 1, 3)}, "held_out", ["a", "b"])
    assert found["a"].not_worse and not found["b"].not_worse


def test_sides_on_other_images_are_a_clear_error() -> None:
    with pytest.raises(StudyError, match="same images; found 210 and 200"):
        difference(Side(noisy(0.9)), Side(noisy(0.9, images=200)))


def test_a_recipe_needs_three_seeds_on_both_sides() -> None:
    sides = {"a": Side(noisy(0.9)), "b": Side(noisy(0.8)), "two": Side(noisy(0.9, 2)), "f": Side(noisy(0.5, 1), True)}
    pairs = [("a", "b"), ("a", "two"), ("a", "f"), ("two", "f")]
    kinds = {pair: one.kind for pair, one in differences(sides, pairs).items()}
    assert kinds == dict(zip(pairs, ("recipes", "networks", "recipes", "networks")))


def test_a_tie_is_one_group_and_a_gap_is_two(seeds_copy: Path) -> None:
    for draw, (model, share) in enumerate((("plain", 0.9), ("dropped", 0.9), ("linear", 0.3))):
        plant_seeds(seeds_copy, model, "validation", noisy(share, draw=draw))
    pairs = found(seeds_copy)
    assert pairs.groups["plain"] == pairs.groups["dropped"] != pairs.groups["linear"]
    assert pairs.same_letter("plain") == ["dropped"] and pairs.same_letter("linear") == []
    tied, apart = pairs.between("plain", "dropped"), pairs.between("linear", "plain")
    assert tied is not None and tied.verdict.word in ("cannot tell", "equivalent")
    assert (
        apart is not None and apart.verdict.word == "clearly worse" and apart.swapped.verdict.word == "clearly better"
    )
    assert [model for model, one in pairs.best.items() if one.not_worse] == [
        model for model in facts_of(seeds_copy).evaluation.ranked if model != "linear"
    ]


def test_the_test_makes_no_groups(seeds_copy: Path) -> None:
    before = found(seeds_copy).groups
    plant_seeds(seeds_copy, "plain", "test", noisy(0.95, images=449))
    plant_seeds(seeds_copy, "linear", "test", noisy(0.2, images=449))
    pairs = found(seeds_copy)
    one = pairs.between("plain", "linear", "test")
    assert pairs.groups == before and one is not None and one.verdict.word == "clearly better"


def test_what_it_would_take_is_said_of_ties_with_the_chosen_model(seeds_copy: Path) -> None:
    """Seeds that hardly differ: more of them, or more images, would do."""
    for model, shift in (("plain", 0), ("dropped", 30)):
        plant_seeds(seeds_copy, model, "validation", steady(shift))
    plant_seeds(seeds_copy, "linear", "validation", noisy(0.2))
    pairs = found(seeds_copy)
    tied = pairs.between(*sorted(("plain", "dropped"), key=facts_of(seeds_copy).evaluation.ranked.index))
    assert tied is not None and tied.verdict.word == "cannot tell"
    assert tied.detectable is not None and tied.detectable > pairs.margin
    assert tied.images_needed is not None and tied.images_needed > 210


def validation_accuracy(folder: JobFolder) -> float:
    result = folder.read_result()
    assert result is not None and result.reloaded_accuracy is not None
    return result.reloaded_accuracy


def test_the_margin_follows_the_best_validation_error(seeds_copy: Path) -> None:
    for model, share in (("plain", 0.99), ("dropped", 0.9), ("linear", 0.3)):
        plant_seeds(seeds_copy, model, "validation", noisy(share))
    record = facts_of(seeds_copy).record
    accuracies = [
        float(np.mean([validation_accuracy(record.folder_of(job)) for job in planned.seeds.values()]))
        for planned in record.planned.values()
    ]
    assert found(seeds_copy).margin == pytest.approx(equivalence_margin(1 - max(accuracies)))


def test_comparisons_are_stored(seeds_run: Run) -> None:
    stored = json.loads((seeds_run.folder / "evaluation.json").read_text())["comparisons"]
    pairs = seeds_run.evaluation.comparisons
    assert [one["verdict"] for one in stored["all"]] == [one.verdict.word for one in pairs.all]
    assert stored["groups"] == dict(pairs.groups) and stored["margin"] == pairs.margin
