"""Protects the review of suspected wrong labels, from the file alone: by keys and by buttons, kept in the browser,
exported as the file that a study reads, and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_driver import Browser, browser
from needs import needs

import snellen
from snellen.data.reviews import pixel_hashes, read_reviews
from snellen.data.splits.reviewed import with_reviews
from snellen.data.splits.split_data import SplitData
from snellen.statistics.wilson_interval import wilson_limits
from snellen.study.data_settings import split_of_study

pytestmark = needs("browser")

CLASSES = ["cat", "dog", '=a "b", c']
KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Backspace": "\ue003", "Enter": "\ue007"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, snellen.Study]:
    """The page of a study with planted labels, and the study."""
    labels = np.arange(180) % 3
    images = np.random.default_rng(0).integers(0, 100, (180, 6, 6), dtype=np.uint8)
    images[np.arange(180), labels * 2] += 120
    planted = labels.copy()
    planted[:8] = (labels[:8] + 1) % 3
    study = snellen.Study(
        "reviewed",
        data=snellen.from_arrays(images, planted, class_names=CLASSES),
        models={"dense": {"layers": ["flatten", {"dense": 8}]}},
        train={"epochs": 6, "learning_rate": 0.01, "batch_size": 16},
        analyses=[{"wrong_labels": {"images": 12}}],
    )
    run = study.run(out=tmp_path_factory.mktemp("review") / "run", device="cpu", threads=1, progress=False)
    return run.folder / "pages" / "wrong_labels.html", study


@pytest.fixture(scope="module")
def opened(made: tuple[Path, snellen.Study], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser() as window:
        window.size(1280, 900)
        yield window


@pytest.fixture
def window(opened: Browser, made: tuple[Path, snellen.Study]) -> Browser:
    """The page without answers."""
    opened.open(made[0])
    opened.run("localStorage.clear()")
    opened.open(made[0])
    return opened


def press(window: Browser, *keys: str) -> None:
    """Real keys, where the focus is."""
    actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
    window.command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})


def text(window: Browser, name: str) -> str:
    return str(window.run(f"return document.getElementById('{name}').textContent"))


def suspects(window: Browser) -> list[dict[str, Any]]:
    found = json.loads(text(window, "review-data"))
    return list(found["suspects"])


def downloaded(window: Browser, folder: Path) -> Path:
    """What the button downloads."""
    window.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    window.run("document.getElementById('download').click()")
    path = folder / "reviews.csv"
    for _ in range(2_000):  # the browser writes the file; nothing tells a page when it has
        if path.exists() and path.stat().st_size:
            return path
        window.run("return 0")
    raise TimeoutError("nothing was downloaded")


def quoted(name: str) -> str:
    """A cell of a CSV file."""
    return '"' + name.replace('"', '""') + '"'


def divided(study: snellen.Study) -> SplitData:
    assert study.dataset is not None
    return split_of_study(study.file, study.dataset)


def test_keys_answer_and_the_file_is_what_a_study_reads(
    window: Browser, made: tuple[Path, snellen.Study], tmp_path: Path
) -> None:
    listed = suspects(window)
    press(window, "w", "r", "u", "x")
    assert text(window, "current").startswith("Suspect 5 of 12")
    press(window, "3" if listed[4]["label"] != CLASSES[2] else "1")
    rows = read_reviews(downloaded(window, tmp_path)).rows
    assert [each.verdict for each in rows] == ["wrong", "right", "unsure", "exclude", "wrong"]
    assert [each.image for each in rows] == [each["picture"] for each in listed[:5]]
    assert [(each.rank, each.suspects) for each in rows] == [(place, 12) for place in range(1, 6)]
    data = divided(made[1])
    after = with_reviews(data, read_reviews(tmp_path / "reviews.csv"))
    assert after.applied is not None and not after.applied.unmatched
    keys = pixel_hashes(data.dataset.images)
    for one in (listed[0], listed[4]):
        [row] = np.flatnonzero(keys == one["picture"])
        chosen = one["suggested"] if one is listed[0] else rows[4].correct_label
        assert CLASSES[after.dataset.labels[row]] == str(chosen).removeprefix("'")


def test_answers_are_kept_changed_and_removed(window: Browser, made: tuple[Path, snellen.Study]) -> None:
    press(window, "r", "x")
    window.open(made[0])
    assert text(window, "answered") == "right" and text(window, "current") == "Suspect 1 of 12"
    press(window, "w", "ArrowLeft")
    assert text(window, "answered").startswith("wrong, it is ")
    press(window, "Backspace")
    assert text(window, "answered") == "none"
    press(window, "ArrowRight", "n")
    assert text(window, "current") == "Suspect 3 of 12"
    cells = "return [...document.querySelectorAll('[data-answered]')].slice(0, 3).map((one) => one.textContent)"
    assert window.run(cells) == ["–", "exclude", "–"]


def test_another_class_is_chosen_by_the_keyboard_alone(window: Browser) -> None:
    one = suspects(window)[0]
    other = next(name for name in ("cat", "dog") if name != one["label"])
    press(window, "c", other[0])
    assert text(window, "answered") == "none"  # a selection on its way is no answer
    press(window, "Enter")
    assert text(window, "current") == "Suspect 2 of 12"
    press(window, "ArrowLeft")
    assert text(window, "answered") == f"wrong, it is {other}"


def test_buttons_do_the_same_and_single_keys_can_be_switched_off(window: Browser) -> None:
    for name in ("suggested", "right", "unsure", "exclude"):
        window.run(f"document.querySelector('[data-answer={name}]').click()")
    cells = "return [...document.querySelectorAll('[data-answered]')].slice(0, 4).map((one) => one.textContent)"
    found = window.run(cells)
    assert found[0].startswith("wrong, it is ") and found[1:] == ["right", "unsure", "exclude"]
    window.run("document.getElementById('keys').click(); document.activeElement.blur()")
    press(window, "r")
    assert text(window, "current") == "Suspect 5 of 12" and text(window, "answered") == "none"


def test_the_precision_says_its_sample_and_its_interval(window: Browser) -> None:
    assert text(window, "precision") == "Nothing reviewed yet of 12 listed."
    press(window, "w", "x", "u", "r")
    low, high = (f"{100 * end:.1f}" for end in wilson_limits(2, 4))
    assert text(window, "precision") == (
        f"Reviewed: the first 4 of 12. Wrong or excluded: 2 of 4, 50.0 % ({low} to {high}). "
        "1 unsure counts as not wrong."
    )
    press(window, "ArrowRight", "w")
    assert "5 of 12, not the first ones" in text(window, "precision")


def test_a_file_is_read_back_and_what_is_of_other_images_is_kept(window: Browser, tmp_path: Path) -> None:
    press(window, "w", "x")
    path = downloaded(window, tmp_path)
    before = path.read_text(encoding="utf-8")
    foreign = f'blake2b:{"0" * 32},"""b"", c",wrong,dog,train,x,1,5\r\n'
    path.write_text(before + foreign, encoding="utf-8", newline="")
    window.run("localStorage.clear()")
    window.run("location.reload()")
    window.wait("return document.documentElement.dataset.drawn === 'all'")
    place = window.command("POST", "/element", {"using": "css selector", "value": "#upload"})
    window.command("POST", f"/element/{next(iter(place.values()))}/value", {"text": str(path)})
    window.wait("return document.getElementById('said').textContent.includes('2 answers read, and 1 about')")
    path.unlink()
    again = downloaded(window, tmp_path).read_bytes().decode()
    assert sorted(again.splitlines()) == sorted((before + foreign).splitlines())
    assert window.console() == []


def test_an_answer_of_a_file_that_is_not_understood_is_said(window: Browser, tmp_path: Path) -> None:
    first, second = suspects(window)[:2]
    rows = [(first, "wrong", "bird"), (second, "unsure", "")]
    lines = [f"{one['picture']};{quoted(one['label'])};{review};{correct}" for one, review, correct in rows]
    path = tmp_path / "with-semicolons.csv"
    path.write_text("\n".join(["picture;label;review;correct_label", *lines]), encoding="utf-8")
    place = window.command("POST", "/element", {"using": "css selector", "value": "#upload"})
    window.command("POST", f"/element/{next(iter(place.values()))}/value", {"text": str(path)})
    window.wait("return document.getElementById('said').textContent.includes('1 answers read')")
    assert "1 not understood" in text(window, "said")


@needs("axe")
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_in_any_state(window: Browser, width: int) -> None:
    window.size(width, 900)
    assert window.inaccessible() == []
    press(window, "w", "x", "c")
    assert window.inaccessible() == [] and window.console() == []
    window.size(1280, 900)
