"""A study for a stranger's data: YAML text that runs as it is, with the reason of every choice beside it."""

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
from snellen.data.readers.picture import is_picture
from snellen.data.readers.reader import UNSAID, Options
from snellen.data.splits.roles import ROLES, Roles, Split, assign
from snellen.errors import DataError, StudyError
from snellen.files.inside import is_reserved

WIDTH = 110
SIZES_LISTED = 5
EXCLUDED_LISTED = 20
SIZE_REASONS = {
    "resize": "A network sees one size: the median side, rounded to a multiple of 8 and at most 64, which trains in "
    "minutes. Proportions are not kept; `crop` and `pad` keep them.",
    "crop": "A network sees one size: the sizes are so near each other that the middle of each, as large as the "
    "smallest, leaves little out and stretches nothing.",
    "pad": "A network sees one size: their borders are black already, so that more black around the smaller ones keeps "
    "all of them, in the middle and unstretched.",
}
SHARES, LARGE, SHARE_OF_LARGE = (0.2, 0.3, 0.4), 20_000, 0.1
"""Shares tried for validation and test, until every class has a row in each: 0.1 is plenty of 20,000 rows."""

IMBALANCE = 3
"""The largest class is so many times the smallest when it is worth a warning."""

FILE_SETS = r"([^/]+)[_-][^/_-]+$"
"""patient12 of photos/cat/patient12_003.png."""

SMALL_INPUT, LAST_SIDE, FILTERS = 256, 4, (16, 32, 64, 64)
"""Values of a picture for which 64 hidden units do; a network halves the sides down to 4 pixels."""

SEEN_IMAGES, EPOCHS = 100_000, (10, 60)
"""Epochs are as many as show about 100,000 pictures, but within these: early stopping ends them sooner."""


@dataclass(frozen=True)
class Copies:
    """exact: copies of an earlier picture with its label. contradictions: the same picture under two labels. near:
    pictures almost the same as another, None where nobody looked."""

    exact: int
    contradictions: int
    near: int | None


def propose(
    dataset: Dataset,
    source: str,
    *,
    options: Options = UNSAID,
    sizes: Sequence[tuple[str, int]] = (),
    near: np.ndarray | None = None,
    file: str | None = None,
) -> str:
    """The text of a study of `dataset`, which was read from `source` with `options`.

    sizes: those of the files and how often each occurs, where `options` gave them one. near: (N,) groups of
    near-duplicates, None where nobody looked. file: where the text goes, by default called after the data. Raises
    StudyError when a class has too few pictures to divide.
    """
    copies = _copies(dataset, near)
    split, roles = _divide(dataset, copies)
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
    """What a study of these pictures, and its file, may be called."""
    name = re.sub(r"[^A-Za-z0-9_+-]+", "-", dataset.name).strip("-_+")[:58] or "study"
    return f"{name}-study" if is_reserved(name) else name


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Lines of comment; whatever a stranger's names hold stays in them."""
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    yield from textwrap.wrap(printable, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _head(name: str, file: str) -> Iterator[str]:
    yield from _comment(
        "Written by `snellen init` after a look at the data. It runs as it is, and every line may be changed:"
    )
    yield from _comment(
        f"snellen check {file} shows what it will cost, snellen run {file} trains and writes the report."
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
    yield f"  source: {_quoted(source)}"
    greatest = float(dataset.images.max())
    if low == 0 and 1 < greatest <= high / 2 and not is_picture(Path(str(dataset.ids[0]))) and not options.pixel_range:
        yield from _comment(f"No value is above {greatest:g}. If that is white, say so:", "  ")
        yield f"  # pixel_range: [0, {greatest:g}]"
    if options.fit:
        listed = ", ".join(f"{size} ({count:,})" for size, count in sizes[:SIZES_LISTED])
        more = f" and {len(sizes) - SIZES_LISTED:,} other sizes" if len(sizes) > SIZES_LISTED else ""
        reason = SIZE_REASONS[options.fit.step]
        yield from _comment(f"The files are of height × width (images): {listed}{more}. {reason}", "  ")
        fitted = options.fit.height, options.fit.width
        yield f"  {options.fit.step}: {fitted[0] if len(set(fitted)) == 1 else list(fitted)}"
    if options.grey:
        yield from _comment("Red, green and blue are the same in every pixel: one channel says all.", "  ")
        yield "  grey: true"
    if options.background:
        yield from _comment("Some images are transparent and others cannot be: white is put under them.", "  ")
        yield f"  background: {options.background}"
    if options.on_bad_image:
        yield from _comment("Files that cannot be read are left out, and listed in the report. Now these are:", "  ")
        for each in dataset.excluded[:EXCLUDED_LISTED]:
            yield from _comment(f"- {each.file}: {each.reason}", "  ")
        if len(dataset.excluded) > EXCLUDED_LISTED:
            yield from _comment(f"and {len(dataset.excluded) - EXCLUDED_LISTED:,} others.", "  ")
        yield f"  on_bad_image: {options.on_bad_image}"


def _classes(dataset: Dataset) -> str:
    """How many classes there are, and how unequal."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    least, most = (f"{counts[k]:,} of {dataset.classes[k]}" for k in (counts.argmin(), counts.argmax()))
    text = f"{len(counts)} classes, from {least} to {most}"
    if counts.max() < IMBALANCE * counts.min():
        return f"{text}: balanced enough."
    share = 100 * counts.max() / counts.sum()
    return (
        f"{text}: unbalanced. Always saying the largest class would be right for {share:.0f} %; look at the recall of "
        "each class in the report."
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
        yield from _comment(f"{copies.contradictions:,} images stand under two labels: see the report.", "  ")
    if copies.exact:
        yield from _comment(f"{copies.exact:,} images are exact copies of an earlier one: the first is used.", "  ")
        yield "  drop_duplicates: exact"
    if copies.near is None:
        yield from _comment("Too many images to look for near-duplicates unasked:", "  ")
        yield "  # near_duplicates: together"
    elif copies.near:
        reason = (
            "these are kept on one side of every split, so that no test image was nearly seen in training."
            if split.near_duplicates
            else "too many of one class hang together to be kept on one side of every split."
        )
        yield from _comment(f"{copies.near:,} images are almost the same as another: {reason}", "  ")
        yield f"  {'' if split.near_duplicates else '# '}near_duplicates: together"


def _group(dataset: Dataset) -> Iterator[str]:
    """The groups that the data have, or those that the names of the files might mean."""
    if dataset.groups is not None:
        number = len(np.unique(dataset.groups))
        yield from _comment(f"{number:,} groups are given by the data: no split parts the images of one.", "  ")
        return
    for written, group in _possible_groups(dataset):
        names = _group_names(dataset, group)
        number = len(set(names))
        if len(dataset.classes) < number <= len(names) / 2:
            yield from _comment(
                f"The paths of the files make {number:,} sets such as {names[0]}. If those belong together (one "
                "patient, one burst of photographs), keep each on one side of every split:",
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
    """The group of each picture file; none at all unless every row is such a file and has one."""
    names = dataset.ids.tolist()
    if not all(is_picture(Path(name)) for name in names):
        return []
    try:
        return [group.of_path(name) for name in names]
    except DataError:
        return []


def _divide(dataset: Dataset, copies: Copies) -> tuple[Split, Roles]:
    """The first split that gives every class a row for training and one for validation, and what it gives."""
    own = len(dataset) if dataset.official_test is None else int((~dataset.official_test).sum())
    shares = (SHARE_OF_LARGE, *SHARES) if own >= LARGE else SHARES
    fault: StudyError | None = None
    near: tuple[Literal["together"] | None, ...] = ("together", None) if copies.near else (None,)
    for together, share in product(near, shares):
        split = Split(
            test=share if dataset.official_test is None else None,
            validation=share,
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
    reason = (
        f"The test is {split.test:.0%} of all, validation {split.validation:.0%} of the rest"
        if dataset.official_test is None
        else f"The test is the one that comes with the data; validation is {split.validation:.0%} of the rest"
    )
    yield from _comment(f"{reason}, in the proportions of the classes: {counts}.")
    test = f"test: {split.test}, " if dataset.official_test is None else ""
    yield f"split: {{{test}validation: {split.validation}, seed: {split.seed}}}"


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
    """From the simplest: what each adds over the one before is the answer to whether it is needed."""
    height, width, channels = shape
    units = 64 if height * width * channels <= SMALL_INPUT else 128
    sides, blocks = min(height, width), list[int]()
    while sides >= 2 * LAST_SIDE and len(blocks) < len(FILTERS):
        blocks.append(FILTERS[len(blocks)])
        sides //= 2
    yield from _comment("Three networks, the simplest first; the last layer, to the classes, is implied.")
    yield "models:"
    yield "  linear:"
    yield "    layers: [flatten]"
    yield from _comment(f"{units} hidden units for {height * width * channels:,} values an image.", "  ")
    yield "  dense:"
    yield f"    layers: [flatten, {{dense: {{units: {units}, activation: relu}}}}]"
    small = f"{height >> len(blocks)}x{width >> len(blocks)}"
    reason = f"each pooling halves the sides, down to {small}" if blocks else "too small to be halved"
    yield from _comment(f"Filters that see {height}x{width} pixels: {reason}.", "  ")
    yield "  cnn:"
    yield "    layers:"
    for filters in blocks or FILTERS[:1]:
        yield f"      - conv: {{filters: {filters}, kernel: 3, padding: same, activation: relu}}"
        if blocks:
            yield "      - max_pool: 2"
    yield from ("      - flatten", "      - dropout: 0.25", "      - dense: {units: 64, activation: relu}")


def _analyses() -> Iterator[str]:
    yield from _comment(
        "What the units respond to, why single images got their answers, and what the errors have in common; "
        "`maps` draws all images, `data` looks for labels that may be wrong."
    )
    yield "analyses: [units, answers, errors]"
