"""Protects every finding: a planted fault raises it, without the fault it is silent, and its numbers are in its
sentence.

The shared run is sound. Each state below is that run with one thing changed, in its stored files or its evaluation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import CHOOSING, EXPLAINED, PLANTED, PRETRAINED, edit_json
from sklearn.metrics import recall_score

from snellen.api import Run
from snellen.data.splits.vault import Openings
from snellen.evaluate.calibration import NetworkPredictions
from snellen.evaluate.evaluation import Evaluation, evaluate
from snellen.evaluate.record import RunRecord
from snellen.evaluate.thresholds import Wanted, threshold_results
from snellen.findings.finding import WORST_FIRST, Facts, Finding
from snellen.findings.first_screen import MOST
from snellen.findings.first_screen.statement import MOST_WORDS, Statement, num_words
from snellen.findings.rules import RULES, judge
from snellen.models.predictions import Predictions, save_predictions

State = Callable[[Path, Evaluation], Evaluation]
"""Does its harm in the directory of a run, and returns the evaluation to go with it."""


def sound(folder: Path, evaluation: Evaluation) -> Evaluation:
    """The run as it is."""
    return evaluation


def judged(**values: Any) -> State:
    """Another evaluation."""
    return lambda _, evaluation: replace(evaluation, **values)


def result(model: str, **values: Any) -> State:
    """Another outcome of a job."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        path = RunRecord(folder).job(model).path / "result.json"
        edit_json(path, lambda stored: {**stored, **values})
        return evaluation

    return state


def data(section: str, **values: Any) -> State:
    """Other facts about the data."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        edit_json(folder / "data.json", lambda stored: {**stored, section: {**stored[section], **values}})
        return evaluation

    return state


def told(model: str, role: str, change: Callable[[Predictions], Predictions]) -> State:
    """Other stored predictions."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        stored = RunRecord(folder).predictions(model, role)
        assert stored is not None
        job = RunRecord(folder).job(model)
        save_predictions(job.predictions_path(role), change(stored), job.path.name)
        return evaluation

    return state


def said(classes: Callable[[np.ndarray], np.ndarray]) -> Callable[[Predictions], Predictions]:
    """Predictions of the classes that a function gives for the labels."""

    def change(stored: Predictions) -> Predictions:
        assert stored.labels is not None
        return replace(stored, probabilities=np.eye(10, dtype=np.float32)[classes(stored.labels)])

    return change


def first_wrong(labels: np.ndarray) -> np.ndarray:
    """Answers of which the first is wrong: no class is weak."""
    return np.where(np.arange(len(labels)) == 0, (labels + 1) % 10, labels)


def longer(folder: Path, evaluation: Evaluation) -> Evaluation:
    """As if the study had asked for more epochs than were needed."""
    for model in ("linear", "dense"):
        result(model, kept_epoch=1)(folder, evaluation)
    return evaluation


def stepped(folder: Path, evaluation: Evaluation) -> Evaluation:
    """As if every rate had fallen in steps: the last epoch is the best by design."""
    path = folder / "resolved.yaml"
    text = path.read_text(encoding="utf-8")
    before = re.findall(r"constant:\s+warmup_epochs: 0\.0", text)
    assert before
    for one in before:
        text = text.replace(one, "step: {every_epochs: 2}")
    path.write_text(text, encoding="utf-8")
    return evaluation


def probable(images: int, alike: float = 0.5) -> State:
    """As if thresholds were certified on many calibration images, or on every `images`-th of few."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        found = evaluation.confidence[CHOSEN]
        assert found.shown is not None
        chosen = replace(found.shown, role="validation")
        few = 40 if images > 1 else 4_000
        rows, labels = np.arange(few) % len(chosen), chosen.labels
        assert labels is not None
        tested = Predictions("calibration", rows, chosen.ids[rows], labels[rows], chosen.probabilities[rows])
        network = NetworkPredictions(found.job, chosen, {"calibration": tested, "test": found.shown})
        classes = RunRecord(folder).classes
        wanted = [Wanted(None, "accuracy", 0.93), Wanted(classes[0], "precision", 0.91)]
        results = tuple(threshold_results(wanted, network, classes, None))
        return replace(evaluation, confidence={CHOSEN: replace(found, thresholds=results, exchangeable=alike)})

    return state


def surer(gap: float) -> State:
    """As if the probabilities of the answers were so far above the accuracy, give or take a hundredth of that."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        found = evaluation.confidence[CHOSEN]
        raw = {
            role: replace(each, gap=replace(each.gap, value=gap, low=gap - 0.003, high=gap + 0.003))
            for role, each in found.raw.items()
        }
        return replace(evaluation, confidence={CHOSEN: replace(found, raw=raw)})

    return state


def file(name: str, change: Callable[[bytes], bytes] | None) -> State:
    """Other bytes in a stored file of the chosen model, or none of it."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        path = RunRecord(folder).job(str(evaluation.chosen)).path / name
        if change:
            path.write_bytes(change(path.read_bytes()))
        else:
            path.unlink()
        return evaluation

    return state


CHOSEN, OTHER = "dense", "linear"
NONE_ENDED = judged(ranked=())


def counts(few: str) -> list[dict[str, Any]]:
    """Thirty test images of each class, but one less of one."""
    shared = {"train": 9, "validation": 9, "calibration": 9}
    return [{"class": name, **shared, "test": 30 - (name == few)} for name in "0123456789"]


NO_TEST = [{**row, "test": 0} for row in counts("none")]

COPIED = told(OTHER, "validation", lambda each: replace(each, ids=np.append(each.ids[:-1], "digits:0")))

NEAR = {"pictures": 9, "groups": [], "parted": 4, "together": False}


def together(folder: Path, evaluation: Evaluation) -> Evaluation:
    """As if the study had kept near-duplicates together, whatever is counted."""
    path = folder / "resolved.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("near_duplicates: null", "near_duplicates: together"), encoding="utf-8")
    return data("data", near_duplicates=NEAR)(folder, evaluation)


def right_on(share: float, **others: float) -> State:
    """Every model right on this share of the validation images, some on another, and every floor on half of them; all
    of it judged anew."""

    def state(folder: Path, evaluation: Evaluation) -> Evaluation:
        record = RunRecord(folder)
        files = {each.job: 0.5 for each in record.baselines.values()}
        files |= {record.job(model): others.get(model, share) for model in evaluation.ranked}
        for job, wanted in files.items():
            stored = job.read_predictions("validation")
            assert stored is not None and stored.labels is not None
            count = len(stored)
            answers = np.where(np.arange(count) < wanted * count, stored.labels, (stored.labels + 1) % 10)
            told = replace(stored, probabilities=np.eye(10, dtype=np.float32)[answers])
            save_predictions(job.predictions_path("validation"), told, job.path.name)
        for result in record.baseline_results:
            path = record.baselines[result].path / "result.json"
            edit_json(path, lambda values: {**values, "validation_accuracy": 0.5})
        return replace(evaluate(RunRecord.open(folder), (CHOSEN,), evaluation.openings))

    return state


def changed_floor(folder: Path, evaluation: Evaluation) -> Evaluation:
    """Other numbers in the file of a floor."""
    path = RunRecord(folder).baselines["nearest centroid"].job.weights
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    return evaluation


def unhashed(folder: Path, evaluation: Evaluation) -> Evaluation:
    """As runs were written before their files had hashes."""
    (folder / "hashes.jsonl").unlink()
    return evaluation


CASES: dict[str, tuple[list[State], list[State]]] = {
    # code: the states that raise it, the states in which it is silent
    "SNL001": ([sound], [NONE_ENDED]),
    "SNL002": ([sound], [judged(opened=()), judged(opened=(OTHER,))]),
    "SNL003": ([judged(opened=(CHOSEN, OTHER))], [sound]),
    "SNL004": ([sound], [judged(openings=Openings(0, 3))]),
    "SNL005": ([sound], [judged(ranked=(CHOSEN,)), NONE_ENDED]),
    "SNL006": ([sound], [told(CHOSEN, "test", said(lambda labels: labels)), NONE_ENDED]),
    "SNL007": ([told(CHOSEN, "test", said(first_wrong))], [sound, told(CHOSEN, "test", said(np.copy)), NONE_ENDED]),
    "SNL101": ([result(OTHER, status="failed", reason="the loss became nan at step 7")], [sound]),
    "SNL102": ([sound], [longer, stepped]),
    "SNL103": (
        [data("roles", left_out_total={"in official test": 3})],
        [data("roles", left_out_total={"duplicate": 3})],
    ),
    "SNL104": ([data("data", duplicate_pictures=2)], [sound]),
    "SNL105": ([data("data", conflicting=2)], [sound]),
    "SNL106": ([data("data", counts=counts("3")), data("data", counts=NO_TEST)], [data("data", counts=counts("none"))]),
    "SNL117": ([data("data", remarks=["2 arrays are not used.", "Pixels are inverted."])], [data("data", remarks=[])]),
    "SNL107": (
        [told(OTHER, "validation", said(np.zeros_like))],
        [told(OTHER, "validation", said(lambda labels: labels % 2)), sound],
    ),
    "SNL108": ([judged(openings=Openings(1, 4))], [sound, judged(openings=Openings(0, 4))]),
    "SNL109": ([data("data", near_duplicates=NEAR)], [data("data", near_duplicates=None), together]),
    "SNL008": ([sound], [judged(baselines=()), NONE_ENDED]),
    "SNL110": (
        [right_on(1.0, linear=0.5), right_on(1.0, linear=0.2), right_on(1.0, linear=0.505)],
        [right_on(1.0), judged(baselines=())],
    ),
    "SNL018": ([probable(1), probable(1, alike=0.003)], [sound]),
    "SNL118": ([surer(0.1), surer(0.02)], [sound, surer(-0.1), surer(0.004)]),
    "SNL119": ([probable(1, alike=0.003), probable(1, alike=0.03)], [sound, probable(1), probable(3, alike=0.003)]),
    "SNL901": ([result(OTHER, reloaded_loss=0.5), result(OTHER, logged_accuracy=0.5)], [sound]),
    "SNL902": (
        [
            file("weights.safetensors", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
            file("predictions/train.safetensors", None),
            changed_floor,
            file("predictions/test.safetensors", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
        ],
        [sound],
    ),
    "SNL903": ([COPIED], [sound]),
    "SNL904": ([unhashed], [sound]),
    "SNL905": ([file("weights.safetensors", None)], [sound, file("predictions/train.safetensors", None)]),
}


@pytest.fixture(scope="module")
def evaluation(small_run: Run) -> Evaluation:
    """Of the sound run; the test scores of the chosen model are there for another one too, for rules about tests."""
    found = small_run.evaluation
    assert found.chosen == CHOSEN
    tested = found.scores.filter(pl.col("role") == "test").with_columns(model=pl.lit(OTHER))
    return replace(found, scores=found.scores.vstack(tested))


def is_short(one: Statement) -> bool:
    """A statement of the first screen: one sentence that is not cut off."""
    return num_words(one.sentence) <= MOST_WORDS and one.sentence.endswith(".") and "None" not in one.sentence


def found_in(state: State, folder: Path, evaluation: Evaluation) -> list[Finding]:
    after = state(folder, evaluation)
    judgement = judge(Facts(RunRecord.open(folder), after))
    assert all(is_short(one) for one in judgement.statements) and len(judgement.statements) <= MOST
    return [*judgement.results, *judgement.others]


def test_every_rule_has_its_cases() -> None:
    elsewhere = {*CHOOSING, *EXPLAINED, *PLANTED, *PRETRAINED}
    assert set(CASES) | elsewhere == set(RULES) and not set(CASES) & elsewhere
    assert all(raising and silent for raising, silent in CASES.values())


@pytest.mark.parametrize(
    ("code", "state"), [(code, state) for code, (raising, _) in CASES.items() for state in raising]
)
def test_a_planted_fault_raises_its_finding(code: str, state: State, run_copy: Path, evaluation: Evaluation) -> None:
    found = [each for each in found_in(state, run_copy, evaluation) if each.code == code]
    assert found
    for finding in found:
        assert finding.sentence.endswith((".", "step 7")) and "None" not in finding.sentence
        for number in numbers(finding.values):
            assert written(number, finding.sentence), (number, finding.sentence)


@pytest.mark.parametrize(("code", "state"), [(code, state) for code, (_, silent) in CASES.items() for state in silent])
def test_without_the_fault_there_is_no_finding(code: str, state: State, run_copy: Path, evaluation: Evaluation) -> None:
    assert code not in {each.code for each in found_in(state, run_copy, evaluation)}


HIDDEN = {"candidates", "ever", "last_good_epoch", "of", "trainings_each"}
"""Values that the sentence says in words or another finding says in numbers."""


def numbers(values: dict[str, Any]) -> list[float]:
    return [value for name, value in values.items() if isinstance(value, (int, float)) and name not in HIDDEN]


def written(number: float, sentence: str) -> bool:
    """As itself, in per cent with one decimal, or as once and twice."""
    words = {1: "once", 2: "twice"}
    forms = [f"{number:,}", f"{100 * number:.1f}", words.get(int(number), "-")]
    return any(form in sentence for form in forms)


def test_where_it_fails_is_counted_from_the_predictions(small_run: Run, evaluation: Evaluation) -> None:
    found = {each.code: each.values for each in found_in(sound, small_run.folder, evaluation)}
    tested = small_run.predictions(CHOSEN, "test")
    assert tested is not None and tested.labels is not None
    wrong = Counter(pair for pair in zip(tested.labels.tolist(), tested.predicted.tolist()) if pair[0] != pair[1])
    most = max(wrong.values())
    names = {f"{true} called {given}" for (true, given), count in wrong.items() if count == most}
    worst = found["SNL006"]
    assert (worst["mistakes"], worst["most"], set(worst["pairs"])) == (wrong.total(), most, names)
    assert found["SNL121"]["value"] == pytest.approx(recall_score(tested.labels, tested.predicted, average=None).min())
    assert found["SNL002"]["value"] == pytest.approx(np.mean(tested.labels == tested.predicted))


def test_errors_take_the_claim_away(run_copy: Path, evaluation: Evaluation) -> None:
    sound_claim = judge(Facts(RunRecord.open(run_copy), evaluation))
    assert "Wilson" in sound_claim.claim and not sound_claim.has_errors
    broken = judge(Facts(RunRecord.open(run_copy), result(OTHER, reloaded_loss=0.1)(run_copy, evaluation)))
    assert broken.has_errors and broken.claim == "Nothing: see the errors among the findings."
    assert broken.others[0].severity == "error"


def test_worst_first_and_conclusions_in_order(run_copy: Path, evaluation: Evaluation) -> None:
    for state in (result(OTHER, reloaded_loss=0.1), data("data", duplicate_pictures=2), data("data", conflicting=2)):
        state(run_copy, evaluation)
    judgement = judge(Facts(RunRecord.open(run_copy), evaluation))
    ranks = [WORST_FIRST[each.severity] for each in judgement.others]
    assert ranks == sorted(ranks) and {0, 1, 2} <= set(ranks)
    order = list(RULES)
    places = [order.index(each.code) for each in judgement.results]
    assert places == sorted(places) and all(each.severity == "result" for each in judgement.results)


def test_nothing_forbidden_is_ever_said(run_copy: Path, evaluation: Evaluation) -> None:
    """Words that need more evidence than single trainings give."""
    states = [state for raising, silent in CASES.values() for state in (*raising, *silent)]
    sentences = " ".join(each.sentence for state in states[:12] for each in found_in(state, run_copy, evaluation))
    for word in (
        "because",
        "no difference",
        "robust",
        "generalises",
        "calibrated",
        "mislabelled",
        "detects",
        "better than",
    ):
        assert word not in sentences


def test_other_predictions_are_other_sentences(run_copy: Path, evaluation: Evaluation) -> None:
    """Every conclusion about how good and where it fails follows the stored predictions, and nothing stays behind."""
    before = {each.code: each.sentence for each in found_in(sound, run_copy, evaluation)}
    for role in ("validation", "test"):
        told(CHOSEN, role, said(lambda labels: np.where(labels < 5, labels, (labels + 1) % 10)))(run_copy, evaluation)
    record = RunRecord.open(run_copy)
    after = replace(evaluation, scores=evaluate(record, (CHOSEN,), evaluation.openings).scores)
    changed = {each.code: each.sentence for each in found_in(sound, run_copy, after)}
    assert {code for code in before if changed[code] != before[code]} >= {"SNL001", "SNL002", "SNL006", "SNL121"}
    assert "50." in changed["SNL002"] or "49." in changed["SNL002"]
    assert "equally" in changed["SNL006"] or "called" in changed["SNL006"]
    assert "0.0 %" in changed["SNL121"]


def test_without_test_images_nothing_is_said_of_their_number(run_copy: Path, evaluation: Evaluation) -> None:
    found = {each.code: each for each in found_in(data("data", counts=NO_TEST), run_copy, evaluation)}
    assert found["SNL106"].sentence.startswith("There are no test images. The validation images chose the model")
    assert found["SNL106"].advice == "To keep test images apart: split.test: 0.2"
