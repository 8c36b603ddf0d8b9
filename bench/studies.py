"""Studies run as their users run them, by the command, and what their run directories say."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from context import Bench
from how import words_of
from jobs import BATCH
from tools import Failed, environment

from snellen.data.load import read
from snellen.data.splits.roles import assign
from snellen.files import journal
from snellen.study.data_settings import options_of, split_of
from snellen.study.document import open_document

FASHION = "fashion-lenet-transfer"


@dataclass(frozen=True)
class Work:
    """What networks were trained and evaluated. steps, images: of all epochs together."""

    networks: int
    steps: int
    pictures: int


@dataclass(frozen=True)
class Run:
    """A finished run. seconds: of the whole command."""

    folder: Path
    seconds: float

    def json(self, name: str) -> Any:
        """A file of it."""
        return json.loads((self.folder / name).read_text("utf-8"))

    def accuracies(self, model: str, role: str) -> list[float]:
        """Of the network of each seed, on the main split."""
        scores = self._accuracies(model).filter(pl.col("role") == role, pl.col("of").is_in(["network", "seed"]))
        return scores.unique("job", maintain_order=True)["value"].to_list()

    @property
    def training_seconds(self) -> float:
        """From the plan, data being read, to the last network; whole seconds."""
        records = journal.read(self.folder / "journal.jsonl")
        times = {
            event: [_time(each) for each in records if each["event"] == event] for event in ("planned", "job done")
        }
        return float((max(times["job done"]) - min(times["planned"])).total_seconds())

    @property
    def how(self) -> str:
        """Its packs computed, in words."""
        records = [json.loads(path.read_text("utf-8")) for path in self.folder.glob("packs/*/pack.json")]
        return "; ".join(
            sorted({words_of(each["strategy"], self.json("environment.json")["kernels"]) for each in records})
        )

    def work(self, model: str) -> Work:
        """Of all its networks: main split, folds, and the one on all rows."""
        planned, rows = self.json("plan.json")["models"][model], self._rows(model)
        total = rows["train"] + rows["validation"]
        parts = [(job, rows["train"], rows["validation"]) for job in planned["seeds"].values()]
        for fold in planned["folds"]:
            parts.append((fold["job"], fold["num_train"], total - fold["num_train"] - fold["num_held_out"]))
        parts += [(job, total, 0) for job in planned["final"]]
        epochs = [len(self.json(f"jobs/{job}/history.json")) for job, _, _ in parts]
        steps = sum(each * math.ceil(train / BATCH) for each, (_, train, _) in zip(epochs, parts))
        return Work(len(parts), steps, sum(each * held for each, (_, _, held) in zip(epochs, parts)))

    def _rows(self, model: str) -> dict[str, int]:
        scores = self._accuracies(model).filter(pl.col("of") == "network")
        return dict(zip(scores["role"], scores["n"]))

    def _accuracies(self, model: str) -> pl.DataFrame:
        scores, whole = pl.read_parquet(self.folder / "scores.parquet"), pl.col("class").is_null()
        return scores.filter(pl.col("model") == model, pl.col("measure") == "accuracy", whole)


def run_study(bench: Bench, study: str | Path, name: str, settings: Iterable[str] = ()) -> Run:
    """Runs a study from its beginning into the bench's folder."""
    folder = bench.work / name
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "snellen", "run", str(study), "--out", str(folder), "--device", bench.device]
    command += [part for setting in settings for part in ("--set", setting)]
    command += ["--data-dir", str(bench.data_folder)] if bench.data_folder else []
    began = time.perf_counter()
    done = subprocess.run(command, env=environment() | {"SNELLEN_RECORDS": str(bench.work / "records")})
    seconds = time.perf_counter() - began
    if not (folder / "report.html").exists():
        raise Failed(f"{' '.join(command)} failed: exit code {done.returncode}")
    return Run(folder, seconds)


def write_study(bench: Bench, name: str, **sections: Any) -> Path:
    """A study file: JSON is YAML."""
    path = bench.work / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"study": name, **sections}, indent=1), "utf-8")
    return path


def fashion_settings(bench: Bench) -> list[str]:
    """For --set: the images of this size of bench."""
    return [] if bench.size.rows is None else [f"data.source={smaller(bench, 'fashion-mnist', bench.size.rows)}"]


def smaller(bench: Bench, source: str, rows: int) -> Path:
    """An .npz with so many of the training images of a data set, and as many of the test; drawn once."""
    path = bench.work / f"{source}-{rows}.npz"
    if not path.exists():
        dataset, generator = read(source, data_folder=bench.data_folder), np.random.default_rng(0)
        test = np.zeros(len(dataset), bool) if dataset.official_test is None else dataset.official_test
        kept, held = (np.sort(generator.permutation(np.flatnonzero(part))[:rows]) for part in (~test, test))
        arrays = {"x_train": kept, "x_test": held}
        path.parent.mkdir(parents=True, exist_ok=True)
        images = {name: dataset.images[rows] for name, rows in arrays.items()}
        np.savez(path, y_train=dataset.labels[kept], y_test=dataset.labels[held], **images)
    return path


def export(bench: Bench, study: str | Path, name: str, settings: Sequence[str] = ()) -> Path:
    """The images of a study for another tool: <role>_images.npy and <role>_labels.npy, in the study's own split."""
    file = open_document(str(study)).study(list(settings))
    dataset = read(file.data.source, options_of(file), bench.data_folder)
    folder = bench.work / name
    folder.mkdir(parents=True, exist_ok=True)
    for role, rows in assign(dataset, split_of(file)).rows.items():
        np.save(folder / f"{role}_images.npy", dataset.images[rows])
        np.save(folder / f"{role}_labels.npy", dataset.labels[rows])
    return folder


def _time(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["time"])
