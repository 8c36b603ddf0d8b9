"""What can be tried for a weak class, as `--set` options: by what its numbers show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from snellen.evaluate.networks import networks_on
from snellen.explain.wrong_labels.facts import WrongLabelsFacts
from snellen.explain.wrong_labels.words import too_weak
from snellen.findings.finding import Facts
from snellen.findings.set_options import changing, first_accepted, yaml_line
from snellen.models.frozen_part import trained_count
from snellen.phrases import percent, plural

MANY_SUSPECTS, SHARE_SUSPECTED = 5, 0.05
"""Labels of the class that look wrong, at least this many and this share of its training images: review them first."""
RARE = 0.5
"""Of the mean number of training images of a class: below, the class is rare."""
OVER_FIT = 0.1
"""Recall on training images above that on the judging images by this much: the model overfits the class."""
SHIFT = 0.1
"""Of the width and height, as augmentation."""


def class_advice(facts: Facts, model: str, code: int, recall: float | None) -> str:
    """The first that fits: labels to review where many look wrong, class weights where the class is rare, augmentation
    where it is over-fitted, else more images of it."""
    name = facts.record.classes[code]
    look = f"Look at the mistakes on {name} first: they may have one cause."
    return " ".join([look, next(_advice(facts, model, code, recall), "")]).strip()


def _advice(facts: Facts, model: str, code: int, recall: float | None) -> Iterator[str]:
    name, counts = facts.record.classes[code], [int(row["train"]) for row in facts.record.data["data"]["counts"]]
    own, mean, last = counts[code], sum(counts) / len(counts), facts.record.study.models[model].last_phase
    yield from _reviews(facts, name, own)
    if own < RARE * mean and last.class_weights is None:
        line = changing(facts.record, model, "class_weights", "balanced")
        if line:
            yield (
                f"It is rare, with {plural(own, 'training image')} against {mean:,.0f} of a class on average. Try "
                f"balanced class weights: {line}"
            )
    learned = _train_recall(facts, model, code)
    if learned is not None and recall is not None and learned - recall >= OVER_FIT and not last.augment:
        line = changing(facts.record, model, "augment", [{"shift": SHIFT}]) if _takes_images(facts, model) else None
        if line:
            yield (
                f"{percent(learned)} of its training images are recognised: the model overfits it. Try augmentation: "
                f"{line}"
            )
    more = f"More images of {name} help most (there are {own:,} to train on)"
    line = changing(facts.record, model, "class_weights", {name: 2}) if last.class_weights is None else None
    yield f"{more}. What can be tried at once is to count each twice: {line}" if line else f"{more}."


def _reviews(facts: Facts, name: str, images: int) -> Iterator[str]:
    """Labels to review, where many of the class look wrong."""
    for one, outcome in facts.outcomes.items():
        if one.options.name != "wrong_labels":
            continue
        about = cast(WrongLabelsFacts, outcome.facts)
        suspected = sum(each["label"] == name for each in about["suspects"][: about["suspected"]])
        if too_weak(about) or suspected < max(MANY_SUSPECTS, SHARE_SUSPECTED * images):
            continue
        source = facts.record.study.data.source
        lines = [["data.reviews=reviews.csv"], [f"data={yaml_line({'source': source, 'reviews': 'reviews.csv'})}"]]
        line = first_accepted(facts.record, lines)
        then = f", save reviews.csv beside the study, and run it with {line}" if line else ""
        yield f"{suspected} of its labels look wrong: review them on the page `{one.key}`{then}"


def _train_recall(facts: Facts, model: str, code: int) -> float | None:
    """Of the training images of a class, without augmentation, the mean over networks; None where none was stored."""
    networks = networks_on(facts.record, model, "train")
    if networks is None or not (networks.labels == code).any():
        return None
    return float(networks.per_image("accuracy")[:, networks.labels == code].mean())


def _takes_images(facts: Facts, model: str) -> bool:
    """Whether images may be augmented: not in front of a frozen backbone, whose features are computed once."""
    return trained_count(facts.record.job(model).read_job().trajectory.network) is None
