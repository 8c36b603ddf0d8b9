"""The types of `side_by_side` in report.json: what the page that shows two models beside each other compares."""

from __future__ import annotations

from typing import TypedDict

RecallChangeJson = TypedDict(
    "RecallChangeJson",
    {
        "class": str,
        "images": int,
        "first": float,
        "second": float,
        "change": float,
        "low": float | None,
        "high": float | None,
    },
)
"""The recall of one class in both models; change, low, high: second minus first, with its own interval."""


class ConfusionChangeJson(TypedDict):
    """Images of class `label` that are predicted as another, by the networks shown. of: images of the class."""

    label: int
    predicted: int
    first: int
    second: int
    of: int


class RecallsJson(TypedDict):
    """networks: of each side, over which the recalls are means; 1 is the network shown. covers: what the intervals
    cover; None where there are none. why_none: then the reason. listed: the classes that differ most, in their order,
    of `classes` that occur."""

    networks: list[int]
    covers: str | None
    why_none: str | None
    classes: int
    listed: list[RecallChangeJson]


class PairJson(TypedDict):
    """Two models on the images of a role that both predicted. shown: which network of each, in words; empty where there
    is one. both, only_first, only_second, neither: images that the networks shown get right. verdict: of the planned
    comparison, on the first; None where none was planned. risen, fallen: the confusion whose images rise or fall
    most."""

    first: str
    second: str
    role: str
    shown: list[str]
    images: int
    both: int
    only_first: int
    only_second: int
    neither: int
    verdict: str | None
    recalls: RecallsJson
    risen: ConfusionChangeJson | None
    fallen: ConfusionChangeJson | None
    sentences: list[str]


class UnitInShortJson(TypedDict):
    """One unit. low, median, high: quartiles of its activation on the training images of each class, None for a class
    without any. selective: the classes that it responds to. page: of its dossier."""

    unit: int
    page: str
    sentence: str
    information_bits: float
    low: list[float | None]
    median: list[float | None]
    high: list[float | None]
    selective: list[bool]


class UnitsInShortJson(TypedDict):
    """The units of one layer. network: which one was analysed, in words; empty where there is one. most_bits:
    information that names the class. shown: those with the most information about the class."""

    title: str
    page: str
    layer: str
    noun: str
    network: str
    units: int
    dead: int
    role: str
    images: int
    most_bits: float
    shown: list[UnitInShortJson]


class SideBySideJson(TypedDict):
    """page: its file. models: in the order of the study, at most SIDE_BY_SIDE; left_out: the others. role: the best
    that all of them have. first, second: shown when the page opens. pairs: of all that share a role. units: by model,
    those that the analyses of the study describe."""

    page: str
    models: list[str]
    left_out: list[str]
    role: str | None
    first: str
    second: str
    pairs: list[PairJson]
    units: dict[str, list[UnitsInShortJson]]
