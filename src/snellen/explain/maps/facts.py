"""The types of the facts of the analysis `maps`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class ShareJson(TypedDict):
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


class SettingsJson(TypedDict):
    """How t-SNE or UMAP was run."""

    perplexity: NotRequired[float]
    iterations: NotRequired[int]
    neighbours: NotRequired[int]
    threads: int


class HowMade(TypedDict, total=False):
    """How a map was made.

    explained: of principal components, the share of variance of each. settings, seconds: of t-SNE and UMAP. The others
    are of two pixels: their rows and columns; the information that both have about the class, of that in the class, in
    bits; and the share of images at the most frequent position.
    """

    explained: list[float]
    settings: SettingsJson
    seconds: float
    pixels: list[list[int]]
    bits: float
    of_bits: float
    piled: float


class MapJson(HowMade):
    """One map. of: the layer that it was made from, or "pixels". axes: 2 or 3. kept: see `quality.MapQuality`."""

    name: str
    of: str
    axes: int
    trustworthiness: ShareJson
    kept: ShareJson


class PairJson(TypedDict):
    """Two classes that are neighbours in the layer, see `quality.Pair`."""

    first: int
    second: int
    share: float
    low: float
    high: float
    standard_error: float


class MapsFacts(TypedDict):
    """All facts. width: values of the layer. rows: images on the maps, of of_rows. judged: images that were compared
    with all others. nearest: neighbours of each. wrong: mistakes among the rows. told_apart: whether the outputs of the
    layer differ at all. closest: pairs of classes, those that are neighbours most often first."""

    model: str
    layer: str
    width: int
    rows: int
    of_rows: int
    judged: int
    nearest: int
    seed: int
    wrong: int
    told_apart: bool
    maps: list[MapJson]
    closest: list[PairJson]
    sentences: NotRequired[list[str]]
