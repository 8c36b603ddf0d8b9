"""How long the exploration of a run's data takes, from the number of images of each role and of values of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.inspect.pixel_statistics import COLOURS, block_side
from snellen.data.inspect.pixel_table import LEVELS, MAX_PIXELS, most_counted
from snellen.explain.exploration import CORRELATED_IMAGES, CORRELATED_PIXELS

SECONDS_A_BYTE, SECONDS_A_FLOAT = 4e-9, 6e-8
"""To count a value of the pixels, or to sort it for the quartiles."""
SECONDS_A_LEVEL = 4e-8
"""For each pixel of a role, of each value that a byte may have: quartiles are found among their counts."""
SECONDS_A_READ = 2e-9
"""Of a value in a pass that adds, or places in a histogram."""
SECONDS_A_BLOCK_VALUE, SECONDS_A_PRODUCT = 6e-9, 2.5e-11
"""Of a value that is added to a block, and of a multiplication of the correlations."""
SECONDS_A_CELL = 1.5e-6
"""Of a correlation that is drawn: nearly all of it compresses the picture."""
START_SECONDS = 0.1


@dataclass(frozen=True)
class ExplorationWork:
    """What an exploration counts. table_values: of the tables of pixels, of bytes or of floats; levels: counters of
    those tables, 0 for floats; read_values: in all passes beside; block_values: of the images whose pixels are
    correlated; products: their multiplications; cells: of the correlation matrix."""

    table_values: int
    bytes: bool
    levels: int
    read_values: int
    block_values: int
    products: int
    cells: int

    @property
    def seconds(self) -> float:
        """An estimate. Measured on two cores: digits 0.1 s, 60,000 images of 28 x 28 bytes 0.6 s and of floats 3 s,
        60,000 of 32 x 32 x 3 bytes 1.9 s; the picture of the correlations 1 to 2 s for 784 to 1,024 pixels."""
        of_a_value = SECONDS_A_BYTE if self.bytes else SECONDS_A_FLOAT
        table = self.table_values * of_a_value + self.levels * SECONDS_A_LEVEL
        correlation = self.block_values * SECONDS_A_BLOCK_VALUE + self.products * SECONDS_A_PRODUCT
        return START_SECONDS + table + self.read_values * SECONDS_A_READ + correlation + self.cells * SECONDS_A_CELL


def exploration_work(dataset: Dataset, rows: Mapping[str, np.ndarray]) -> ExplorationWork:
    """The work of `make_exploration`, of rows by role; a role without rows is not explored."""
    height, width, depth = dataset.shape
    num_values, are_bytes = height * width * depth, dataset.images.dtype == np.uint8
    limit, counts = most_counted(dataset), {role: len(own) for role, own in rows.items() if len(own)}
    counted = {role: min(count, limit) for role, count in counts.items()}
    drawn = min(counted["train"], CORRELATED_IMAGES)
    side = block_side(height, width, CORRELATED_PIXELS)
    cells = (-(-height // side) * -(-width // side) + 1) ** 2
    tables = num_values if num_values <= MAX_PIXELS else 1
    return ExplorationWork(
        table_values=num_values * sum(counted.values()),
        bytes=bool(are_bytes),
        levels=LEVELS * tables * len(counts) if are_bytes else 0,
        # histogram and the means beside the labels; the spread reads all images twice
        read_values=num_values * 2 * (counted["train"] + counts["train"]),
        block_values=height * width * min(depth, COLOURS) * drawn,
        products=drawn * cells,
        cells=cells,
    )
