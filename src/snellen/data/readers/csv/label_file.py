"""Labels in a CSV file of their own, as in y_train.csv beside X_train.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from snellen.data.readers.csv.lines import Lines, cells_of, opened, with_content
from snellen.data.readers.csv.pixel_names import LABELS
from snellen.data.streams import readable
from snellen.errors import DataError, located
from snellen.limits import MAX_LABEL_CHARACTERS, MAX_NAME_CHARACTERS

MAX_LABEL_COLUMNS = 2
"""A row number or id, and the label."""


def read_labels(path: Path, num_pictures: int) -> np.ndarray:
    """(N,) text: the label of each picture. One line more than pictures is a header.

    Raises DataError for another number of lines, and for more columns than an index and the label.
    """
    with located(path.name), readable():
        rows = list[list[str]]()
        with opened(path) as (stream, stored_bytes):
            lines = Lines(stream)
            for number, chunk, _ in lines.chunks(stored_bytes, has_header=False):
                for offset, line in with_content(chunk, lines.form):
                    cells = cells_of(line, lines.form)
                    if len(cells) > MAX_LABEL_COLUMNS or not cells[-1]:
                        found = f"{len(cells)} columns" if cells[-1] else "no label"
                        where = f"line {number + offset}"
                        raise DataError("not a table of labels", found=found, expected="a label a line", where=where)
                    rows.append(cells)
                if len(rows) > num_pictures + 1:
                    break
        if len(rows) not in (num_pictures, num_pictures + 1):
            found = f"{num_pictures:,} pictures, and {'more' if len(rows) > num_pictures else f'{len(rows):,}'} labels"
            raise DataError("different numbers of pictures and labels", found=found, expected="one label a picture")
        header = rows.pop(0) if len(rows) > num_pictures else []
        usual = [place for place, name in enumerate(header) if name.lower() in LABELS]
        texts = [row[usual[0] if len(usual) == 1 and usual[0] < len(row) else -1] for row in rows]
        longest = max(map(len, texts), default=0)
        if longest > MAX_NAME_CHARACTERS or longest * len(texts) > MAX_LABEL_CHARACTERS:
            raise DataError("a label too long", found=f"{longest:,} characters", hint="Give the classes shorter names.")
        return np.array(texts, str)
