"""Labels in a separate CSV file, as in y_train.csv beside X_train.csv: matched by id if both have ids, else by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.readers.column_names import is_called
from snellen.data.readers.csv.lines import Lines, cells_of, opened, with_content
from snellen.data.readers.text_encoding import not_utf8
from snellen.data.streams import readable
from snellen.errors import DataError, located
from snellen.limits import MAX_LABEL_CHARACTERS, MAX_NAME_CHARACTERS

MAX_LABEL_COLUMNS = 2
"""A row number or id, and the label."""


@dataclass(frozen=True, eq=False)
class LabelTable:
    """texts: (N,) text, the label of each line. ids: the other column, None without one."""

    texts: np.ndarray
    ids: Sequence[str] | None


def labels_of(path: Path, image_ids: Sequence[str] | None, num_images: int) -> tuple[np.ndarray, str | None]:
    """(N,) text: the label of each image, and the sentence on how lines were matched. image_ids: None for images
    without an id column. Raises DataError if the ids differ from those of the images, and as `_read` does.
    """
    table = _read(path, num_images)
    if table.ids is None or table.ids == image_ids:
        return table.texts, None
    line_of = {name: line for line, name in enumerate(table.ids)}
    if image_ids is not None and {*image_ids} <= {*line_of} and len(line_of) == len(table.ids):
        return table.texts[[line_of[name] for name in image_ids]], "lines are matched with the images by id"
    if _number_the_lines(table.ids):
        return table.texts, None
    if image_ids is None:
        return table.texts, "lines belong to the images in their order; the other column is not used"
    without = [name for name in image_ids if name not in line_of]
    found = f"{len(without):,} images without a label, such as {without[0]}" if without else "an id given twice"
    hint = "Give each image one line with its id, or leave the ids out where the order of the lines is the same."
    raise DataError("the ids of labels and images differ", found=found, where=path.name, hint=hint)


def _number_the_lines(ids: Sequence[str]) -> bool:
    return any(ids == [str(start + line) for line in range(len(ids))] for start in (0, 1))


def _read(path: Path, num_images: int) -> LabelTable:
    """If there is one line more than images, the first is a header. Raises DataError for another number of lines, and
    for more columns than an index or id and the label."""
    with located(path.name), readable():
        rows = list[list[str]]()
        with opened(path) as (stream, stored_bytes):
            lines = Lines(stream)
            for number, chunk, _ in lines.chunks(stored_bytes, has_header=False):
                for offset, line in with_content(chunk, lines.form):
                    if error := not_utf8(line, f"line {number + offset}"):
                        raise error
                    cells = cells_of(line, lines.form)
                    if len(cells) > MAX_LABEL_COLUMNS or not cells[-1]:
                        found = f"{len(cells)} columns" if cells[-1] else "no label"
                        where = f"line {number + offset}"
                        raise DataError("not a table of labels", found=found, expected="a label a line", where=where)
                    rows.append(cells)
                if len(rows) > num_images + 1:
                    break
        if len(rows) not in (num_images, num_images + 1):
            found = f"{num_images:,} images, and {'more' if len(rows) > num_images else f'{len(rows):,}'} labels"
            raise DataError("different numbers of images and labels", found=found, expected="one label an image")
        header = rows.pop(0) if len(rows) > num_images else []
        usual = [place for place, name in enumerate(header) if is_called("label", name)]
        place = usual[0] if len(usual) == 1 else -1
        texts = [row[place if place < len(row) else -1] for row in rows]
        ids = [row[1 - place % 2] for row in rows] if all(len(row) == MAX_LABEL_COLUMNS for row in rows) else None
        longest = max(map(len, texts), default=0)
        if longest > MAX_NAME_CHARACTERS or longest * len(texts) > MAX_LABEL_CHARACTERS:
            raise DataError("a label too long", found=f"{longest:,} characters", hint="Give the classes shorter names.")
        return LabelTable(np.array(texts, str), ids)
