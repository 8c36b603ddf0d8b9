"""Protects the analysis `wrong_labels`: planted labels stand first, no worse than cleanlab on the same probabilities;
margins that are missing are recorded without touching the network; what is said, and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from needs import needs
from runs import PLAIN, blobs, findings_of
from sklearn.datasets import load_digits

import snellen
from snellen.api import Run
from snellen.evaluate.cross_validation import held_out
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import stored_results
from snellen.explain.wrong_labels.facts import WrongLabelsFacts
from snellen.explain.wrong_labels.ranking import groups_of, log_ratios, rank_shares
from snellen.explain.wrong_labels.signals import signals_of
from snellen.run.verify import verify
from snellen.statistics.confident_learning import other_classes
from snellen.study.document import parse
from snellen.train.margins import Margins

TRAIN: dict[str, Any] = {"epochs": 12, "batch_size": 32, "learning_rate": 3e-3}
ASKED: dict[str, Any] = {"analyses": ["wrong_labels"]}
PLANTED = 40


def planted(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits, their labels, and the labels with PLANTED of them changed at random."""
    digits, random = load_digits(), np.random.default_rng(seed)
    labels, rows = digits.target.copy(), random.choice(len(digits.target), PLANTED, replace=False)
    labels[rows] = (labels[rows] + random.integers(1, 10, PLANTED)) % 10
    return digits.images.astype(np.uint8), digits.target, labels


def run_of(folder: Path, images: np.ndarray, labels: np.ndarray, **changes: Any) -> Run:
    data = snellen.from_arrays(images, labels, pixel_range=(0, int(images.max())))
    sections = {"models": {"dense": PLAIN}, "train": TRAIN, "split": {"test": 0.2, "validation": 0.2}, **changes}
    study = snellen.Study("noisy", data=data, **sections)
    return study.run(out=folder, device="cpu", threads=1, progress=False)


def facts_of(folder: Path) -> WrongLabelsFacts:
    [result] = [
        each for one, each in stored_results(RunRecord.open(folder)).items() if one.options.name == "wrong_labels"
    ]
    return cast(WrongLabelsFacts, result.facts)


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with folds and planted labels."""
    images, _, labels = planted(0)
    return run_of(tmp_path_factory.mktemp("folded") / "run", images, labels, folds=4, **ASKED).folder


def recall(labels: np.ndarray, truth: np.ndarray, scores: np.ndarray) -> float:
    """Of the planted labels among twice as many of the lowest scores."""
    wrong = labels != truth
    return float(wrong[np.argsort(scores, kind="stable")[: 2 * int(wrong.sum())]].sum() / wrong.sum())


def test_planted_labels_stand_first_with_their_class(folded: Path) -> None:
    _, truth, _ = planted(0)
    facts = facts_of(folded)
    listed = facts["suspects"]
    wrong = [truth[one["row"]] != int(one["label"]) for one in listed]
    assert np.mean(wrong[:20]) >= 0.95 and facts["folds"] and facts["networks"] == 6
    assert len(listed) == 2 * facts["suspected"] and [one["score"] for one in listed] == sorted(
        one["score"] for one in listed
    )
    right = [int(one["suggested"]) == truth[one["row"]] for one, bad in zip(listed, wrong) if bad]
    assert np.mean(right) > 0.8
    assert all(one["role"] != "test" for one in listed) and all(one["role"] == "test" for one in facts["test"] or [])


def test_scores_and_margins_are_those_of_the_stored_files(folded: Path) -> None:
    """Computed here from predictions and margins, one row by hand."""
    record, facts = RunRecord.open(folded), facts_of(folded)
    one = facts["suspects"][0]
    own = [Margins.load(record.folder_of(job).margins, job) for job in record.planned["dense"].jobs]
    at = [(each.epochs, each.values[each.rows == one["row"]]) for each in own if one["row"] in each.rows]
    assert len(at) >= 3
    assert one["margin"] == pytest.approx(sum(e * v[0] for e, v in at) / sum(e for e, _ in at), abs=1e-4)
    folds = held_out(record, "dense")
    assert folds is not None
    pooled = folds.pooled()
    place = int(np.flatnonzero(pooled.rows == one["row"])[0])
    assert one["probability"] == pytest.approx(float(pooled.probabilities[place, int(one["label"])]), abs=1e-4)


def test_order_is_the_mean_of_both_ranks(folded: Path) -> None:
    signals = signals_of(RunRecord.open(folded), "dense")
    [group] = groups_of(signals)
    expected = rank_shares(signals.margins) + rank_shares(log_ratios(signals.labels, signals.probabilities))
    assert group.by == "both" and group.scores == pytest.approx(expected / 2)


@needs("cleanlab")
def test_no_worse_than_the_best_order_of_cleanlab_on_the_same_probabilities(tmp_path: Path) -> None:
    """Means of four draws, each of some 32 labels; bench/wrong_labels.py has ten of each kind of noise on
    Fashion-MNIST."""
    from cleanlab.rank import get_label_quality_scores

    methods = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
    wide = {"dense": {"layers": ["flatten", {"dense": {"units": 64, "activation": "relu"}}]}}
    found: dict[str, list[float]] = {name: [] for name in ("ours", *methods)}
    for seed in range(4):
        images, truth, labels = planted(seed)
        folder = tmp_path / str(seed)
        run_of(folder, images, labels, folds=4, models=wide, train={**TRAIN, "epochs": 20}, **ASKED)
        signals = signals_of(RunRecord.open(folder), "dense")
        [group] = groups_of(signals)
        scores = {"ours": group.scores}
        for method in methods:
            scores[method] = get_label_quality_scores(signals.labels, signals.probabilities, method=method)
        for name, values in scores.items():
            found[name].append(recall(signals.labels, truth[signals.rows], values))
    ours, *theirs = (float(np.mean(values)) for values in found.values())
    assert ours >= max(theirs) - 0.01 and ours > 0.95


def test_without_folds_margins_rank_training_rows_and_held_out_predictions_the_others(tmp_path: Path) -> None:
    images, truth, labels = planted(0)
    facts = facts_of(run_of(tmp_path / "run", images, labels, **ASKED).folder)
    by = {group["by"]: group for group in facts["groups"]}
    assert set(by) == {"probabilities", "margins"}
    assert set(by["margins"]["roles"]) == {"train"} and set(by["probabilities"]["roles"]) == {"validation"}
    share = by["probabilities"]["suspected"] / by["probabilities"]["images"]
    assert by["margins"]["suspected"] == round(share * by["margins"]["images"])
    first = facts["suspects"][:10]
    assert np.mean([truth[one["row"]] != int(one["label"]) for one in first]) >= 0.9
    trained = [one for one in facts["suspects"] if one["role"] == "train"]
    assert trained and all(one["probability"] is None and one["margin"] is not None for one in trained)
    held = [one for one in facts["suspects"] if one["role"] == "validation"]
    assert held and all(one["margin"] is None and one["probability"] is not None for one in held)


def test_margins_of_a_finished_network_are_recorded_later_and_it_stays_as_it_was(tmp_path: Path) -> None:
    images, _, labels = planted(1)
    run_of(tmp_path / "run", images, labels)
    job = RunRecord.open(tmp_path / "run").job("dense")
    before = {path: path.read_bytes() for path in sorted(job.path.rglob("*")) if path.is_file()}
    assert not job.margins.exists()
    run_of(tmp_path / "run", images, labels, **ASKED)
    assert {path: path.read_bytes() for path in before} == before and job.margins.exists()
    later = Margins.load(job.margins, job.path.name)
    run_of(tmp_path / "at-once", images, labels, **ASKED)
    at_once = RunRecord.open(tmp_path / "at-once").job("dense")
    expected = Margins.load(at_once.margins, at_once.path.name)
    assert later.rows.tolist() == expected.rows.tolist() and later.epochs == expected.epochs
    assert later.values == pytest.approx(expected.values, rel=1e-4, abs=1e-4)
    events = [json.loads(line)["record"] for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    assert [each["jobs"] for each in events if each["event"] == "margins recorded"] == [[job.path.name]]
    assert not (tmp_path / "run" / ".margins").exists()


def test_a_run_with_margins_is_verified(folded: Path) -> None:
    checks = {check.name: check for check in verify(folded)}
    assert all(check.outcome != "differs" for check in checks.values())


def test_phases_and_seeds_and_searches_have_margins(tmp_path: Path) -> None:
    images, labels = blobs(150)
    model = {**PLAIN, "train": [{"epochs": 2}, {"epochs": {"choice": [1, 2]}}], "search": "grid"}
    run = run_of(tmp_path / "run", images, labels, models={"dense": model}, seeds=2, **ASKED)
    record = RunRecord.open(run.folder)
    planned = record.planned["dense"]
    assert all(record.folder_of(job).margins.exists() for job in (*planned.phases, *planned.seeds.values()))
    assert np.isfinite(signals_of(record, "dense").margins).any()


def test_nothing_is_suspected_of_sound_labels_and_nothing_is_found(tmp_path: Path) -> None:
    images, labels = blobs(240)
    run = run_of(tmp_path / "run", images, labels, folds=3, **ASKED)
    facts = facts_of(run.folder)
    assert facts["suspected"] == 0 and facts["sentences"][0].startswith("No label of 192 labels outside the test")
    assert "SNL140" not in {each.code for each in findings_of(run.folder)}


def test_the_finding_says_how_many_with_an_interval_and_calls_none_wrong(folded: Path) -> None:
    [finding] = [each for each in findings_of(folded) if each.code == "SNL140"]
    facts = facts_of(folded)
    assert finding.severity == "warning" and finding.evidence == "analyses"
    assert f"{facts['suspected']:,} of {facts['images']:,} labels" in finding.sentence and " to " in finding.sentence
    assert finding.values["low"] < finding.values["share"] < finding.values["high"]
    said = " ".join([*facts["sentences"], finding.sentence, finding.advice or ""])
    assert "mislabelled" not in said and "for review" in said and "accuracy" not in said


def test_a_model_to_which_most_labels_look_wrong_is_too_weak_to_judge(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (300, 4, 4), dtype=np.uint8), np.arange(300) % 30
    run = run_of(tmp_path / "run", images, labels, **ASKED)
    facts = facts_of(run.folder)
    assert 2 * facts["suspected"] > facts["images"]
    assert "is too weak to judge labels" in facts["sentences"][0]
    assert "SNL140" not in {each.code for each in findings_of(run.folder)}


def test_copies_are_listed_once_and_mixed_images_are_mentioned(tmp_path: Path) -> None:
    images, _, labels = planted(2)
    images = np.concatenate([images, images])
    models = {"dense": {**PLAIN, "train": {**TRAIN, "augment": [{"mixup": 0.2}]}}}
    facts = facts_of(run_of(tmp_path / "run", images, np.concatenate([labels, labels]), models=models, **ASKED).folder)
    keys = [(one["picture"], one["label"]) for one in facts["suspects"]]
    assert len(keys) == len(set(keys)) and sum(one["copies"] for one in facts["suspects"]) > 0
    assert any("mixup" in sentence for sentence in facts["sentences"])


def test_an_analysis_made_in_python_without_margins_says_so(tmp_path: Path) -> None:
    images, _, labels = planted(0)
    run = run_of(tmp_path / "run", images, labels)
    data = snellen.from_arrays(images, labels, pixel_range=(0, int(images.max())))
    made = run.analysis("wrong_labels", dataset=data)
    assert any("No margins were recorded" in sentence for sentence in made.sentences)
    assert [group["by"] for group in made.facts["groups"]] == ["probabilities"]


def test_suggestions_are_never_the_label(folded: Path) -> None:
    facts = facts_of(folded)
    assert all(one["suggested"] != one["label"] for one in [*facts["suspects"], *(facts["test"] or [])])
    assert other_classes(np.array([1]), np.array([[0.2, 0.8]])).tolist() == [0]


def test_the_studies_of_the_how_to_are_studies() -> None:
    text = (Path(__file__).parents[2] / "docs" / "wrong-labels.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    found = [parse(block, "docs/wrong-labels.md").study() for block in blocks]
    assert [each.data.reviews for each in found] == [None, "reviews.csv"]
    assert found[0].model_copy(update={"data": found[1].data}) == found[1]
