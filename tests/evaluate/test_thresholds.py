"""Protects thresholds of a study: what counts as accepted, what is certified on which images, what is in the bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import run_small
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score

from snellen.api import Run
from snellen.errors import StudyError, UnknownName
from snellen.evaluate.calibration import NetworkPredictions, calibration_of, network_predictions, temperature_of
from snellen.evaluate.confidence import confidence
from snellen.evaluate.thresholds import Wanted, exchangeable_p, prediction_sets, threshold_results
from snellen.models.predictions import Predictions
from snellen.models.temperature import with_temperature

CLASSES = ("a", "b", "c")
ALL = (Wanted("a", "precision", 0.9), Wanted("b", "recall", 0.8), Wanted(None, "accuracy", 0.9))
DENSE = {"layers": "mlp-128", "train": {"epochs": 6}}
STUDY: dict[str, Any] = {
    "split": {"validation": 0.5, "calibration": 0.6},
    "calibrate": "temperature",
    "models": {"plain": DENSE},
    "thresholds": [
        {"class": "1", "precision": 0.6},
        {"class": "2", "recall": 0.5},
        {"abstain": {"accuracy": 0.9}},
        {"class": "3", "probability": 0.7},
    ],
}


def drawn(role: str, images: int, seed: int, sharpness: float = 3.0) -> Predictions:
    """Labels drawn from the probabilities."""
    generator = np.random.default_rng(seed)
    logits = sharpness * generator.normal(size=(images, 3))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (generator.random((images, 1)) > np.cumsum(shares, 1)).sum(1).clip(max=2)
    return Predictions(role, np.arange(images), np.arange(images).astype(str), labels, shares.astype(np.float32))


def network(**sizes: int) -> NetworkPredictions:
    found = {role: drawn(role, images, seed) for seed, (role, images) in enumerate(sizes.items())}
    return NetworkPredictions("job", found.get("validation"), found)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_small(tmp_path_factory.mktemp("thresholds") / "run", **STUDY)


def test_what_is_achieved_is_what_scikit_learn_counts() -> None:
    judged = network(validation=2_000, calibration=3_000, test=1_500)
    for result in threshold_results(ALL, judged, CLASSES, None):
        assert result.threshold is not None and result.certificate is not None
        for role, predictions in judged.by_role.items():
            found, labels = result.achieved[role], predictions.labels
            assert labels is not None
            if result.wanted.class_name is None:
                given = predictions.probabilities.max(1) >= result.threshold
                assert found.precision.value == pytest.approx((predictions.predicted == labels)[given].mean())
                assert found.recall is None
            else:
                code = CLASSES.index(result.wanted.class_name)
                given = predictions.probabilities[:, code] >= result.threshold
                assert found.precision.value == pytest.approx(precision_score(labels == code, given))
                assert found.recall is not None
                assert found.recall.value == pytest.approx(recall_score(labels == code, given))
            assert found.coverage.value == pytest.approx(given.mean())
            assert found.precision.n == given.sum()


def test_certificates_count_calibration_images_and_share_the_error() -> None:
    judged = network(validation=2_000, calibration=3_000, test=1_500)
    for result in threshold_results(ALL, judged, CLASSES, None):
        achieved, certificate = result.achieved["calibration"], result.certificate
        assert certificate is not None and certificate.delta == pytest.approx(0.05 / 3)
        share = achieved.recall if result.wanted.measure == "recall" else achieved.precision
        assert share is not None and share.value == pytest.approx(certificate.hits / certificate.accepted)
        assert certificate.provable >= result.wanted.target


def test_a_given_threshold_is_shown_and_certifies_nothing() -> None:
    [result] = threshold_results([Wanted("a", "probability", 0.7)], network(validation=100, test=80), CLASSES, None)
    assert result.certificate is None and result.threshold == 0.7 and set(result.achieved) == {"validation", "test"}


def test_nobody_who_passes_has_no_precision() -> None:
    [result] = threshold_results([Wanted("a", "probability", 0.9999999)], network(test=50), CLASSES, None)
    assert result.achieved["test"].precision.value is None and result.achieved["test"].coverage.value == 0


def test_without_calibration_images_nothing_is_certified() -> None:
    for result in threshold_results(ALL, network(validation=500, test=300), CLASSES, None):
        assert result.threshold is None and result.achieved == {}
    assert prediction_sets(network(validation=500, test=300), 3, None) == []


def test_alike_images_are_exchangeable_and_others_are_not() -> None:
    assert exchangeable_p(network(validation=10, calibration=400, test=400)) > 0.05  # type: ignore[operator]
    other = network(validation=10, calibration=400, test=400)
    shifted = NetworkPredictions("job", None, {**other.by_role, "test": drawn("test", 400, 5, sharpness=1.0)})
    assert exchangeable_p(shifted) <= 0.01  # type: ignore[operator]
    assert exchangeable_p(network(validation=10, test=40)) is None


def test_the_calibration_of_true_probabilities_has_no_gap() -> None:
    one = calibration_of(drawn("test", 4_000, 3))
    assert one.gap.low is not None and one.gap.high is not None and one.gap.low < 0 < one.gap.high
    assert one.error.error < 2 * one.error.by_chance


def test_a_run_keeps_what_was_certified_in_its_bundle(certified: Run, tmp_path: Path) -> None:
    description = json.loads((certified.folder / "models" / "plain" / "model.json").read_text(encoding="utf-8"))
    found = certified.evaluation.confidence["plain"]
    kept = {(each.get("class_name"), each["threshold"]) for each in description["sections"].get("thresholds", [])}
    expected = {
        (each.wanted.class_name, each.threshold)
        for each in found.thresholds
        if each.certificate is not None and each.threshold is not None
    }
    assert kept == expected and kept
    assert found.temperature is not None
    assert description["sections"]["temperature"]["value"] == found.temperature.value


def test_the_model_answers_as_the_evaluation_counts(certified: Run) -> None:
    """Temperature and thresholds by one function: what the report counts as answered is what `predict` answers."""
    found, model = certified.evaluation.confidence["plain"], certified.model("plain")
    stored = found.shown
    assert stored is not None and stored.role == "test" and found.temperature is not None
    images = certified.record.data["data"]["images"]
    assert images > len(stored)
    probabilities = with_temperature(stored.probabilities, found.temperature.value)
    assert np.array_equal(probabilities.argmax(1), stored.predicted)
    answered = model.answered(probabilities)
    [abstain] = [each for each in found.thresholds if each.wanted.measure == "accuracy"]
    if abstain.threshold is not None:
        assert not (answered & (probabilities.max(1) < abstain.threshold)).any()
    assert 0 < answered.sum() <= len(answered)


def test_each_class_has_the_bins_of_its_probability(certified: Run) -> None:
    """After the temperature; in report.json and on the page; none for a class of too few images."""
    found = certified.evaluation.confidence["plain"]
    assert found.shown is not None and found.shown.labels is not None and found.temperature is not None
    after = with_temperature(found.shown.probabilities, found.temperature.value)
    for code, bins in enumerate(found.by_class):
        assert sum(each.images for each in bins) == len(found.shown)
        assert sum(each.images * each.accuracy for each in bins) == pytest.approx((found.shown.labels == code).sum())
        assert sum(each.images * each.confidence for each in bins) == pytest.approx(after[:, code].sum(), rel=1e-5)
        assert min(each.images for each in bins) >= 10
    stored = json.loads((certified.folder / "report.json").read_text(encoding="utf-8"))["models"][0]["confidence"]
    assert [[each["images"] for each in bins] for bins in stored["by_class"]] == [
        [each.images for each in bins] for bins in found.by_class
    ]
    page = (certified.folder / "report.html").read_text(encoding="utf-8")
    assert all(f'data-figure="0-reliability-{code}"' in page for code in range(10))
    small = run_small(certified.folder.parent / "rare", models={"plain": DENSE}, split={"test": 0.1, "validation": 0.2})
    [few] = small.evaluation.confidence.values()
    assert few.shown is not None and not any(few.by_class) and len(few.by_class) == 10
    assert "is its probability true?" not in (small.folder / "report.html").read_text(encoding="utf-8")


def test_areas_are_those_of_scikit_learn(certified: Run) -> None:
    found = certified.evaluation.confidence["plain"]
    assert found.shown is not None and found.shown.labels is not None
    for code, areas in enumerate(found.areas):
        own, scores = found.shown.labels == code, found.shown.probabilities[:, code]
        assert areas.roc is not None and areas.precision is not None
        assert areas.roc.value == pytest.approx(roc_auc_score(own, scores))
        assert areas.precision.value == pytest.approx(average_precision_score(own, scores))
        assert areas.precision.low <= areas.precision.value <= areas.precision.high


def test_accuracy_is_the_same_before_and_after_the_temperature(certified: Run) -> None:
    judged = network_predictions(certified.record, "plain", opened=True)
    temperature = temperature_of(judged)
    assert temperature is not None and temperature.role == "validation"
    for predictions in judged.by_role.values():
        after = with_temperature(predictions.probabilities, temperature.value)
        assert np.array_equal(after.argmax(1), predictions.predicted)


def test_the_network_on_all_rows_is_calibrated_on_rows_that_it_never_saw(tmp_path: Path) -> None:
    run = run_small(tmp_path / "run", **STUDY, folds=3)
    planned = run.record.planned["plain"]
    assert planned.final
    judged = network_predictions(run.record, "plain", opened=True)
    assert judged.job == planned.shipped and set(judged.by_role) == {"calibration", "test"}
    calibration, trained = (
        judged.by_role["calibration"],
        run.record.folder_of(planned.shipped).read_predictions("train"),
    )
    assert trained is not None and not set(calibration.rows) & set(trained.rows)
    found = confidence(run.record, ["plain"], ["plain"])["plain"]
    assert found.temperature is not None and found.temperature.role == "out_of_fold"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"split": {"validation": 0.5}}, StudyError, "certified on calibration rows.*split: {calibration: 0.5}"),
        ({"thresholds": [{"class": "11", "precision": 0.9}]}, UnknownName, "unknown class '11'"),
        ({"thresholds": [{"class": "1", "precision": 0.9}] * 2}, StudyError, "more than one certified threshold"),
        ({"thresholds": [{"class": "1"}]}, StudyError, "one class and one wish"),
        ({"thresholds": [{"abstain": {"accuracy": 0.9}, "class": "1"}]}, StudyError, "`abstain` stands alone"),
    ],
)
def test_bad_use_is_told(changes: dict[str, Any], error: type[Exception], said: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=said):
        run_small(tmp_path / "run", **{**STUDY, **changes})
