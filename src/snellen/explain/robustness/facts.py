"""The types of the facts of the analysis `robustness`: made here, stored in result.json, read by its page."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class LimitsJson(TypedDict):
    """A mean over n images with its 95 % interval; limits are None if nothing varied."""

    value: float
    low: float | None
    high: float | None
    n: int


class CorruptionJson(TypedDict):
    """sizes: those of severity 1, 2 and 3, in words."""

    name: str
    sizes: list[str]


class DropJson(TypedDict):
    """The accuracy that a model loses under one corruption. drop: the mean over its severities. beyond: how much more
    than under the other corruptions, its limits corrected for all corruptions and models of the analysis. brittle:
    whether the whole interval is above MARGIN. trained_with: the augmentations of the model that make the same kind of
    change."""

    name: str
    drop: LimitsJson
    beyond: LimitsJson
    brittle: bool
    trained_with: list[str]


class ShareJson(TypedDict):
    """A share or an area with its 95 % interval; None where it is undefined."""

    value: float
    low: float | None
    high: float | None


class UnfamiliarJson(TypedDict):
    """Images of one kind, `known` for images of the data. confidence: the mean top probability. sure: the share whose
    top probability is at least 0.9. unlike: the share that the bundle's measure calls unlike the training images. area,
    area_unlike: the area under the ROC curve of known images against these, by top probability and by the measure."""

    kind: str
    images: int
    confidence: float
    sure: ShareJson
    unlike: ShareJson | None
    area: ShareJson | None
    area_unlike: ShareJson | None


class RobustModelJson(TypedDict):
    """job: the network. role, of: the role of the images that it was tried on, and how many images the role has. clean:
    the accuracy without a corruption. mean: the mean accuracy over all cells. drop: the mean loss over the cells.
    unfamiliar: empty if the study does not ask for it."""

    model: str
    job: str
    role: str
    of: int
    clean: LimitsJson
    mean: float
    drop: LimitsJson
    corruptions: list[DropJson]
    temperature: float | None
    thresholds: list[str]
    unfamiliar: list[UnfamiliarJson]


class PairJson(TypedDict):
    """difference: the mean drop of model `a` minus that of `b`, on the same images."""

    a: str
    b: str
    role: str
    difference: LimitsJson


class ImageJson(TypedDict):
    """corruption, severity: None and 0 for the unchanged image. images: places in the arrays."""

    corruption: str | None
    severity: int
    pictures: list[int]


class UnfamiliarKindJson(TypedDict):
    """images: places in the arrays."""

    kind: str
    meaning: str
    pictures: list[int]


class OtherDataJson(TypedDict):
    """Another data set whose images were tried. tried: number of tried images, of `images`, chosen by content. known:
    images left out because they are images of the study too. same_names: classes with the name of a class of the study.
    conversions: how the images were converted, in sentences."""

    name: str
    fingerprint: str
    images: int
    tried: int
    known: int
    same_names: list[str]
    conversions: list[str]


class RobustnessFacts(TypedDict):
    """unfamiliar: what each kind of unfamiliar images is. other_data: None if the study names none. stratified: by
    role, whether the bootstrap draws within each class. versions: versions of the libraries that determine the bytes of
    the images."""

    sentences: list[str]
    ladder: list[CorruptionJson]
    severities: int
    most: int
    models: list[RobustModelJson]
    pairs: list[PairJson]
    pictures: list[ImageJson]
    unfamiliar: list[UnfamiliarKindJson]
    other_data: NotRequired[OtherDataJson | None]
    stratified: NotRequired[dict[str, bool]]
    versions: dict[str, str]
    margin: float
