"""Protects the command line: exit codes, what is on which stream, and files that are not overwritten by chance."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from runs import edit_json
from sklearn.datasets import load_digits
from typer.main import get_command

from snellen import __version__, cli
from snellen.api import Run
from snellen.cli.entry import EXAMPLES, VERBS, app
from snellen.cli.list_names import KINDS, first_sentence
from snellen.evaluate.record import RunRecord
from snellen.models.layers import LAYERS
from snellen.study.document import shipped_studies

DIGITS = load_digits()
IMAGES = DIGITS.images[:5].astype(np.uint8)
TINY = """study: tiny
data: digits
train: {epochs: 1, batch_size: 128}
models:
  linear: {layers: linear}
"""
ABSURD = """  absurd:
    layers: [flatten, {dense: 32}, {dense: 32}, {dense: 32}, {dense: 32}]
    train: {optimizer: sgd, learning_rate: 10}
"""
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def snellen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, own_user: Path
) -> Command:
    """Runs the command in this process, in a folder of its own: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["snellen", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code: Any = 0
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_a_run_ends_with_0_and_the_path_of_the_report(snellen: Command, tiny: Path) -> None:
    code, out, _ = snellen("run", tiny, "--device", "cpu", "--threads", 1)
    assert code == 0 and "linear *" in out
    assert (
        out.splitlines()[-1] == f"Report: {Path('runs/tiny/report.html')}" and Path("runs/tiny/report.html").is_file()
    )
    code, out, _ = snellen("run", tiny)
    assert code == 0 and "1 of 1 jobs have a result already" in out


def test_options_reach_the_study(snellen: Command, tiny: Path) -> None:
    arguments = ["--set", "train.epochs=2", "--set", "study=other", "--seed", 5, "--out", "here", "--json"]
    code, out, err = snellen("run", tiny, *arguments)
    content = json.loads(out)
    assert code == 0 and "linear: epoch" in err
    assert (content["study"], content["models"][0]["training"]["seed"]) == ("other", 5)
    assert content["models"][0]["stopped_epoch"] == 2 and Path("here/report.json").read_text(encoding="utf-8") == out


def test_every_epoch_is_printed_where_asked(snellen: Command, tiny: Path) -> None:
    """Beside JSON on standard error, like all progress."""
    code, out, err = snellen("run", tiny, "--set", "train.epochs=2", "--epochs", "--json")
    lines = [line.strip() for line in err.splitlines() if ", loss " in line]
    assert code == 0 and [line.partition(",")[0] for line in lines] == [f"linear: epoch {at}/2" for at in (1, 2)]
    assert len(json.loads(out)["models"][0]["network_epochs"][0]["epochs"]) == 2


def test_the_version_is_that_of_the_package(snellen: Command) -> None:
    assert snellen("--version") == (0, f"snellen {__version__}\n", "")


def test_a_failed_job_is_3_and_the_others_finish(snellen: Command, tiny: Path) -> None:
    tiny.write_text(TINY + ABSURD, encoding="utf-8")
    code, out, _ = snellen("run", tiny)
    assert code == 3 and "linear *" in out and "failed" in out
    assert "SNL101" in out and "with learning rate 10" in " ".join(out.split())
    assert snellen("report", "runs/tiny")[0] == 3


def test_a_finding_of_severity_error_is_1(snellen: Command, run_copy: Path) -> None:
    code, out, _ = snellen("report", run_copy)
    assert code == 0 and out.splitlines()[-1].endswith("report.html")
    weights = RunRecord.open(run_copy).job("linear").weights
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    code, out, _ = snellen("report", run_copy)
    assert code == 1 and "Error: " in out and "(SNL902" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "digit"], "Error: unknown study 'digit'; expected one of cifar10-cnn, cifar10-fast, digits"),
        (["run", "nowhere.yaml"], "Error: nowhere.yaml: no such file"),
        (["run", "tiny.yaml", "--set", "sed=1"], "unknown key `sed`; did you mean `seed`?"),
        (["run", "tiny.yaml", "--seed", "-1"], "`seed` must be in [0, 4294967296); got -1"),
        (["run", "tiny.yaml", "--device", "gpu"], "gpu"),
        (["run", "tiny.yaml", "--set", "data=mnist"], "no data found"),
        (["run"], "Missing argument"),
        (["run", "tiny.yaml", "--batches", "3"], "No such option"),
        (["run", "tiny.yaml", "--epochs", "3"], "unexpected extra argument"),
        (["runn", "tiny.yaml"], "No such command"),
        (["check"], "STUDY is missing"),
        (["report", "nowhere"], "Error: nowhere: no run of a study here"),
        (["predict", "nowhere", "digits"], "no model here"),
        (["init", "--from", "digit"], "Did you mean 'digits'?"),
        (["init", "photo"], "unknown file, folder or data set 'photo'"),
    ],
)
def test_wrong_use_is_2_with_a_sentence_and_no_traceback(
    snellen: Command, tiny: Path, arguments: list[str], message: str
) -> None:
    code, out, err = snellen(*arguments)
    assert code == 2 and out == "" and message in err
    assert "Traceback" not in err and not Path("runs/tiny/plan.json").exists()


def test_an_interrupt_is_130(snellen: Command, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("snellen.run.flow.read", interrupted)
    code, _, err = snellen("run", tiny)
    assert code == 130 and "run the same command to go on" in err


@pytest.mark.parametrize("name", sorted(shipped_studies()))
def test_init_copies_and_refuses_to_overwrite(snellen: Command, name: str) -> None:
    code, out, _ = snellen("init", "--from", name)
    path = Path(f"{name}.yaml")
    assert code == 0 and f"snellen run {path}" in out
    assert path.read_text(encoding="utf-8") == shipped_studies()[name]
    path.write_text("mine", encoding="utf-8")
    code, _, err = snellen("init", "--from", name)
    assert code == 2 and "the file is there already" in err and path.read_text(encoding="utf-8") == "mine"
    assert snellen("init", "other.yaml", "--from", name)[0] == 0


def test_init_proposes_a_study_that_runs_as_it_is(snellen: Command, tmp_path: Path) -> None:
    for number in range(60):
        image = DIGITS.images[number][: 6 + number % 3].astype(np.uint8) * 15
        (tmp_path / f"scans/{DIGITS.target[number] % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / f"scans/{DIGITS.target[number] % 2}/{number}.png")
    code, out, _ = snellen("init", "scans")
    assert code == 0 and out.endswith("Wrote scans.yaml. Edit it, then: snellen run scans.yaml\n")
    cost = out.splitlines()[0]
    assert cost.startswith("A run takes about ") and "`cnn` " in cost
    assert cost in " ".join(Path("scans.yaml").read_text("utf-8").replace("#", " ").split())
    code, out, _ = snellen("run", "scans.yaml", "--device", "cpu", "--threads", 1, "--set", "train.epochs=1")
    assert code == 0 and "cnn" in out
    code, _, err = snellen("init", "scans")
    assert code == 2 and "the file is there already" in err
    code, out, _ = snellen("init", "scans", "--out", "other.yaml")
    assert code == 0 and "Wrote other.yaml." in out and 'study: "scans"' in Path("other.yaml").read_text("utf-8")


def test_init_takes_a_known_name_and_refuses_nothing_known(snellen: Command) -> None:
    assert snellen("init", "digits")[0] == 0 and Path("digits.yaml").is_file()
    assert snellen("check", "digits.yaml")[0] == 0
    code, _, err = snellen("init", "nowhere/photos")
    assert code == 2 and "no data found" in err


def test_check_tells_of_near_duplicates_in_other_roles(snellen: Command, tiny: Path) -> None:
    said = "Nearly identical to an image in another part of the split"
    assert said in " ".join(snellen("check", tiny)[1].split())
    assert said not in " ".join(snellen("check", tiny, "--set", "data.near_duplicates=together")[1].split())


def test_images_of_the_other_polarity(snellen: Command, small_run: Run, tmp_path: Path) -> None:
    for number, image in enumerate(DIGITS.images[:20]):
        Image.fromarray(np.uint8(255 - image * 15)).save(tmp_path / f"{number:02}.png")
    files = [f"{number:02}.png" for number in range(20)]

    def hits(*options: str) -> tuple[int, str]:
        _, out, err = snellen("predict", small_run.folder, *files, "--json", *options)
        found = [row["class"] for row in json.loads(out)["predictions"]]
        return sum(name == str(label) for name, label in zip(found, DIGITS.target[:20], strict=True)), err

    wrong, warned = hits()
    right, silent = hits("--invert")
    assert (
        warned.count("\n") == 2
        and "--invert" in warned
        and "20 of 20 images are unlike" in warned
        and silent == ""
        and right > max(wrong, 12)
    )


def test_check_shows_the_plan_and_trains_nothing(snellen: Command, tiny: Path) -> None:
    code, out, _ = snellen("check", tiny)
    assert code == 0 and "linear" in out and "650" in out and "nothing was trained" in out
    assert not Path("runs").exists()


def test_check_is_told_of_workers_like_run(snellen: Command, tiny: Path) -> None:
    assert snellen("check", tiny, "--workers", "2")[0] == 0
    assert snellen("check", tiny, "--workers", "0")[0] == 2


def test_check_as_json(snellen: Command, tiny: Path) -> None:
    tiny.write_text(TINY + "  same: {layers: [flatten]}\n", encoding="utf-8")
    checked = json.loads(snellen("check", tiny, "--json", "--set", "train.epochs=7")[1])
    assert [row["model"] for row in checked["models"]] == ["linear", "same"] and checked["jobs"] == 1
    assert checked["models"][0]["epochs"] == 7 and checked["seconds"] > 0
    assert sum(checked["roles"].values()) == checked["data"]["images"] == 1_797


def test_check_prints_the_schema(snellen: Command) -> None:
    code, out, _ = snellen("check", "--schema")
    assert code == 0 and set(json.loads(out)["required"]) == {"study", "data", "models"}


Written = tuple[list[Path], np.ndarray]
"""Files, and the images that they are in the values of the training data, 0 to 16."""


def write_png(folder: Path) -> Written:
    """As any program would write them: 255 is white."""
    stored = np.round(IMAGES * (255 / 16)).astype(np.uint8)
    for number, image in enumerate(stored):
        Image.fromarray(image).save(folder / f"{number}.png")
    return sorted(folder.glob("*.png")), (stored * (16 / 255)).astype(np.float32)


def write_npy(folder: Path) -> Written:
    np.save(folder / "p.npy", IMAGES)
    return [folder / "p.npy"], IMAGES


def write_npz(folder: Path) -> Written:
    np.savez(folder / "p.npz", images=IMAGES, labels=np.arange(5))
    return [folder / "p.npz"], IMAGES


def images_folder(folder: Path) -> Written:
    (folder / "pictures").mkdir()
    return [folder / "pictures"], write_png(folder / "pictures")[1]


@pytest.mark.parametrize("write", [write_png, write_npy, write_npz, images_folder])
def test_predict_answers_alike_from_every_kind_of_file(
    snellen: Command, small_run: Run, tmp_path: Path, write: Callable[[Path], Written]
) -> None:
    paths, images = write(tmp_path)
    expected = small_run.model().predict(images[..., None])
    code, out, err = snellen("predict", small_run.folder, *paths, "--json")
    rows = json.loads(out)["predictions"]
    assert (code, err) == (0, "")
    found = np.array([[row[f"p({name})"] for name in "0123456789"] for row in rows], np.float32)
    np.testing.assert_array_equal(found, expected)
    assert [row["class"] for row in rows] == [str(index) for index in expected.argmax(1)]
    assert [row["probability"] for row in rows] == pytest.approx(expected.max(1))


def test_predict_writes_csv_and_says_how_much_more_there_is(snellen: Command, small_run: Run) -> None:
    code, out, _ = snellen("predict", small_run.folder / "models/linear", "digits", "--csv", "answers.csv")
    assert code == 0 and "and 1,777 more." in out and "Wrote answers.csv" in out
    rows = list(csv.DictReader(io.StringIO(Path("answers.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 1_797 and [row["label"] for row in rows] == [str(label) for label in DIGITS.target]
    assert float(rows[0]["p(0)"]) == pytest.approx(small_run.model("linear").predict(IMAGES[:1, ..., None])[0, 0])


def test_predict_scores_where_labels_are_given_and_notes_the_opening(
    snellen: Command, run_copy: Path, own_user: Path
) -> None:
    code, out, _ = snellen("predict", run_copy, "digits", "--score", "--json")
    answers = json.loads(out)
    right = sum(row["class"] == row["label"] for row in answers["predictions"])
    score = answers["score"]
    assert code == 0 and (score["hits"], score["n"], score["part"]) == (right, 1_797, "all images")
    assert score["accuracy"] == pytest.approx(right / 1_797)
    whole, test = (own_user / "records/openings").glob("*.jsonl")
    assert all("predict --score" in log.read_text(encoding="utf-8") for log in (whole, test))


def test_predict_says_which_scored_images_are_of_the_run(snellen: Command, run_copy: Path, own_user: Path) -> None:
    code, _, err = snellen("predict", run_copy, "digits", "--score")
    assert code == 0
    among = "1,078 training images and 210 validation images of this model are among the given images"
    assert f"Warning: {among}, as exact copies, so this accuracy says nothing about new images." in err
    assert "Among the scored images are 449 test images and 60 calibration images of the run, as exact copies." in err
    np.savez("moved.npz", images=np.roll(DIGITS.images.astype(np.uint8), 1, 2), labels=DIGITS.target)
    assert "No image is an exact copy of a training" in snellen("predict", run_copy, "moved.npz", "--score")[2]
    bundle = shutil.copytree(run_copy / "models/linear", "alone")
    err = snellen("predict", bundle, "digits", "--score")[2]
    assert "was trained on some of these images" in err
    assert "among these was not looked up: there is no run beside this model" in err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: np.save(folder / "bad.npy", np.zeros((2, 81), np.uint8)), "not the shape of images"),
        (lambda folder: (folder / "bad.npy").write_bytes(b"nonsense"), "bad.npy"),
        (lambda folder: np.save(folder / "bad.npy", IMAGES), "no labels to score with"),
    ],
)
def test_predict_refuses_what_does_not_fit(
    snellen: Command, small_run: Run, tmp_path: Path, make: Callable[[Path], Any], message: str
) -> None:
    make(tmp_path)
    code, out, err = snellen("predict", small_run.folder, tmp_path / "bad.npy", "--score")
    assert code == 2 and out == "" and message in err and "Traceback" not in err


def test_images_that_cannot_be_read_are_named_and_the_others_answered(
    snellen: Command, small_run: Run, tmp_path: Path
) -> None:
    images_folder(tmp_path)
    (tmp_path / "pictures/9.png").write_bytes(b"oops")
    (tmp_path / "pictures/._0.png").write_bytes(b"oops")
    code, out, err = snellen("predict", small_run.folder, "pictures", "--csv", "answers.csv")
    assert code == 3 and "Could not read 9.png: not an image" in err and "Passed over 1 hidden file" in err
    rows = list(csv.DictReader(io.StringIO(Path("answers.csv").read_text(encoding="utf-8"))))
    assert [row["id"] for row in rows] == [f"{number}.png" for number in range(5)]
    code, out, err = snellen("predict", small_run.folder, "pictures", "--json")
    answers = json.loads(out)
    assert code == 3 and len(answers["predictions"]) == 5 and len(answers["remarks"]) == 1
    assert [each["id"] for each in answers["failed"]] == ["9.png"] and "not an image" in answers["failed"][0]["reason"]
    code, out, err = snellen("predict", small_run.folder, "pictures/9.png")
    assert code == 2 and out == "" and "9.png" in err


def test_scores_cover_what_could_be_read_and_is_known(snellen: Command, small_run: Run, tmp_path: Path) -> None:
    for number, label in enumerate(("0", "1", "1", "ten")):
        (tmp_path / "in" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(DIGITS.images[number] * 15)).save(tmp_path / f"in/{label}/{number}.png")
    (tmp_path / "in/0/bad.png").touch()
    code, out, err = snellen("predict", small_run.folder, "in", "--score")
    assert code == 3 and "Accuracy on all images, n = 3:" in out
    assert "Could not read 0/bad.png" in err
    assert "Not scored: 1 image of classes that the model does not know (ten)." in err
    assert snellen("predict", small_run.folder, "in/ten", "in/1")[0] == 0


def test_predict_says_that_there_are_more_classes(
    snellen: Command, small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npy(tmp_path)
    code, out, _ = snellen("predict", small_run.folder, "p.npy")
    assert code == 0 and out.splitlines()[-1] == "... and 7 more classes: --all"
    assert len(out.splitlines()[1].split()) == 7  # id, class, probability, and two more classes
    values = small_run.model().predict(IMAGES[:1])[0]
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = snellen("predict", small_run.folder, "p.npy", "--all")
    assert code == 0 and "--all" not in out and "p(9)" in out
    assert out.splitlines()[1].split()[3:] == [f"{value:.3f}" for value in values]
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = snellen("predict", small_run.folder, "p.npy", "--all")
    assert len(out.splitlines()) == 1 + 5 * 10 and max(map(len, out.splitlines())) <= 60


def test_predict_says_what_it_converted(snellen: Command, small_run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "unit.npy", IMAGES / np.float32(16))
    np.save(tmp_path / "p.npy", IMAGES)
    _, expected, silent = snellen("predict", small_run.folder, "p.npy", "--json")
    code, out, err = snellen("predict", small_run.folder, "unit.npy", "--json")
    assert code == 0 and silent == ""
    assert err == "5 images with pixels from 0 to 1 became 0 to 16, the scale that the model was trained on.\n"
    assert json.loads(out)["remarks"] == [err.strip()]
    assert [row["class"] for row in json.loads(out)["predictions"]] == [
        row["class"] for row in json.loads(expected)["predictions"]
    ]


def test_a_run_in_which_nothing_was_trained_has_no_model(snellen: Command, run_copy: Path) -> None:
    edit_json(run_copy / "evaluation.json", lambda value: {**value, "chosen": None, "ranked": []})
    code, _, err = snellen("predict", run_copy, "digits")
    assert code == 2 and "no model of this run was trained to the end" in err


def test_help_imports_nothing_heavy(run_script: Callable[..., tuple[int, str]]) -> None:
    """So that it is there at once; the seconds are measured in bench/."""
    script = """
import sys
sys.argv = ["snellen", "--help"]
from snellen.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
heavy = {"torch", "polars", "sklearn", "scipy", "numpy", "altair", "PIL", "pandas"} & set(sys.modules)
print("heavy:", sorted(heavy))
"""
    code, out = run_script(script)
    assert code == 0 and "Usage" in out and out.rstrip().endswith("heavy: []")


def test_predict_writes_no_formula_into_its_csv(snellen: Command, small_run: Run) -> None:
    name = "=HYPERLINK(1).png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(name)
    code, _, _ = snellen("predict", small_run.folder / "models/linear", name, "--csv", "answers.csv")
    (row,) = csv.DictReader(io.StringIO(Path("answers.csv").read_text(encoding="utf-8")))
    assert code == 0 and row["id"] == f"'{name}" and float(row["probability"]) > 0


def test_every_name_is_listed_with_a_sentence(snellen: Command) -> None:
    code, out, _ = snellen("list", "--json")
    found = json.loads(out)
    assert code == 0 and found.keys() == KINDS.keys()
    assert set(found["layers"]) == set(LAYERS) and set(found["studies"]) == set(shipped_studies())
    assert all(sentence for lines in found.values() for sentence in lines.values())
    code, out, _ = snellen("list", "schedules")
    assert code == 0 and out.startswith("Schedules\n  constant ")
    code, _, err = snellen("list", "layer")
    assert code == 2 and "did you mean" in err.lower()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One"),
        ("As He et al. 2016 did. More.", "As He et al. 2016 did"),
        ("1, 2, 4 ...", "1, 2, 4 ..."),
        ("A line\nthat goes on.\n\nNot this", "A line that goes on"),
        ("Two. 55,000 more.", "Two"),
    ],
)
def test_the_first_sentence(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_a_run_is_shown_again_and_nothing_is_written(snellen: Command, run_copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_copy.rglob("*")}
    code, out, _ = snellen("show", run_copy)
    assert code == 0 and "best validation accuracy first" in out and "How good: " in out
    assert before == {path: path.stat().st_mtime_ns for path in run_copy.rglob("*")}
    _, as_json, _ = snellen("show", run_copy, "--json")
    assert json.loads(as_json)["study"] == RunRecord.open(run_copy).study.study


def test_a_quiet_run_prints_the_end_alone_and_opens_the_report(
    snellen: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def opening(page: str) -> bool:
        opened.append(page)
        return True

    monkeypatch.setattr("webbrowser.open", opening)
    (tmp_path / "tiny.yaml").write_text(TINY)
    code, out, _ = snellen("run", "tiny.yaml", "--quiet", "--open")
    assert code == 0 and out.startswith("tiny: best validation accuracy first")
    assert opened == [(tmp_path / "runs/tiny/report.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda page: False)
    code, _, err = snellen("show", "runs/tiny", "--open")
    assert code == 0 and "open runs/tiny/report.html yourself" in err


def test_every_verb_has_examples_of_what_it_knows() -> None:
    assert EXAMPLES.keys() == VERBS.keys()
    commands = get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    for verb, lines in EXAMPLES.items():
        known = {option for parameter in commands[verb].params for option in parameter.opts}
        for line in lines:
            words = line.split()
            assert words[:2] == ["snellen", verb]
            assert {word for word in words if word.startswith("--")} <= known
