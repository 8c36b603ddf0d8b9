"""A frozen VGG16 with a small head: ours reads its features once, Keras's users run it in every epoch.

    python bench/backbone.py                        # 10,000 images of Fashion-MNIST; needs `transfer` and weights
    python bench/backbone.py --images 1000          # fewer
    python bench/backbone.py --keras PYTHON         # an environment with Keras and TensorFlow; else one is built
    python bench/backbone.py --keras none           # ours alone

Images of 28 pixels are padded to 32, and grey is repeated as three colours. All train the same head, 10 classes on
the 512 means of the last block, for as many epochs of as many steps. Each is measured in a process of its own, one
after the other: ours by `snellen run` with an empty cache, from the plan to the last network; of Keras an epoch of
`fit` through the frozen network, from which all are extrapolated, and the way of its careful users, who predict
features once. Keras has random weights, which take the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from tools import call, environment, keras_python

IMAGES, EPOCHS, BATCH, HELD_OUT = 10_000, 10, 32, 100
FEATURES_TARGET, FIT_TARGET, CACHED_TARGET = 30, 20, 1.5
"""Seconds for all features of IMAGES on two cores; how many times as long Keras takes in its two ways."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES, help=f"{IMAGES:,} when not given")
    parser.add_argument("--keras", metavar="PYTHON", help="that has keras and tensorflow, or none")
    parser.add_argument("--data-dir", type=Path, help="where data and weights are looked for first")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        images = write_images(folder, given.images, given.data_dir)
        ours = run_ours(folder, given.data_dir)
        python = given.keras or keras_python("cpu")
        theirs = None if python == "none" else call(python, "backbone_keras.py", str(images), str(EPOCHS), str(BATCH))
    print(json.dumps({"ours": ours, "keras": theirs}))
    print("\n".join(lines(given.images, ours, theirs)))


def write_images(folder: Path, count: int, data_folder: Path | None) -> Path:
    """The first training images of Fashion-MNIST, and HELD_OUT more that ours wants to validate on."""
    from snellen.data.load import read

    dataset = read("fashion-mnist", data_folder=data_folder)
    images, labels = dataset.images[: count + HELD_OUT], dataset.labels[: count + HELD_OUT]
    path = folder / "pictures.npz"
    np.savez(path, x_train=np.asarray(images).reshape(-1, 28, 28), y_train=np.asarray(labels, np.int64))
    return path


def run_ours(folder: Path, data_folder: Path | None) -> dict[str, Any]:
    """A study, run by the command with an empty cache."""
    from snellen.files import journal

    study = {
        "study": "frozen",
        "data": {"source": "pictures.npz", "pad": 32},
        "split": {"validation": HELD_OUT, "seed": 0},
        "models": {
            "vgg16": {
                "layers": [{"backbone": {"name": "vgg16", "read": "last"}}, "global_average_pool"],
                "train": {"optimizer": "adam", "epochs": EPOCHS, "batch_size": BATCH},
            }
        },
        "open_test": [],
    }
    (folder / "study.yaml").write_text(json.dumps(study), "utf-8")
    command = [sys.executable, "-m", "snellen", "run", "study.yaml", "--out", "run", "--device", "cpu"]
    command += ["--data-dir", str(data_folder.resolve())] if data_folder else []
    began = datetime.now()
    done = subprocess.run(
        command, cwd=folder, env={**environment(), "SNELLEN_CACHE": str(folder / "cache")}, stdout=sys.stderr
    )
    if done.returncode:
        sys.exit(f"bench: snellen run ended with {done.returncode}")
    whole = (datetime.now() - began).total_seconds()
    events = journal.read(folder / "run" / "journal.jsonl")
    times = {
        event: max(datetime.fromisoformat(each["time"]) for each in events if each["event"] == event)
        for event in ("planned", "job done")
    }
    history = json.loads(next(folder.glob("run/jobs/*/history.json")).read_text("utf-8"))
    head = sum(float(each["seconds"]) for each in history)
    training = (times["job done"] - times["planned"]).total_seconds()
    return {"training_seconds": training, "head_seconds": head, "whole_seconds": whole}


def lines(images: int, ours: dict[str, Any], theirs: dict[str, Any] | None) -> list[str]:
    """What was measured, in words, beside its targets."""
    training, features = ours["training_seconds"], ours["training_seconds"] - ours["head_seconds"]
    what = f"{images:,} images of 32 pixels, VGG16, {EPOCHS} epochs of the head, {os.cpu_count()} cores"
    target = f"target for {IMAGES:,}: under {FEATURES_TARGET} s"
    found = [
        f"{what}: {training:.0f} s, {features:.0f} s of them features ({target});"
        f" {ours['whole_seconds']:.0f} s with data and report"
    ]
    if theirs:
        fit, cached = theirs["epoch_seconds"] * EPOCHS, theirs["features_seconds"] + theirs["head_seconds"]
        found += [
            f"{theirs['tool']}, `fit` through the frozen network: {fit:.0f} s, {fit / training:.1f} times as long"
            f" (target {FIT_TARGET})",
            f"{theirs['tool']}, features once: {cached:.0f} s, {cached / training:.2f} times as long"
            f" (target {CACHED_TARGET})",
        ]
    return found


if __name__ == "__main__":
    main()
