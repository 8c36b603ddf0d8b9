"""Protects what only a browser can show of the exploration page: figures, sorting, phones, nothing refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from browser_driver import Browser, browser
from needs import needs

from snellen.data.readers.arrays import from_arrays
from snellen.report.exploration import explore, render

pytestmark = needs("browser")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The page of coloured noise in twelve classes with long names."""
    images = np.random.default_rng(0).integers(0, 256, (120, 12, 16, 3), dtype=np.uint8)
    names = [f"a long name of class {code}" for code in range(12)]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render(explore(from_arrays(images, np.arange(120) % 12, class_names=names))), encoding="utf-8")
    with browser() as window:
        window.size(1280, 900)
        window.open(path)
        yield window


def test_figures_and_correlations_are_drawn_and_nothing_is_refused(opened: Browser) -> None:
    drawn = "return [...document.querySelectorAll('[data-figure]')].map(one => !!one.querySelector('svg path'))"
    assert opened.run(drawn) == [True] * 4
    size = "const one = document.querySelector('.correlation'); return [one.naturalWidth, one.naturalHeight]"
    assert opened.run(size) == [48, 48]  # 6 x 8 blocks of 2 x 2 pixels
    assert opened.console() == []


def test_the_nearest_come_first_when_sorted(opened: Browser) -> None:
    table = "document.querySelector('#alike table.sortable')"
    opened.run(f"for (const _ of [1, 2]) {table}.querySelectorAll('thead button')[4].click()")
    found = opened.run(f"return [...{table}.tBodies[0].rows].map(row => +row.cells[4].dataset.value)")
    assert found == sorted(found) and len(found) == 12


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_scrolls_down_only(opened: Browser, dark: bool) -> None:
    opened.size(360, 800, dark=dark)
    assert opened.run("return document.documentElement.scrollWidth") == 360
