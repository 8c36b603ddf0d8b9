"""Which measure finds images that are nothing like the training images, at one false alarm in a hundred?

    python bench/unfamiliar.py                       # about 8 CPU minutes; the tables of docs/unfamiliar.md
    python bench/unfamiliar.py --sets digits,mnist   # of these alone

Four networks are trained on 5,000 images (fewer where there are fewer) of one data set. Each measure is fitted to
their training images and its limit to their validation images, of which one in a hundred is beyond it. Then it sees
fresh test images of the same data set, and images of other kinds. MNIST, Fashion-MNIST, SVHN and CIFAR-10 are
looked for as `snellen run` looks for them; a set that is not there is left out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from unfamiliar_measures import BUILT_IN, MEASURES, Picked, Seen

import snellen
from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.deploy.model import Model
from snellen.errors import DataNotFound
from snellen.models.fit_training_distance import limit_place
from snellen.models.forward import layer_outputs, resident
from snellen.models.training_distance import averaged, compared_layer

TRAIN, TEST, FOREIGN = 6_250, 2_000, 500
"""Images of a set to train and validate with (4 to 1), fresh ones, and images of each other kind."""
SETS = {"digits": "digits", "mnist": "mnist", "fashion": "fashion-mnist", "svhn": "svhn/", "cifar": "cifar-10"}
ALIKE = {"digits": ("mnist",), "mnist": ("digits",)}
"""Sets of the same things, of which no answer is right."""
ROLES = ("train", "validation")
RELU = {"kernel": 3, "padding": "same", "activation": "relu"}
MODELS: dict[str, Any] = {
    "linear": {"layers": "linear", "train": {"epochs": 10}},
    "dense": {"layers": "mlp-128", "train": {"epochs": 10}},
    "conv": {
        "layers": [
            *({"conv": {"filters": 16, **RELU}}, {"max_pool": 2}, {"conv": {"filters": 32, **RELU}}, {"max_pool": 2}),
            *("flatten", {"dense": {"units": 64, "activation": "relu"}}),
        ],
        "train": {"epochs": 8},
    },
    "pooled": {"layers": "cnn-small", "train": {"epochs": 4}},
}
TRAINING = {"optimizer": "adam", "learning_rate": 1e-3, "batch_size": 64}
Images = np.ndarray
"""(N, H, W, C) uint8."""


def images_of(dataset: Dataset) -> dict[str, np.ndarray]:
    """Training and fresh images with their labels, at random."""
    generator, test = np.random.default_rng(0), dataset.official_test
    order = generator.permutation(len(dataset))
    is_test = np.arange(len(dataset)) >= 0.75 * len(dataset) if test is None else test[order]
    train, fresh = order[~is_test][:TRAIN], order[is_test][:TEST]
    low, high = dataset.pixel_range

    def shown(rows: np.ndarray) -> Images:
        values = (np.asarray(dataset.images[rows], np.float32) - low) / (high - low)
        return np.asarray(np.rint(255 * values), np.uint8)

    labels = dataset.labels
    return {"train": shown(train), "labels": labels[train], "test": shown(fresh), "test_labels": labels[fresh]}


def converted(pictures: Images, shape: tuple[int, int, int]) -> Images:
    """In another size, in grey or in colour."""
    height, width, channels = shape
    images = [Image.fromarray(each[..., 0] if each.shape[2] == 1 else each) for each in pictures]
    fitting = [each.convert("L" if channels == 1 else "RGB").resize((width, height), 2) for each in images]
    return np.stack([np.asarray(each).reshape(shape) for each in fitting])


def photographs(count: int) -> Images:
    """Parts of the two photographs that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    generator, whole, found = np.random.default_rng(1), load_sample_images().images, []
    for number in range(count):
        photograph, side = whole[number % 2], int(generator.integers(64, 400))
        top, left = (int(generator.integers(0, size - side)) for size in photograph.shape[:2])
        found.append(converted(photograph[None, top : top + side, left : left + side], (64, 64, 3))[0])
    return np.stack(found)


def others(name: str, sets: Mapping[str, dict[str, np.ndarray]], shape: tuple[int, int, int]) -> dict[str, Images]:
    """Images that are none of the set, by kind."""
    generator, size = np.random.default_rng(2), (FOREIGN, *shape)
    waves = generator.uniform(0.3, 3, (FOREIGN, 1)) * np.arange(shape[1]) + generator.uniform(0, 6, (FOREIGN, 1))
    kinds = {
        other: converted(pictures["test"][:FOREIGN], shape)
        for other, pictures in sets.items()
        if other != name and other not in ALIKE.get(name, ())
    }
    return kinds | {
        "photographs": converted(photographs(FOREIGN), shape),
        "noise": generator.integers(0, 256, size, dtype=np.uint8),
        "one colour": np.broadcast_to(generator.integers(0, 256, (FOREIGN, 1, 1, shape[2]), np.uint8), size),
        "stripes": np.broadcast_to(127.5 * (1 + np.sin(waves))[:, None, :, None], size).astype(np.uint8),
        "inverted": 255 - sets[name]["test"][:FOREIGN],
    }


def seen(model: Model, pictures: Images) -> Seen:
    """What a network makes of images."""
    network, (low, high) = model.network, model.description.input.pixel_range
    images = resident(np.ascontiguousarray(pictures))

    def outputs(layer: str) -> np.ndarray:
        parameters, state = model.parameters, model.state
        return layer_outputs(network, parameters, state, images, (low, high), layer).astype(np.float64)

    hidden, last = compared_layer(network), network.layers[-1].name
    return Seen(
        pixels=pictures.reshape(len(pictures), -1) / 255,
        small=averaged(images, (low, high)).astype(np.float64),
        hidden=outputs(hidden),
        logits=outputs(last),
        built_in=model.training_distance(pictures),
    )


def measured(name: str, sets: Mapping[str, dict[str, np.ndarray]], folder: Path) -> list[Picked]:
    """Of every network and measure on one set: which images are beyond the limit."""
    own = sets[name]
    shape = own["train"].shape[1:]
    dataset = snellen.from_arrays(
        own["train"], own["labels"], test_images=own["test"], test_labels=own["test_labels"], pixel_range=(0, 255)
    )
    many = 4 if name == "digits" else 1
    models = {key: {**value, "train": {"epochs": many * value["train"]["epochs"]}} for key, value in MODELS.items()}
    study = snellen.Study(name, data=dataset, models=models, split={"validation": 0.2, "seed": 0}, train=TRAINING)
    run = study.run(out=folder / name, device="cpu", threads=1, workers=1, progress=False)
    rows = {role: run.record.folder_of(run.record.models["dense"]).labelled(role).rows for role in ROLES}
    accuracy = dict(zip(run.leaderboard["model"], run.leaderboard["validation_accuracy"]))
    print(f"{name}: {len(rows['train']):,} training and {len(rows['validation']):,} validation images; accuracy "
          f"{', '.join(f'{model} {accuracy[model]:.3f}' for model in MODELS)}", flush=True)  # fmt: skip
    kinds, found = others(name, sets, shape), []
    for model in MODELS:
        network = run.model(model)
        train, held_out = (seen(network, own["train"][rows[role]]) for role in ROLES)
        fresh, foreign = seen(network, own["test"]), {kind: seen(network, each) for kind, each in kinds.items()}
        for measure, fit in MEASURES.items():
            score = fit(train, own["labels"][rows["train"]])
            found.append(picked(name, model, measure, score, held_out, fresh, foreign))
    return found


def picked(
    name: str,
    model: str,
    measure: str,
    score: Callable[[Seen], np.ndarray],
    held_out: Seen,
    fresh: Seen,
    foreign: Mapping[str, Seen],
) -> Picked:
    """The shares beyond the limits, one for each column of scores, and AUROC of the score as a multiple of them."""
    from sklearn.metrics import roc_auc_score

    scores = score(held_out)
    place, _ = limit_place(len(scores), scores.shape[1])
    middle, limits = np.median(scores, axis=0), np.sort(scores, axis=0)[place - 1]
    if measure == BUILT_IN:  # which has its own
        middle, limits = np.zeros(1), np.ones(1)

    def beyond(pictures: Seen) -> np.ndarray:
        return np.asarray(((score(pictures) - middle) / np.maximum(limits - middle, 1e-12)).max(1))

    alike, other = beyond(fresh), {kind: beyond(each) for kind, each in foreign.items()}
    truth = {kind: np.r_[np.zeros(len(alike)), np.ones(len(each))] for kind, each in other.items()}
    return Picked(
        name,
        model,
        measure,
        float((alike > 1).mean()),
        {kind: float((each > 1).mean()) for kind, each in other.items()},
        float(np.mean([roc_auc_score(truth[kind], np.r_[alike, each]) for kind, each in other.items()])),
    )


def print_tables(found: list[Picked]) -> None:
    """By measure and network, by measure and set, and for the built-in measure by set and kind."""
    networks, sets = list(MODELS), list(dict.fromkeys(each.set for each in found))
    print("\n| measure | " + " | ".join([*networks, *sets]) + " | all | false alarms | AUROC |")
    print("|---|" + "---|" * (len(networks) + len(sets) + 3))
    for measure in MEASURES:
        own = [each for each in found if each.measure == measure]
        parts = [[each for each in own if each.model == model] for model in networks]
        parts += [[each for each in own if each.set == name] for name in sets]
        shares = [np.mean([np.mean(list(each.detected.values())) for each in part]) for part in [*parts, own]]
        alarms, auroc = np.mean([each.false_alarms for each in own]), np.mean([each.auroc for each in own])
        cells = [f"{100 * share:.0f}" for share in shares] + [f"{100 * alarms:.2f}", f"{auroc:.3f}"]
        print(f"| {measure} | " + " | ".join(cells) + " |")
    built_in = [each for each in found if each.measure == BUILT_IN]
    kinds = list(dict.fromkeys(kind for each in built_in for kind in each.detected))
    print("\n| trained on, network | " + " | ".join(kinds) + " | false alarms |\n|---|" + "---|" * (len(kinds) + 1))
    for each in built_in:
        cells = [f"{100 * each.detected[kind]:.0f}" if kind in each.detected else "" for kind in kinds]
        print(f"| {each.set}, {each.model} | " + " | ".join(cells) + f" | {100 * each.false_alarms:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS), help="of which to measure, with commas between")
    chosen = parser.parse_args().sets.split(",")
    torch.set_num_threads(1)
    sets: dict[str, dict[str, np.ndarray]] = {}
    for name, source in SETS.items():
        try:
            sets[name] = images_of(read(source))
        except DataNotFound as error:
            print(f"{name} is left out: {error}")
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = [each for name in chosen if name in sets for each in measured(name, sets, Path(folder))]
    print_tables(found)
    print(f"\n{time.process_time() - began:.0f} seconds of CPU time")


if __name__ == "__main__":
    main()
