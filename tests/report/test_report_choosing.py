"""Protects what the report shows of searches, seeds, folds and phases: the numbers of a real run, each found on the
page as it is stored.
"""

from __future__ import annotations

import json
import statistics
from typing import Any

import html5lib
import numpy as np
import pytest
from runs import run_small
from scipy import stats

from snellen.api import Run
from snellen.evaluate.trained_networks import phases_of
from snellen.report.formats import percent
from snellen.report.sections.search import hyperparameters, short_names
from snellen.statistics.corrected_resampled_t import fold_mean
from snellen.study.values import read_value

PHASE = {"learning_rate": 3e-3, "batch_size": 64}
MODELS: dict[str, Any] = {
    "searched": {
        "layers": ["flatten", {"dense": {"units": {"choice": [4, 16]}, "activation": "relu"}}],
        "train": {**PHASE, "learning_rate": {"choice": [1e-2, 1e-4]}, "epochs": 4},
        "search": {"method": "halving", "factor": 2},
    },
    "grid": {
        "layers": "linear",
        "train": {**PHASE, "batch_size": {"choice": [64, 128]}, "epochs": {"choice": [2, 4]}},
        "search": {"method": "grid", "objective": "loss"},
    },
    "phases": {"layers": "linear", "train": [{**PHASE, "epochs": 3}, {**PHASE, "epochs": 2, "learning_rate": 1e-3}]},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    changes: dict[str, Any] = {"models": MODELS, "seeds": 2, "folds": 3, "open_test": "all", "train": PHASE}
    return run_small(tmp_path_factory.mktemp("choosing") / "run", **changes)


@pytest.fixture(scope="module")
def models(run: Run) -> dict[str, Any]:
    found = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))["models"]
    return {model["name"]: {**model, "place": place} for place, model in enumerate(found)}


@pytest.fixture(scope="module")
def tree(run: Run) -> Any:
    return html5lib.parse(run.report.read_text(encoding="utf-8"), namespaceHTMLElements=False)


def text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def table(tree: Any, model: str, name: str) -> list[list[str]]:
    """The cells of the body of the table of this class in a model's details."""
    (found,) = [
        one
        for one in tree.find(f".//details[@id='model-{model}']").iter("table")
        if name in one.get("class", "").split()
    ]
    return [[text(cell) for cell in row] for row in found.find("tbody")]


def stored_search(run: Run, model: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.folder / "search" / f"{model}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("model", ["searched", "grid"])
def test_every_trial_is_in_the_table_as_it_is_stored(run: Run, models: dict[str, Any], tree: Any, model: str) -> None:
    outcome = stored_search(run, model)["outcome"]
    rows = table(tree, model, "trials")
    write = percent if outcome["objective"] == "accuracy" else "{:.4f}".format
    assert [row[0] for row in rows] == [str(trial["number"]) for trial in outcome["trials"]] and len(rows) == 4
    for row, trial in zip(rows, outcome["trials"]):
        values = [f"{value:g}" for value in trial["assignment"].values()]
        assert (
            row[1:3] == values
            and row[3] == str(trial["epoch"])
            and row[-2] == write(trial["score"]).replace("\xa0", " ")
        )
        assert row[-1].startswith("winner") == (trial["number"] == outcome["winner"])
        assert row[-1].startswith("stopped") == trial["cut"]


@pytest.mark.parametrize("model", ["searched", "grid"])
def test_trials_show_loss_beside_accuracy_of_what_they_keep(
    run: Run, models: dict[str, Any], tree: Any, model: str
) -> None:
    rows, stopped = table(tree, model, "trials"), 0
    for row, trial in zip(rows, models[model]["search"]["trials"], strict=True):
        [history] = [run.record.folder_of(job).read_history() for job in trial["jobs"]]
        [result] = [run.record.folder_of(job).read_result() for job in trial["jobs"]]
        assert result is not None
        kept = min(history, key=lambda one: one["validation_loss"] or 0.0)
        if result.status == "done":
            assert kept["epoch"] == result.kept_epoch
        stopped += result.status == "stopped"
        assert (trial["loss"], trial["accuracy"]) == (kept["validation_loss"], kept["validation_accuracy"])
        shown = [f"{trial['loss']:.4f}", percent(trial["accuracy"])]
        assert [cell.replace("\xa0", " ") for cell in row[-4:-2]] == [one.replace("\xa0", " ") for one in shown]
    assert stopped == (3 if model == "searched" else 0)


def test_rungs_and_cost_are_those_of_the_rounds(run: Run, models: dict[str, Any], tree: Any) -> None:
    """4 trials to epoch 1, 2 to epoch 2, 1 to epoch 4: 4 + 2 + 2 epochs of 16."""
    search = models["searched"]["search"]
    assert table(tree, "searched", "rungs") == [
        ["1", "4", "4", "1", "2"],
        ["2", "2", "0", "2", "1"],
        ["3", "1", "0", "4", "0"],
    ]
    lengths = [len(run.record.folder_of(job).read_history()) for trial in search["trials"] for job in trial["jobs"]]
    assert search["cost"]["epochs"] == sum(lengths) == 8 and search["cost"]["epochs_in_full"] == 16
    assert search["cost"]["saved_by"] == {"stopping": 8}
    assert search["cost"]["seconds"] == stored_search(run, "searched")["rounds"][-1]["seconds"]


def test_a_grid_over_epochs_says_what_sharing_saved_and_which_cells_are_one_network(models: dict[str, Any]) -> None:
    """Two batch sizes, 2 and 4 epochs: two trajectories of 4 epochs for 12 epochs asked for."""
    search = models["grid"]["search"]
    assert search["cost"]["epochs"] == 8 and search["cost"]["epochs_in_full"] == 12
    assert search["cost"]["saved_by"] == {"sharing": 4}
    for trial in search["trials"]:
        mine = trial["assignment"]["train.batch_size"], trial["kept_epochs"]
        same = (one for one in search["trials"] if (one["assignment"]["train.batch_size"], one["kept_epochs"]) == mine)
        first = next(same)["trial"]
        assert trial["same_as"] == (None if first == trial["trial"] else first)


def test_curves_are_the_histories_of_the_trials(run: Run, models: dict[str, Any]) -> None:
    for name, measure in (("searched", "accuracy"), ("grid", "loss")):
        for trial in models[name]["search"]["trials"]:
            history = run.record.folder_of(trial["jobs"][0]).read_history()
            assert trial["curve"] == [dict(epoch)[f"validation_{measure}"] for epoch in history]


def test_the_optimism_is_that_of_the_evaluation(run: Run, models: dict[str, Any], tree: Any) -> None:
    selection = run.evaluation.searches["grid"].selection
    assert selection is not None and selection.low is not None and selection.high is not None
    assert models["grid"]["search"]["selection"]["corrected"] == selection.corrected
    shown = text(tree.find(f".//p[@id='optimism-{models['grid']['place']}']"))
    assert f"loss {-selection.observed:.4f}" in shown and f"expect {-selection.corrected:.4f}" in shown
    assert f"({-selection.high:.4f} to {-selection.low:.4f})" in shown


def test_seeds_are_the_accuracies_of_their_networks(run: Run, models: dict[str, Any], tree: Any) -> None:
    for name, model in models.items():
        for at, (seed, job) in enumerate(run.record.planned[name].seeds.items()):
            predictions = run.record.folder_of(job).read_predictions("validation")
            assert predictions is not None and predictions.labels is not None
            accuracy = float((predictions.predicted == predictions.labels).mean())
            entry = model["seeds"]["validation"]["seeds"][at]
            assert entry == {"seed": seed, "job": job, "accuracy": pytest.approx(accuracy)}
            assert table(tree, name, "seeds")[0][3 + at] == percent(accuracy).replace("\xa0", " ")


def test_folds_are_scored_on_what_they_held_out(run: Run, models: dict[str, Any], tree: Any) -> None:
    for name, model in models.items():
        rows, accuracies = table(tree, name, "folds"), {}
        for fold in run.record.planned[name].folds:
            predictions = run.record.folder_of(fold.job).read_predictions("held_out")
            assert predictions is not None and predictions.labels is not None
            accuracies[fold.fold, fold.seed] = float((predictions.predicted == predictions.labels).mean())
        assert len(rows) == 3 and len(accuracies) == 6
        means = [statistics.mean(accuracies[fold, seed] for seed in (0, 1)) for fold in (1, 2, 3)]
        for number, row in enumerate(rows, 1):
            shown = [means[number - 1], *(accuracies[number, seed] for seed in (0, 1))]
            assert [row[1], *row[3:5]] == [percent(value).replace("\xa0", " ") for value in shown]
        assert model["folds"]["between_splits"] == pytest.approx(statistics.stdev(means))
        within = [statistics.variance(accuracies[fold, seed] for seed in (0, 1)) for fold in (1, 2, 3)]
        assert model["folds"]["between_seeds"] == pytest.approx(statistics.mean(within) ** 0.5)
        assert model["folds"]["mean"]["value"] == pytest.approx(statistics.mean(means))


def test_folds_have_losses_kept_epochs_and_curves(run: Run, models: dict[str, Any], tree: Any) -> None:
    """The losses are of the images that a fold held out; the mean has the corrected interval of the splits."""
    for name, model in models.items():
        rows, losses = table(tree, name, "folds"), np.zeros((3, 2))
        for fold in run.record.planned[name].folds:
            predictions = run.record.folder_of(fold.job).read_predictions("held_out")
            assert predictions is not None and predictions.labels is not None
            right = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
            losses[fold.fold - 1, fold.seed] = -np.log(np.maximum(right.astype(float), 1e-7)).mean()
            chain = [run.record.folder_of(job) for job in phases_of(run.record, fold.job)]
            results = [result for folder in chain if (result := folder.read_result()) is not None]
            kept = sum(result.epochs for result in results[:-1]) + results[-1].kept_epoch
            assert f"{kept} of {sum(result.epochs for result in results)}" in rows[fold.fold - 1][6]
        for number, (row, split) in enumerate(zip(rows, model["folds"]["splits"])):
            assert split["losses"] == pytest.approx(losses[number].tolist(), abs=1e-4)
            assert float(row[5]) == pytest.approx(losses[number].mean(), abs=1e-3)
        found = model["folds"]["mean_loss"]
        assert found["value"] == pytest.approx(losses.mean(), abs=1e-4) and found["method"] == "corrected resampled t"
        expected = fold_mean(losses, model["folds"]["num_train"], model["folds"]["num_held_out"])
        assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), abs=1e-3)
        for measure in ("loss", "accuracy"):
            assert tree.find(f".//div[@data-figure='{model['place']}-folds-{measure}']") is not None


def test_out_of_fold_every_training_row_is_answered_once_by_a_network_that_never_saw_it(
    run: Run, models: dict[str, Any], tree: Any
) -> None:
    for name, model in models.items():
        first = [fold for fold in run.record.planned[name].folds if fold.seed == 0]
        parts = [run.record.folder_of(fold.job).read_predictions("held_out") for fold in first]
        matrix = np.zeros((10, 10), int)
        for part in parts:
            assert part is not None and part.labels is not None
            np.add.at(matrix, (part.labels, part.predicted), 1)
        assert model["roles"]["out_of_fold"]["confusion"] == matrix.tolist()
        panel = tree.find(f".//details[@id='model-{name}']//div[@data-role='out_of_fold']")
        assert panel.find(".//table[@data-cells]") is not None
        assert "out of fold" in text(panel.find("h4"))


def test_the_network_on_all_rows_says_its_rule(run: Run, models: dict[str, Any], tree: Any) -> None:
    for name, model in models.items():
        results = [run.record.folder_of(fold.job).read_result() for fold in run.record.planned[name].folds]
        kept = sorted(result.kept_epoch for result in results if result)
        final = model["folds"]["final"]
        assert final["kept"][-1] == kept and final["epochs"][-1] == round(statistics.median(kept))
        shown = text(tree.find(f".//p[@id='final-{model['place']}']"))
        assert f"({', '.join(map(str, kept))})" in shown


def test_phases_are_one_history_that_counts_through(run: Run, models: dict[str, Any], tree: Any) -> None:
    model, jobs = models["phases"], run.record.planned["phases"].phases
    histories = [run.record.folder_of(job).read_history() for job in jobs]
    assert len(histories) == 2 and list(map(len, histories)) == [3, 2]
    assert [one["epoch"] for one in model["history"]] == [1, 2, 3, 4, 5]
    assert [one["phase"] for one in model["history"]] == [1, 1, 1, 2, 2]
    assert [one["loss"] for one in model["history"]] == [one["loss"] for history in histories for one in history]
    last = run.record.folder_of(jobs[-1]).read_result()
    assert last is not None and model["kept_epoch"] == 3 + last.kept_epoch and model["stopped_epoch"] == 5
    details = text(tree.find(".//details[@id='model-phases']"))
    before = run.record.folder_of(jobs[0]).read_result()
    assert before is not None and f"begins from the weights kept after epoch {before.kept_epoch}" in details
    assert "Phase 1, epochs 1 to 3" in details and "Phase 2, epochs 4 to 5" in details
    rates = [phase["settings"]["learning_rate"] for phase in model["phases"]]
    assert rates == [3e-3, 1e-3]


def test_hyper_parameters_have_short_names_that_tell_them_apart() -> None:
    paths = ["train.learning_rate", "layers.5.dense.units", "layers.6.dense.units", "layers.2"]
    assert list(short_names(paths).values()) == [
        "learning rate",
        "dense units (layer 6)",
        "dense units (layer 7)",
        "layer 3",
    ]
    assert short_names(["layers.5.dense.units"])["layers.5.dense.units"] == "dense units"
    twice = ["train.optimizer.choice.0.sgd.momentum", "train.optimizer.choice.1.sgd.momentum"]
    assert len(set(short_names(twice).values())) == 2


@pytest.mark.parametrize(
    ("written", "scale"),
    [
        ({"log": [1e-4, 1e-1]}, "log"),
        ({"range": [0.0, 0.5]}, "linear"),
        ({"choice": [0.01, 0.001, 0.0001]}, "log"),
        ({"choice": [32, 64, 128]}, "log"),
        ({"choice": [10, 20, 30]}, "linear"),
        ({"choice": ["adam", "sgd"]}, "named"),
        ({"choice": [True, False]}, "named"),
        ({"choice": [0, 1, 2]}, "linear"),
    ],
)
def test_the_scale_of_an_axis_follows_the_values(written: Any, scale: str) -> None:
    value = read_value(written)
    assert value is not None
    (found,) = hyperparameters({"train.x": value})
    assert found["scale"] == scale


def test_a_grid_of_two_keys_is_a_heat_map_with_its_tie(run: Run, models: dict[str, Any], tree: Any) -> None:
    """Every cell has the value of the objective and the other measure of the trial that stands there; ties as compared
    pair by pair by this test."""
    search = models["grid"]["search"]
    (found,) = tree.findall(".//table[@class='grid-map']")
    columns = [text(cell) for cell in found.find("thead/tr")][1:]
    trials = {tuple(f"{value:g}" for value in one["assignment"].values()): one for one in search["trials"]}
    cells: dict[tuple[str, str], Any] = {}
    for row in found.find("tbody"):
        head, *values = list(row)
        cells |= {(text(head), column): cell for column, cell in zip(columns, values, strict=True)}
    assert len(cells) == len(trials) == 4
    keys = [one["name"] for one in search["hyperparameters"]]
    swapped = search["grid"]["down"] != keys[0]
    for place, cell in cells.items():
        trial = trials[place[::-1] if swapped else place]
        assert text(cell.find("b")) == f"{trial['score']:.4f}" == f"{trial['loss']:.4f}"
        assert text(cell.find("span")) == f"{100 * trial['accuracy']:.2f}"
        won, tied = trial["outcome"] == "winner", trial["trial"] in tied_trials(run)
        assert text(cell.find("em")) == ("winner" if won else "tie" if tied else "")
    assert search["grid"]["tied"] == len(tied_trials(run))
    assert models["searched"]["search"]["grid"] is None, "halving is no grid"


def tied_trials(run: Run) -> set[int]:
    """Trials of the grid that no other one is better than, by one-sided paired t tests of 5 % over all others."""
    losses = {}
    for trial in stored_search(run, "grid")["outcome"]["trials"]:
        stored = run.record.folder_of(trial["jobs"][0]).labelled("validation")
        assert stored.labels is not None
        losses[trial["number"]] = -np.log(stored.probabilities[np.arange(len(stored)), stored.labels])
    different = {tuple(each[:5]) for each in losses.values()}

    def is_beaten(one: int) -> bool:
        level = 0.05 / (len(different) - 1)
        pairs = (stats.ttest_rel(losses[one], other, alternative="greater") for other in losses.values())
        return any(pair.pvalue < level for pair in pairs)

    return {number for number in losses if not is_beaten(number)}
