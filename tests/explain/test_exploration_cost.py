"""Protects the price of the exploration: its work is that which the exploration does, and `check` adds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from runs import small_study

from snellen.data.inspect import class_images, class_spread, pixel_statistics, pixel_table
from snellen.data.readers.arrays import from_arrays
from snellen.data.slices import image_slices
from snellen.explain import exploration_cost
from snellen.explain.exploration import make_exploration
from snellen.explain.exploration_cost import exploration_work
from snellen.run import Settings
from snellen.run.check import check_study
from snellen.tables import plan_sentences

READERS = {"table": pixel_table, "statistics": pixel_statistics, "classes": class_images, "spread": class_spread}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Values of images that each module has read in slices, and of floats that are sorted."""
    found = Counter[str]()

    def counting(name: str) -> Any:
        def slices(images: np.ndarray, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
            for part, some in image_slices(images, rows):
                found[name] += some.size
                yield part, some

        return slices

    for name, module in READERS.items():
        monkeypatch.setattr(module, "image_slices", counting(name))
    of_values = pixel_table._of_values

    def sorting(values_NP: np.ndarray) -> dict[str, np.ndarray]:
        found["sorted"] += values_NP.size
        return of_values(values_NP)

    monkeypatch.setattr(pixel_table, "_of_values", sorting)
    return found


@pytest.mark.parametrize("most", [10**9, 60_000])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(8, 8, 1), (40, 36, 3)])
def test_work_is_what_the_exploration_reads(
    shape: tuple[int, int, int], dtype: type, most: int, read: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_table, "MAX_VALUES", {True: most, False: most})
    random = np.random.default_rng(0)
    images: np.ndarray = (random.integers(0, 255, (300, *shape)) + (0.5 if dtype == np.float32 else 0)).astype(dtype)
    dataset = from_arrays(images, random.integers(0, 4, 300))
    assert dataset.images.dtype == dtype
    rows = {"train": np.arange(200), "validation": np.arange(200, 300), "calibration": np.arange(0)}
    work = exploration_work(dataset, rows)
    result = make_exploration(dataset, {role: own for role, own in rows.items() if len(own)})
    # floats are sorted for each pixel and once more for all together
    assert work.table_values == (read["table"] if work.bytes else read["sorted"] / 2)
    assert work.read_values + work.block_values == read["statistics"] + read["classes"] + read["spread"]
    assert work.cells == result.arrays["correlation"].size
    assert work.products == min(200, most // int(np.prod(shape))) * work.cells


def test_more_images_and_larger_ones_take_longer() -> None:
    def seconds(count: int, side: int) -> float:
        images = np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)
        return exploration_work(from_arrays(images, np.arange(count) % 2), {"train": np.arange(count)}).seconds

    assert seconds(10, 8) < 0.2 < seconds(2_000, 28) < seconds(20_000, 28)


def test_check_names_and_adds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exploration_cost, "START_SECONDS", 36_000.0)
    checked = check_study(small_study().file, Settings(None, "cpu", 1, None))
    assert checked["seconds"] > checked["exploration_seconds"] > 36_000
    assert "Analyses: exploration of the data 10 h" in " ".join(plan_sentences(checked))
