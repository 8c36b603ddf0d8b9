"""Protects faults that are committed on purpose: each really is committed, whatever leaves the run is stamped, the
honest number stands beside the faulty one, and a study without them is not touched."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from runs import findings_of, run_small
from sklearn.metrics import accuracy_score
from typer.testing import CliRunner

from snellen.api import Run
from snellen.cli.entry import app
from snellen.data.load import read
from snellen.data.splits.roles import Split
from snellen.data.splits.split_data import split_data
from snellen.errors import StudyError
from snellen.evaluate.faulty_numbers import HONEST, NUMBERS, FaultyNumber, faulty_numbers
from snellen.files.tensors import load
from snellen.findings.first_screen.comparison import JUDGED
from snellen.run import report
from snellen.run.verify import verify
from snellen.study.document import parse
from snellen.study.faulty_split import with_faults
from snellen.study.on_purpose import FAULTS, IN_TRAINING, warning

MODELS: dict[str, Any] = {
    "linear": {"layers": "linear"},
    "dense": {"layers": ["flatten", {"dense": {"units": 16, "activation": "relu"}}]},
}
TRAIN = {"learning_rate": 0.02, "epochs": 6, "batch_size": 64}
COMMON: dict[str, Any] = {"models": MODELS, "train": TRAIN, "open_test": "all"}
SPLIT = {"split": {"test": 0.25, "validation": 0.2}}
THRESHOLDS = {"thresholds": [{"class": "8", "probability": 0.5}]}
SETS: dict[str, dict[str, Any]] = {
    "test": {"on_purpose": ["test_as_validation", "report_on_training"], **SPLIT},
    "last": {"on_purpose": ["threshold_among_true", "keep_last_epoch", "last_rows_validation"], **SPLIT, **THRESHOLDS},
    "folds": {"on_purpose": ["folds_continue_training", "unscaled_pixels"], "folds": 3, **SPLIT},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A run for each of SETS; to be read only."""
    folder = tmp_path_factory.mktemp("on-purpose")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNELLEN_RECORDS", str(folder / "records"))
        return {name: run_small(folder / name, **COMMON, **values) for name, values in SETS.items()}


def honest_of(run: Run) -> Run:
    return Run(run.folder / HONEST)


def numbers(run: Run, fault: str) -> list[FaultyNumber]:
    return [one for one in faulty_numbers(run.record, run.evaluation) if one.fault == fault]


def accuracy(run: Run, model: str, role: str) -> float:
    found = run.predictions(model, role)
    assert found is not None and found.labels is not None
    return float(accuracy_score(found.labels, found.predicted))


def rows(run: Run, role: str) -> list[int]:
    found = run.predictions("linear", role)
    assert found is not None
    return [int(row) for row in found.rows]


def pair(one: FaultyNumber) -> tuple[float | None, float | None]:
    return one.faulty.value if one.faulty else None, one.honest.value if one.honest else None


def test_every_fault_is_committed_by_a_run_here_and_has_numbers() -> None:
    assert {fault for values in SETS.values() for fault in values["on_purpose"]} == set(FAULTS) == set(NUMBERS)
    assert set(IN_TRAINING) < set(FAULTS)


def test_the_test_images_stop_and_choose(runs: dict[str, Run]) -> None:
    run, honest = runs["test"], honest_of(runs["test"])
    assert rows(run, "validation") == rows(honest, "test") and rows(run, "test") == rows(honest, "validation")
    assert rows(run, "train") == rows(honest, "train")
    for model in MODELS:
        losses = run.history(model)["validation_loss"].to_list()
        assert run.record.results[model].kept_epoch == 1 + int(np.argmin(losses))
    chosen = str(run.chosen)
    assert accuracy(run, chosen, "validation") == max(accuracy(run, model, "validation") for model in MODELS)
    fresh, again = numbers(run, "test_as_validation")
    assert pair(fresh) == (accuracy(run, chosen, "validation"), accuracy(run, chosen, "test"))
    assert pair(again) == (accuracy(run, chosen, "validation"), accuracy(honest, str(honest.chosen), "test"))
    judged = [[one.values["judged"] for one in each.statements if one.part == "comparison"] for each in (run, honest)]
    assert judged == [[JUDGED["test"]], [JUDGED["validation"]]]


def test_the_use_of_these_test_images_is_counted(tmp_path: Path, own_user: Path) -> None:
    values = {**COMMON, "models": {"linear": MODELS["linear"]}, "open_test": "chosen"}
    run = run_small(tmp_path / "run", **values, **SETS["test"])
    assert honest_of(run).evaluation.openings.ever == 1
    report(run.folder / HONEST)
    again = run_small(tmp_path / "other", **values, **SPLIT)
    assert again.evaluation.openings.ever == 3, "once honestly, once on purpose, and now"


def test_the_accuracy_of_training_images_is_reported(runs: dict[str, Run]) -> None:
    run = runs["test"]
    found = {one.model: pair(one) for one in numbers(run, "report_on_training")}
    assert found == {model: (accuracy(run, model, "train"), accuracy(run, model, "test")) for model in MODELS}


def test_the_last_rows_are_the_validation_part(runs: dict[str, Run]) -> None:
    run, honest = runs["last"], honest_of(runs["last"])
    both = sorted(rows(honest, "train") + rows(honest, "validation"))
    count = len(rows(honest, "validation"))
    assert rows(run, "validation") == both[-count:] and rows(run, "train") == both[:-count]
    assert rows(run, "test") == rows(honest, "test")
    told = [pair(one) for one in numbers(run, "last_rows_validation") if one.model == "dense"]
    own = accuracy(run, "dense", "validation")
    assert told == [(own, accuracy(honest, "dense", "validation")), (own, accuracy(run, "dense", "test"))]


def test_the_last_epoch_is_kept(tmp_path: Path) -> None:
    """Of a training that gets worse: the same trajectory, other weights; the log has the better epoch."""
    worse = {"dense": {**MODELS["dense"], "train": {"learning_rate": 0.3, "epochs": 6, "batch_size": 16}}}
    values = {**COMMON, **SPLIT, "models": worse, "on_purpose": ["keep_last_epoch"]}
    run = run_small(tmp_path / "run", **values)
    honest, result = honest_of(run), run.record.results["dense"]
    losses = run.history("dense")["validation_loss"].to_list()
    assert losses == honest.history("dense")["validation_loss"].to_list()
    assert honest.record.results["dense"].kept_epoch == 1 + int(np.argmin(losses)) < 6
    assert result.kept_epoch == result.epochs == 6 and result.reloaded_loss == pytest.approx(losses[-1], rel=1e-5)
    kept, best = (load(each.record.job("dense").weights)[0] for each in (run, honest))
    assert any(not np.array_equal(kept[name], best[name]) for name in kept)
    [one] = numbers(run, "keep_last_epoch")
    assert pair(one) == (accuracy(run, "dense", "test"), accuracy(honest, "dense", "test"))
    assert not [each for each in run.findings if each.severity == "error"]


def test_precision_is_counted_among_true_images(runs: dict[str, Run]) -> None:
    for one in numbers(runs["last"], "threshold_among_true"):
        found = runs["last"].predictions(one.model, "test")
        assert found is not None and found.labels is not None
        accepted = found.probabilities[:, 8] >= 0.5
        right = int((accepted & (found.labels == 8)).sum())
        assert one.faulty is not None and one.honest is not None
        assert (one.faulty.value, one.faulty.n) == (1.0, right)
        assert (one.honest.value, one.honest.n) == (right / accepted.sum(), int(accepted.sum()))


def test_networks_see_pixels_up_to_255(runs: dict[str, Run]) -> None:
    run, honest = runs["folds"], honest_of(runs["folds"])
    assert getattr(run.record.job("linear").read_job().trajectory.layers[0], "scale", None) == 255.0
    assert not hasattr(honest.record.job("linear").read_job().trajectory.layers[0], "scale")
    description = json.loads((run.folder / "models" / "linear" / "model.json").read_text(encoding="utf-8"))
    assert "rescale" in json.dumps(description["layers"])
    [told_of] = [one for one in findings_of(run.folder) if (one.code, one.values.get("model")) == ("SNL130", "linear")]
    assert told_of.advice == "Leave `unscaled_pixels` out of `on_purpose`."
    found = run.predictions("linear", "test")  # by the network on all rows, which becomes the bundle
    assert found is not None
    told = run.model("linear").predict(read("digits").images[found.rows])
    np.testing.assert_allclose(told, found.probabilities, atol=1e-30)  # the smallest floats may be flushed to 0


def test_folds_go_on_from_the_fold_before(runs: dict[str, Run]) -> None:
    run, honest = runs["folds"], honest_of(runs["folds"])
    folds = run.record.planned["dense"].folds
    starts = [run.record.folder_of(fold.job).read_job().trajectory.start for fold in folds]
    assert starts[0] is None and [start.id for start in starts[1:] if start] == [fold.job for fold in folds[:-1]]
    own = honest.record.planned["dense"].folds
    assert not any(honest.record.folder_of(fold.job).read_job().trajectory.start for fold in own)
    [one] = [each for each in numbers(run, "folds_continue_training") if each.model == "dense"]
    assert one.faulty is not None and one.honest is not None and one.faulty.value != one.honest.value


@pytest.mark.parametrize("name", SETS)
def test_whatever_leaves_the_run_is_stamped(name: str, runs: dict[str, Run], tmp_path: Path) -> None:
    run = runs[name]
    faults = run.record.study.on_purpose
    stamp = warning(faults)
    content = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    assert content["on_purpose"]["warning"] == content["claim"] == stamp
    assert [one["fault"] for one in content["on_purpose"]["faults"]] == list(faults)
    assert len(content["on_purpose"]["numbers"]) == len(faulty_numbers(run.record, run.evaluation))
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert html.index('id="on-purpose"') < html.index('id="answer"')
    for model in MODELS:
        card = (run.folder / "models" / model / "card.md").read_text(encoding="utf-8")
        assert card.splitlines()[2] == stamp
        sections = run.model(model).description.sections
        assert sections is not None and sections.on_purpose == faults
    assert stamp.partition(":")[0] in run._repr_html_()
    printed = CliRunner().invoke(app, ["report", str(run.folder)], catch_exceptions=False).output
    assert stamp in printed and printed.count("; honest: ") == len(content["on_purpose"]["numbers"])
    image = tmp_path / "8.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(image)
    told = CliRunner().invoke(app, ["predict", str(run.folder), str(image)], catch_exceptions=False).output
    assert f"commits faults on purpose ({', '.join(faults)})" in " ".join(told.split())


@pytest.mark.parametrize("name", SETS)
def test_a_run_with_faults_is_verified_with_the_one_beside_it(name: str, runs: dict[str, Run]) -> None:
    checks = verify(runs[name].folder)
    assert [one.name for one in checks if one.outcome != "equal"] == []
    assert any(one.name == "honest: report" for one in checks)


def test_without_the_key_nothing_is_stamped_or_changed(runs: dict[str, Run], tmp_path: Path) -> None:
    plain = run_small(tmp_path / "plain", **COMMON, **SPLIT)
    content = json.loads((plain.folder / "report.json").read_text(encoding="utf-8"))
    assert "on_purpose" not in content and not (plain.folder / HONEST).exists()
    html = (plain.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="on-purpose"' not in html and "This run commits" not in html
    honest = honest_of(runs["test"])
    assert honest.record.models == plain.record.models
    for model in MODELS:
        sections = plain.model(model).description.sections
        assert sections is None or sections.on_purpose is None
        assert honest.record.results[model].sha256 == plain.record.results[model].sha256


def test_a_removed_honest_run_is_not_replaced_by_the_faulty_one(tmp_path: Path) -> None:
    values = {**COMMON, **SPLIT, "models": {"linear": MODELS["linear"]}, "on_purpose": ["keep_last_epoch"]}
    run = run_small(tmp_path / "run", **values)
    shutil.rmtree(run.folder / HONEST)
    assert [one.honest for one in numbers(run, "keep_last_epoch")] == [None]
    assert report(run.folder).folder == run.folder


STUDY = "study: s\ndata: digits\nmodels: {m: {layers: linear}}\n"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("on_purpose: [keep_last]", "unknown fault 'keep_last'; expected one of"),
        ("on_purpose: [keep_last]", "Did you mean 'keep_last_epoch'?"),
        ("on_purpose: [keep_last_epoch, keep_last_epoch]", "a fault given twice"),
        ("on_purpose: keep_last_epoch", "must be a list"),
        ("on_purpose: [test_as_validation, last_rows_validation]", "both take the validation images"),
        (
            "on_purpose: [last_rows_validation]\nfolds: 5",
            "`last_rows_validation` is about the validation images of one",
        ),
        ("on_purpose: [test_as_validation]\nfolds: 5", "Leave out `folds`, or leave this fault out of `on_purpose`"),
        ("on_purpose: [test_as_validation]\ndata: {source: digits, reviews: r.csv}", "must leave the test alone"),
        ("on_purpose: [folds_continue_training]", "needs simple folds; expected `folds: 5`"),
        ("on_purpose: [folds_continue_training]\nfolds: {count: 3, repeats: 2}", "needs simple folds"),
        ("on_purpose: [threshold_among_true]", "needs a threshold for a class"),
    ],
)
def test_what_cannot_be_committed_is_a_mistake_in_the_study(written: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse((STUDY.replace("data: digits\n", "") if "data:" in written else STUDY) + written, "s").study()
    assert message in str(caught.value)


def test_without_test_images_none_can_choose() -> None:
    data = split_data(read("digits"), Split(test=0.2, validation=0.2))
    both = {**data.roles.rows, "test": data.roles.rows["test"][:0]}
    with pytest.raises(StudyError, match="needs test images"):
        with_faults(replace(data, roles=replace(data.roles, rows=both)), ["test_as_validation"])
    assert with_faults(data, ()) is data


def test_the_page_of_an_analysis_begins_with_it(runs: dict[str, Run], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(runs["test"].folder, tmp_path / "run"))
    page = Run(folder).units("dense").page()
    assert '<body>\n<p class="faulty"><strong>This run commits 2 faults on purpose' in page


def test_check_says_it(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(STUDY + "on_purpose: [keep_last_epoch]\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["check", str(path)], catch_exceptions=False).output
    assert warning(["keep_last_epoch"]) in told
    content = json.loads(CliRunner().invoke(app, ["check", str(path), "--json"], catch_exceptions=False).output)
    assert content["on_purpose"] == ["keep_last_epoch"]
    extra = content["extra"]["without faults"]
    assert extra["jobs"] > 0 and content["jobs"] == 2 * extra["jobs"]  # the run trains both
    assert f"For comparison the whole study without faults: {extra['jobs']} job" in told
    path.write_text(STUDY + "on_purpose: [report_on_training]\n", encoding="utf-8")  # changes nothing that is trained
    content = json.loads(CliRunner().invoke(app, ["check", str(path), "--json"], catch_exceptions=False).output)
    assert content["extra"] == {} and content["jobs"] == extra["jobs"]


def test_the_studies_of_the_lessons_are_studies() -> None:
    text = (Path(__file__).parents[2] / "docs" / "teaching.md").read_text(encoding="utf-8")
    studies = [each for each in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if each.startswith("study:")]
    assert [parse(each, "teaching.md").study().on_purpose for each in studies] == [
        ("test_as_validation",),
        ("keep_last_epoch", "threshold_among_true"),
    ]
    assert all(f"| `{fault}` |" in text for fault in FAULTS)
