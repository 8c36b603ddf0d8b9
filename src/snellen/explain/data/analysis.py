"""The data set: the mean image of each class, which classes are near each other, near-duplicates, outliers, and images
whose label may be wrong.

Distances are measured between pixels, and between outputs of the last hidden layer of one model, by default the chosen
one. Test labels are never used; test images are used only to find near-duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import polars as pl

from snellen.data.dataset import SEALED
from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.class_images import class_images, nearest_classes
from snellen.data.inspect.duplicate_sets import near_duplicate_rows, near_duplicate_summary
from snellen.data.inspect.near_duplicates import MAX_EXPLORED_IMAGES, near_duplicates_if_quick
from snellen.evaluate.data_file import NearSets
from snellen.evaluate.model_choice import ranking
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.data.compared_images import MOST, ComparedImages, compared_images, labelled
from snellen.explain.data.facts import ClassJson, CountsJson, DataFacts, ImageJson, ListedImage, PairJson
from snellen.explain.data.nearest_neighbours import nearest
from snellen.explain.method import Method
from snellen.explain.thumbnails import draw, to_uint8, variation
from snellen.models.build import Network
from snellen.statistics.wilson_interval import share_limits
from snellen.study.analyses import DataLook

PAIRS = 12
"""Nearest pairs that are shown: this many across roles, and this many within a role."""
OUTLIERS = 6
"""Outliers of each class that are shown."""
SUSPECTS = 24
"""Suspects that are shown: this many of the images that the model was not trained on, and as many of those that it was
trained on."""
SHOWN_NEIGHBOURS = 5
MAJORITY = 0.5
"""An image is a suspect if more than this share of its neighbours has another label."""


def make(run: RunWithImages, options: DataLook) -> AnalysisResult:
    """One result for the whole study."""
    model = (options.models or ranking(run.record))[0]
    compared = compared_images(run, model, options.neighbours)
    train = compared.rows[compared.roles == "train"]
    means, deviations = class_images(run.dataset, train)
    near, pairs = _near(run, compared), _pairs(run, compared)
    outliers = [_with_neighbours(run, compared, place) for place in _outliers(compared)]
    suspects = [_with_neighbours(run, compared, place) for place in _suspects(compared)]
    classes = _classes(compared, means, run.dataset.pixel_range)
    facts: DataFacts = {
        "model": model,
        "layer": compared.layer.name,
        "units": compared.points.shape[1],
        "neighbours": compared.neighbours[0].shape[1],
        "compared": {role: int((compared.roles == role).sum()) for role in dict.fromkeys(compared.roles.tolist())},
        "left_out": len(labelled(compared.model)[0]) - len(compared.rows),
        "classes": classes,
        "near": near,
        "pairs": pairs,
        "outliers": outliers,
        "suspects": suspects,
        "counts": _counts(compared),
    }
    facts["sentences"] = list(_sentences(facts, run.record.classes))
    drawn = draw(run.dataset, np.fromiter(_rows(facts), np.int64))
    looks = np.concatenate([to_uint8(np.nan_to_num(means), run.dataset.pixel_range), variation(deviations)])
    return AnalysisResult(
        {**facts}, {"images": _table(run, compared)}, {"rows": drawn.rows, "images": drawn.images, "looks": looks}
    )


def seconds(network: Network, images: int) -> float:
    """An estimate for a layer of 128 units: 20 s for 60,000 images on one core."""
    return 1.0 + 5.5e-9 * min(images, MOST) ** 2


def _near(run: RunWithImages, compared: ComparedImages) -> NearSets | None:
    """Near-duplicates by pixels; None if there are too many images to compare."""
    near = near_duplicates_if_quick(run.dataset, MAX_EXPLORED_IMAGES)
    if near is None:
        return None
    parts = np.full(len(run.dataset), "", dtype="U11")
    rows, roles = labelled(compared.model)
    parts[rows] = roles
    parts[_test_rows(run)] = "test"
    return cast(NearSets, near_duplicate_summary(run.dataset, near.sets, near.copies, parts, ["test"]))


def _test_rows(run: RunWithImages) -> np.ndarray:
    """The rows of the test: those whose labels are hidden."""
    return np.flatnonzero(run.dataset.labels == SEALED)


def _pairs(run: RunWithImages, compared: ComparedImages) -> list[PairJson]:
    """The nearest pairs of different images by the layer: those across roles, then those within a role."""
    ones, others, shares = _nearest_pairs(run, compared)
    names = dict(zip(compared.rows.tolist(), compared.roles.tolist()))
    copies, seen = duplicate_groups(run.dataset.images), set[tuple[int, int]]()
    found: dict[bool, list[PairJson]] = {True: [], False: []}
    for place in np.argsort(shares, kind="stable").tolist():
        pair = min(ones[place], others[place]), max(ones[place], others[place])
        roles = [names.get(row, "test") for row in pair]
        kind = found[roles[0] != roles[1]]
        if len(kind) < PAIRS and pair not in seen and copies[pair[0]] != copies[pair[1]]:
            seen.add(pair)
            images = [_image(run, row, role) for row, role in zip(pair, roles)]
            kind.append({"across": roles[0] != roles[1], "distance": float(shares[place]), "pictures": images})
        if all(len(each) == PAIRS for each in found.values()):
            break
    return [*found[True], *found[False]]


def _nearest_pairs(run: RunWithImages, compared: ComparedImages) -> tuple[list[int], list[int], np.ndarray]:
    """Rows of all images including the test, the row of the nearest labelled image of each, and their distances
    relative to the median nearest-neighbour distance within the class of the latter."""
    places, distances = compared.neighbours
    if not places.shape[1]:
        return [], [], np.zeros(0)
    test_rows = _test_rows(run)
    at, far = nearest(compared.outputs(test_rows), compared.points, 1)
    near, lengths = np.append(places[:, 0], at), np.append(distances[:, 0], far)
    usual = np.ones(len(run.record.classes))
    for label in np.unique(compared.labels):
        usual[label] = np.median(distances[compared.labels == label, 0]) or 1.0
    ones = np.append(compared.rows, test_rows)
    return ones.tolist(), compared.rows[near].tolist(), lengths / usual[compared.labels[near]]


def _image(run: RunWithImages, row: int, role: str) -> ImageJson:
    label = int(run.dataset.labels[row])
    name = None if role == "test" else run.record.classes[label]
    return {"row": row, "id": str(run.dataset.ids[row]), "role": role, "class": name}


def _outliers(compared: ComparedImages) -> list[int]:
    """Indices of the outliers of each class, those farthest from their class first."""
    far = np.nan_to_num(compared.outlying, nan=-np.inf)
    order = np.argsort(-far, kind="stable")
    order = order[np.isfinite(far[order])]
    return [
        int(place)
        for label in np.unique(compared.labels)
        for place in order[compared.labels[order] == label][:OUTLIERS]
    ]


def _suspects(compared: ComparedImages) -> list[int]:
    """Indices of the images most of whose neighbours have another label: those that the model was not trained on, then
    the others. Those with the most such neighbours come first; ties are ordered by the probability of the label."""
    own = compared.probability
    order = np.lexsort((own, -compared.disagreeing))
    order = order[compared.disagreeing[order] > MAJORITY]
    trained = compared.roles[order] == "train"
    return [int(place) for part in (order[~trained], order[trained]) for place in part[:SUSPECTS]]


def _predicted_classes(compared: ComparedImages) -> dict[int, int]:
    """The predicted class of each labelled row."""
    parts = [part for role, part in compared.model.predictions.items() if role != "test"]
    return {int(row): int(answer) for part in parts for row, answer in zip(part.rows, part.predicted)}


def _with_neighbours(run: RunWithImages, compared: ComparedImages, place: int) -> ListedImage:
    """One image with its neighbours."""
    places, distances = (each[place, :SHOWN_NEIGHBOURS] for each in compared.neighbours)
    classes, row = run.record.classes, int(compared.rows[place])
    part = compared.model.predictions[str(compared.roles[place])]
    at = int(np.searchsorted(part.rows, row))
    return {
        **_image(run, row, str(compared.roles[place])),
        "answer": classes[int(part.predicted[at])],
        "probability": float(part.probabilities[at, compared.labels[place]]),
        "disagreeing": float(compared.disagreeing[place]),
        "outlying": None if np.isnan(compared.outlying[place]) else float(compared.outlying[place]),
        "neighbours": [
            {"row": int(compared.rows[near]), "class": classes[compared.labels[near]], "distance": float(distance)}
            for near, distance in zip(places.tolist(), distances)
        ],
    }


def _classes(compared: ComparedImages, means: np.ndarray, pixel_range: tuple[float, float]) -> list[ClassJson]:
    """Each class with the class of the nearest mean image, and the other class that most of its neighbours are of."""
    distances, likest = nearest_classes(means, pixel_range)
    untrained = compared.roles != "train" if (compared.roles != "train").any() else np.ones(len(compared.roles), bool)
    found = list[ClassJson]()
    for code in range(len(means)):
        own = np.flatnonzero(untrained & (compared.labels == code))
        among = np.bincount(compared.labels[compared.neighbours[0][own]].ravel(), minlength=len(means))
        share = among / max(1, among.sum())
        share[code] = 0
        mixed = (
            (compared.labels[compared.neighbours[0][own]] == share.argmax()).mean(axis=1)
            if share.any()
            else np.zeros(1)
        )
        found.append(
            {
                "images": int((compared.labels == code).sum()),
                "likest": int(likest[code]),
                "pixel_distance": float(distances[code, likest[code]]) if likest[code] >= 0 else None,
                "mixed_with": int(share.argmax()) if share.any() else -1,
                "mixed_share": float(share.max()),
                "mixed_interval": list(share_limits(mixed)),
                "looked_at": len(own),
            }
        )
    return found


def _counts(compared: ComparedImages) -> CountsJson:
    """Images and suspects, for those that the model was trained on and the others."""
    suspect, trained = compared.disagreeing > MAJORITY, compared.roles == "train"
    return {
        "untrained": int((~trained).sum()),
        "untrained_suspects": int((suspect & ~trained).sum()),
        "trained": int(trained.sum()),
        "trained_suspects": int((suspect & trained).sum()),
    }


def _sentences(facts: DataFacts, classes: Sequence[str]) -> Iterator[str]:
    counts, model = facts["counts"], facts["model"]
    code, most = max(enumerate(facts["classes"]), key=lambda each: each[1]["mixed_share"])
    share, other, (low, high) = most["mixed_share"], most["mixed_with"], most["mixed_interval"]
    if share > 0:
        yield (
            f"For `{model}` the classes `{classes[code]}` and `{classes[other]}` are nearest to each other: of the "
            f"{facts['neighbours']} nearest images of a `{classes[code]}`, {100 * share:.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}, over other images) are of `{classes[other]}`."
        )
    if counts["untrained"]:
        yield (
            f"Suspects for review: of {counts['untrained']:,} images that the model was not trained on, "
            f"{counts['untrained_suspects']:,} have mostly neighbours with a different label; of "
            f"{counts['trained']:,} that were, {counts['trained_suspects']:,}."
        )
    near = facts["near"]
    if near and near["sets"]:
        yield (
            f"Near-duplicates by their pixels: {near['images']:,} images in {near['sets']:,} sets, of which "
            f"{near['parted']:,} {'contains' if near['parted'] == 1 else 'contain'} images of different roles."
        )
    elif near:
        yield "No image has a near-duplicate by its pixels."


def _rows(facts: DataFacts) -> Iterator[int]:
    """Rows of the images that the page shows."""
    yield from near_duplicate_rows(cast(dict | None, facts["near"]))
    for pair in facts["pairs"]:
        yield from (each["row"] for each in pair["pictures"])
    for one in [*facts["suspects"], *facts["outliers"]]:
        yield one["row"]
        yield from (each["row"] for each in one["neighbours"])


def _table(run: RunWithImages, compared: ComparedImages) -> pl.DataFrame:
    """One row per compared image."""
    places, distances = compared.neighbours
    answers = _predicted_classes(compared)
    return pl.DataFrame(
        {
            "row": compared.rows,
            "id": [str(each) for each in run.dataset.ids[compared.rows]],
            "role": compared.roles.tolist(),
            "label": [run.record.classes[label] for label in compared.labels],
            "answer": [run.record.classes[answers[int(row)]] for row in compared.rows],
            "probability_of_label": compared.probability,
            "disagreeing": compared.disagreeing,
            "outlying": compared.outlying,
            "nearest_row": compared.rows[places[:, 0]] if places.shape[1] else compared.rows,
            "nearest_distance": distances[:, 0] if places.shape[1] else np.zeros(len(compared.rows)),
        }
    )


METHOD = Method("study", make, seconds=seconds)
