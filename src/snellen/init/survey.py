"""Finds the options that read a data set without a description, and the sizes of its image files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.grey import all_grey
from snellen.data.inspect.image_headers import MAX_FILES, ImageHeader, header_counts, sample_headers
from snellen.data.inspect.near_duplicates import NearDuplicates, near_duplicates_if_quick
from snellen.data.inspect.polarity import polarity_of
from snellen.data.load import find, read
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.readers.registry import READERS, holds_image_files
from snellen.data.resizing import Resizing
from snellen.errors import DataError, ImageSizes, MixedTransparency, OutsideFolder
from snellen.init.division import classes_to_keep
from snellen.init.mirror import reason_against_mirror
from snellen.init.pretrained import STORED_SIDE, fits_pretrained

PROVISIONAL = Resizing(step="resize", height=1, width=1)
"""Reads images of several sizes before their size is chosen; it is never proposed."""

SIDE_STEP, MAX_PROPOSED_SIDE, MAX_UNCHANGED_SIDE = 8, 64, 128
"""Proposed sides are multiples of 8, which can be halved three times, up to 64, which takes minutes of training on a
laptop (up to STORED_SIDE for a pretrained network). Images that all have the same size keep it up to 128, the largest
that Snellen is made for."""

SIMILAR_SIDES, DARK = 1.25, 0.1
"""Sides that differ by at most a quarter are not stretched: images with nearly black borders are padded with black,
and others are cropped to the centre."""

MOST_CROPPED = 2.0
"""Photographs whose longer side is typically more than SIMILAR_SIDES and up to MOST_CROPPED times the shorter one are
cropped to a square, as networks for ImageNet are tested: 82 % instead of 76 % of 120 cats and dogs (CIFAR-10, enlarged,
in the middle of images of 3:4 to 16:9, whose rest was filled), padded to a square 72 %. Longer ones, and characters,
would lose too much: they are squeezed, and `init` says so."""


@dataclass(frozen=True, eq=False)
class Survey:
    """dataset: the data read with `options`. sizes: each size of the files ("height × width") with its frequency, if
    images are resized. near: None if there are too many images to compare. omitted: a sentence on the classes that have
    too few images for a study, if `options` leaves some out. proportions: a sentence on the effect of the new size on
    images that are far from square, or None."""

    dataset: Dataset
    options: Options
    sizes: tuple[tuple[str, int], ...]
    near: NearDuplicates | None
    omitted: str | None = None
    proportions: str | None = None


def survey(
    source: str, data_folder: Path | None = None, given: Options = DEFAULT_OPTIONS, has_pretrained: bool = False
) -> Survey:
    """Reads `source` with the options that it needs in addition to those `given`, without classes that are too small
    for a study. has_pretrained: whether the weights of a pretrained network, which profits from larger images, are on
    this machine. Raises DataError if no option helps, StudyError if all classes but one are too small."""
    options, sizes, place = given, list[tuple[str, int]](), find(source, data_folder)
    proportions = None
    of_files = place is not None and (
        READERS[given.kind].of_image_files if given.kind in READERS else holds_image_files(place)
    )
    while True:
        try:
            dataset = read(source, options, data_folder)
        except DataError as error:
            options = _with_remedy(error, options, of_files)
            continue
        if options.resizing != PROVISIONAL and max(dataset.shape[:2]) <= MAX_UNCHANGED_SIDE:
            break
        headers = sample_headers(dataset, place) if place else []
        sizes = header_counts(headers)["sizes"] or [(f"{dataset.shape[0]} × {dataset.shape[1]}", len(dataset))]
        read_resized = partial(_read_with, source, data_folder, options)
        most = STORED_SIDE if has_pretrained and fits_pretrained(dataset) else MAX_PROPOSED_SIDE
        by_headers = _resizing_for(headers, read_resized, most) if headers else None
        resizing = by_headers or _square(min(dataset.shape[:2]), most)
        ratio = _typical_ratio(headers or [dataset.shape[:2]])
        if resizing.step == "resize" and ratio > SIMILAR_SIDES:
            is_cropped = ratio <= MOST_CROPPED and reason_against_mirror(dataset) is None
            resizing = resizing.model_copy(update={"step": "resize_crop" if is_cropped else "resize"})
            proportions = _what_is_lost(ratio, is_cropped)
        options = replace(options, resizing=resizing)
    omitted = None
    if kept := classes_to_keep(dataset):
        options, omitted = replace(options, classes=kept[0]), kept[1]
        dataset = read(source, options, data_folder)
    if dataset.shape[2] == 3 and all_grey(dataset.images):
        options = replace(options, grey=True)
        dataset = read(source, options, data_folder)
    return Survey(dataset, options, tuple(sizes), near_duplicates_if_quick(dataset), omitted, proportions)


def _with_remedy(error: DataError, options: Options, of_files: bool) -> Options:
    """The options with an additional one that may help. Raises the error again if there is none. of_files: whether each
    row is a file."""
    match error:
        case ImageSizes():
            better = replace(options, resizing=PROVISIONAL)
        case OutsideFolder():
            better = replace(options, links="follow")
        case MixedTransparency():
            better = replace(options, background="white")
        case _:
            better = replace(options, on_bad_image="exclude") if of_files else options
    if better == options:
        raise error
    return better


def _read_with(source: str, data_folder: Path | None, options: Options, resizing: Resizing) -> Dataset:
    return read(source, replace(options, resizing=resizing), data_folder)


def _resizing_for(headers: list[ImageHeader], read_resized: Callable[[Resizing], Dataset], most_side: int) -> Resizing:
    """The common size for images with these headers, of which there is at least one. read_resized: reads the data set
    with a size."""
    sides = np.array([(each.height, each.width) for each in headers])
    least, most = sides.min(axis=0), sides.max(axis=0)
    same = (least == most).all() or len(headers) == MAX_FILES  # other files may have more sizes
    if same or (most > SIMILAR_SIDES * least).any() or most.max() > most_side:
        return _square(float(np.median(sides)), most_side)
    cropped = Resizing(step="crop", height=int(least[0]), width=int(least[1]))
    dataset = read_resized(cropped.model_copy(update={"step": "resize"}))  # keeps the border of each image
    low, high = dataset.pixel_range
    border = polarity_of((dataset.images.mean(axis=0) - low) / (high - low)).border
    return Resizing(step="pad", height=int(most[0]), width=int(most[1])) if border < DARK else cropped


def _typical_ratio(images: Sequence[ImageHeader | tuple[int, int]]) -> float:
    """The median of the longer side over the shorter one. images: with their (height, width)."""
    sides = [(each.height, each.width) if isinstance(each, ImageHeader) else each for each in images]
    return float(np.median([max(size) / min(size) for size in sides]))


def _what_is_lost(ratio: float, is_cropped: bool) -> str:
    typical = f"The longer side of an image is typically {ratio:.2g} times the shorter one"
    if is_cropped:
        return (
            f"{typical}: only the square in the middle is used, so things at the edge are lost. `resize` instead of "
            "`resize_crop` keeps all of each image, squeezed."
        )
    return f"{typical}: images are squeezed to squares. `resize_crop` keeps the proportions and loses what is outside."


def _square(side: float, most_side: int) -> Resizing:
    """Resizing to the nearest proposed side."""
    size = min(max(round(side / SIDE_STEP), 1) * SIDE_STEP, most_side)
    return Resizing(step="resize", height=size, width=size)
