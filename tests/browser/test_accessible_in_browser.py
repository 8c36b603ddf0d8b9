"""Protects who reads with the keyboard, a screen reader or a phone: axe-core finds nothing on any kind of page, nothing
wide is hidden, no page is wider than the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser_driver import Browser, browser
from needs import needs

import snellen
from snellen.data.readers.arrays import from_arrays
from snellen.report.analyses import PAGES
from snellen.report.exploration import explore, render
from snellen.run.compare import compare_runs
from snellen.run.compare_page import write_page
from snellen.statistics.wilson_interval import wilson_limits

pytestmark = needs("browser")

WIDTHS = {1280: 900, 390: 844}
NAMES = [f"a long name of a class that differs at its end only, {code}" for code in range(14)]
# tanh: no unit is dead after two epochs on any processor, so that the page has a dialog to open.
DENSE = ["flatten", {"dense": {"units": 6, "activation": "tanh"}}]
KINDS: tuple[str, ...] = ("report", "units-dense", "maps-dense", "answers-dense", "errors", "data", "curves-dense")
KINDS += ("robustness", "wrong_labels")
EVERY = (*KINDS, "side_by_side", "exploration", "notebook", "compare", "evaluated")
each_kind = pytest.mark.parametrize("kind", EVERY)
each_width = pytest.mark.parametrize("width", WIDTHS)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of page, of coloured images in fourteen classes with long names, and what a notebook shows."""
    folder = tmp_path_factory.mktemp("pages")
    labels = np.arange(420) % len(NAMES)
    images = np.random.default_rng(0).integers(0, 120, (420, 14, 14, 3), dtype=np.uint8)
    images[np.arange(420), labels, :, labels % 3] += 130
    dataset = from_arrays(images, labels, class_names=NAMES)
    study = snellen.Study(
        "accessible",
        data=dataset,
        models={
            "dense": {"layers": ["flatten", {"dense": {"units": 6, "activation": "tanh"}}]},
            "linear": {"layers": "linear"},
        },
        train={"epochs": 2, "learning_rate": 3e-3, "batch_size": 32},
        seeds=2,
        open_test="all",
        split={"test": 0.3, "validation": 0.5, "calibration": 0.5},
        calibrate="temperature",
        thresholds=[{"class": NAMES[0], "recall": 0.3}, {"abstain": {"accuracy": 0.9}}],
        analyses=[
            *({one: {"models": ["dense"]}} for one in ("units", "answers")),
            {"maps": {"models": ["dense"], "methods": ["pca"]}},
            {"curves": {"models": ["dense"], "over": "width", "values": [2, 4], "seeds": 1, "epochs": 1}},
            *("errors", "data", "wrong_labels", {"robustness": {"unfamiliar": True}}),
        ],
    )
    run = study.run(out=folder / "run", device="cpu", threads=1, progress=False)
    for name, html in (("exploration", render(explore(dataset))), ("notebook", notebook(run._repr_html_()))):
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    write_page(folder / "compare.html", compare_runs([f"{run.folder}:{model}" for model in ("dense", "linear")]))
    evaluated = run.evaluate(images[:200] // 2, [*names_of(labels[:190]), *["a stranger"] * 10], dataset=dataset)
    (folder / "evaluated.html").write_text(evaluated.page(), encoding="utf-8")
    found = [run.folder / "report.html", *(run.folder / "pages").glob("*.html"), *folder.glob("*.html")]
    return {path.stem: path for path in found}


def names_of(labels: np.ndarray) -> list[str]:
    return [NAMES[label] for label in labels]


def notebook(fragment: str) -> str:
    """What a notebook shows, in a page as a notebook has it around it. It draws nothing and says so."""
    head = '<!doctype html><html lang="en" data-drawn="all"><meta charset="utf-8"><title>notebook</title>'
    return f"{head}<meta name=viewport content='width=device-width'><main><h1>Notebook</h1>{fragment}</main></html>"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def unfolded(window: Browser, page: Path, width: int) -> Browser:
    """The page at that width, all that is folded open."""
    window.size(width, WIDTHS[width])
    window.show(page)
    window.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    settled = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(0)))"
    window.command("POST", "/execute/async", {"script": settled, "args": []})
    return window


def test_every_kind_of_page_is_looked_at(pages: dict[str, Path]) -> None:
    assert set(EVERY) == set(pages)
    assert {name.split("-")[0] for name in KINDS[1:]} == set(PAGES)


@needs("axe")
@each_width
@each_kind
def test_axe_finds_nothing(window: Browser, pages: dict[str, Path], kind: str, width: int) -> None:
    assert unfolded(window, pages[kind], width).inaccessible() == []


@needs("axe")
@each_width
def test_axe_finds_nothing_in_a_dossier(window: Browser, pages: dict[str, Path], width: int) -> None:
    opened = unfolded(window, pages["units-dense"], width)
    opened.run("document.querySelector('table.units tbody a').click()")
    opened.wait("return document.querySelector('dialog').open")
    opened.run("document.querySelectorAll('dialog details').forEach((one) => (one.open = true))")
    assert opened.inaccessible() == []


@each_width
@each_kind
def test_no_page_is_wider_than_the_screen(window: Browser, pages: dict[str, Path], kind: str, width: int) -> None:
    opened = unfolded(window, pages[kind], width)
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert (opened.run(wide), opened.console()) == (0, [])


@each_width
@each_kind
def test_what_scrolls_is_reached_by_the_keyboard_and_says_so(
    window: Browser, pages: dict[str, Path], kind: str, width: int
) -> None:
    opened = unfolded(window, pages[kind], width)
    boxes = (
        "return [...document.querySelectorAll('.scroll')].filter((one) => one.clientWidth).map((one) => "
        "[one.scrollWidth > one.clientWidth + 1, one.tabIndex === 0, !!one.querySelector(':scope > .more'), "
        "one.scrollHeight > one.clientHeight + 1])"
    )
    for sideways, reached, said, down in opened.run(boxes):
        assert (reached, said) == (sideways or down, sideways)


@each_kind
def test_a_phone_hides_no_column_of_a_table_but_of_a_matrix(window: Browser, pages: dict[str, Path], kind: str) -> None:
    """Every cell lies within the screen, without scrolling sideways."""
    opened = unfolded(window, pages[kind], 390)
    outside = (
        "return [...document.querySelectorAll('table:not(.matrix) td')].filter((one) => one.offsetWidth && "
        "one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent).slice(0, 5)"
    )
    assert opened.run(outside) == []


@pytest.mark.parametrize("width", [320, 390, 700, 1000, 1280])
def test_the_test_accuracy_of_every_model_is_in_view(window: Browser, pages: dict[str, Path], width: int) -> None:
    window.size(width, 900)
    window.show(pages["report"])
    window.wait("return document.querySelector('#leaderboard .scroll').dataset.width !== undefined")
    cells = "[...document.querySelectorAll('.leaders tbody tr:not(.floor) td.test')]"
    end = "one.querySelector('i').getBoundingClientRect().right"
    ends = f"return {cells}.map((one) => [one.textContent.includes('%'), {end}])"
    found = window.run(ends)
    assert len(found) == 2 and all(shown and right <= width for shown, right in found)


def test_short_names_of_a_matrix_stay_distinct_and_the_whole_matrix_is_in_view(
    window: Browser, pages: dict[str, Path]
) -> None:
    opened = unfolded(window, pages["report"], 1280)
    table = "document.querySelector('.model[open] [data-role=test] table.matrix')"
    names = opened.run(f"return [...{table}.tHead.rows[0].cells].slice(1).map((one) => one.textContent)")
    assert len(set(names)) == len(NAMES) and max(map(len, names)) <= 20
    assert opened.run(f"const box = {table}.closest('.scroll'); return box.scrollWidth <= box.clientWidth + 1")


def test_a_threshold_can_be_tried(window: Browser, pages: dict[str, Path]) -> None:
    """The numbers are those of scores at that threshold, with Wilson's interval."""
    window.size(1280, 900)
    window.open(pages["report"])
    place = int(window.run("return document.querySelector('[data-explorer]').dataset.explorer"))
    content = json.loads((pages["report"].parent / "report.json").read_text(encoding="utf-8"))
    counts = content["models"][place]["confidence"]["counts"]
    at = next(at for at, each in enumerate(counts["thresholds"]) if each > 0.05)
    window.run(
        f"const box = document.querySelector('[data-explorer=\"{place}\"]');"
        f"box.querySelector('select').value = '0'; box.querySelector('input').value = {at};"
        "box.querySelector('input').dispatchEvent(new Event('input'))"
    )
    shown = window.run(f"return document.querySelector('[data-explorer=\"{place}\"] .numbers').textContent")
    accepted, hits = (values[at] for values in counts["classes"][0])
    assert accepted and hits
    low, high = wilson_limits(hits, accepted)
    assert f"precision {100 * hits / accepted:.1f} % ({100 * low:.1f} to {100 * high:.1f})" in shown
    assert f"recall {100 * hits / counts['support'][0]:.1f} %" in shown
    assert f"coverage {100 * accepted / counts['images']:.1f} %" in shown
