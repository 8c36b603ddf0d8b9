"""Made the files beside it on 29 November 2026 with Snellen 0.1.0, bundles of version 1, torch 2.14.1, one thread.

    python tests/compatibility/made_2026_11_29/make.py

finished/ is a whole run without its report; unfinished/ one that was interrupted while the second rung of its search
was trained: paused lanes, and the checkpoint of a pack. bundle/ and bundle.zip are one model, with a feature step and
views; expected.safetensors has its probabilities for the first pictures of digits. They are never made again: later
versions must read what this one wrote.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from sklearn.datasets import load_digits

import snellen
from snellen.run import RunCallback, Settings, run

HERE = Path(__file__).parent
PICTURES = 40
REGENERATED = ("report.html", "report.json", "pages", "*.lock", ".holder.json")
SHARED: dict[str, Any] = {
    "data": {"source": "digits", "classes": ["0", "1", "2"]},
    "split": {"test": 300, "validation": 80, "calibration": 20, "seed": 1},
    "train": {"batch_size": 16, "learning_rate": 0.01, "epochs": 2},
}
SEARCHED: dict[str, Any] = {
    "layers": ["flatten", {"dense": {"units": {"choice": [2, 3]}, "activation": "relu"}}],
    "train": {"learning_rate": {"choice": [0.01, 0.003]}, "epochs": 4},
    "search": {"method": "halving", "factor": 2},
}
PHASES: dict[str, Any] = {
    "features": ["standardise"],
    "layers": [{"conv": {"filters": 2, "kernel": 3, "activation": "relu"}}, {"max_pool": 2}, "flatten"],
    "views": ["shift"],
    "train": [{}, {"optimizer": {"sgd": {"momentum": 0.9}}, "augment": [{"shift": 0.1}]}],
}
FINISHED: dict[str, Any] = {
    **SHARED,
    "models": {"searched": SEARCHED, "phases": PHASES},
    "seeds": 2,
    "folds": 2,
    "analyses": [{"units": {"models": ["searched"]}}, "errors"],
}
LONGER = {**SEARCHED, "train": {**SEARCHED["train"], "epochs": 8}}
UNFINISHED: dict[str, Any] = {**SHARED, "models": {"searched": LONGER}}


class Interrupting(RunCallback):
    """Interrupts the run while the second rung of the search, from epoch 2 to 4, trains its last epoch."""

    rung = 0

    def search_round_begins(self, model: str, number: int, requests: Sequence[Any]) -> None:
        self.rung = number

    def trained(self, place: int, record: Any) -> None:
        if self.rung == 2 and record["epoch"] == 4:
            raise KeyboardInterrupt


def make(scratch: Path) -> None:
    """Makes all of them in `scratch`, then copies what is kept."""
    finished = snellen.Study("finished", **FINISHED).run(
        out=scratch / "finished", device="cpu", threads=1, progress=False
    )
    study = snellen.Study("unfinished", **UNFINISHED)
    settings = Settings(scratch / "unfinished", "cpu", 1)
    with contextlib.suppress(KeyboardInterrupt):
        run(study.document, study.file, settings, Interrupting())
    for name in ("finished", "unfinished"):
        shutil.copytree(scratch / name, HERE / name, ignore=shutil.ignore_patterns(*REGENERATED))
    bundle = Path(shutil.copytree(scratch / "finished/models/phases", HERE / "bundle"))
    with zipfile.ZipFile(HERE / "bundle.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(bundle.iterdir()):
            archive.write(path, path.name)
    pictures = load_digits().images[:PICTURES, ..., None].astype(np.uint8)
    save_file({"probabilities": finished.model("phases").predict(pictures)}, HERE / "expected.safetensors")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        os.environ["SNELLEN_CACHE"], os.environ["SNELLEN_RECORDS"] = f"{folder}/cache", f"{folder}/records"
        make(Path(folder))
