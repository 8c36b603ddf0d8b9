"""Protects the map that only a browser can show: pointing, zooming, filtering, selecting, by mouse, keys and touch."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_driver import Browser, browser
from map_cases import map_leaf, write_page
from needs import needs
from PIL import Image

from snellen.report.pages.maps import map_page

pytestmark = needs("browser")

READY = "const one = document.querySelector('.atlas').dataset; return one.ready === 'yes' && one.thumbnails > 0"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("page") / "maps.html", map_page(map_leaf()))


@pytest.fixture
def opened(window: Browser, page: Path) -> Browser:
    """The page at desktop width, freshly opened, the canvas in view."""
    window.size(1280, 1000)
    show(window, page)
    return window


def show(window: Browser, page: Path) -> None:
    """Opens a page of maps and scrolls to the canvas."""
    window.show(page)
    window.wait(READY)
    window.run("document.querySelector('.plate').scrollIntoView({block: 'center', behavior: 'instant'})")


def box(opened: Browser) -> tuple[float, float, float, float]:
    """left, top, width and height of the canvas on the screen."""
    found = "const one = document.querySelector('canvas').getBoundingClientRect(); "
    return tuple(opened.run(found + "return [one.left, one.top, one.width, one.height]"))


def state(opened: Browser) -> dict[str, float]:
    """What the map says of itself, once it is drawn again: zoom, shown, thumbnails, selected."""
    frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(0)))"
    opened.command("POST", "/execute/async", {"script": frames, "args": []})
    found = opened.run("return {...document.querySelector('.atlas').dataset}")
    return {name: float(value or 0) for name, value in found.items() if name != "ready"}


def mouse(opened: Browser, kind: str, x: float, y: float, **more: Any) -> None:
    """A true event of the mouse at a place on the canvas."""
    left, top, _, _ = box(opened)
    opened.devtools("Input.dispatchMouseEvent", type=kind, x=left + x, y=top + y, **more)


def drag(opened: Browser, places: list[tuple[float, float]], **more: Any) -> None:
    """The mouse pressed at the first place and moved to the others."""
    mouse(opened, "mousePressed", *places[0], button="left", clickCount=1, **more)
    for place in places[1:]:
        mouse(opened, "mouseMoved", *place, button="left", buttons=1, **more)
    mouse(opened, "mouseReleased", *places[-1], button="left", clickCount=1, **more)


def key(opened: Browser, name: str) -> None:
    """A key pressed while the canvas has the focus."""
    script = f"new KeyboardEvent('keydown', {{key: '{name}', bubbles: true, cancelable: true}})"
    opened.run(f"const one = document.querySelector('canvas'); one.focus(); one.dispatchEvent({script})")


def pixels(opened: Browser) -> np.ndarray:
    """(H, W, 3) of the canvas on the screen."""
    left, top, width, height = (round(each) for each in box(opened))
    screen = np.asarray(Image.open(io.BytesIO(opened.picture())).convert("RGB"))
    return screen[top : top + height, left : left + width]


def count_of(image: np.ndarray, code: str) -> int:
    """How many pixels have exactly this colour."""
    return int((image == [int(code[at : at + 2], 16) for at in (1, 3, 5)]).all(-1).sum())


def click(opened: Browser, selector: str) -> None:
    opened.run(f'document.querySelector("{selector}").click()')


def places_on_screen(opened: Browser, of: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """x and y of all points of a whole map, computed here from what the page embeds."""
    script = "const one = JSON.parse(document.getElementById('atlas').textContent); "
    decode = "text => [...new Uint16Array(Uint8Array.from(atob(text), byte => byte.charCodeAt(0)).buffer)]"
    x, y = np.array(opened.run(script + f"return one.maps[{of}].places.slice(0, 2).map({decode})"), float)
    _, _, width, height = box(opened)
    scale = 0.92 * min(width / np.ptp(x), height / np.ptp(y))
    return (x - (x.min() + x.max()) / 2) * scale + width / 2, ((y.min() + y.max()) / 2 - y) * scale + height / 2


def test_all_points_are_drawn_without_a_complaint(opened: Browser) -> None:
    assert opened.console() == []
    assert state(opened)["shown"] == 1_000
    click(opened, "[name=pictures]")
    state(opened)
    image, (x, y) = pixels(opened), places_on_screen(opened)
    paper = np.array([252, 251, 248])
    drawn = [(image[round(b) - 1 : round(b) + 2, round(a) - 1 : round(a) + 2] != paper).any() for a, b in zip(x, y)]
    assert np.mean(drawn) == 1


def test_pointing_at_an_image_shows_it_with_what_was_said_of_it(opened: Browser) -> None:
    x, y = places_on_screen(opened)
    mouse(opened, "mouseMoved", x[0], y[0])  # the first image is always drawn
    card = "document.querySelector('.card')"
    texts = opened.run(f"return [...{card}.querySelectorAll('p > *')].map(one => one.textContent)")
    row = map_leaf().result.tables["points"].row(int(texts[2][4:]) - 7, named=True)
    assert texts == [
        row["label"],
        f"answered {row['predicted']}, {100 * row['probability']:.1f} %",
        f"row {row['row']}",
        row["id"],
    ]
    style = (
        f"const one = getComputedStyle({card}.querySelector('.picture')); return [one.width, one.backgroundPosition]"
    )
    assert opened.run(style) == ["96px", "0px 0px"]
    mouse(opened, "mouseMoved", 2, 2)
    assert opened.run(f"return {card}.hidden")


def test_the_wheel_zooms_and_what_is_under_the_pointer_stays(opened: Browser) -> None:
    x, y = places_on_screen(opened)
    before = state(opened)
    for _ in range(4):
        mouse(opened, "mouseWheel", x[0], y[0], deltaX=0, deltaY=-200)
    opened.wait("return document.querySelector('.atlas').dataset.zoom > 6")
    after = state(opened)
    assert after["zoom"] == pytest.approx(2 ** (800 / 300))
    assert after["thumbnails"] != before["thumbnails"]
    mouse(opened, "mouseMoved", x[0] + 1, y[0] + 1)
    tile = "document.querySelector('.card .picture').style.getPropertyValue('--x')"
    assert opened.run(f"return {tile}") == "0"
    click(opened, "[data-do=whole]")
    assert state(opened)["zoom"] == 1


def test_dragging_moves_the_map_with_the_pointer(opened: Browser) -> None:
    x, y = places_on_screen(opened)
    drag(opened, [(300, 300), (360, 340), (390, 270)])
    state(opened)
    mouse(opened, "mouseMoved", x[0] + 90, y[0] - 30)
    assert opened.run("return document.querySelector('.card .picture').style.getPropertyValue('--x')") == "0"


def test_the_legend_hides_a_class_and_the_box_all_but_mistakes(opened: Browser) -> None:
    click(opened, "[name=pictures]")
    state(opened)
    blue, gold = "#186ce8", "#dfac0d"
    before = pixels(opened)
    assert min(count_of(before, blue), count_of(before, gold)) > 50
    click(opened, ".legend button")
    hidden, after = state(opened)["shown"], pixels(opened)
    labels = map_leaf().result.tables["points"]["label"].to_list()
    assert hidden == 1_000 - labels.count("0")
    assert count_of(after, blue) == 0 < count_of(after, gold)
    assert opened.run("return document.querySelector('.legend button').ariaPressed") == "false"
    click(opened, ".legend button:nth-last-of-type(2)")  # all
    click(opened, "[name=wrong]")
    assert state(opened)["shown"] == 100


def test_a_drawn_region_selects_its_images_and_lists_them_by_class(opened: Browser) -> None:
    x, y = places_on_screen(opened)
    click(opened, "[data-do=lasso]")
    inside = (np.abs(x - x[0]) + np.abs(y - y[0])) < 100  # a square on its corner
    drag(opened, [(x[0] + right, y[0] + down) for right, down in ((100, 0), (0, 100), (-100, 0), (0, -100))])
    assert state(opened)["selected"] == inside.sum() > 10
    selected = "document.querySelector('.selected')"
    assert opened.run(f"return {selected}.querySelector('h3').textContent") == f"{inside.sum()} images selected"
    rows = opened.run(f"return [...{selected}.querySelectorAll('tbody tr')].map(one => one.textContent)")
    assert len(rows) >= 1
    counts = opened.run(f"return [...{selected}.querySelectorAll('tbody tr')].map(one => +one.cells[1].textContent)")
    assert sum(counts) == inside.sum() and counts == sorted(counts, reverse=True)
    tiles = opened.run(f"return {selected}.querySelectorAll('.picture').length")
    assert tiles == inside[:500].sum()
    click(opened, "[data-do=clear]")
    assert state(opened)["selected"] == 0
    assert opened.run(f"return {selected}.children.length") == 0


def test_keys_move_zoom_select_and_clear(opened: Browser) -> None:
    for _ in range(6):
        key(opened, "+")
    assert state(opened)["zoom"] == pytest.approx(1.5**6)
    key(opened, "Enter")
    in_view = state(opened)["selected"]
    assert 0 < in_view < 1_000
    key(opened, "ArrowLeft")
    key(opened, "Escape")
    assert state(opened)["selected"] == 0
    key(opened, "0")
    key(opened, "Enter")
    assert (state(opened)["selected"], state(opened)["zoom"]) == (1_000, 1)


def test_images_do_not_cover_each_other_and_more_come_with_more_room(opened: Browser) -> None:
    """The first of the sheet are taken where they do not touch those before: 20 pixels wide with 6 between them."""
    taken: list[tuple[float, float]] = []
    for a, b in [*zip(*places_on_screen(opened))][:500]:
        if all(abs(a - c) >= 26 or abs(b - d) >= 26 for c, d in taken):
            taken.append((a, b))
    assert state(opened)["thumbnails"] == pytest.approx(len(taken), abs=2)  # rounding at the edges
    assert len(taken) < 400
    _, _, width, height = box(opened)
    key(opened, "+")
    there = [abs(a - width / 2) < width / 3 and abs(b - height / 2) < height / 3 for a, b in taken]
    assert state(opened)["thumbnails"] > sum(there) > 10


def test_another_map_and_other_components_are_drawn(opened: Browser) -> None:
    first = pixels(opened)
    click(opened, "[name=map][value='1']")
    state(opened)
    assert not opened.run("return document.querySelector('.plane').hidden")
    second = pixels(opened)
    click(opened, "[name=plane][value='2']")
    state(opened)
    assert "component 2 (20.0" in opened.run("return document.querySelector('.axes-names').textContent")
    assert (first != second).any() and (second != pixels(opened)).any()
    click(opened, "[name=map][value='2']")
    state(opened)
    assert opened.run("return document.querySelector('.plane').hidden")
    assert "pixel 1, 2" in opened.run("return document.querySelector('.axes-names').textContent")


def test_a_phone_scrolls_down_only_and_has_the_map_at_its_width_in_dark_colours(opened: Browser, page: Path) -> None:
    opened.size(390, 844, dark=True)
    show(opened, page)
    assert opened.run("return document.documentElement.scrollWidth") == 390
    _, _, width, height = box(opened)
    assert 340 < width < 390 and height > 350
    click(opened, "[name=pictures]")
    state(opened)
    assert count_of(pixels(opened), "#57acfa") > 20
    left, top, _, _ = box(opened)
    for kind, apart in (("touchStart", 20), ("touchMove", 80)):
        touch = [{"x": left + 150 + way, "y": top + 200 + way, "id": way} for way in (0, apart)]
        touch[1]["id"] = 1
        opened.devtools("Input.dispatchTouchEvent", type=kind, touchPoints=touch)
    opened.devtools("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    assert state(opened)["zoom"] == pytest.approx(4, rel=0.05)


def test_hostile_names_stay_text(window: Browser, tmp_path: Path) -> None:
    attack = "</script><img src=x onerror=pwned=1><script>pwned=1</script>"
    html = map_page(map_leaf(classes=tuple(f"{attack}{n}" for n in range(10)), identity=attack))
    show(window, write_page(tmp_path / "hostile.html", html))
    click(window, "[data-do=view]")
    mouse(window, "mouseMoved", *(each[0] for each in places_on_screen(window)))
    assert window.run("return [typeof pwned, document.querySelectorAll('img').length]") == ["undefined", 0]
    assert window.console() == []
