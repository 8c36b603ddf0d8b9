"""Protects what only a browser shows of unit dossiers: they open, turn and filter, on desks and phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_driver import Browser, browser
from needs import needs
from unit_cases import bars, subject

from snellen.explain.analyses import PlannedAnalysis
from snellen.explain.units.analysis import make as units
from snellen.report.pages.page_inputs import PageInputs
from snellen.report.pages.units import units_page
from snellen.study.analyses import Units

pytestmark = needs("browser")


def written(path: Path, width: int) -> Path:
    images, labels = bars(120)
    one = subject(["flatten", {"dense": {"units": width, "activation": "tanh"}}], images, labels, 80)  # none is dead
    content: Any = {"study": "small", "snellen": "0", "data": {"classes": list(one.classes)}}
    path.write_text(
        units_page(PageInputs(PlannedAnalysis("units", Units(), "net"), units(one, Units()), content)), encoding="utf-8"
    )
    return path


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def many(window: Browser, tmp_path: Path) -> Browser:
    window.size(1280, 900)
    window.show(written(tmp_path / "units.html", 9))
    return window


def test_a_row_opens_its_dossier_and_arrows_turn_to_the_next(many: Browser) -> None:
    many.run("document.querySelector('tr[data-unit=\"3\"] td').click()")
    many.wait("return document.querySelector('dialog').open")
    assert many.run("return document.querySelector('dialog h3').textContent") == "Unit 3"
    assert many.run("return document.querySelectorAll('dialog svg .box').length") == 6
    assert many.run("return document.querySelectorAll('dialog .gallery .picture').length") == 24
    many.run("document.querySelector('[data-turn=\"1\"]').click()")
    many.wait("return document.querySelector('dialog h3').textContent === 'Unit 4'")
    many.run("document.querySelector('[data-close]').click()")
    many.wait("return !document.querySelector('dialog').open")
    many.run("document.querySelector('tr[data-unit=\"3\"] td').click()")
    many.wait("return document.querySelector('dialog').open")
    assert many.console() == []


def test_what_a_dossier_measures_its_tiles_by_is_not_seen(many: Browser) -> None:
    many.run("document.querySelector('tr[data-unit] td').click()")
    many.wait("return document.querySelector('dialog').open")
    widths = many.run("return [...document.querySelectorAll('body > .picture')].map(one => one.offsetWidth)")
    assert widths and not any(widths)


def test_filters_leave_the_rows_that_fit(many: Browser) -> None:
    choose = "const one = document.getElementById('by-class'); one.value = '0'; one.dispatchEvent(new Event('change'))"
    many.run(choose)
    shown = "return [...document.querySelectorAll('table.units tbody tr')].filter(row => !row.hidden)"
    fitting = many.run(f"{shown}.map(row => row.dataset.classes)")
    assert all("0" in classes.split() for classes in fitting)
    every = many.run("return [...document.querySelectorAll('table.units tbody tr')].map(row => row.dataset.classes)")
    assert len(fitting) == sum("0" in classes.split() for classes in every)
    assert many.run("return document.getElementById('shown').textContent") == f"{len(fitting)} of 9 units"


def test_a_phone_scrolls_tables_but_never_the_page(many: Browser) -> None:
    many.size(390, 844, dark=True)
    many.run("location.hash = '#unit-2'")
    many.wait("return document.querySelector('dialog').open")
    places = "['html', 'dialog'].map(one => document.querySelector(one))"
    wide = f"return {places}.map(one => one.scrollWidth - one.clientWidth)"
    assert many.run(wide) == [0, 0]


def test_two_units_are_scattered_and_a_class_can_stand_alone(window: Browser, tmp_path: Path) -> None:
    window.size(1280, 900)
    window.show(written(tmp_path / "two.html", 2))
    inked = (
        "const one = document.querySelector('canvas[data-by=true]');"
        "const data = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;"
        "let ink = 0; for (let at = 3; at < data.length; at += 4) ink += data[at]; return ink"
    )
    before = window.run(inked)
    window.run("document.querySelector('.legend button').click()")
    assert 0 < window.run(inked) < 0.7 * before
    assert window.run("return document.querySelectorAll('#opened .dossier').length") == 2
    assert not [
        message for message in window.console() if "willReadFrequently" not in message
    ]  # of this test's reading
