"""Errors of the models of a study: mistakes of each model, mistakes common to all, and slices of images with lower
accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from snellen.data.inspect.near_duplicates import near_duplicates_if_quick
from snellen.errors import unknown
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.errors.facts import (
    AccuracyJson,
    ErrorsFacts,
    RoleErrorsJson,
    SliceJson,
    SliceOnTest,
    WeakSliceJson,
)
from snellen.explain.errors.hard_images import AnswersOfAll, answers_of_all, as_json, right_for_one, wrong_for_all
from snellen.explain.errors.slices import (
    MEANINGS,
    Share,
    Slice,
    Weakness,
    is_large_enough,
    measures,
    quarters,
    share,
    weaknesses,
)
from snellen.explain.errors.words import weak_sentence
from snellen.explain.method import Method
from snellen.explain.mistakes import confident_mistakes, most_frequent_mistakes
from snellen.explain.thumbnails import draw
from snellen.models.build import Network
from snellen.models.predictions import Predictions
from snellen.statistics.results import COVERS_IMAGES
from snellen.study.analyses import Errors

CELLS = 8
CELL_IMAGES = 12
MISTAKES = 12
SHARED = 36
ALONE = 12
"""What a page shows: confusions of each model, and images of each; most confident mistakes of each model; images that
all models get wrong; images that only one model gets right, of each model."""

SLICE_IMAGES = 6
SAID = 5
"""Weak slices that get a sentence; all are in the table."""


def seconds(network: Network, images: int) -> float:
    """An estimate. Stroke thickness takes most of the time: 5,000 images of 28 pixels per second, for about a quarter
    of the images."""
    return 0.2 + images / 20_000


def make(run: RunWithImages, options: Errors) -> AnalysisResult:
    """Mistakes of all models. Slices are tested on validation; the accuracy on a weak slice is also given for the test
    if the model was evaluated there."""
    models = _models(run, options)
    roles = {role: _predictions(run, models, role) for role in ("validation", "test")}
    validation = answers_of_all(roles["validation"])
    slices = _slices(run, validation.rows)
    found = _weaknesses(slices, validation)
    facts: ErrorsFacts = {
        "models": list(validation.models),
        "roles": {role: _role(run, parts) for role, parts in roles.items() if parts},
        "slices": [_slice(each, validation, run.record.classes) for each in slices],
        "meanings": {name: MEANINGS[name] for name in dict.fromkeys(each.measure for each in slices)},
        "figureless": not any(each.measure == "size" for each in slices),
        "weak": [_weak(one, slices, run, roles["test"].get(one.model)) for one in _ordered(found) if one.is_weak],
        "compared": len(found),
        "covers": f"{COVERS_IMAGES}; the epoch was chosen on these",
    }
    facts["sentences"] = list(_sentences(facts))
    thumbnails = draw(run.dataset, np.array(list(_rows(facts)), np.int64))
    arrays = {"rows": thumbnails.rows, "pictures": thumbnails.images}
    return AnalysisResult({**facts}, {"slices": _table(found, slices), "mistakes": _mistakes(roles)}, arrays)


def _models(run: RunWithImages, options: Errors) -> list[str]:
    """The models of the options whose training succeeded. Raises UnknownName if there is none."""
    models = [model for model in run.trained_models if options.models is None or model in options.models]
    if not models:
        raise unknown("model", (options.models or ("",))[0], run.trained_models, where="analyses: errors")
    return models


def _predictions(run: RunWithImages, models: Sequence[str], role: str) -> dict[str, Predictions]:
    """By model, the predictions on a role whose labels are known."""
    found = {model: run.trained_models[model].predictions.get(role) for model in models}
    return {model: part for model, part in found.items() if part is not None and part.labels is not None}


def _role(run: RunWithImages, parts: dict[str, Predictions]) -> RoleErrorsJson:
    both, num_classes = answers_of_all(parts), len(run.record.classes)
    wrong, alone = wrong_for_all(both), right_for_one(both)
    several = len(parts) > 1
    return {
        "images": len(both.rows),
        "models": {
            model: {
                "mistakes": int((part.predicted != part.labels).sum()),
                "accuracy": _estimate(share(int((part.predicted == part.labels).sum()), len(part))),
                "called": most_frequent_mistakes(part, num_classes, CELLS, CELL_IMAGES),
                "confident": confident_mistakes(part, MISTAKES),
            }
            for model, part in parts.items()
        },
        "wrong_for_all": len(wrong) if several else None,
        "agreeing": int((both.answers[:, wrong] == both.answers[0, wrong]).all(0).sum()) if several else None,
        "shared": [as_json(both, int(place)) for place in wrong[:SHARED]] if several else [],
        "alone": {model: [as_json(both, int(at)) for at in own[:ALONE]] for model, own in alone.items()}
        if several
        else {},
        "num_alone": {model: len(own) for model, own in alone.items()} if several else {},
    }


def _slices(run: RunWithImages, rows: np.ndarray) -> list[Slice]:
    """All slices of these rows. They do not depend on the predictions."""
    found = measures(np.asarray(run.dataset.images[rows]), run.dataset.pixel_range)
    return [each for name, values in found.items() for each in quarters(name, values)] + _near_slices(run, rows)


def _near_slices(run: RunWithImages, rows: np.ndarray) -> list[Slice]:
    """Images with and without a near-duplicate among the training rows, if near-duplicates were searched."""
    found = near_duplicates_if_quick(run.dataset)
    if found is None:
        return []
    train = next(iter(run.trained_models.values())).predictions["train"].rows
    near = found.near_to(np.setdiff1d(train, rows))[rows]
    parts = {"one in training": near, "none in training": ~near}
    slices = [Slice("near-duplicates", part, None, None, members) for part, members in parts.items()]
    return [each for each in slices if is_large_enough(each)]


def _weaknesses(slices: Sequence[Slice], both: AnswersOfAll) -> list[Weakness]:
    return weaknesses(slices, dict(zip(both.models, both.right, strict=True)), both.labels) if slices else []


def _ordered(weaknesses: Sequence[Weakness]) -> list[Weakness]:
    """The slices that are weak within classes first, then by p-value."""
    return sorted(
        weaknesses, key=lambda weakness: (not weakness.is_weak_within, weakness.adjusted_p, weakness.difference)
    )


def _slice(piece: Slice, answers: AnswersOfAll, classes: Sequence[str]) -> SliceJson:
    rows, labels = answers.rows[piece.members], answers.labels[piece.members]
    counts = np.bincount(labels, minlength=len(classes))
    shown = rows[np.unique(np.linspace(0, len(rows) - 1, min(SLICE_IMAGES, len(rows))).astype(int))]
    return {
        "measure": piece.measure,
        "part": piece.part,
        "low": piece.low,
        "high": piece.high,
        "images": len(rows),
        "pictures": shown.tolist(),
        "class": int(counts.argmax()),
        "class_share": float(counts.max() / len(rows)),
        "accuracy": [_estimate(share(int(hits[piece.members].sum()), len(rows))) for hits in answers.right],
    }


def _estimate(share_of_images: Share) -> AccuracyJson:
    return {
        "value": share_of_images.value,
        "low": share_of_images.low,
        "high": share_of_images.high,
        "n": share_of_images.images,
    }


def _weak(weakness: Weakness, slices: Sequence[Slice], run: RunWithImages, test: Predictions | None) -> WeakSliceJson:
    piece = slices[weakness.slice]
    return {
        "model": weakness.model,
        "slice": weakness.slice,
        "name": piece.name,
        "measure": piece.measure,
        "part": piece.part,
        "low": piece.low,
        "high": piece.high,
        "inside": _estimate(weakness.inside),
        "outside": _estimate(weakness.outside),
        "difference": {"value": weakness.difference, "low": weakness.low, "high": weakness.high},
        "adjusted_p": weakness.adjusted_p,
        "by_classes": weakness.by_classes,
        "within": weakness.is_weak_within,
        "adjusted_within": weakness.adjusted_within,
        "test": None if test is None else _on_test(piece, run, test),
    }


def _on_test(piece: Slice, run: RunWithImages, test: Predictions) -> SliceOnTest | None:
    """The accuracy on the same slice of the test, with the limits from validation: reported, without a significance
    test."""
    if piece.low is None or piece.high is None:
        return None
    values = measures(np.asarray(run.dataset.images[test.rows]), run.dataset.pixel_range).get(piece.measure)
    if values is None:
        return None
    low = -np.inf if piece.part == "lowest quarter" else piece.low
    high = np.inf if piece.part == "highest quarter" else piece.high
    members, right = (values > low) & (values <= high), test.predicted == test.labels
    if not members.any() or members.all():
        return None
    inside, outside = (_estimate(share(int(right[own].sum()), int(own.sum()))) for own in (members, ~members))
    return {"inside": inside, "outside": outside}


def _table(weaknesses: Sequence[Weakness], slices: Sequence[Slice]) -> pl.DataFrame:
    """One row per slice and model."""
    rows = [
        {
            "model": weakness.model,
            "slice": slices[weakness.slice].name,
            "images": weakness.inside.images,
            "accuracy": weakness.inside.value,
            "accuracy_of_rest": weakness.outside.value,
            "difference": weakness.difference,
            "low": weakness.low,
            "high": weakness.high,
            "adjusted_p": weakness.adjusted_p,
            "by_classes": weakness.by_classes,
            "adjusted_within": weakness.adjusted_within,
        }
        for weakness in weaknesses
    ]
    return pl.DataFrame(rows)


def _mistakes(roles: dict[str, dict[str, Predictions]]) -> pl.DataFrame:
    """Every mistake of every model: role, model, row, id, label, predicted class, probability."""
    parts = [
        pl.DataFrame({"role": role, "model": model, **_wrong(part)})
        for role, models in roles.items()
        for model, part in models.items()
    ]
    return pl.concat(parts, how="vertical_relaxed")  # a part without mistakes has columns without a type


def _wrong(part: Predictions) -> dict[str, np.ndarray]:
    wrong = part.predicted != part.labels
    return {
        "row": part.rows[wrong],
        "id": part.ids[wrong].astype(str),
        "label": np.asarray(part.labels)[wrong],
        "answer": part.predicted[wrong],
        "probability": part.probabilities.max(1)[wrong],
    }


def _rows(facts: ErrorsFacts) -> Iterator[int]:
    """Rows of all images that the page shows."""
    for each in facts["slices"]:
        yield from each["pictures"]
    for role in facts["roles"].values():
        for model in role["models"].values():
            yield from (one["row"] for called in model["called"] for one in called["pictures"])
            yield from (one["row"] for one in model["confident"])
        yield from (one["row"] for one in role["shared"])
        yield from (one["row"] for own in role["alone"].values() for one in own)


def _sentences(facts: ErrorsFacts) -> Iterator[str]:
    yield from (weak_sentence(one) for one in facts["weak"][:SAID])
    for role, part in facts["roles"].items():
        if part["wrong_for_all"] is not None:
            all_of_them = "both models" if len(part["models"]) == 2 else f"all {len(part['models'])} models"
            yield (
                f"Of {part['images']:,} {role} images {part['wrong_for_all']:,} are predicted wrongly by "
                f"{all_of_them}; {part['agreeing']:,} of these get the same wrong prediction from all."
            )


METHOD = Method("study", make, seconds=seconds, own_correction="errors (slices)")
