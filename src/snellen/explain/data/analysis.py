"""The data, looked at: how classes look and which are near each other, near-duplicates, outliers, suspects for review.

What is near what is asked of the pixels, and of the last hidden layer of one model, the chosen one unless another is
named. Labels of the test are never looked at; its pictures are, for near-duplicates alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from snellen.data.dataset import SEALED
from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.class_images import class_images, nearest_classes
from snellen.data.inspect.duplicate_sets import near_duplicate_rows, near_duplicate_summary
from snellen.data.inspect.near_duplicates import MAX_EXPLORED_IMAGES, near_groups_if_quick
from snellen.evaluate.model_choice import ranking
from snellen.explain.data.ground import MOST, Ground, ground_of, labelled
from snellen.explain.data.neighbours import nearest
from snellen.explain.outcome import Outcome
from snellen.explain.subject import Scene
from snellen.explain.thumbnails import draw, tone, variation
from snellen.models.build import Network
from snellen.statistics.proportion_intervals import share_limits
from snellen.study.analyses import DataLook

PAIRS = 12
"""Nearest pairs that are shown, of those across roles and of those within one."""
OUTLIERS = 6
"""Shown of each class."""
SUSPECTS = 24
"""Shown of the images that the model was not trained on, and of those that it was."""
SHOWN_NEIGHBOURS = 5
MAJORITY = 0.5
"""An image is a suspect where more than this share of its neighbours has another label."""


def make(scene: Scene, options: DataLook) -> Outcome:
    """All of it, once a study."""
    model = (options.models or ranking(scene.record))[0]
    ground = ground_of(scene, model, options.neighbours)
    train = ground.rows[ground.roles == "train"]
    means, deviations = class_images(scene.dataset, train)
    near, pairs = _near(scene, ground), list(_pairs(scene, ground))
    outliers = [_seen(scene, ground, place) for place in _outliers(ground)]
    suspects = [_seen(scene, ground, place) for place in _suspects(ground)]
    classes = _classes(ground, means, scene.dataset.pixel_range)
    facts = {
        "model": model,
        "layer": ground.layer.name,
        "units": ground.points.shape[1],
        "neighbours": ground.neighbours[0].shape[1],
        "compared": {role: int((ground.roles == role).sum()) for role in dict.fromkeys(ground.roles.tolist())},
        "left_out": len(labelled(ground.subject)[0]) - len(ground.rows),
        "classes": classes,
        "near": near,
        "pairs": pairs,
        "outliers": outliers,
        "suspects": suspects,
        "counts": _counts(ground),
    }
    facts["sentences"] = list(_sentences(facts, scene.record.classes))
    drawn = draw(scene.dataset, np.fromiter(_rows(facts), np.int64))
    looks = np.concatenate([tone(np.nan_to_num(means), scene.dataset.pixel_range), variation(deviations)])
    return Outcome(
        facts, {"images": _table(scene, ground)}, {"rows": drawn.rows, "images": drawn.images, "looks": looks}
    )


def seconds(network: Network, images: int) -> float:
    """About, of 128 values each; of 60,000 images 20 s on one core."""
    return 1.0 + 5.5e-9 * min(images, MOST) ** 2


def _near(scene: Scene, ground: Ground) -> dict[str, Any] | None:
    """Sets of nearly equal pictures by their pixels; None where there are too many pictures to look."""
    groups = near_groups_if_quick(scene.dataset, MAX_EXPLORED_IMAGES)
    if groups is None:
        return None
    parts = np.full(len(scene.dataset), "", dtype="U11")
    rows, roles = labelled(ground.subject)
    parts[rows] = roles
    parts[_tested(scene)] = "test"
    return near_duplicate_summary(scene.dataset, groups, duplicate_groups(scene.dataset.images), parts, ["test"])


def _tested(scene: Scene) -> np.ndarray:
    """The rows of the test: those whose labels are sealed."""
    return np.flatnonzero(scene.dataset.labels == SEALED)


def _pairs(scene: Scene, ground: Ground) -> Iterator[dict[str, Any]]:
    """The nearest pairs of different pictures for the layer: those across roles, then those within one."""
    ones, others, shares = _side_by_side(scene, ground)
    names = dict(zip(ground.rows.tolist(), ground.roles.tolist()))
    copies, seen = duplicate_groups(scene.dataset.images), set[tuple[int, int]]()
    found: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for place in np.argsort(shares, kind="stable").tolist():
        pair = min(ones[place], others[place]), max(ones[place], others[place])
        roles = [names.get(row, "test") for row in pair]
        kind = found[roles[0] != roles[1]]
        if len(kind) < PAIRS and pair not in seen and copies[pair[0]] != copies[pair[1]]:
            seen.add(pair)
            pictures = [_named(scene, row, role) for row, role in zip(pair, roles)]
            kind.append({"across": roles[0] != roles[1], "distance": float(shares[place]), "pictures": pictures})
        if all(len(each) == PAIRS for each in found.values()):
            break
    yield from (*found[True], *found[False])


def _side_by_side(scene: Scene, ground: Ground) -> tuple[list[int], list[int], np.ndarray]:
    """Each image, those of the test too, the labelled one nearest to it, and their distance over what is usual between
    nearest ones in the class of the latter."""
    places, distances = ground.neighbours
    if not places.shape[1]:
        return [], [], np.zeros(0)
    tested = _tested(scene)
    at, far = nearest(ground.flat(tested), ground.points, 1)
    near, lengths = np.append(places[:, 0], at), np.append(distances[:, 0], far)
    usual = np.ones(len(scene.record.classes))
    for label in np.unique(ground.labels):
        usual[label] = np.median(distances[ground.labels == label, 0]) or 1.0
    ones = np.append(ground.rows, tested)
    return ones.tolist(), ground.rows[near].tolist(), lengths / usual[ground.labels[near]]


def _named(scene: Scene, row: int, role: str) -> dict[str, Any]:
    label = int(scene.dataset.labels[row])
    name = None if role == "test" else scene.record.classes[label]
    return {"row": row, "id": str(scene.dataset.ids[row]), "role": role, "class": name}


def _outliers(ground: Ground) -> list[int]:
    """Places, class by class, the farthest from their own first."""
    far = np.nan_to_num(ground.outlying, nan=-np.inf)
    order = np.argsort(-far, kind="stable")
    order = order[np.isfinite(far[order])]
    return [
        int(place) for label in np.unique(ground.labels) for place in order[ground.labels[order] == label][:OUTLIERS]
    ]


def _suspects(ground: Ground) -> list[int]:
    """Places of images most of whose neighbours have another label: those that were not trained on, then the others;
    most disagreeing first, of equals those whose label the network gives the least probability."""
    own = ground.probability
    order = np.lexsort((own, -ground.disagreeing))
    order = order[ground.disagreeing[order] > MAJORITY]
    trained = ground.roles[order] == "train"
    return [int(place) for part in (order[~trained], order[trained]) for place in part[:SUSPECTS]]


def _answers(ground: Ground) -> dict[int, int]:
    """The class that the network calls each image."""
    parts = [part for role, part in ground.subject.parts.items() if role != "test"]
    return {int(row): int(answer) for part in parts for row, answer in zip(part.rows, part.predicted)}


def _seen(scene: Scene, ground: Ground, place: int) -> dict[str, Any]:
    """One image with its neighbours."""
    places, distances = (each[place, :SHOWN_NEIGHBOURS] for each in ground.neighbours)
    classes, row = scene.record.classes, int(ground.rows[place])
    part = ground.subject.parts[str(ground.roles[place])]
    at = int(np.searchsorted(part.rows, row))
    return {
        **_named(scene, row, str(ground.roles[place])),
        "answer": classes[int(part.predicted[at])],
        "probability": float(part.probabilities[at, ground.labels[place]]),
        "disagreeing": float(ground.disagreeing[place]),
        "outlying": None if np.isnan(ground.outlying[place]) else float(ground.outlying[place]),
        "neighbours": [
            {"row": int(ground.rows[near]), "class": classes[ground.labels[near]], "distance": float(distance)}
            for near, distance in zip(places.tolist(), distances)
        ],
    }


def _classes(ground: Ground, means: np.ndarray, pixel_range: tuple[float, float]) -> list[dict[str, Any]]:
    """Each class with the one that looks most like it on average, and the one that most of its neighbours are of."""
    distances, likest = nearest_classes(means, pixel_range)
    untrained = ground.roles != "train" if (ground.roles != "train").any() else np.ones(len(ground.roles), bool)
    found = []
    for code in range(len(means)):
        own = np.flatnonzero(untrained & (ground.labels == code))
        among = np.bincount(ground.labels[ground.neighbours[0][own]].ravel(), minlength=len(means))
        share = among / max(1, among.sum())
        share[code] = 0
        mixed = (
            (ground.labels[ground.neighbours[0][own]] == share.argmax()).mean(axis=1) if share.any() else np.zeros(1)
        )
        found.append(
            {
                "images": int((ground.labels == code).sum()),
                "likest": int(likest[code]),
                "pixel_distance": float(distances[code, likest[code]]) if likest[code] >= 0 else None,
                "mixed_with": int(share.argmax()) if share.any() else -1,
                "mixed_share": float(share.max()),
                "mixed_interval": list(share_limits(mixed)),
                "looked_at": len(own),
            }
        )
    return found


def _counts(ground: Ground) -> dict[str, int]:
    """How many images most of whose neighbours have another label, and of how many, trained on or not."""
    suspect, trained = ground.disagreeing > MAJORITY, ground.roles == "train"
    return {
        "untrained": int((~trained).sum()),
        "untrained_suspects": int((suspect & ~trained).sum()),
        "trained": int(trained.sum()),
        "trained_suspects": int((suspect & trained).sum()),
    }


def _sentences(facts: dict[str, Any], classes: Sequence[str]) -> Iterator[str]:
    counts, model = facts["counts"], facts["model"]
    code, most = max(enumerate(facts["classes"]), key=lambda each: each[1]["mixed_share"])
    share, other, (low, high) = most["mixed_share"], most["mixed_with"], most["mixed_interval"]
    if share > 0:
        yield (
            f"To `{model}` the classes `{classes[code]}` and `{classes[other]}` are nearest: of the "
            f"{facts['neighbours']} nearest images of a `{classes[code]}`, {100 * share:.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}, over other images) are of `{classes[other]}`."
        )
    if counts["untrained"]:
        yield (
            f"Suspects for review: of {counts['untrained']:,} images that were not trained on, "
            f"{counts['untrained_suspects']:,} have mostly neighbours with another label; of "
            f"{counts['trained']:,} that were, {counts['trained_suspects']:,}."
        )
    near = facts["near"]
    if near and near["sets"]:
        yield (
            f"Almost the same as another by their pixels: {near['images']:,} images in {near['sets']:,} sets, of which "
            f"{near['parted']:,} reach across roles."
        )
    elif near:
        yield "No image is almost the same as another by its pixels."


def _rows(facts: dict[str, Any]) -> Iterator[int]:
    """Rows whose pictures are drawn."""
    yield from near_duplicate_rows(facts["near"])
    for pair in facts["pairs"]:
        yield from (each["row"] for each in pair["pictures"])
    for one in [*facts["suspects"], *facts["outliers"]]:
        yield one["row"]
        yield from (each["row"] for each in one["neighbours"])


def _table(scene: Scene, ground: Ground) -> pl.DataFrame:
    """A row an image that was compared."""
    places, distances = ground.neighbours
    answers = _answers(ground)
    return pl.DataFrame(
        {
            "row": ground.rows,
            "id": [str(each) for each in scene.dataset.ids[ground.rows]],
            "role": ground.roles.tolist(),
            "label": [scene.record.classes[label] for label in ground.labels],
            "answer": [scene.record.classes[answers[int(row)]] for row in ground.rows],
            "probability_of_label": ground.probability,
            "disagreeing": ground.disagreeing,
            "outlying": ground.outlying,
            "nearest_row": ground.rows[places[:, 0]] if places.shape[1] else ground.rows,
            "nearest_distance": distances[:, 0] if places.shape[1] else np.zeros(len(ground.rows)),
        }
    )
