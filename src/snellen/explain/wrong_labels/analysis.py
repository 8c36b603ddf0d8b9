"""Which labels look wrong: a list for review, most suspect first. No label is called wrong, and suspects are left out
of no score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from snellen.data.reviews import as_class, pixel_hashes, read_reviews
from snellen.evaluate.model_choice import ranking
from snellen.evaluate.record import RunRecord
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.method import Method
from snellen.explain.thumbnails import draw
from snellen.explain.wrong_labels.facts import GroupJson, SuspectJson, WrongLabelsFacts
from snellen.explain.wrong_labels.ranking import Group, first, groups_of
from snellen.explain.wrong_labels.signals import Signals, margin_jobs, signals_of, test_signals
from snellen.explain.wrong_labels.words import sentences
from snellen.files.hashing import digest_file
from snellen.models.build import Network
from snellen.statistics.confident_learning import other_classes
from snellen.statistics.wilson_interval import wilson_limits
from snellen.study.analyses import WrongLabels
from snellen.study.data_settings import REVIEWS

MIXING = ("mixup", "cutmix")
BEYOND, FEWEST = 2, 20
"""The list is longer than the number of suspects by this factor, because no ranking is perfect."""


def make(run: RunWithImages, options: WrongLabels) -> AnalysisResult:
    """One result for the whole study, by one model."""
    record = run.record
    model = _judge(record, options.models)
    groups, tested = groups_of(signals_of(record, model)), test_signals(record, model)
    of_test = groups_of(tested) if tested is not None else []
    found, reviewed = _listed(run, model, groups, options.images, _found_right(record))
    in_test, _ = _listed(run, model, of_test, options.images, set())
    used = {each.name for phase in record.model(model).train for each in phase.augment}
    facts: WrongLabelsFacts = {
        "model": model,
        "networks": len(margin_jobs(record, model)),
        "folds": any(group.signals.folds and group.by == "both" for group in groups),
        "groups": [_group(group) for group in groups],
        "images": sum(len(group.scores) for group in groups),
        "suspected": sum(group.count for group in groups),
        "suspects": found,
        "reviewed": reviewed,
        "test": in_test if tested is not None else None,
        "test_images": sum(len(group.scores) for group in of_test),
        "test_suspected": sum(group.count for group in of_test),
        "mixed": [name for name in MIXING if name in used],
        "classes": list(record.classes),
        "sentences": [],
    }
    facts["sentences"] = list(sentences(facts))
    drawn = draw(run.dataset, np.array([one["row"] for one in (*found, *in_test)], np.int64))
    return AnalysisResult({**facts}, {}, {"rows": drawn.rows, "images": drawn.images})


def depends_on(record: RunRecord) -> dict[str, Any]:
    """What a result depends on, in addition to the jobs of the models: all their networks, margins, and the reviews."""
    reviews = record.folder / REVIEWS
    return {
        "networks": {model: sorted(record.planned[model].jobs) for model in record.done},
        "margins": {model: margin_jobs(record, model) for model in record.done},
        "reviews": digest_file(reviews) if record.study.data.reviews and reviews.is_file() else None,
    }


def seconds(network: Network, images: int) -> float:
    """An estimate: predictions and margins are stored, so only ranking and hashing remain."""
    return 0.5 + 1e-5 * images


def _judge(record: RunRecord, models: Sequence[str] | None) -> str:
    return (models or ranking(record))[0]


def _group(group: Group) -> GroupJson:
    low, high = wilson_limits(group.count, len(group.scores)) if group.by != "margins" else (None, None)
    return {
        "by": group.by,
        "roles": dict(Counter(group.signals.roles.tolist())),
        "images": len(group.scores),
        "suspected": group.count,
        "low": low,
        "high": high,
    }


def _found_right(record: RunRecord) -> set[tuple[str, str]]:
    """Image and label of each row that the reviews of the study found right."""
    if record.study.data.reviews is None:
        return set()
    reviews = read_reviews(record.folder / REVIEWS).rows
    return {(each.image, as_class(each.label, record.classes)) for each in reviews if each.verdict == "right"}


def _listed(
    run: RunWithImages, model: str, groups: Sequence[Group], most: int, found_right: set[tuple[str, str]]
) -> tuple[list[SuspectJson], int]:
    """The list for review, most suspect first, with each pair of image and label once: BEYOND times as many as are
    suspected, at least FEWEST and at most `most`; and the number of those that a review found right, which are not
    listed again."""
    length = max(FEWEST, BEYOND * sum(group.count for group in groups))
    ordered = sorted(
        (group.scores[place], number, place)
        for number, group in enumerate(groups)
        for place in first(group, length).tolist()
    )[:length]
    rows = np.array([groups[number].signals.rows[place] for _, number, place in ordered], np.int64)
    keys = pixel_hashes(np.asarray(run.dataset.images[rows])) if len(rows) else np.zeros(0, str)
    train = _predicted_in_training(run.record, model)
    found: dict[tuple[str, str], SuspectJson] = {}
    right = 0
    for (score, number, place), key in zip(ordered, keys.tolist()):
        signals = groups[number].signals
        own = str(key), run.record.classes[signals.labels[place]]
        if own in found_right:
            right += 1
        elif own in found:
            found[own]["copies"] += 1
        else:
            found[own] = _suspect(run, signals, place, float(score), own, train)
    return list(found.values())[:most], right


def _suspect(
    run: RunWithImages, signals: Signals, place: int, score: float, own: tuple[str, str], train: dict[int, np.ndarray]
) -> SuspectJson:
    row, label, margin = int(signals.rows[place]), int(signals.labels[place]), float(signals.margins[place])
    held_out = np.isfinite(signals.probabilities[place]).all()
    probabilities = signals.probabilities[place] if held_out else train[row]
    other = int(other_classes(np.array([label]), probabilities[None])[0])
    return {
        "row": row,
        "id": str(run.dataset.ids[row]),
        "role": str(signals.roles[place]),
        "copies": 0,
        "picture": own[0],
        "label": own[1],
        "suggested": run.record.classes[other],
        "score": round(score, 6),
        "margin": round(margin, 4) if np.isfinite(margin) else None,
        "probability": round(float(probabilities[label]), 4) if held_out else None,
        "suggested_probability": round(float(probabilities[other]), 4) if held_out else None,
    }


def _predicted_in_training(record: RunRecord, model: str) -> dict[int, np.ndarray]:
    """Row -> (K,) probabilities for the images that the network was trained on, used for suggestions only."""
    found = record.predictions(model, "train")
    return {} if found is None else dict(zip(found.rows.tolist(), found.probabilities, strict=True))


METHOD = Method("study", make, seconds=seconds, depends_on=depends_on)
