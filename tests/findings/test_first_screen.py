"""Protects the first screen: at most five short sentences, whose numbers are those of the predictions and comparisons,
and which say nothing that a comparison does not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from runs import facts_of

from snellen.api import Run
from snellen.data.splits.vault import Openings
from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.comparisons import Comparison, Comparisons
from snellen.evaluate.confused_classes import Confusion, Confusions
from snellen.evaluate.pair_differences import Kind
from snellen.evaluate.scores import Estimate
from snellen.evaluate.verdicts import Verdict
from snellen.findings.claims import claim
from snellen.findings.finding import Facts, Finding
from snellen.findings.first_screen import MOST
from snellen.findings.first_screen import score as scoring
from snellen.findings.first_screen.comparison import better_than_what
from snellen.findings.first_screen.next_step import what_next
from snellen.findings.first_screen.problems import BRIEFS, errors, what_looks_wrong
from snellen.findings.first_screen.score import how_good, wrong
from snellen.findings.first_screen.statement import LABELS, LONGEST_NAME, MOST_WORDS, Statement, num_words, short
from snellen.findings.first_screen.weakness import _called, where_it_fails
from snellen.findings.mistakes import _most_frequent
from snellen.findings.next_steps import STEPS
from snellen.findings.rules import judge
from snellen.statistics.results import Difference
from snellen.study.finding_codes import Severity

UNKNOWN, BETTER = Verdict(False, False, False, False, False), Verdict(True, True, False, False, False)
WORSE = BETTER.swapped


def finding(code: str, severity: Severity, **values: Any) -> Finding:
    return Finding(code, severity, "A sentence. Another.", values, "data")


def test_the_shared_runs_have_five_short_statements(
    small_run: Run, seeds_run: Run, folds_run: Run, search_run: Run
) -> None:
    for run in (small_run, seeds_run, folds_run, search_run):
        statements = judge(facts_of(run.folder)).statements
        assert len(statements) == MOST and len({one.part for one in statements}) == MOST
        for one in statements:
            assert num_words(one.sentence) <= MOST_WORDS and one.sentence.endswith("."), one.sentence
            assert one.part in LABELS and not {"None", "nan"} & set(one.sentence.split())


def test_the_score_is_that_of_the_stored_predictions(small_run: Run) -> None:
    model = small_run.chosen
    assert model is not None
    stored = small_run.predictions(model, "test")
    assert stored is not None and stored.labels is not None
    right = float(np.mean(stored.predicted == stored.labels))
    said = how_good(facts_of(small_run.folder)).sentence
    assert said.startswith(f"`{model}` answers {100 * right:.1f} % (") and f"of {len(stored)} new images" in said


def test_the_weakest_class_is_counted_from_the_stored_predictions(small_run: Run) -> None:
    stored = small_run.predictions(str(small_run.chosen), "test")
    assert stored is not None and stored.labels is not None
    recalls = [float(np.mean(stored.predicted[stored.labels == code] == code)) for code in range(10)]
    worst = int(np.argmin(recalls))
    wrong_answers = stored.predicted[(stored.labels == worst) & (stored.predicted != worst)]
    given = int(np.bincount(wrong_answers, minlength=10).argmax())
    facts = facts_of(small_run.folder)
    found = where_it_fails(facts, judge(facts).results)
    assert found is not None and found.sentence.startswith(
        f"Weakest class: “{worst}”, with {100 * recalls[worst]:.1f} %"
    )
    assert found.sentence.endswith(f"called “{given}”.") and found.values["given"] == given


@pytest.mark.parametrize(
    ("accuracy", "images", "networks", "words"),
    [
        (1.0, 500, 1, "none of 500 was wrong"),
        (70 / 71, 71, 1, "1 of 71 was wrong"),
        (69 / 71, 71, 1, "2 of 71 were wrong"),
        (0.98, 449, 1, "about 1 in 50 is wrong"),
        (0.98, 100, 3, "about 1 in 50 is wrong"),
        (0.9992, 10_000, 1, "about 1 in 1,200 is wrong"),
        (0.9001, 10_000, 1, "about 1 in 10 is wrong"),
        (0.884, 10_000, 3, "about 12 in 100 are wrong"),
        (0.325, 120, 1, "about 68 in 100 are wrong"),
        (1.0, 100, 3, "none was wrong"),
        (1 / 400, 400, 1, "almost all are wrong"),
        (0.0, 400, 3, "all are wrong"),
    ],
)
def test_wrong_answers_in_whole_numbers(accuracy: float, images: int, networks: int, words: str) -> None:
    assert wrong(Estimate(accuracy, None, None, images, "images", "a method", networks)) == words


def barely_right(facts: Facts) -> pl.DataFrame:
    """The scores, but that the chosen model is right on 11 % of the test images (8 to 14)."""
    own = (pl.col("model") == facts.evaluation.chosen) & (pl.col("role") == "test") & (pl.col("measure") == "accuracy")
    low = {"value": 0.11, "low": 0.08, "high": 0.14}
    return facts.evaluation.scores.with_columns(
        pl.when(own).then(pl.lit(number)).otherwise(pl.col(name)).alias(name) for name, number in low.items()
    )


def test_a_score_that_guessing_reaches_is_called_so(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    changed = replace(facts.evaluation, scores=barely_right(facts))
    assert "may be as good." in how_good(Facts(facts.record, changed)).sentence


def test_test_images_that_were_used_before_are_not_called_new(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    again = replace(facts.evaluation, openings=Openings(1, 3))
    assert "449 reused test images correctly" in how_good(Facts(facts.record, again)).sentence


def test_a_class_that_is_not_shown_to_be_weak_is_not_called_so(small_run: Run) -> None:
    found = where_it_fails(facts_of(small_run.folder), ())
    assert found is not None and found.sentence.startswith("No class is shown to be weak; lowest is ")


def test_a_warning_comes_before_the_next_step(small_run: Run) -> None:
    results = judge(facts_of(small_run.folder)).results
    for severity, lead in (("warning", "First see to the warning above; then "), ("notice", "Collect")):
        said = what_next(results, Statement("look at", "Look.", (), {"severity": severity}))
        assert said is not None and said.sentence.startswith(lead)


@pytest.mark.parametrize("name", ["small_run", "seeds_run", "folds_run", "search_run"])
def test_every_next_step_can_follow_a_warning_and_be_read_on_the_terminal(
    name: str, request: pytest.FixtureRequest
) -> None:
    facts = facts_of(request.getfixturevalue(name).folder)
    model = str(facts.evaluation.chosen)
    texts = [text for _, step in STEPS if (text := step(facts, model))]
    assert texts[-1].startswith("look at the mistakes of")
    for text in texts:
        assert text.split()[0].strip(",") in ("collect", "train", "if", "take", "all", "look")
        assert ", then" not in text and "below" not in text and num_words(text) + 7 <= 30


def test_a_mean_below_one_half_is_no_count_of_nothing() -> None:
    of_three, of_one = (Estimate(0.98, None, None, 40, "images", "a method", networks) for networks in (3, 1))
    assert _called("a", 1 / 3, of_three) == "most often called “a” instead"
    assert _called("a", 2 / 3, of_three) == "about 1 was called “a”" and _called("a", 4, of_one) == "4 were called “a”"


def test_the_paired_comparison_decides_whether_guessing_may_be_as_good(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    model, frame = str(facts.evaluation.chosen), barely_right(facts)
    for verdict, words in ((BETTER, " gives "), (UNKNOWN, "may be as good."), (WORSE, "is better.")):
        gap = Difference(0.02, 0.01, 0.03, 0.01, 0.005, None, "images", "a method")
        key = baseline_key("majority class")
        pair = Comparison(model, key, "test", "networks", 500, 1, None, gap, 0.01, verdict, None)
        pairs = Comparisons(role="validation", all=(pair,))
        changed = replace(facts.evaluation, scores=frame, comparisons=pairs)
        assert words in how_good(Facts(facts.record, changed)).sentence


def test_validation_images_that_chose_the_model_are_no_new_images(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    closed = replace(facts.evaluation, opened=(), openings=Openings(0, 0))
    said = how_good(Facts(facts.record, closed))
    assert said.values["role"] == "validation" and "expect less on new ones" in said.sentence


def compared(
    facts: Facts,
    others: dict[str, Verdict],
    baseline: Verdict,
    *,
    selected: bool = False,
    found: Sequence[Finding] = (),
) -> str:
    """The statement for these verdicts on the chosen model against others and against the best baseline."""
    best = facts.evaluation.best_baseline
    assert best is not None
    model = str(facts.evaluation.chosen)

    kind: Kind = "selected" if selected else "networks"

    def one(name: str, verdict: Verdict) -> Comparison:
        value = 0.02 if verdict.better else -0.02 if verdict.worse else 0.001
        gap = Difference(value, value - 0.01, value + 0.01, 0.5, 0.005, None, "images", "a method")
        return Comparison(model, name, "validation", kind, 500, 1, None, gap, 0.5, verdict, None, 0.03)

    pairs = [one(name, verdict) for name, verdict in others.items()] + [one(baseline_key(best[0]), baseline)]
    changed = replace(
        facts.evaluation, ranked=(model, *others), comparisons=Comparisons(role="validation", all=tuple(pairs))
    )
    said = better_than_what(Facts(facts.record, changed), found)
    assert said is not None and num_words(said.sentence) <= MOST_WORDS
    assert ("judged" in said.values) != selected  # nothing is judged where a search chose by the same images
    return said.sentence


def test_only_what_a_comparison_shows_is_said(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    name, model = str(facts.evaluation.best_baseline and facts.evaluation.best_baseline[0]), facts.evaluation.chosen
    lead, baseline = f"`{model}`, chosen from 3 models, each trained once,", f"the baseline {name}"
    none = compared(facts, {"a": UNKNOWN, "b": UNKNOWN}, UNKNOWN)
    assert none == (
        f"{lead} cannot be told apart from `a`, `b` or {baseline} (a difference under 3.0 points could be missed)."
    )
    all_of_them = compared(facts, {"a": BETTER, "b": BETTER}, BETTER)
    brief = f"`{model}`, chosen from 3 trained networks,"  # it is about these networks only, which is never left out
    assert all_of_them == (
        f"{brief} beats `a` and `b`, the closest, `a`, by 2.0 points (1.0 to 3.0) and {baseline} by 2.0 points "
        "(1.0 to 3.0)."
    )
    mixed = compared(facts, {"a": BETTER, "b": UNKNOWN}, WORSE)
    beats, worse = f"{brief} beats `a` by 2.0 points,", f"worse than {baseline} by 2.0 points"
    assert mixed == f"{beats} but is {worse} and cannot be told apart from `b`."
    assert "but is worse than `a` by 2.0 points" in compared(facts, {"a": WORSE, "b": UNKNOWN}, BETTER)
    many = compared(facts, dict.fromkeys("abcdef", UNKNOWN), BETTER)
    assert many.endswith("cannot be told apart from any of the 6 others.")
    useless = finding("SNL107", "warning", model="a")
    assert "`a`" not in compared(facts, {"a": BETTER, "b": UNKNOWN}, BETTER, found=[useless])
    assert "was not compared" in compared(facts, {"a": UNKNOWN, "b": UNKNOWN}, UNKNOWN, selected=True)


def test_the_difference_that_could_be_missed_holds_for_all_that_are_named(small_run: Run) -> None:
    """The baseline's is larger here; where one is unknown, none is said."""
    facts = facts_of(small_run.folder)
    model, best = str(facts.evaluation.chosen), facts.evaluation.best_baseline
    assert best is not None
    for detectable, words in ((0.06, "(a difference under 6.0 points could be missed)."), (None, "regression.")):
        gap = Difference(0.0, -0.01, 0.01, 0.5, 0.005, None, "images", "a method")
        sizes = {"a": 0.02, baseline_key(best[0]): detectable}
        pairs = [
            Comparison(model, name, "validation", "networks", 500, 1, None, gap, 0.5, UNKNOWN, None, size)
            for name, size in sizes.items()
        ]
        known = Comparisons(role="validation", all=tuple(pairs))
        said = better_than_what(
            Facts(facts.record, replace(facts.evaluation, ranked=(model, "a"), comparisons=known)), ()
        )
        assert said is not None and said.sentence.endswith(words)


def test_a_single_model_scores_the_same_as_its_baseline_or_more_or_less_than_it(small_run: Run) -> None:
    facts = facts_of(small_run.folder)
    model, best = str(facts.evaluation.chosen), facts.evaluation.best_baseline
    assert best is not None
    for value, words in (
        (0.0, "scores the same as the"),
        (0.02, "2.0 points higher than"),
        (-0.01, "1.0 points lower"),
    ):
        gap = Difference(value, -0.05, 0.05, 0.5, 0.005, None, "images", "a method")
        pair = Comparison(model, baseline_key(best[0]), "validation", "networks", 500, 1, None, gap, 0.5, UNKNOWN, None)
        alone = replace(facts.evaluation, ranked=(model,), comparisons=Comparisons(role="validation", all=(pair,)))
        said = better_than_what(Facts(facts.record, alone), ())
        assert said is not None and words in said.sentence


def test_several_seeds_too_few_to_compare_recipes_are_called_networks(seeds_run: Run) -> None:
    facts = facts_of(seeds_run.folder)
    model, best = str(facts.evaluation.chosen), facts.evaluation.best_baseline
    assert best is not None and len(facts.record.planned[model].seeds) > 1
    gap = Difference(0.02, 0.01, 0.03, 0.01, 0.005, None, "images", "a method")
    other = next(each for each in facts.evaluation.ranked if each != model)
    for kind, words in (("networks", "models, one network of each, beats"), ("recipes", "models, beats")):
        pair = Comparison(model, other, "validation", kind, 500, 2, None, gap, 0.01, BETTER, None)  # type: ignore[arg-type]
        known = Comparisons(role="validation", all=(pair,))
        said = better_than_what(Facts(facts.record, replace(facts.evaluation, comparisons=known)), ())
        assert said is not None and words in said.sentence


@pytest.mark.parametrize("baseline", [UNKNOWN, BETTER, WORSE])
@pytest.mark.parametrize("counts", [(1, 1, 1), (2, 2, 2), (0, 2, 0), (40, 30, 29), (0, 99, 0)])
def test_many_verdicts_stay_one_short_sentence(small_run: Run, counts: tuple[int, ...], baseline: Verdict) -> None:
    """A model chosen by its loss may be less accurate than many others."""
    verdicts = [verdict for verdict, count in zip((BETTER, WORSE, UNKNOWN), counts) for _ in range(count)]
    others = {f"model{number}": verdict for number, verdict in enumerate(verdicts)}
    said = compared(facts_of(small_run.folder), others, baseline)
    assert "is worse than" in said and said.count("is worse than") == 1
    assert ("cannot be told apart" in said) == (counts[2] > 0 or baseline is UNKNOWN)
    if not counts[0] and not counts[2] and baseline is WORSE:
        assert ", by up to 2.0 points" in said


@pytest.mark.parametrize("role", ["test", "held_out", "validation"])
@pytest.mark.parametrize("networks", [1, 3])
@pytest.mark.parametrize(("value", "low"), [(0.3, 0.2), (0.3, 0.25), (0.95, 0.9), (0.95, 0.1), (1.0, None)])
def test_the_score_is_one_short_sentence(
    small_run: Run, monkeypatch: pytest.MonkeyPatch, role: str, networks: int, value: float, low: float | None
) -> None:
    accuracy = Estimate(value, low, None if low is None else min(1.0, value + 0.05), 50_000, "images", "m", networks)
    monkeypatch.setattr(scoring, "score", lambda _: scoring.Score("m", role, accuracy, 0.22))
    said = how_good(facts_of(small_run.folder)).sentence
    assert num_words(said) <= MOST_WORDS and said.endswith(".") and "22.0 %" in said
    assert ("may be as good" in said) == (low is not None and low <= 0.22)


def test_long_class_names_keep_sentences_short(small_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_of(small_run.folder)
    names = [f"{number} dog on a red big sofa in a hut" for number in range(10)]
    monkeypatch.setattr(type(facts.record), "classes", tuple(names))
    rows = facts.evaluation.scores.to_dicts()
    for row in rows:
        if row["class"] is not None:
            row["class"] = names[int(row["class"])]
    scores = type(facts.evaluation.scores)(rows, facts.evaluation.scores.schema)
    found = where_it_fails(Facts(facts.record, replace(facts.evaluation, scores=scores)), ())
    assert found is not None and num_words(found.sentence) <= MOST_WORDS and "…" in found.sentence


def test_a_name_is_cut_at_words() -> None:
    assert [short("dog on a sofa", words) for words in (4, 3, 1)] == ["dog on a sofa", "dog on…sofa", "dog…"]
    names = [f"a very long class name that goes on and on, number {number:03d}" for number in range(100)]
    assert len({short(name) for name in names}) == len({short(name, 4) for name in names}) == 100
    assert max(len(short(name)) for name in names) <= LONGEST_NAME


def test_errors_come_before_everything_and_make_room(run_copy: Path) -> None:
    for path in (run_copy / "jobs").glob("*/history.json"):
        path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    statements = judge(facts_of(run_copy)).statements
    assert statements[0].part == "error" and "do not rely" in statements[0].sentence
    assert len(statements) <= MOST and "look at" not in {one.part for one in statements}


def ordered() -> Iterator[tuple[list[Finding], str]]:
    """Findings, and the code of the one that is said."""
    copies = finding("SNL109", "notice", count=38, of=1797, fewest=360)
    labels = finding("SNL105", "warning", count=2)
    yield [copies, labels], "SNL105"
    yield [finding("SNL104", "notice", count=3), copies], "SNL109"
    yield [finding("SNL117", "notice", remarks=[]), copies], "SNL109"
    yield [finding("SNL110", "notice", model="cnn"), copies], "SNL109"
    yield [finding("SNL110", "warning", model="dense"), copies], "SNL110"


@pytest.mark.parametrize(("found", "code"), list(ordered()))
def test_the_most_important_finding_is_said(found: list[Finding], code: str) -> None:
    said = what_looks_wrong(found, "cnn", 30)
    assert said.codes == (code,)


def test_nothing_found_is_said_with_the_number_of_checks() -> None:
    assert what_looks_wrong([], "cnn", 30).sentence == "Nothing looks wrong: none of 30 checks found anything."


def test_few_copies_among_many_images_are_not_said_to_raise_scores() -> None:
    """Of the smallest part that gives a score: 38 of 60,000 images may be most of a small test."""
    many, most, few = (finding("SNL109", "notice", count=38, of=60_000, fewest=n) for n in (1_797, 100, 10_000))
    assert "a little high" in what_looks_wrong([many], None, 30).sentence
    assert "a little high" in what_looks_wrong([most], None, 30).sentence
    assert "too few to change a score" in what_looks_wrong([few], None, 30).sentence


def test_findings_that_are_not_said_are_not_denied() -> None:
    baseline, remarks = finding("SNL110", "warning", model="cnn"), finding("SNL117", "notice", remarks=["a"])
    for found in ([baseline], [remarks], [baseline, remarks]):
        said = what_looks_wrong(found, "cnn", 30).sentence
        assert "none of 30 checks found anything." not in said
    assert what_looks_wrong([baseline], "cnn", 30).codes == ("SNL110",)


def test_a_finding_without_a_short_form_is_its_first_sentence_cut_to_the_limit() -> None:
    assert what_looks_wrong([finding("SNL999", "warning")], None, 30).sentence == "A sentence."
    long = replace(finding("SNL999", "error"), sentence=" ".join(["word"] * 50) + ".")
    assert num_words(errors([long])[0].sentence) <= MOST_WORDS


def test_several_models_are_counted() -> None:
    found = [finding("SNL102", "notice", model=name) for name in ("a", "b", "c")]
    assert what_looks_wrong(found, None, 30).sentence.startswith("Training of 3 models ended")


def test_long_names_are_cut() -> None:
    assert short("x" * 28) == "x" * 28 and short("x" * 29) == "x" * 17 + "…" + "x" * 10


def test_the_page_and_the_terminal_show_the_statements(small_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    from snellen.run.write_report import FinishedRun
    from snellen.tables import print_finished

    facts = facts_of(small_run.folder)
    judgement = judge(facts)
    print_finished(FinishedRun(small_run.folder, facts.record, facts.evaluation, judgement, ()))
    printed, page = " ".join(capsys.readouterr().out.split()), small_run.report.read_text(encoding="utf-8")
    for one in judgement.statements:
        assert f"{LABELS[one.part]}: {one.sentence.replace('`', '')}" in printed
        assert f"<h3>{LABELS[one.part]}</h3>" in page
    assert [one.part for one in small_run.statements] == [one.part for one in judgement.statements]


@pytest.mark.parametrize(("name", "on"), [("small_run", "on validation images"), ("folds_run", "over folds, and the")])
def test_page_terminal_and_notebook_say_where_models_were_compared(
    name: str, on: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    from snellen.run.write_report import FinishedRun
    from snellen.tables import print_finished

    run: Run = request.getfixturevalue(name)
    facts, page = facts_of(run.folder), run.report.read_text(encoding="utf-8")
    print_finished(FinishedRun(run.folder, facts.record, facts.evaluation, judge(facts), ()))
    for shown in (" ".join(capsys.readouterr().out.split()), page, run._repr_html_()):
        assert shown.count(f"What a model beats is judged {on}") == 1


@pytest.mark.parametrize("name", ["small_run", "seeds_run", "folds_run", "search_run"])
def test_the_claim_names_every_model_that_the_first_screen_cannot_tell_apart(
    name: str, request: pytest.FixtureRequest
) -> None:
    facts = facts_of(request.getfixturevalue(name).folder)
    pairs, model = facts.evaluation.comparisons, str(facts.evaluation.chosen)
    for other in pairs.same_letter(model):
        assert f"`{other}`" in claim(facts)


@pytest.mark.parametrize("code", ["SNL103", "SNL104", "SNL105", "SNL124", "SNL131", "SNL903"])
def test_one_image_is_not_said_in_the_plural(code: str) -> None:
    one, several = (BRIEFS[code]([finding(code, "warning", count=count)]) for count in (1, 2))
    assert one.startswith("One image ") and several.startswith("2 images ")
    assert any(f" {verb} " in one for verb in ("is", "was", "has", "had", "could"))
    assert not any(f" {verb} " in one for verb in ("are", "have"))


def test_the_most_frequent_mistakes_agree_with_their_number() -> None:
    def told(mistakes: float, *pairs: tuple[int, int]) -> str:
        share = Estimate(0.1, None, None, 10, "images", "a method", 1)
        found = tuple(Confusion(true, given, mistakes / len(pairs), share) for true, given in pairs)
        return _most_frequent("`a`", "test", Confusions(1, mistakes, found), [f"{a} called {b}" for a, b in pairs])

    assert told(1, (3, 5)) == "The only mistake of `a` on test is 3 called 5."
    assert told(2, (3, 5)) == "Of the 2 mistakes of `a` on test, the most frequent is 3 called 5 (2 images)."
    assert "the most frequent are 3 called 5, 5 called 9, equally (2 images each)" in told(4, (3, 5), (5, 9))


def test_every_short_form_names_a_finding() -> None:
    from snellen.findings.rules import RULES

    assert set(BRIEFS) <= set(RULES)
    assert isinstance(Statement("next", "Look.", ()).as_json(), dict)
