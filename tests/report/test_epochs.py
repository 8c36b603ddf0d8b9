"""Protects that every epoch of every network can be read: in report.json, in the table of the page, in epochs.csv."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import html5lib
import polars as pl
import pytest
from report_cases import digits_report
from runs import LINEAR, PLAIN, run_small, small_study

from snellen import run as running
from snellen.api import Run
from snellen.console import PlainConsole
from snellen.evaluate.epochs import epochs_csv, network_epochs
from snellen.evaluate.record import RunRecord
from snellen.limits import EPOCH_ROWS
from snellen.phrases import loss, percent
from snellen.progress import Terminal
from snellen.report import page

PHASE = {"learning_rate": 3e-3, "batch_size": 64}
MODELS: dict[str, Any] = {
    "grid": {
        "layers": "linear",
        "train": {**PHASE, "batch_size": {"choice": [64, 128]}, "epochs": 2},
        "search": "grid",
    },
    "phases": {"layers": "linear", "train": [{**PHASE, "epochs": 3}, {**PHASE, "epochs": 2, "learning_rate": 1e-3}]},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_small(tmp_path_factory.mktemp("epochs") / "run", models=MODELS, seeds=2, folds=2, open_test="all")


@pytest.fixture(scope="module")
def stored(run: Run) -> dict[str, Any]:
    content = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    return {model["name"]: {**model, "place": place} for place, model in enumerate(content["models"])}


@pytest.fixture(scope="module")
def tree(run: Run) -> Any:
    return html5lib.parse(run.report.read_text(encoding="utf-8"), namespaceHTMLElements=False)


def text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def tables(tree: Any, place: int) -> list[list[list[str]]]:
    """The cells of each table of epochs of a model."""
    details = tree.find(f".//details[@id='epochs-{place}']")
    return [[[text(cell) for cell in row] for row in one.find("tbody")] for one in details.iter("table")]


def test_every_network_of_a_model_has_its_epochs(stored: dict[str, Any]) -> None:
    names = ["seed 0", "seed 1", "all rows", *(f"fold {fold}, seed {seed}" for fold in (1, 2) for seed in (0, 1))]
    for model in MODELS:
        assert sorted(one["network"] for one in stored[model]["network_epochs"]) == sorted(names)


def test_phases_count_through_and_each_keeps_an_epoch(run: Run, stored: dict[str, Any]) -> None:
    first = stored["phases"]["network_epochs"][0]
    histories = [run.record.folder_of(job).read_history() for job in run.record.planned["phases"].phases]
    assert [one["epoch"] for one in first["epochs"]] == [1, 2, 3, 4, 5]
    assert [one["phase"] for one in first["epochs"]] == [1, 1, 1, 2, 2]
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds"):
        assert [one[name] for one in first["epochs"]] == [dict(one)[name] for each in histories for one in each]
    assert [one["epoch"] for one in first["epochs"] if one["kept"]] == [
        phase["kept_epoch"] for phase in stored["phases"]["phases"]
    ]


def test_the_page_has_a_folded_table_of_each_network(stored: dict[str, Any], tree: Any) -> None:
    for model in stored.values():
        details = tree.find(f".//details[@id='epochs-{model['place']}']")
        assert "open" not in details.attrib and "epochs.csv" in text(details)
        shown = tables(tree, model["place"])
        assert len(shown) == len(model["network_epochs"]) == 7
        for rows, network in zip(shown, model["network_epochs"], strict=True):
            assert network["network"] in text(details).lower()
            for row, epoch in zip(rows, network["epochs"], strict=True):
                judged = epoch["validation_loss"] is not None
                written = [
                    str(epoch["epoch"]),
                    *([str(epoch["phase"])] if model["name"] == "phases" else []),
                    loss(epoch["loss"]),
                    percent(epoch["accuracy"]),
                    loss(epoch["validation_loss"]) if judged else "–",
                    percent(epoch["validation_accuracy"]) if judged else "–",
                    f"{epoch['seconds']:.2f}",
                    "kept" if epoch["kept"] else "",
                ]
                assert row == written


def test_the_csv_has_every_epoch_of_trials_too(run: Run, stored: dict[str, Any]) -> None:
    table = pl.read_csv(run.folder / "epochs.csv")
    assert table.columns[:5] == ["model", "network", "job", "phase", "epoch"] and table.columns[-1] == "kept"
    for name, model in stored.items():
        for network in model["network_epochs"]:
            own = table.filter((pl.col("model") == name) & (pl.col("network") == network["network"]))
            assert own.drop("model", "network", "job").to_dicts() == network["epochs"]
            assert set(own["job"]) == {network["job"]}
    for trial in stored["grid"]["search"]["trials"]:
        own = table.filter(pl.col("network") == f"trial {trial['trial']}")
        assert set(own["job"]) == set(trial["jobs"]) and len(own) == trial["epochs"] * len(trial["jobs"])


def test_report_writes_the_csv_again_for_a_run_of_before(run: Run) -> None:
    path = run.folder / "epochs.csv"
    before = path.read_bytes()
    path.unlink()
    running.report(run.folder)
    assert path.read_bytes() == before


def test_a_failed_network_has_the_epochs_before_it_failed(tmp_path: Path) -> None:
    layers = ["flatten", *[{"dense": 32}] * 4]
    absurd = {"layers": layers, "train": {"optimizer": "sgd", "learning_rate": 10, "epochs": 3, "batch_size": 512}}
    found = run_small(tmp_path / "run", models={"absurd": absurd, "linear": LINEAR})
    result, networks = found.record.results["absurd"], network_epochs(found.record, "absurd")
    assert result.status == "failed" and sum(len(one["epochs"]) for one in networks) == result.epochs
    assert not any(epoch["kept"] for one in networks for epoch in one["epochs"])
    assert len(epochs_csv(found.record)) == result.epochs + 3


def test_the_page_shows_whole_tables_up_to_a_limit_and_says_what_is_left() -> None:
    content, thumbnails = digits_report()
    epoch = {"phase": 1, "loss": 1.0, "accuracy": 0.5, "validation_loss": None, "validation_accuracy": None}
    epochs = [{**epoch, "epoch": at, "learning_rate": 0.1, "seconds": 0.1, "kept": False} for at in range(1, 401)]
    content["models"][0]["network_epochs"] = [
        {"network": f"seed {seed}", "job": "3f", "epochs": epochs} for seed in range(10)
    ]
    shown = html5lib.parse(page.render(content, thumbnails), namespaceHTMLElements=False)
    fitting = EPOCH_ROWS // len(content["models"]) // 400
    assert 1 < fitting < 10 and [len(rows) for rows in tables(shown, 0)] == [400] * fitting
    assert f"{10 - fitting} more networks are only in the file" in text(shown.find(".//details[@id='epochs-0']"))


@pytest.mark.parametrize("every", [True, False])
def test_the_terminal_prints_every_epoch_where_asked(tmp_path: Path, own_user: Path, every: bool) -> None:
    study = small_study(models={"dense": PLAIN, "phases": MODELS["phases"]}, seeds=2)
    console = PlainConsole(file=io.StringIO(), width=60)
    settings = running.Settings(tmp_path / "run", "cpu", 1)
    running.run(study.document, study.file, settings, Terminal(console, epochs=every))
    written = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    lines = [line.strip() for line in written if ": epoch " in line and ", loss " in line]
    record = RunRecord.open(tmp_path / "run")
    wanted = []
    for model, planned in record.planned.items():
        for seed, job in planned.seeds.items():
            for at, one in enumerate(record.folder_of(job).read_history(), 1):
                assert one["validation_loss"] is not None and one["validation_accuracy"] is not None
                wanted.append(
                    f"{model}, seed {seed}: epoch {at}/{3 if model == 'dense' else 2}, loss {loss(one['loss'])}, "
                    f"accuracy {percent(one['accuracy'])}, validation loss {loss(one['validation_loss'])}, "
                    f"validation accuracy {percent(one['validation_accuracy'])}, {one['seconds']:.2f} s"
                )
    assert set(wanted) <= set(lines) if every else not lines
    assert len(lines) == (len(wanted) + 2 * 3 if every else 0)
