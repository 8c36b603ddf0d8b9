"""Protects the figures of a search: they compile in Vega-Lite, hold every trial's numbers, and stay small."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from choosing_cases import hyperparameters, search, trial
from drawn_figures import drawn, values

from snellen.report.figures import parallel_coordinates
from snellen.report.figures import search as search_figures
from snellen.report.model_types import SearchJson


def large(trials: int) -> SearchJson:
    """A random search of so many trials of 30 epochs."""
    random = np.random.default_rng(0)
    found = search()
    found["trials"] = [
        trial(
            number,
            (
                float(10 ** random.uniform(-4, -1)),
                int(random.choice([16, 32, 64])),
                str(random.choice(["adam", "sgd"])),
            ),
            "winner" if number == 1 else "finished",
            random.uniform(0, 1, 30).tolist(),
            "accuracy",
        )
        for number in range(1, trials + 1)
    ]
    return found


def lines(figure: dict[str, Any]) -> dict[int, dict[str, float]]:
    """Where the line of each trial passes each axis."""
    found: dict[int, dict[str, float]] = {}
    for value in values(figure):
        if "trial" in value:
            found.setdefault(value["trial"], {})[value["axis"]] = value["y"]
    return found


def test_every_trial_is_a_line_from_its_values_to_its_score() -> None:
    """Learning rates 1e-4..1e-1 stand at thirds; scores of 0.2 and 0.95 are the ends."""
    found = lines(parallel_coordinates.parallel_coordinates(search()))
    assert set(found) == {1, 2, 3, 4, 5}
    assert found[1]["learning rate"] == pytest.approx(1 / 3, abs=1e-3)
    assert found[4]["learning rate"] == 0 and found[5]["learning rate"] == 1
    for number, place in ((1, 0), (2, 1), (3, 1 / 3)):
        assert found[number]["dense units"] == pytest.approx(place, abs=parallel_coordinates.SPREAD + 1e-3)
    assert found[2]["accuracy"] == 1 and found[4]["accuracy"] == 0
    assert found[1]["accuracy"] == pytest.approx((0.6 - 0.2) / (0.95 - 0.2), abs=1e-3)
    assert "accuracy" not in found[5]


def test_a_value_that_a_trial_does_not_have_is_below_the_axis_and_named() -> None:
    figure = parallel_coordinates.parallel_coordinates(search())
    assert lines(figure)[3]["optimizer"] == parallel_coordinates.UNSET
    assert "not set" in drawn(figure)


def test_lines_of_equal_values_are_parted() -> None:
    found = lines(parallel_coordinates.parallel_coordinates(large(100)))
    for axis in ("dense units", "optimizer"):
        heights = [line[axis] for line in found.values()]
        assert len(set(heights)) == len(heights) == 100
        assert (
            min(heights) >= -parallel_coordinates.SPREAD - 1e-4
            and max(heights) <= 1 + parallel_coordinates.SPREAD + 1e-4
        )


def test_the_best_is_on_top_also_of_a_loss_and_the_winner_is_drawn_last() -> None:
    found = search("loss")
    _, best = min((one["score"], one["trial"]) for one in found["trials"] if one["score"] is not None)
    figure = parallel_coordinates.parallel_coordinates(found)
    assert lines(figure)[best]["loss"] == 1
    order = list(dict.fromkeys(value["trial"] for value in values(figure) if "trial" in value))
    assert order[-1] == 2
    colours = {value["trial"]: value["colour"] for value in values(figure) if "trial" in value}
    assert colours[2] == "var(--test)" and colours[5] == "var(--miss)" and "color-mix" in colours[1]


@pytest.mark.parametrize("at", range(3))
def test_scores_stand_over_the_values_of_each_hyper_parameter(at: int) -> None:
    """Two epochs are what all had: the best up to there, and at the end of those that went on."""
    found, path = search(), hyperparameters()[at]["path"]
    shown = values(search_figures.against(found, path))
    expected: list[tuple[Any, ...]] = []
    for one in found["trials"]:
        if path in one["assignment"] and one["outcome"] != "failed":
            value = one["assignment"][path]
            expected.append((one["trial"], value, max(one["curve"][:2]), "all, best up to epoch 2"))
            if one["outcome"] != "stopped":
                expected.append((one["trial"], value, one["score"], "trained to its end"))
    assert [(one["trial"], one["value"], one["score"], one["after"]) for one in shown] == expected
    drawn(search_figures.against(found, path))


def test_a_search_without_stops_has_one_score_a_trial() -> None:
    shown = values(search_figures.against(large(5), "train.learning_rate"))
    assert len(shown) == 5 and {one["after"] for one in shown} == {"trained to its end"}


def test_the_curves_hold_every_epoch_and_mark_where_trials_were_stopped() -> None:
    found = search()
    figure = search_figures.rung_curves(found)
    shown = {(value["trial"], value["epoch"]): value["score"] for value in values(figure) if "trial" in value}
    for one in found["trials"]:
        assert [score for (number, _), score in shown.items() if number == one["trial"]] == one["curve"]
    rules = [value["epoch"] for value in values(figure) if "trial" not in value]
    assert rules == [2]
    svg = drawn(figure)
    assert svg.count('aria-roledescription="point"') == 4


def test_figures_of_many_trials_stay_small_and_compile() -> None:
    for name, figure in search_figures.figures_of(large(100), 0).items():
        drawn(figure)
        assert len(json.dumps(figure)) < 320_000, name
    curves = [one for one in values(search_figures.rung_curves(large(100))) if "trial" in one]
    assert len(curves) <= search_figures.CURVE_POINTS_OF_ALL + 200 and {one["epoch"] for one in curves} >= {1, 30}


def test_a_search_in_which_all_but_one_failed_and_one_of_a_single_value_compile() -> None:
    found = search()
    for one in found["trials"]:
        if one["outcome"] != "winner":
            one |= {"outcome": "failed", "score": None, "curve": []}
    single = copy.deepcopy(found)
    single["hyperparameters"] = [{**hyperparameters()[2], "values": ["adam"]}]
    for one in single["trials"]:
        one["assignment"] = {"train.optimizer": "adam"}
    for each in (found, single):
        for figure in search_figures.figures_of(each, 0).values():
            drawn(figure)
