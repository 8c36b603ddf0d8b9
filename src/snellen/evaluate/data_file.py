"""The types of data.json: the data set, and which rows each role has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from snellen.data.splits.roles import ROLES
from snellen.errors import IdentityError
from snellen.files.stored import read_as
from snellen.limits import MAX_CLASSES, MAX_SIDE_PIXELS

OPEN = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
"""Unknown keys, which later versions add, are kept."""
Count = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PIXELS)]


@with_config(OPEN)
class Near(TypedDict):
    """The number of images that are nearly identical to another one. parted: images nearly identical, but not equal, to
    one in another role; parted_pairs: the number of such pairs."""

    pictures: Count
    groups: list[list[Count]]
    parted: Count
    parted_pairs: NotRequired[Count]
    together: bool


@with_config(OPEN)
class NearImage(TypedDict):
    """One image of a set of near-duplicates, without its class if that is a test label."""

    row: Count
    id: str
    part: str


@with_config(OPEN)
class NearSet(TypedDict):
    """Images that are almost the same."""

    images: Count
    parted: bool
    contradicting: bool
    pictures: list[NearImage]


@with_config(OPEN)
class NearSets(TypedDict):
    """The sets of near-duplicates, the first of them listed; see `near_duplicate_sets.listed`."""

    images: Count
    sets: Count
    parted: Count
    listed: list[NearSet]


@with_config(OPEN)
class ConstantImages(TypedDict):
    """Images in which every pixel has the same value. ids: those of the first of them."""

    images: Count
    ids: list[str]


@with_config(OPEN)
class DataSection(TypedDict):
    """The data set. counts: one row for each class, its name and its images by role. samples: rows to show of each
    class. means: the mean image of each class, 0..1."""

    name: str
    description: NotRequired[str]
    images: Count
    shape: tuple[Side, Side, Annotated[int, Field(ge=1, le=4)]]
    classes: Annotated[list[str], Field(min_length=2, max_length=MAX_CLASSES)]
    pixel_range: tuple[float, float]
    fingerprint: str
    counts: list[dict[str, str | Count]]
    samples: list[list[Count]]
    means: list[list[float]]
    conflicting: Count
    duplicate_pictures: Count
    near_duplicates: NotRequired[Near | None]
    near_pairs: NotRequired[NearSets | None]
    remarks: NotRequired[list[str]]
    constant: NotRequired[ConstantImages]


@with_config(OPEN)
class LeftOut(TypedDict):
    """A row without a role. twin: the row that it is identical to, what is wrong with its file, or empty."""

    id: str
    reason: str
    twin: str


@with_config(OPEN)
class RolesSection(TypedDict):
    """Which rows each role has. divided_test: the sentence on validation images that are of the official test."""

    counts: dict[str, Count]
    seed: int
    stratified: NotRequired[bool]
    official_test: NotRequired[bool]
    official_validation: NotRequired[bool]
    divided_test: NotRequired[str]
    left_out: list[LeftOut]
    left_out_total: dict[str, Count]
    rules: list[str]


@with_config(OPEN)
class ReviewedLabel(TypedDict):
    """The change of one image by a review. role: that of the image; to: its new label, None if it was excluded."""

    row: Count
    id: str
    role: str
    label: str
    to: str | None


@with_config(OPEN)
class ReviewedTest(TypedDict):
    """A review of a test image, which changes nothing. to: the label that it would get, if the review gives one."""

    row: Count
    id: str
    label: str
    review: str
    to: str | None


@with_config(OPEN)
class ReviewedList(TypedDict):
    """The reviews of listed suspects. first: whether they are the first ones of the list, without a gap. suspects:
    length of the list, None if there are several lists. wrong: number of wrong labels, including excluded images."""

    reviewed: Count
    wrong: Count
    unsure: Count
    suspects: Count | None
    first: bool


@with_config(OPEN)
class ReviewsSection(TypedDict):
    """The reviews of a study. rows: of the file. corrected, excluded: images; right, unsure, unmatched: rows of the
    file. changes, test: the first changes and test reviews, by row of the data set. test_images: number of reviewed
    images in the test. listed: None if no row is from a list of suspects."""

    file: str
    sha256: str
    rows: Count
    corrected: Count
    excluded: Count
    right: Count
    unsure: Count
    unmatched: Count
    changes: list[ReviewedLabel]
    test_images: Count
    test: list[ReviewedTest]
    listed: ReviewedList | None


@with_config(OPEN)
class DataFile(TypedDict):
    """The whole file."""

    data: DataSection
    roles: RolesSection
    reviews: NotRequired[ReviewsSection]


_KIND = TypeAdapter(DataFile)


def read_data(path: Path) -> DataFile:
    """Reads the file. Raises IdentityError if its parts do not fit together, or it is another kind of file."""
    values = read_as(_KIND, path)
    data = values["data"]
    classes, pixels = len(data["classes"]), data["shape"][0] * data["shape"][1] * data["shape"][2]
    fits_together = {
        "counts": [row.get("class") for row in data["counts"]] == data["classes"]
        and all(type(row.get(role)) is int for row in data["counts"] for role in ROLES),
        "samples": len(data["samples"]) == classes
        and all(row < data["images"] for rows in data["samples"] for row in rows),
        "means": len(data["means"]) == classes and all(len(mean) == pixels for mean in data["means"]),
        "pixel_range": data["pixel_range"][0] < data["pixel_range"][1],
        "classes": len(set(data["classes"])) == classes,
    }
    wrong = [name for name, fits in fits_together.items() if not fits]
    if wrong:
        raise IdentityError(f"`{wrong[0]}` does not fit the classes and the shape", where=f"{path}: data.{wrong[0]}")
    return values
