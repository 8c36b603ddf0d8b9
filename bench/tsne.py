"""t-SNE of the 128 hidden activations of A on MNIST: that of our maps, by openTSNE, against scikit-learn's.

Same vectors, perplexity, iterations, PCA start and threads; the trustworthiness of both is of the same points.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from context import Bench
from jobs import BATCH, JOBS
from ratios import Line, once
from studies import export, run_study, write_study
from tools import call

MODEL, EPOCHS, TARGET, NEIGHBOURS = "A", 2, 3.5, 12
TOOLS = ("ours", "scikit-learn")


def measure(bench: Bench) -> None:
    """Both maps."""
    for tool in TOOLS:
        bench.kept.once(f"tsne-{tool}", partial(_measure, bench, tool))


def lines(bench: Bench) -> Iterable[Line]:
    """One line."""
    ours, theirs = (bench.kept.find(f"tsne-{tool}") for tool in TOOLS)
    if ours and theirs:
        trust = f"trustworthiness {ours['trustworthiness']:.4f}, scikit-learn {theirs['trustworthiness']:.4f}"
        yield Line(
            what=f"t-SNE of {ours['points']:,} x {ours['width']}",
            ours=f"{ours['seconds']:.0f} s",
            theirs=f"{theirs['seconds']:.0f} s (scikit-learn)",
            ratio=once(theirs["seconds"], ours["seconds"]),
            target=TARGET,
            accuracy=f"{trust} ({ours['judged']:,} points, {NEIGHBOURS} neighbours)",
        )


def _measure(bench: Bench, tool: str) -> dict[str, Any]:
    from sklearn.manifold import trustworthiness

    source, target = _vectors(bench), bench.work / f"map-{tool}.npy"
    arguments = (tool, str(source), str(target), str(os.cpu_count()), str(bench.size.iterations))
    found, vectors = call(sys.executable, "tsne_fit.py", *arguments), np.load(source)
    judged = np.random.default_rng(0).permutation(len(vectors))[: bench.size.judged]
    trust = trustworthiness(vectors[judged], np.load(target)[judged], n_neighbors=NEIGHBOURS)
    points, width = vectors.shape
    return {**found, "trustworthiness": trust, "points": points, "width": width, "judged": len(judged)}


def _vectors(bench: Bench) -> Path:
    """(N, 128) activations of a network that is trained for this, once."""
    path = bench.work / f"activations-{bench.size.points}.npy"
    if not path.exists():
        train = {"optimizer": "rmsprop", "epochs": EPOCHS, "batch_size": BATCH}
        models = {MODEL: {"layers": list(JOBS[MODEL].layers), "train": train}}
        data = {"data": "mnist", "split": {"validation": 5000, "seed": 0}}
        study = write_study(bench, "hidden", **data, models=models, open_test=[])
        run, pictures = run_study(bench, study, "hidden-run"), export(bench, study, "hidden-pictures")
        images = np.load(pictures / "train_images.npy")[: bench.size.points]
        np.save(path, _hidden(run.folder / "models" / MODEL, images))
    return path


def _hidden(bundle: Path, images: np.ndarray) -> np.ndarray:
    from safetensors.numpy import load_file

    weights = load_file(bundle / "model.safetensors")
    pixels = images.reshape(len(images), -1).astype("float32") / 255
    return np.asarray(np.maximum(pixels @ weights["dense_1.kernel"] + weights["dense_1.bias"], 0))
