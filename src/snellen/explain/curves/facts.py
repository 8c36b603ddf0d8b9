"""The types of the facts of the analysis `curves`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import TypedDict


class LineJson(TypedDict):
    """One line of a curve, see `comparisons.Line`. best: the value of the best point."""

    by: str | None
    best: int
    flattens_at: int | None
    within: list[int]
    clearly_worse: list[int]


class CurveModelJson(TypedDict):
    """A model of the study that is a point of the curve. epochs: the most that it could be trained."""

    model: str
    by: str | None
    value: int
    accuracy: float
    low: float | None
    high: float | None
    seeds: int
    epochs: int


class CurveFacts(TypedDict):
    """All facts. what: the values count this, in words. ways: the criterion of each line. images: of validation.

    covers: what the intervals cover. missing: criterion and value of the points without a network. more_data: why
    nothing is said about more data.
    """

    model: str
    over: str
    what: str
    ways: list[str | None]
    margin: float
    images: int
    seeds: int
    covers: list[str]
    missing: list[list[str | int | None]]
    lines: list[LineJson]
    models: list[CurveModelJson]
    more_data: str | None
    sentences: list[str]
