"""Protects the terminal: nothing that a stranger wrote reaches it as a control sequence or as markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from runs import blobs

import snellen
from snellen import cli, tables
from snellen.console import PlainConsole
from snellen.deploy.answers import Answers
from snellen.files import journal
from snellen.files.atomic import write_json
from snellen.files.stored import read_json
from snellen.plain import plain, plain_json, say
from snellen.progress import Terminal
from snellen.run import Settings
from snellen.run import run as run_study
from snellen.train.results import Result

HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;http://x\x07link",
    "\x9b31mred",
    "gone\rOK",
    "gone\b\b\b\bok",
    "\u202egnp.exe",
    "\u2066in\u2069",
    "next\x85line\u2028line",
    "[red]markup[/]",
    "[link=http://x]here[/link]",
    ":bomb:",
    "[/]",
)
OBEYED = {chr(code) for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F)}
OBEYED |= {chr(code) for code in (*range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)}


def obeyed(text: str) -> list[str]:
    return sorted(set(text) & OBEYED)


def test_control_characters_are_written_out_and_all_else_stays() -> None:
    assert plain("\x1b[31m\r\x9b\u202e\ud800") == r"\x1b[31m\r\x9b\u202e\ud800"
    kept = "é 日本語 עברית عربي 👩‍👧 [red] :bomb: \t\n\\x1b"
    assert plain(kept) == kept
    for name in HOSTILE:
        assert not obeyed(plain(name))


def test_json_holds_the_same_value_without_them(tmp_path: Path) -> None:
    text = json.dumps(HOSTILE, ensure_ascii=False)
    assert not obeyed(plain_json(text)) and json.loads(plain_json(text)) == list(HOSTILE)
    write_json(tmp_path / "file.json", {name: name for name in HOSTILE})
    journal.append(tmp_path / "journal.jsonl", {name: name for name in HOSTILE})
    for path in (tmp_path / "file.json", tmp_path / "journal.jsonl"):
        assert not obeyed(path.read_text(encoding="utf-8"))
    assert read_json(tmp_path / "file.json") == journal.read(tmp_path / "journal.jsonl")[0] == {n: n for n in HOSTILE}


@pytest.fixture(params=["a file", "a terminal"])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wide, so that no name is broken."""
    monkeypatch.setenv("COLUMNS", "400")
    if request.param == "a terminal":
        monkeypatch.setenv("FORCE_COLOR", "1")
    yield


def own_words(text: str) -> str:
    """What was written, without the colours and the moves of the cursor that rich itself writes."""
    import re

    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.replace("\r", ""))


def test_tables_and_lines_show_names_as_they_are(width: None, capsys: pytest.CaptureFixture[str]) -> None:
    table = tables._table("title \x1b[31m [red]", ["name", "number"], 1)
    for name in HOSTILE:
        table.add_row(name, "1")
    console = PlainConsole()
    console.print(table)
    for name in HOSTILE:
        console.print(name, style="dim", highlight=False)
        say(name)
    output = own_words(capsys.readouterr().out)
    assert not obeyed(output)
    for name in HOSTILE:
        assert output.count(plain(name)) >= 3, name
    assert r"title \x1b[31m [red]" in output


def test_a_run_of_images_with_such_names(width: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, labels = blobs(90)
    names = HOSTILE[0], HOSTILE[5], HOSTILE[8]
    dataset = snellen.from_arrays(images, labels, class_names=names, pixel_range=(0, 255), name=HOSTILE[9])
    models = {"linear": {"layers": "linear"}, "fast": {"layers": "linear", "train": {"learning_rate": 10.0}}}
    study = snellen.Study("names", data=dataset, models=models, split={"test": 20, "validation": 30}, analyses=["data"])
    with Terminal(PlainConsole()) as terminal:
        settings = Settings(tmp_path / "run", "cpu", 1)
        finished = run_study(study.document, study.file, settings, terminal, dataset)
        terminal.result(
            "[red]x[/] \x1b[5m", Result("failed", "\x1b[31m [b]why[/b]", 0, 0, 0.0, None, None, None, None, {})
        )
    tables.print_finished(finished)
    number = len(HOSTILE)
    answers = Answers(
        HOSTILE,
        HOSTILE,
        np.eye(number, dtype=np.float32),
        None,
        None,
        np.zeros(number, bool),
        np.zeros((1, 1, 1)),
        (),
        False,
    )
    tables.print_predictions(answers, answers.table(), False, None)
    output = own_words(capsys.readouterr().out)
    assert not obeyed(output)
    for shown in (HOSTILE[9], r"failed [red]x[/] \x1b[5m: \x1b[31m [b]why[/b]", *map(plain, HOSTILE)):
        assert shown in output


def test_an_error_that_repeats_such_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["snellen", "report", str(tmp_path / "\x1b[31m[red]\u202e")])
    with pytest.raises(SystemExit):
        cli.main()
    error = capsys.readouterr().err
    assert not obeyed(error) and r"\x1b[31m[red]\u202e" in error


def test_nothing_prints_around_this_boundary() -> None:
    """`print` and rich's own console are used where the boundary is made, and for JSON that holds ASCII alone."""
    import ast

    source = Path(snellen.__file__).parent
    found = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "Console"):
                found.add(path.relative_to(source).as_posix())
    assert found == {"plain.py", "data/readers/guarded_child.py"}
    assert issubclass(PlainConsole, Console)
