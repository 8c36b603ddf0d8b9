"""Findings about the numbers of images of each class: imbalance, and parts with another mix of classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.findings.finding import Facts, Finding
from snellen.findings.mistakes import judged_networks
from snellen.findings.naming import all_networks
from snellen.phrases import p_value, percent, plural
from snellen.statistics.class_mix import mix_difference

IMBALANCED = 2.0
"""The largest class has so many times the training images of the smallest; from here on accuracy speaks mainly of the
large ones."""
SHIFTED = 0.1
"""So large a part of the images would have to be of other classes for two mixes of classes to be equal."""
SHIFT_LEVEL = 0.001


def imbalance(facts: Facts) -> Iterator[Finding]:
    """SNL123: the largest class has at least IMBALANCED times as many training images as the smallest."""
    counts = _counts(facts, "train")
    name, fewest = min(counts.items(), key=lambda each: each[1])
    largest, most = max(counts.items(), key=lambda each: each[1])
    if not fewest or most < IMBALANCED * fewest:
        return
    ratio = round(most / fewest, 1)
    yield Finding(
        "SNL123",
        "notice",
        f"Classes differ in size: {largest} has {most:,} training images and {name} {fewest:,}, a ratio of {ratio:,}."
        f"{_balanced(facts)}",
        {"classes": [largest, name], "most": most, "fewest": fewest, "ratio": ratio},
        "data",
        "Judge by balanced accuracy (`macro_recall`) where small classes matter as much; `class_weight` or more images "
        "of them help training.",
    )


def _balanced(facts: Facts) -> str:
    """What that means for the chosen model, as sentences with a space before."""
    judged = judged_networks(facts)
    if judged is None:
        return ""
    model, role, networks = judged
    accuracy = facts.evaluation.standing(model, role)
    balanced = facts.evaluation.standing(model, role, "macro_recall")
    if accuracy is None or balanced is None:
        return ""
    sizes = np.bincount(networks.labels, minlength=len(facts.record.classes))
    largest, share = facts.record.classes[int(sizes.argmax())], float(sizes.max() / sizes.sum())
    return (
        f" Always answering {largest} would be right on {percent(share)} of the {role} images. Accuracy counts every "
        f"image alike: {accuracy.in_percent} for {all_networks(facts, model, role)}. Balanced accuracy, the mean of "
        f"the recalls, counts every class alike: {balanced.in_percent}."
    )


def another_mix(facts: Facts) -> Iterator[Finding]:
    """SNL127: a validation or test part that was not drawn at random, an official one or the last rows, and whose mix
    of classes differs from that of the training images."""
    roles = facts.record.data["roles"]
    drawn = roles.get("stratified", True)
    for role, is_given in (
        ("validation", roles.get("official_validation", False) or not drawn),
        ("test", roles.get("official_test", False)),
    ):
        counts, train = _counts(facts, role), _counts(facts, "train")
        if not is_given or not sum(counts.values()) or not sum(train.values()):
            continue
        found = mix_difference(np.array(list(counts.values())), np.array(list(train.values())))
        if found.distance < SHIFTED or found.p_value >= SHIFT_LEVEL:
            continue
        name = facts.record.classes[found.furthest]
        share, in_training = counts[name] / sum(counts.values()), train[name] / sum(train.values())
        images = plural(sum(counts.values()), "image")
        official = "official " if roles.get(f"official_{role}") else ""
        yield Finding(
            "SNL127",
            "warning",
            f"The {official}{role} part has another mix of classes than the training images: {name} is "
            f"{percent(share)} of it and {percent(in_training)} of them. To make the mixes equal, "
            f"{percent(found.distance)} of its {images} would have to be of other classes "
            f"(chi-square test, {p_value(found.p_value)}). Accuracy on it is accuracy at its own mix of classes.",
            {"role": role, "class": name, "share": share, "in_training": in_training, "distance": found.distance},
            "data",
            "Were the last rows of ordered data set aside? Then join the parts and let `split` draw at random. Else "
            "compare recalls, and balanced accuracy (`macro_recall`).",
        )


def _counts(facts: Facts, role: str) -> dict[str, int]:
    """Images of each class on a role, in the order of the classes."""
    return {str(row["class"]): int(row[role]) for row in facts.record.data["data"]["counts"]}
