"""Writes a study file for a data set: YAML that runs unchanged, with the reason of every choice in a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.decoding.decoder import is_image
from snellen.data.groups import Group
from snellen.data.inspect.near_duplicates import NearDuplicates
from snellen.data.pixel_scale import Extent, proposed_range
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.data.splits.left_out import left_out_rows
from snellen.errors import DataError
from snellen.files.inside import is_reserved
from snellen.init.comments import comment, quoted
from snellen.init.division import division, duplicate_lines, split_lines
from snellen.init.folds import fold_count, fold_lines
from snellen.init.mirror import reason_against_mirror
from snellen.init.networks import model_lines, train_lines
from snellen.init.pretrained import Pretrained, pretrained_lines
from snellen.phrases import some, yaml_list

SIZES_LISTED = 5
EXCLUDED_LISTED = 20
SIZE_REASONS = {
    "resize": "A network needs images of one size: here the median side, rounded to a multiple of 8 and at most 64 "
    "(128 for a pretrained network). Proportions are not kept; `resize_crop`, `crop` and `pad` keep them.",
    "resize_crop": "A network needs images of one size: here the shorter side gets the median side, rounded to a "
    "multiple of 8 and at most 64 (128 for a pretrained network).",
    "crop": "A network needs images of one size: these sizes are so similar that cropping all to the smallest leaves "
    "little out and stretches nothing.",
    "pad": "A network needs images of one size: their borders are black, so padding the smaller ones with black keeps "
    "all of each image, unstretched.",
}
LARGEST_SIDE_OF_UNITS = 32
"""Largest side in pixels for which `units` is proposed: for larger images it takes minutes."""

IMBALANCE = 3
"""Ratio of the largest to the smallest class from which classes count as unbalanced."""

FILE_SETS = r"([^/]+)[_-][^/_-]+$"
"""For example, it matches patient12 in photos/cat/patient12_003.png."""


@dataclass(frozen=True)
class Proposal:
    """text: that of the study file. left_out: one sentence for each reason why the study leaves out images, or parts of
    them."""

    text: str
    left_out: tuple[str, ...]

    def with_cost(self, sentence: str) -> str:
        """The text with a comment on the cost of the study after the first comment."""
        head, mark, rest = self.text.partition("\nstudy: ")
        return "\n".join([head, *comment(sentence)]) + mark + rest


def propose(
    dataset: Dataset,
    source: str,
    *,
    options: Options = DEFAULT_OPTIONS,
    sizes: Sequence[tuple[str, int]] = (),
    near: NearDuplicates | None = None,
    omitted: str | None = None,
    proportions: str | None = None,
    pretrained: Pretrained | None = None,
    file: str | None = None,
) -> Proposal:
    """A study of `dataset`, which was read from `source` with `options`.

    sizes: the sizes of the files with their frequencies, if `options` resize the images. near: None if there are too
    many images to compare. omitted: a sentence on the classes that `options` leaves out. proportions: a sentence on the
    effect of resizing on images that are far from square. pretrained: None if the data do not suit a pretrained
    network. file: the study file, by default named after the data. Raises StudyError if a class has too few images for
    a split."""
    division_made = division(dataset, near)
    against_mirror, folds = reason_against_mirror(dataset), fold_count(dataset, division_made)
    sections = (
        _head(study_name(dataset), file or f"{study_name(dataset)}.yaml"),
        _data(dataset, source, options, sizes, proportions),
        _kept_classes(options, omitted),
        duplicate_lines(division_made),
        _group(dataset),
        split_lines(dataset, division_made),
        fold_lines(dataset, division_made, folds),
        train_lines(len(division_made.roles.rows["train"]), folds, dataset.shape, against_mirror),
        model_lines(dataset.shape, against_mirror),
        pretrained_lines(pretrained),
        _analyses(max(dataset.shape[:2]), pretrained is not None and pretrained.name is not None),
    )
    text = "\n".join(line for section in sections for line in section) + "\n"
    sentences = [each.sentence for each in left_out_rows(dataset, division_made.roles)]
    return Proposal(text, (*filter(None, (proportions, omitted)), *sentences))


def study_name(dataset: Dataset) -> str:
    """A valid name for a study of these images and for its file."""
    name = re.sub(r"[^A-Za-z0-9_+-]+", "-", dataset.name).strip("-_+")[:58] or "study"
    return f"{name}-study" if is_reserved(name) else name


def _head(name: str, file: str) -> Iterator[str]:
    yield from comment("Written by `snellen init` for these data. It runs unchanged, and you can change every line:")
    yield from comment(
        f"snellen check {file} estimates the training time, snellen run {file} trains and writes the report."
    )
    yield f"study: {quoted(name)}"


def _data(
    dataset: Dataset, source: str, options: Options, sizes: Sequence[tuple[str, int]], proportions: str | None
) -> Iterator[str]:
    height, width, channels = dataset.shape
    colours = {1: "grey", 3: "colour", 4: "colour with alpha"}.get(channels, f"{channels} channels")
    low, high = dataset.pixel_range
    yield "data:"
    yield from comment(
        f"{len(dataset):,} images of {height}x{width} pixels, {colours}, black is {low:g} and white {high:g}.", "  "
    )
    yield from comment(_classes(dataset), "  ")
    for remark in dataset.remarks:
        yield from comment(remark, "  ")
    yield f"  source: {quoted(source)}"
    if options.kind:
        yield f"  kind: {quoted(options.kind)}"
    if options.keys:
        yield f"  keys: {{{', '.join(f'{use}: {quoted(name)}' for use, name in options.keys.items())}}}"
    if options.links:
        yield from comment("Files outside the folder are read, if links or the paths of a manifest lead there.", "  ")
        yield f"  links: {options.links}"
    if options.pixel_range:
        yield f"  pixel_range: [{options.pixel_range[0]:g}, {options.pixel_range[1]:g}]"
    elif proposed := proposed_range(Extent(low, float(dataset.images[..., :3].max())), dataset.pixel_range):
        yield f"  # pixel_range: {proposed}"
    if options.resizing:
        listed = some([f"{size} ({count:,})" for size, count in sizes], SIZES_LISTED, "other sizes")
        reason = SIZE_REASONS[options.resizing.step]
        yield from comment(f"Sizes of the files, height × width (images): {listed}. {reason}", "  ")
        yield from comment(proportions or "", "  ")
        size = options.resizing.height, options.resizing.width
        yield f"  {options.resizing.step}: {size[0] if len(set(size)) == 1 else list(size)}"
    if options.grey:
        yield from comment("Red, green and blue are equal in every pixel: one channel is enough.", "  ")
        yield "  grey: true"
    if options.background:
        yield from comment(
            "Some images are transparent, others have no alpha channel: transparent areas become white.", "  "
        )
        yield f"  background: {options.background}"
    if options.on_bad_image:
        yield from comment(
            "Files that cannot be read are left out and listed in the report. At present these are:", "  "
        )
        for each in dataset.excluded[:EXCLUDED_LISTED]:
            yield from comment(f"- {each.file}: {each.reason}", "  ")
        if len(dataset.excluded) > EXCLUDED_LISTED:
            yield from comment(f"and {len(dataset.excluded) - EXCLUDED_LISTED:,} others.", "  ")
        yield f"  on_bad_image: {options.on_bad_image}"


def _kept_classes(options: Options, omitted: str | None) -> Iterator[str]:
    if options.classes is not None:
        yield from comment(omitted or "", "  ")
        yield f"  classes: {yaml_list(options.classes)}"


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


def _group(dataset: Dataset) -> Iterator[str]:
    """The groups of the data, or a suggestion of groups from the names of the files."""
    if dataset.groups is not None:
        number = len(np.unique(dataset.groups))
        yield from comment(f"The data define {number:,} groups: every split keeps each group together.", "  ")
        return
    for written, group in _possible_groups(dataset):
        names = _group_names(dataset, group)
        number = len(set(names))
        if len(dataset.classes) < number <= len(names) / 2:
            yield from comment(
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
    """The group of each image file; empty unless every row is an image file with a group."""
    names = dataset.ids.tolist()
    if not all(is_image(Path(name)) for name in names):
        return []
    try:
        return [group.of_path(name) for name in names]
    except DataError:
        return []


def _analyses(side: int, has_pretrained: bool) -> Iterator[str]:
    """The lines on the analyses that take seconds, not minutes, for images of this side."""
    if has_pretrained:
        yield from comment(
            "What errors have in common. Also possible, in minutes for a pretrained network: `answers` shows why "
            "single images got their predictions, `maps` draws all images on a plane, `data` looks for labels that may "
            "be wrong."
        )
        yield "analyses: [errors]"
        return
    is_small = side <= LARGEST_SIDE_OF_UNITS
    units = "What the hidden units respond to, why" if is_small else "Why"
    also = "" if is_small else "`units` shows what hidden units respond to, "
    yield from comment(
        f"{units} single images got their predictions, and what errors have in common. Also possible: {also}`maps` "
        "draws all images on a plane, `data` looks for labels that may be wrong."
    )
    yield f"analyses: [{'units, ' if is_small else ''}answers, errors]"
