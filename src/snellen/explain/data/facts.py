"""The types of the facts of the analysis `data`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from snellen.evaluate.data_file import NearSets


class ClassJson(TypedDict):
    """One class. likest: the class with the nearest mean image, -1 for none, at pixel_distance.

    mixed_with: the other class that most of its neighbours are of, -1 for none, with their share and its 95 % interval.
    looked_at: images whose neighbours were counted.
    """

    images: int
    likest: int
    pixel_distance: float | None
    mixed_with: int
    mixed_share: float
    mixed_interval: list[float]
    looked_at: int


NeighbourJson = TypedDict("NeighbourJson", {"row": int, "class": str, "distance": float})
ImageJson = TypedDict("ImageJson", {"row": int, "id": str, "role": str, "class": str | None})


class PairJson(TypedDict):
    """Two images that are near each other. across: whether their roles differ. distance: see `_nearest_pairs`."""

    across: bool
    distance: float
    pictures: list[ImageJson]


class ListedImage(ImageJson):
    """An outlier or a suspect with its neighbours, see `ComparedImages`. answer: the predicted class."""

    answer: str
    probability: float
    disagreeing: float
    outlying: float | None
    neighbours: list[NeighbourJson]


class CountsJson(TypedDict):
    """Compared images, and the suspects among them, that the model was trained on or not."""

    untrained: int
    untrained_suspects: int
    trained: int
    trained_suspects: int


class DataFacts(TypedDict):
    """All facts. units: outputs of the layer. compared: images by role. left_out: labelled images beyond the limit.

    near: near-duplicates by pixels, None if there are too many images to compare.
    """

    model: str
    layer: str
    units: int
    neighbours: int
    compared: dict[str, int]
    left_out: int
    classes: list[ClassJson]
    near: NearSets | None
    pairs: list[PairJson]
    outliers: list[ListedImage]
    suspects: list[ListedImage]
    counts: CountsJson
    sentences: NotRequired[list[str]]
