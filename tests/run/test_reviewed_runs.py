"""Protects runs with reviewed labels: the test is the same, its scores with and without reviews stand beside each
other from networks that differ in labels alone, everything is recorded, and the run can be verified, compared and
reported."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import PLAIN, findings_of

import snellen
from snellen.cli import main
from snellen.data.load import read
from snellen.data.reviews import pixel_hashes
from snellen.data.splits import vault
from snellen.errors import IdentityError
from snellen.evaluate.record import RunRecord
from snellen.evaluate.reviews_effect import reviews_effects, unreviewed_jobs
from snellen.run.analyses import scene_of
from snellen.run.compare import compare_runs
from snellen.run.flow import report
from snellen.run.verify import verify
from snellen.statistics.wilson_interval import wilson_limits

TRAIN: dict[str, Any] = {"epochs": 4, "batch_size": 32, "learning_rate": 3e-3}
SPLIT = {"test": 0.25, "validation": 0.2, "seed": 1}
MODELS = {"dense": PLAIN, "linear": {"layers": "linear"}}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits with 60 planted labels, as a file; and reviews beside it that say the truth of some."""
    folder: Path = tmp_path_factory.mktemp("data")
    digits = read("digits")
    random = np.random.default_rng(0)
    planted = random.choice(len(digits), 60, replace=False)
    labels = digits.labels.copy()
    labels[planted] = (labels[planted] + random.integers(1, 10, 60)) % 10
    np.savez(folder / "noisy.npz", images=digits.images[..., 0], labels=labels)
    return folder / "noisy.npz"


def study(source: Path, **changes: Any) -> snellen.Study:
    data = {"source": str(source), "pixel_range": (0, 16), **changes.pop("data", {})}
    sections = {"models": MODELS, "train": TRAIN, "split": SPLIT, **changes}
    return snellen.Study("noisy", data=data, **sections)


def run(folder: Path, source: Path, **changes: Any) -> RunRecord:
    return RunRecord.open(study(source, **changes).run(out=folder, device="cpu", threads=1, progress=False).folder)


def write_reviews(path: Path, record: RunRecord, source: Path) -> Path:
    """The truth of every label outside the test that was planted but five, two images excluded, one unsure, and two
    reviews of the test."""
    dataset, truth = study(source).dataset or scene_of(record, None).dataset, read("digits").labels
    given = np.load(source)["labels"]
    keys, test = pixel_hashes(dataset.images), vault.test_rows(record.folder)
    train = record.predictions("dense", "train")
    assert train is not None
    wrong = [row for row in train.rows.tolist() if given[row] != truth[row]]
    right = [row for row in train.rows.tolist() if given[row] == truth[row]]
    in_test = [row for row in test.tolist() if given[row] != truth[row]][:2]
    rows: list[tuple[Any, ...]] = [(row, "wrong", truth[row], place) for place, row in enumerate(wrong[5:], 1)]
    rows += [(right[0], "unsure", "", len(rows) + 1), (right[1], "right", "", len(rows) + 2)]
    rows += [(right[2], "exclude", "", ""), (right[3], "exclude", "", "")]
    rows += [(row, "wrong", truth[row], "") for row in in_test]
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["picture", "label", "review", "correct_label", "rank", "suspects"])
        for row, review, correct, place in rows:
            table.writerow([keys[row], given[row], review, correct, place, 100 if place else ""])
    return path


@pytest.fixture(scope="module")
def runs(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same study without and with reviews, in two directories; the second began without them too."""
    folder: Path = tmp_path_factory.mktemp("reviewed")
    record = run(folder / "without", source)
    shutil.copytree(folder / "without", folder / "with")
    reviews = write_reviews(folder / "reviews.csv", record, source)
    run(folder / "with", source, data={"reviews": str(reviews)})
    return folder / "without", folder / "with"


def applied(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = values["reviews"]
    return found


def test_the_test_and_all_roles_are_the_same(runs: tuple[Path, Path]) -> None:
    before, after = (RunRecord.open(folder) for folder in runs)
    assert vault.stored_fingerprint(before.folder) == vault.stored_fingerprint(after.folder)
    gone = applied(after.folder)["excluded"]
    assert after.data["roles"]["counts"]["train"] == before.data["roles"]["counts"]["train"] - gone
    for role in ("validation", "test"):
        one, other = (record.predictions("dense", role) for record in (before, after))
        assert one is not None and other is not None and one.rows.tolist() == other.rows.tolist()
    assert before.data["data"]["fingerprint"] != after.data["data"]["fingerprint"]


def test_what_was_applied_is_recorded_with_counts(runs: tuple[Path, Path], source: Path) -> None:
    truth, given, found = read("digits").labels, np.load(source)["labels"], applied(runs[1])
    assert found["corrected"] > 20 and found["excluded"] == 2 and found["unmatched"] == 0
    assert (found["right"], found["unsure"], found["test_images"]) == (1, 1, 2)
    changed = [each for each in found["changes"] if each["to"] is not None]
    assert len(changed) == found["corrected"]
    for each in changed:
        assert (each["label"], each["to"]) == (str(given[each["row"]]), str(truth[each["row"]]))
    assert [each["to"] for each in found["test"]] == [str(truth[each["row"]]) for each in found["test"]]
    assert found["listed"] == {
        "reviewed": found["corrected"] + 2,
        "wrong": found["corrected"],
        "unsure": 1,
        "suspects": 100,
        "first": True,
    }
    left_out = json.loads((runs[1] / "data.json").read_text())["roles"]["left_out_total"]
    assert left_out["excluded by review"] == 2
    assert (runs[1] / "reviews.csv").read_bytes() == (runs[1].parent / "reviews.csv").read_bytes()


def test_scores_with_and_without_are_of_networks_that_differ_in_labels_alone(runs: tuple[Path, Path]) -> None:
    before, after = (RunRecord.open(folder) for folder in runs)
    [effect] = reviews_effects(after)
    jobs = unreviewed_jobs(after)
    assert jobs == {effect.model: {0: before.models[effect.model]}}  # trained before: it is not trained again
    stored = [record.predictions(effect.model, "test") for record in (before, after)]
    right = []
    for each in stored:
        assert each is not None and each.labels is not None
        right.append(each.predicted == each.labels)
    assert (effect.without.value, effect.with_reviews.value) == (right[0].mean(), right[1].mean())
    assert effect.change.limits.value == pytest.approx(right[1].mean() - right[0].mean())
    one, other = (record.job(effect.model).read_job() for record in (before, after))
    assert one.trajectory.model_copy(update={"rows": ""}) == other.trajectory.model_copy(update={"rows": ""})
    assert one.trajectory.rows != other.trajectory.rows


def test_the_finding_has_the_scores_and_the_precision_of_the_list(runs: tuple[Path, Path]) -> None:
    [finding] = [each for each in findings_of(runs[1]) if each.code == "SNL141"]
    found, [effect] = applied(runs[1])["listed"], reviews_effects(RunRecord.open(runs[1]))
    low, high = wilson_limits(found["wrong"], found["reviewed"])
    assert finding.severity == "result"
    assert f"{100 * effect.without.value:.1f} %" in finding.sentence  # type: ignore[operator]
    assert f"{100 * effect.with_reviews.value:.1f} %" in finding.sentence  # type: ignore[operator]
    assert (
        f"Of the first {found['reviewed']} of 100 suspects, {found['wrong']} were wrong or excluded" in finding.sentence
    )
    assert f"({100 * low:.1f} to {100 * high:.1f})" in finding.sentence
    assert "2 reviewed images of the test: they keep their labels." in finding.sentence
    assert "SNL141" not in {each.code for each in findings_of(runs[0])}


def test_a_network_that_failed_without_them_is_said_to(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(runs[1], tmp_path / "run"))
    job = RunRecord.open(folder).folder_of(unreviewed_jobs(RunRecord.open(folder))["dense"][0])
    result = json.loads((job.path / "result.json").read_text(encoding="utf-8"))
    (job.path / "result.json").write_text(json.dumps({**result, "status": "failed"}), encoding="utf-8")
    [found] = [one for one in findings_of(folder) if one.code == "SNL141"]
    assert "`dense` has no score without them: training on the labels as they were failed." in found.sentence
    assert found.values["scores"] == {} and "reaches" not in found.sentence


def test_the_report_lists_them_and_is_written_from_stored_files(runs: tuple[Path, Path]) -> None:
    html = (runs[1] / "report.html").read_text(encoding="utf-8")
    assert "Reviewed labels" in html and "With reviews, on the same test" in html
    content = json.loads((runs[1] / "report.json").read_text(encoding="utf-8"))
    report(runs[1])
    again = json.loads((runs[1] / "report.json").read_text(encoding="utf-8"))
    assert again["reviews"] == content["reviews"] and len(again["reviews"]["effects"]) == 1
    assert "reviews" not in json.loads((runs[0] / "report.json").read_text(encoding="utf-8"))


def test_the_run_needs_only_its_own_copy_of_the_reviews(runs: tuple[Path, Path], source: Path, tmp_path: Path) -> None:
    shutil.copytree(runs[1], tmp_path / "moved")
    record = RunRecord.open(tmp_path / "moved")
    text = (tmp_path / "moved" / "resolved.yaml").read_text().replace(str(runs[1].parent), "/nowhere")
    (tmp_path / "moved" / "resolved.yaml").write_text(text)
    assert record.study.data.reviews == "/nowhere/reviews.csv"
    assert scene_of(record, None).dataset.fingerprint == record.data["data"]["fingerprint"]


def test_it_is_verified_and_one_job_trained_again(runs: tuple[Path, Path]) -> None:
    job = RunRecord.open(runs[1]).models["dense"]
    checks = {check.name: check for check in verify(runs[1], job=job)}
    assert {check.outcome for check in checks.values()} == {"equal"}, checks
    unreviewed = unreviewed_jobs(RunRecord.open(runs[1])).values()
    first = runs[1] / "jobs" / next(iter(unreviewed))[0] / "predictions" / "test.safetensors"
    content = first.read_bytes()
    first.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        assert any(check.outcome == "differs" for check in verify(runs[1]))
        assert any(each.code == "SNL902" for each in findings_of(runs[1]))
    finally:
        first.write_bytes(content)


def test_runs_with_and_without_are_compared_on_the_images_they_share(runs: tuple[Path, Path]) -> None:
    assert compare_runs([str(folder) for folder in runs], None)


def test_a_cross_validated_model_is_compared_by_its_final_networks(
    source: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    reviews = str(runs[0].parent / "reviews.csv")
    record = run(tmp_path / "run", source, folds=3, models={"dense": PLAIN}, data={"reviews": reviews})
    [jobs] = unreviewed_jobs(record).values()
    [effect] = reviews_effects(record)
    one, other = (record.folder_of(job).read_job() for job in (jobs[0], record.planned["dense"].final[-1]))
    assert (
        one.stop.epochs == other.stop.epochs and one.stop.keep == "last" and effect.with_reviews.n == effect.without.n
    )


def test_seeds_are_compared_as_recipes(source: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    reviews = str(runs[0].parent / "reviews.csv")
    record = run(tmp_path / "run", source, seeds=3, models={"dense": PLAIN}, data={"reviews": reviews})
    [effect] = reviews_effects(record)
    assert len(unreviewed_jobs(record)["dense"]) == 3
    assert (effect.change.kind, effect.change.seeds, effect.without.networks) == ("recipes", 3, 3)


def test_two_seeds_give_the_scores_of_the_networks_whose_difference_is_given(
    source: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    reviews = str(runs[0].parent / "reviews.csv")
    record = run(tmp_path / "run", source, seeds=2, models={"dense": PLAIN}, data={"reviews": reviews})
    [effect] = reviews_effects(record)
    after, before = effect.with_reviews, effect.without
    assert effect.change.kind == "networks" and (after.networks, before.networks) == (1, 1)
    assert after.value is not None and before.value is not None
    assert effect.change.limits.value == pytest.approx(after.value - before.value)
    [finding] = [each for each in findings_of(record.folder) if each.code == "SNL141"]
    assert "`dense` (the network of seed 0) reaches" in finding.sentence
    assert "not about training them again." in finding.sentence


def test_reviews_that_change_nothing_train_nothing(source: Path, runs: tuple[Path, Path], tmp_path: Path) -> None:
    lines = (runs[0].parent / "reviews.csv").read_text().splitlines()
    path = tmp_path / "right.csv"
    path.write_text("\n".join([lines[0], *(line for line in lines if ",right," in line)]) + "\n")
    record = run(tmp_path / "run", source, data={"reviews": str(path)})
    assert unreviewed_jobs(record) == {} and record.models == RunRecord.open(runs[0]).models
    [finding] = [each for each in findings_of(tmp_path / "run") if each.code == "SNL141"]
    assert "corrected 0 labels and excluded 0 images" in finding.sentence


@pytest.mark.parametrize("command", ["check", "run"])
def test_reviews_of_other_data_are_refused_before_anything_is_trained(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("foreign.csv").write_text(f"picture,label,review,correct_label\nblake2b:{32 * '0'},3,right,\n")
    changed = "data={source: digits, reviews: foreign.csv}"
    monkeypatch.setattr("sys.argv", ["snellen", command, "digits", "--set", changed])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "reviews of other data" in said and "none of 1 reviewed image among the 1,797 images" in said
    assert not list(tmp_path.rglob("job.json"))


def test_check_says_what_reviews_do(source: Path, runs: tuple[Path, Path]) -> None:
    from snellen.run.check import check_study
    from snellen.run.run_folder import Settings

    one = study(source, data={"reviews": str(runs[0].parent / "reviews.csv")})
    checked = check_study(one.file, Settings(None, "cpu", 1))
    assert any(each.startswith("Reviews applied from reviews.csv") for each in checked["data"]["remarks"])
    [network] = set(json.loads((runs[1] / "reviewed.json").read_text("utf-8"))["unreviewed"]["dense"].values())
    assert checked["extra"]["without reviews"]["jobs"] == 1 and (runs[1] / "jobs" / network).is_dir()
    assert checked["jobs"] == len(one.file.models) + 1


DAMAGED = (
    '{"unreviewed": {"dense": {"0": "../../x"}}}',
    '{"unreviewed": {"dense": {"x": "a"}}}',
    "[]",
)


@pytest.mark.parametrize("stored", DAMAGED)
def test_a_damaged_record_of_the_networks_without_reviews_is_refused(
    stored: str, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(runs[1], tmp_path / "run")
    (tmp_path / "run" / "reviewed.json").write_text(stored)
    with pytest.raises(IdentityError):
        reviews_effects(RunRecord.open(tmp_path / "run"))
