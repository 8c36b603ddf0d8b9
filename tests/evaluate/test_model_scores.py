"""Protects how good a model is said to be: means over seeds and folds are those of independent computations, with the
interval that the method has, and none where it has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from runs import edit_json, facts_of, plant
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, log_loss

from snellen.api import Run
from snellen.evaluate.cross_validation import held_out
from snellen.metrics.scores import METRICS, Metric
from snellen.models.predictions import Predictions
from snellen.statistics.seed_intervals import recipe_mean


def stored(run: Run, model: str, role: str) -> list[Predictions]:
    """What each seed's network says."""
    record = run.record
    found = [record.folder_of(job).read_predictions(role) for job in record.planned[model].seeds.values()]
    return [each for each in found if each is not None]


def right(run: Run, model: str, role: str) -> np.ndarray:
    return np.stack([each.predicted == each.labels for each in stored(run, model, role)])


@pytest.mark.parametrize("role", ["validation", "calibration", "test"])
def test_a_recipe_is_the_mean_over_its_seeds(seeds_run: Run, role: str) -> None:
    """And its interval that of the seeds crossed with the images, cut to where a share can be."""
    evaluation = seeds_run.evaluation
    for model in ("plain", "dropped", "linear"):
        found, table = evaluation.recipe(model, role), right(seeds_run, model, role)
        each = [accuracy_score(one.labels, one.predicted) for one in stored(seeds_run, model, role)]
        n, mean = table.shape[1], recipe_mean(table)
        assert found is not None and found.value == pytest.approx(np.mean(each))
        assert mean.low is not None and found.low == max(0, mean.low)
        assert mean.high is not None and found.high == min(1, mean.high)
        assert (found.networks, found.n, found.covers) == (3, n, "other images and retraining")
        assert found.deviation == pytest.approx(np.std(each, ddof=1))
        assert evaluation.by_seed(model, role) == pytest.approx(each)


def test_means_of_losses_and_of_f1_have_intervals(seeds_run: Run) -> None:
    evaluation = seeds_run.evaluation
    each = stored(seeds_run, "plain", "validation")
    loss, f1 = (evaluation.recipe("plain", "validation", measure) for measure in ("loss", "macro_f1"))
    assert loss is not None and loss.low is not None and loss.high is not None and loss.value is not None
    assert loss.low < loss.value < loss.high
    assert loss.value == pytest.approx(np.mean([log_loss(one.labels, one.probabilities) for one in each]), rel=1e-5)
    scores = [f1_score(one.labels, one.predicted, average="macro", zero_division=0) for one in each]
    assert f1 is not None and f1.low is not None and f1.high is not None and f1.value is not None
    assert f1.low < f1.value < f1.high and f1.covers == "other images and retraining"
    assert f1.value == pytest.approx(np.mean(scores)) and f1.deviation == pytest.approx(np.std(scores, ddof=1))


def test_a_metric_without_values_per_image_has_a_mean_and_no_interval(
    seeds_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def least(labels: np.ndarray, probabilities: np.ndarray) -> float:
        return float(probabilities[np.arange(len(labels)), labels].min())

    monkeypatch.setitem(METRICS, "least", Metric(least, is_fraction_of_images=False, higher_is_better=True))
    found = facts_of(seeds_copy).evaluation.recipe("plain", "validation", "least")
    each = [least(np.asarray(one.labels), one.probabilities) for one in stored(Run(seeds_copy), "plain", "validation")]
    assert found is not None and (found.low, found.high, found.covers, found.networks) == (None, None, "", 3)
    assert found.value == pytest.approx(np.mean(each)) and found.deviation == pytest.approx(np.std(each, ddof=1))


def test_one_network_has_no_recipe(small_run: Run) -> None:
    evaluation = small_run.evaluation
    assert evaluation.recipe("dense", "validation") is None and evaluation.by_seed("dense", "validation") == []
    assert evaluation.standing("dense", "validation") == evaluation.estimate("dense", "validation", "accuracy")
    assert evaluation.over_folds("dense") is None and not evaluation.folds
    assert set(small_run.scores["of"].unique()) == {"network", "floor"}


def test_training_images_are_no_score_of_a_recipe(seeds_run: Run) -> None:
    assert seeds_run.scores.filter((pl.col("of") == "recipe") & (pl.col("role") == "train")).is_empty()


def test_folds_are_means_of_means_with_the_corrected_interval(folds_run: Run) -> None:
    record, evaluation = folds_run.record, folds_run.evaluation
    for model in ("plain", "linear"):
        planned = record.planned[model].folds
        scores: dict[int, list[float]] = {fold: [] for fold in (1, 2, 3)}
        for one in planned:
            held = record.folder_of(one.job).read_predictions("held_out")
            assert held is not None and len(held) == one.num_held_out
            scores[one.fold].append(accuracy_score(held.labels, held.predicted))
        means = [np.mean(scores[fold]) for fold in (1, 2, 3)]
        train, test = (np.mean([getattr(one, name) for one in planned]) for name in ("num_train", "num_held_out"))
        error = np.sqrt((1 / 3 + test / train) * np.var(means, ddof=1))
        found, folds = evaluation.over_folds(model), evaluation.folds[model]
        assert found is not None and found.value == pytest.approx(np.mean(means))
        assert found.high == pytest.approx(np.mean(means) + stats.t.ppf(0.975, 2) * error)
        assert folds.by_split == pytest.approx(means)
        assert folds.mean.deviation == pytest.approx(np.std(means, ddof=1))
        assert folds.between_seeds == pytest.approx(
            np.sqrt(np.mean([np.var(scores[fold], ddof=1) for fold in (1, 2, 3)]))
        )


def test_every_row_stands_out_of_fold_once(folds_run: Run) -> None:
    record = folds_run.record
    folds = held_out(record, "plain")
    assert folds is not None
    pooled, roles = folds.pooled(), record.data["roles"]["counts"]
    assert len(np.unique(pooled.rows)) == len(pooled) == roles["train"] + roles["validation"]
    assert (np.diff(pooled.rows) > 0).all()
    scored = folds_run.evaluation.estimate("plain", "out_of_fold", "accuracy")
    assert scored is not None and scored.value == pytest.approx(accuracy_score(pooled.labels, pooled.predicted))
    per_class = folds_run.evaluation.estimate("plain", "out_of_fold", "recall", "3")
    assert per_class is not None and per_class.n == np.count_nonzero(pooled.labels == 3)


def test_limits_stay_where_a_share_can_be(seeds_copy: Path) -> None:
    """Three seeds that differ widely near 100 %: the t interval would leave [0, 1]."""
    record = facts_of(seeds_copy).record
    for wrong, job in zip((0, 0, 20), record.planned["plain"].seeds.values()):
        plant(seeds_copy, job, "validation", np.arange(210) >= wrong)
    found = facts_of(seeds_copy).evaluation.recipe("plain", "validation")
    assert found is not None and found.high == 1.0 and found.low is not None and found.low > 0.5


def test_a_failed_seed_is_left_out_of_the_mean(seeds_copy: Path) -> None:
    job = list(facts_of(seeds_copy).record.planned["plain"].seeds.values())[2]
    folder = facts_of(seeds_copy).record.folder_of(job).path
    edit_json(folder / "result.json", lambda result: {**result, "status": "failed", "reason": "nan"})
    for path in (folder / "predictions").iterdir():
        path.unlink()
    found = facts_of(seeds_copy).evaluation.recipe("plain", "validation")
    assert found is not None and found.networks == 2
