"""Writes a study file for a data set: YAML that runs unchanged, with the reason of every choice in a comment."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.duplicates import conflicting_rows, duplicate_groups
from snellen.data.groups import Group
from snellen.data.pictures import is_picture
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.splits.roles import ROLES, Roles, Split, assign
from snellen.errors import DataError, StudyError
from snellen.files.inside import is_reserved

WIDTH = 110
SIZES_LISTED = 5
EXCLUDED_LISTED = 20
SIZE_REASONS = {
    "resize": "A network needs images of one size: here the median side, rounded to a multiple of 8 and at most 64, "
    "which trains in minutes. Proportions are not kept; `crop` and `pad` keep them.",
    "crop": "A network needs images of one size: these sizes are so similar that cropping all to the smallest leaves "
    "little out and stretches nothing.",
    "pad": "A network needs images of one size: their borders are black, so padding the smaller ones with black keeps "
    "all of each image, unstretched.",
}
SHARES, LARGE, SHARE_OF_LARGE = (0.2, 0.3, 0.4), 20_000, 0.1
"""Fractions tried for validation and test, until every class has a row in each: 0.1 is enough of 20,000 rows."""

IMBALANCE = 3
"""Ratio of the largest to the smallest class from which classes count as unbalanced."""

FILE_SETS = r"([^/]+)[_-][^/_-]+$"
"""Matches patient12 in photos/cat/patient12_003.png."""

SMALL_INPUT, LAST_SIDE, FILTERS = 256, 4, (16, 32, 64, 64)
"""Up to 256 values a picture, 64 hidden units are enough; convolutional networks halve the sides down to 4 pixels."""

SEEN_IMAGES, EPOCHS = 100_000, (10, 60)
"""As many epochs as show about 100,000 pictures, from 10 to 60; early stopping may end them sooner."""


@dataclass(frozen=True)
class Copies:
    """Numbers of images. exact: copies of an earlier image with the same label. contradictions: images that have two
    labels. near: almost the same as another, None when there are too many images to compare."""

    exact: int
    contradictions: int
    near: int | None


def propose(
    dataset: Dataset,
    source: str,
    *,
    options: Options = DEFAULT_OPTIONS,
    sizes: Sequence[tuple[str, int]] = (),
    near: np.ndarray | None = None,
    file: str | None = None,
) -> str:
    """The text of a study of `dataset`, which was read from `source` with `options`.

    sizes: of the files, each with how often it occurs, when `options` gave them one. near: (N,) groups of
    near-duplicates, None when there are too many pictures to compare. file: the study file, by default named after the
    data. Raises StudyError when a class has too few pictures for a split."""
    copies = _copies(dataset, near)
    split, roles = _first_possible_split(dataset, copies)
    sections = (
        _head(study_name(dataset), file or f"{study_name(dataset)}.yaml"),
        _data(dataset, source, options, sizes),
        _duplicates(copies, split),
        _group(dataset),
        _split(dataset, split, roles),
        _train(len(roles.rows["train"])),
        _models(dataset.shape),
        _analyses(),
    )
    return "\n".join(line for section in sections for line in section) + "\n"


def study_name(dataset: Dataset) -> str:
    """A valid name for a study of these pictures and for its file."""
    name = re.sub(r"[^A-Za-z0-9_+-]+", "-", dataset.name).strip("-_+")[:58] or "study"
    return f"{name}-study" if is_reserved(name) else name


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Lines of comment; unprintable characters of names are replaced, so that no name ends the comment."""
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    yield from textwrap.wrap(printable, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _head(name: str, file: str) -> Iterator[str]:
    yield from _comment("Written by `snellen init` for these data. It runs unchanged, and you can change every line:")
    yield from _comment(
        f"snellen check {file} estimates the training time, snellen run {file} trains and writes the report."
    )
    yield f"study: {_quoted(name)}"


def _data(dataset: Dataset, source: str, options: Options, sizes: Sequence[tuple[str, int]]) -> Iterator[str]:
    height, width, channels = dataset.shape
    colours = {1: "grey", 3: "colour", 4: "colour with alpha"}.get(channels, f"{channels} channels")
    low, high = dataset.pixel_range
    yield "data:"
    yield from _comment(
        f"{len(dataset):,} images of {height}x{width} pixels, {colours}, black is {low:g} and white {high:g}.", "  "
    )
    yield from _comment(_classes(dataset), "  ")
    for remark in dataset.remarks:
        yield from _comment(remark, "  ")
    yield f"  source: {_quoted(source)}"
    greatest = float(dataset.images.max())
    if low == 0 and 1 < greatest <= high / 2 and not is_picture(Path(str(dataset.ids[0]))) and not options.pixel_range:
        yield from _comment(f"No pixel is above {greatest:g}. If that value means white, use this line:", "  ")
        yield f"  # pixel_range: [0, {greatest:g}]"
    if options.links:
        yield from _comment("Files outside the folder are read, where links or the paths of a manifest lead.", "  ")
        yield f"  links: {options.links}"
    if options.resizing:
        listed = ", ".join(f"{size} ({count:,})" for size, count in sizes[:SIZES_LISTED])
        more = f" and {len(sizes) - SIZES_LISTED:,} other sizes" if len(sizes) > SIZES_LISTED else ""
        reason = SIZE_REASONS[options.resizing.step]
        yield from _comment(f"Sizes of the files, height × width (images): {listed}{more}. {reason}", "  ")
        size = options.resizing.height, options.resizing.width
        yield f"  {options.resizing.step}: {size[0] if len(set(size)) == 1 else list(size)}"
    if options.grey:
        yield from _comment("Red, green and blue are equal in every pixel: one channel is enough.", "  ")
        yield "  grey: true"
    if options.background:
        yield from _comment(
            "Some images are transparent, others have no alpha channel: transparent areas become white.", "  "
        )
        yield f"  background: {options.background}"
    if options.on_bad_image:
        yield from _comment(
            "Files that cannot be read are left out and listed in the report. At present these are:", "  "
        )
        for each in dataset.excluded[:EXCLUDED_LISTED]:
            yield from _comment(f"- {each.file}: {each.reason}", "  ")
        if len(dataset.excluded) > EXCLUDED_LISTED:
            yield from _comment(f"and {len(dataset.excluded) - EXCLUDED_LISTED:,} others.", "  ")
        yield f"  on_bad_image: {options.on_bad_image}"


def _classes(dataset: Dataset) -> str:
    """The number of classes and the range of their sizes."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    if counts.min() == counts.max():
        return f"{len(counts)} classes of {counts[0]:,} images each."
    smallest, largest = (f"{counts[k]:,} images ({dataset.classes[k]})" for k in (counts.argmin(), counts.argmax()))
    text = f"{len(counts)} classes, the smallest with {smallest}, the largest with {largest}"
    if counts.max() < IMBALANCE * counts.min():
        return f"{text}."
    share = 100 * counts.max() / counts.sum()
    return (
        f"{text}: unbalanced. Always predicting the largest class would be right for {share:.0f} % of the images; look "
        "at the recall of each class in the report."
    )


def _copies(dataset: Dataset, near: np.ndarray | None) -> Copies:
    groups = duplicate_groups(dataset.images)
    own = np.ones(len(dataset), bool) if dataset.official_test is None else ~dataset.official_test
    pairs = np.unique(np.stack([groups, dataset.labels])[:, own], axis=1).shape[1]
    contradictions = len(conflicting_rows(groups, dataset.labels))
    if near is None:
        return Copies(int(own.sum()) - pairs, contradictions, None)
    different = np.unique(np.stack([near, groups]), axis=1)[0]
    names, numbers = np.unique(different, return_counts=True)
    return Copies(int(own.sum()) - pairs, contradictions, int(np.isin(near, names[numbers > 1]).sum()))


def _duplicates(copies: Copies, split: Split) -> Iterator[str]:
    if copies.contradictions:
        yield from _comment(f"Images with more than one label: {copies.contradictions:,}. See the report.", "  ")
    if copies.exact:
        yield from _comment(
            f"Exact copies of an earlier image: {copies.exact:,}. Only the first of each is used.", "  "
        )
        yield "  drop_duplicates: exact"
    if copies.near is None:
        yield from _comment(
            "Near-duplicates were not looked for, because there are many images. To look for them, use this line:", "  "
        )
        yield "  # near_duplicates: together"
    elif copies.near:
        reason = (
            "They are kept on the same side of every split, so that no test image is almost a training image."
            if split.near_duplicates
            else "So many of one class are connected that they cannot be kept on the same side of a split."
        )
        yield from _comment(f"Images almost the same as another: {copies.near:,}. {reason}", "  ")
        yield f"  {'' if split.near_duplicates else '# '}near_duplicates: together"


def _group(dataset: Dataset) -> Iterator[str]:
    """The groups of the data, or a suggestion of groups from the names of the files."""
    if dataset.groups is not None:
        number = len(np.unique(dataset.groups))
        yield from _comment(f"The data define {number:,} groups: every split keeps each group together.", "  ")
        return
    for written, group in _possible_groups(dataset):
        names = _group_names(dataset, group)
        number = len(set(names))
        if len(dataset.classes) < number <= len(names) / 2:
            yield from _comment(
                f"The file names form {number:,} sets, for example {names[0]}. If each set belongs together (one "
                "patient, one burst of photographs), this line keeps it on the same side of every split:",
                "  ",
            )
            yield f"  # group: {written}"
            return


def _possible_groups(dataset: Dataset) -> Iterator[tuple[str, Group]]:
    depth = min(len(PurePosixPath(name).parts) for name in dataset.ids.tolist()) - 1
    if depth > 1:
        yield str(depth), Group(level=depth)
    yield f"{{pattern: {FILE_SETS!r}}}", Group(pattern=FILE_SETS)


def _group_names(dataset: Dataset, group: Group) -> list[str]:
    """The group of each picture file; empty unless every row is a picture file with a group."""
    names = dataset.ids.tolist()
    if not all(is_picture(Path(name)) for name in names):
        return []
    try:
        return [group.of_path(name) for name in names]
    except DataError:
        return []


def _first_possible_split(dataset: Dataset, copies: Copies) -> tuple[Split, Roles]:
    """The first split that gives every class training and validation rows, and its roles."""
    own = len(dataset) if dataset.official_test is None else int((~dataset.official_test).sum())
    draws = dataset.official_test is None, dataset.official_validation is None
    shares = (SHARE_OF_LARGE, *SHARES) if own >= LARGE else SHARES
    fault: StudyError | None = None
    near: tuple[Literal["together"] | None, ...] = ("together", None) if copies.near else (None,)
    for together, share in product(near, shares):
        split = Split(
            test=share if all(draws) else None,
            validation=share if draws[1] else None,
            drop_duplicates="exact" if copies.exact else None,
            near_duplicates=together,
        )
        try:
            return split, assign(dataset, split)
        except StudyError as error:
            fault = fault or error
    assert fault is not None  # there is at least one share
    raise fault


def _split(dataset: Dataset, split: Split, roles: Roles) -> Iterator[str]:
    counts = ", ".join(f"{role} {len(roles.rows[role]):,}" for role in ROLES if len(roles.rows[role]))
    drawn = {"test": split.test, "validation": split.validation}
    shares = {"test": "of all images", "validation": "of the rest"}
    reasons = [
        f"the {role} set is {drawn[role]:.0%} {share}"
        if drawn[role] is not None
        else f"the {role} set is the official one of the data"
        for role, share in shares.items()
        if len(roles.rows[role])
    ]
    if not len(roles.rows["test"]):
        reasons.append("there is no test set: the data have none. To draw one: test: 0.2")
    text = "; ".join(reasons)
    yield from _comment(f"{text[0].upper()}{text[1:]}. Stratified by class: {counts}.")
    written = "".join(f"{role}: {share}, " for role, share in drawn.items() if share is not None)
    yield f"split: {{{written}seed: {split.seed}}}"


def _train(num_rows: int) -> Iterator[str]:
    least, most = EPOCHS
    epochs = min(max(SEEN_IMAGES // num_rows, least), most)
    yield from _comment(
        f"{epochs} epochs of {num_rows:,} images; training stops when the validation loss has not improved for "
        "`patience` epochs, and the best epoch is kept."
    )
    stop = f"epochs: {epochs}, patience: {max(3, epochs // 6)}"
    yield f"train: {{optimizer: adam, learning_rate: 1e-3, batch_size: 32, {stop}}}"


def _models(shape: tuple[int, int, int]) -> Iterator[str]:
    """Three networks, the simplest first, so that the report shows whether the larger ones are needed."""
    height, width, channels = shape
    units = 64 if height * width * channels <= SMALL_INPUT else 128
    sides, blocks = min(height, width), list[int]()
    while sides >= 2 * LAST_SIDE and len(blocks) < len(FILTERS):
        blocks.append(FILTERS[len(blocks)])
        sides //= 2
    yield from _comment("Three networks, the simplest first; the output layer is added automatically.")
    yield "models:"
    yield "  linear:"
    yield "    layers: [flatten]"
    yield from _comment(f"{units} hidden units for {height * width * channels:,} values per image.", "  ")
    yield "  dense:"
    yield f"    layers: [flatten, {{dense: {{units: {units}, activation: relu}}}}]"
    small = f"{height >> len(blocks)}x{width >> len(blocks)}"
    reason = f"each pooling halves the sides, down to {small}" if blocks else "too small for pooling"
    yield from _comment(f"A convolutional network on {height}x{width} pixels: {reason}.", "  ")
    yield "  cnn:"
    yield "    layers:"
    for filters in blocks or FILTERS[:1]:
        yield f"      - conv: {{filters: {filters}, kernel: 3, padding: same, activation: relu}}"
        if blocks:
            yield "      - max_pool: 2"
    yield from ("      - flatten", "      - dropout: 0.25", "      - dense: {units: 64, activation: relu}")


def _analyses() -> Iterator[str]:
    yield from _comment(
        "What the hidden units respond to, why single images got their predictions, and what errors have in common. "
        "Also possible: `maps` draws all images on a plane, `data` looks for labels that may be wrong."
    )
    yield "analyses: [units, answers, errors]"
