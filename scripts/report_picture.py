"""The image of the README: four pieces of the report of `digits`, as Chromium draws them.

    PYTHONPATH=src:tests python scripts/report_image.py docs/images/report.png

Needs chromium with chromedriver. Run it again when sentences or pages change.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from browser_driver import Browser, browser
from PIL import Image

WIDTH, COLOURS = 1280, 128
REPORT = """
document.documentElement.style.overflow = "hidden";
const [answer, leaderboard] = ["answer", "leaderboard"].map((id) => document.querySelector(`#${id} > .body`));
const matrix = document.querySelector("details[open].model table.matrix[data-cells$=test]").closest(".confusion");
const block = [matrix.previousElementSibling.previousElementSibling, matrix.previousElementSibling, matrix];
[...answer.children].slice(2).forEach((one) => one.remove());
[...leaderboard.children].slice(1).forEach((one) => one.remove());
leaderboard.append(...block);
[...document.querySelectorAll("main > :not(#answer, #leaderboard), footer")].forEach((one) => one.remove());
const mistakes = [...matrix.querySelectorAll("td.miss")];
mistakes.sort((a, b) => parseInt(b.innerText) - parseInt(a.innerText))[0].firstElementChild.click();
"""
UNITS = """
document.documentElement.style.overflow = "hidden";
const all = document.getElementById("all");
document.querySelector("header").remove();
[...document.querySelectorAll("main > :not(#all), footer")].forEach((one) => one.remove());
[...all.querySelectorAll("tbody tr")].slice(6).forEach((one) => one.remove());
"""


def drawn(window: Browser, page: Path, script: str) -> Image.Image:
    """The page after the script, as high as what is left of it."""
    window.size(WIDTH, 900)
    window.show(page)
    window.run(script)
    height = window.run("return Math.ceil(document.querySelector('main').getBoundingClientRect().bottom + scrollY)")
    window.size(WIDTH, height)
    return Image.open(io.BytesIO(window.picture())).convert("RGB")


def main() -> None:
    """The command line."""
    with tempfile.TemporaryDirectory() as folder, browser() as window:
        run = Path(folder) / "digits"
        subprocess.run([sys.executable, "-m", "snellen", "run", "digits", "--out", str(run)], check=True)
        pieces = [
            drawn(window, run / "report.html", REPORT),
            drawn(window, run / "pages" / "units-dense.html", UNITS),
        ]
    whole = Image.new("RGB", (WIDTH, sum(each.height for each in pieces)))
    top = 0
    for each in pieces:
        whole.paste(each, (0, top))
        top += each.height
    whole.quantize(COLOURS).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
