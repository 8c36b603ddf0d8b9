"""The types of the facts of the analysis `wrong_labels`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import Literal, TypedDict


class SuspectJson(TypedDict):
    """A label that looks wrong. row, id, role: those of the image, the first of identical ones with this label; copies:
    the number of further ones. image: the hash of its content. label, suggested: class names. score: see
    `ranking.Group`. margin: None for an image that no network was trained on. probability, suggested_probability: those
    of networks that were not trained on it, None if there are none."""

    row: int
    id: str
    role: str
    copies: int
    picture: str
    label: str
    suggested: str
    score: float
    margin: float | None
    probability: float | None
    suggested_probability: float | None


class GroupJson(TypedDict):
    """Rows that are ranked by the same signals. roles: the number of rows of each. suspected: number of suspects, of
    `images`, with the 95 % interval of the share over other images, which is None if the share is that of another
    group."""

    by: Literal["both", "probabilities", "margins"]
    roles: dict[str, int]
    images: int
    suspected: int
    low: float | None
    high: float | None


class WrongLabelsFacts(TypedDict):
    """model: the model that judges. networks: the number that recorded margins. folds: whether predictions are out of
    fold. suspected: number of labels, of `images` judged images. suspects: the list for review, longer than that, most
    suspect first, without those that a review of the study found right (`reviewed`). test: suspects among the test
    images; None where the model was not evaluated there. mixed: augmentations that mix images, whose margins say
    less."""

    model: str
    networks: int
    folds: bool
    groups: list[GroupJson]
    images: int
    suspected: int
    suspects: list[SuspectJson]
    reviewed: int
    test: list[SuspectJson] | None
    test_images: int
    test_suspected: int
    mixed: list[str]
    classes: list[str]
    sentences: list[str]
