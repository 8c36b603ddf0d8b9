"""Protects manifests: the files they name and no others, labels, groups and roles, and where each fault is."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import image_cases as cases
import numpy as np
import polars as pl
import pytest

from snellen.data.groups import Group
from snellen.data.load import read
from snellen.data.readers.reader import DEFAULT_OPTIONS, Options
from snellen.errors import DataError, SnellenError, UnknownName

GOOD = ["a.png,cat", "b.png,dog", "sub/c.png,cat", "sub/d.png,dog"]


def manifest(folder: Path, lines: list[str], header: str = "path,label", name: str = "list.csv") -> Path:
    """A manifest of those lines beside a.png, b.png, sub/c.png and sub/d.png."""
    for row, place in enumerate(("a.png", "b.png", "sub/c.png", "sub/d.png")):
        cases.save(folder / place, cases.COLOUR ^ row)
    (folder / name).write_text("".join(f"{line}\n" for line in [header, *lines]), encoding="utf-8")
    return folder / name


def refused(
    path: Path, message: str, options: Options = DEFAULT_OPTIONS, error: type[SnellenError] = DataError
) -> None:
    with pytest.raises(error, match=message):
        read(path, options)


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_csv(tmp_path: Path, divider: str) -> None:
    header, *lines = (line.replace(",", divider) for line in ("Label,PATH", *("x,a.png", "y,b.png", "x,sub\\c.png")))
    dataset = read(manifest(tmp_path, lines, "\ufeff" + header))
    assert dataset.ids.tolist() == ["a.png", "b.png", "sub/c.png"]
    assert dataset.classes == ("x", "y") and dataset.labels.tolist() == [0, 1, 0]
    for row in range(3):
        np.testing.assert_array_equal(dataset.images[row], cases.COLOUR ^ row)
    assert dataset.groups is None and dataset.official_test is None


def test_parquet(tmp_path: Path) -> None:
    manifest(tmp_path, GOOD)
    table = {"path": ["b.png", "a.png", "sub/d.png"], "label": [10, 9, 10], "group": [7, 7, 8], "size": [0.5, 0.1, 0.2]}
    pl.DataFrame(table).write_parquet(tmp_path / "list.parquet")
    dataset = read(tmp_path / "list.parquet")
    assert dataset.ids.tolist() == table["path"] and dataset.classes == ("9", "10")
    assert dataset.groups is not None and dataset.groups.tolist() == [0, 0, 2]
    pl.DataFrame({"path": ["a.png", None], "label": ["x", "y"]}).write_parquet(tmp_path / "list.parquet")
    refused(tmp_path / "list.parquet", r"list.parquet: row 1: not a path")


def test_roles_and_groups(tmp_path: Path) -> None:
    lines = ["a.png,x,train,p1", "b.png,x,TEST,p2", "sub/c.png,y,train,p1", "sub/d.png,y,test,p3"]
    dataset = read(manifest(tmp_path, lines, "path,label,role,group"))
    assert dataset.ids.tolist() == ["a.png", "sub/c.png", "b.png", "sub/d.png"]
    assert dataset.official_test is not None and dataset.official_test.tolist() == [False, False, True, True]
    assert dataset.groups is not None and dataset.groups.tolist() == [0, 0, 2, 3]


def test_columns_of_other_names(tmp_path: Path) -> None:
    path = manifest(tmp_path, [f"{line},p{row // 2}" for row, line in enumerate(GOOD)], "where,what,who")
    refused(path, "no reader recognises this")
    keys = {"path": "where", "label": "what"}
    options = Options("manifest", keys, group=Group(column="who"))
    dataset = read(path, options)
    assert dataset.groups is not None and dataset.groups.tolist() == [0, 0, 2, 2]
    by_path = read(path, Options("manifest", keys, group=Group(pattern=r"^sub|^")))
    assert by_path.groups is not None and by_path.groups.tolist() == [0, 0, 2, 2]
    refused(path, r"no column for the path and the label; found 'where', 'what', 'who'", Options("manifest"))
    wrong = Options("manifest", {**keys, "label": "waht"})
    refused(path, r"keys.label: unknown column 'waht'.*Did you mean 'what'", wrong, UnknownName)


OUT = "the path leaves the folder"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*GOOD, "../out.png,cat"], rf"list.csv: line 6: {OUT}; found '../out.png'"),
        ([*GOOD, "sub/../../out.png,cat"], OUT),
        ([*GOOD, "/etc/passwd,cat"], OUT),
        ([*GOOD, "C:\\x.png,cat"], "line 6: no such file; found C:/x.png"),
        ([*GOOD, "\\\\server\\share\\x.png,cat"], "line 6: no such file; found //server/share/x.png"),
        ([*GOOD, "e.png,cat"], r"line 6: no such file; found e.png"),
        ([*GOOD, "sub,cat"], r"line 6: no such file; found sub"),
        ([*GOOD, ",cat"], r"line 6: not a path; found ''"),
        ([*GOOD, "a\0.png,cat"], r"line 6"),
        ([*GOOD, "./sub//c.png,dog"], r"line 6: the same image twice; found sub/c.png; expected only in line 4"),
        (["a.png,", *GOOD[1:]], r"line 2: no label"),
        (["a.png", *GOOD[1:]], r"line 2: a line with another number of values; found 1 values; expected 2"),
        (["a.png,cat,extra"], r"line 2: a line with another number of values"),
        (['"a.png,cat'], r"line \d: not CSV"),
        ([line.replace("dog", "cat") for line in GOOD], r"found 1 classes"),
        ([], r"no images; found a header only"),
    ],
)
def test_bad_lines(tmp_path: Path, lines: list[str], message: str) -> None:
    cases.save(tmp_path / "out.png", cases.COLOUR)
    refused(manifest(tmp_path / "in", lines), message)


@pytest.mark.parametrize(
    ("header", "lines", "message"),
    [
        ("path,label,role", ["a.png,x,train", "b.png,y,tset"], r"line 3: unknown role; found 'tset'; expected train"),
        ("path,label,role", ["a.png,x,train", "b.png,y,"], r"line 3: unknown role; found ''"),
        ("path,label,role", ["a.png,x,test", "b.png,y,test"], r"no training images"),
        ("path,label,group", ["a.png,x,", "b.png,y,p"], r"line 2: no group"),
        ("path,label,label", ["a.png,x,y"], r"a column given twice; found 'label'"),
        ("path,file,label", ["a.png,a.png,x"], r"two columns could be the path; found path and file"),
    ],
)
def test_bad_columns(tmp_path: Path, header: str, lines: list[str], message: str) -> None:
    refused(manifest(tmp_path, lines, header), message, Options("manifest"))


def test_a_link_that_leads_out(tmp_path: Path) -> None:
    path = manifest(tmp_path / "in", [*GOOD, "link.png,cat"])
    cases.save(tmp_path / "out/x.png", cases.COLOUR)
    try:
        (tmp_path / "in/link.png").symlink_to(tmp_path / "out/x.png")
        (tmp_path / "in/folder").symlink_to(tmp_path / "out", target_is_directory=True)
        (tmp_path / "in/inside.png").symlink_to(tmp_path / "in/a.png")
    except OSError:
        pytest.skip("this system makes no links")
    refused(path, rf"line 6: {OUT}; found .*x.png")
    refused(manifest(tmp_path / "in", [*GOOD, "folder/x.png,cat"]), rf"line 6: {OUT}")
    assert len(read(manifest(tmp_path / "in", [*GOOD, "inside.png,cat"]))) == 5


def test_unreadable_and_missing_images_are_excluded_when_asked(tmp_path: Path) -> None:
    path = manifest(tmp_path, [*GOOD, "gone.png,cat", "broken.png,dog"])
    (tmp_path / "broken.png").write_bytes(b"x")
    dataset = read(path, Options(on_bad_image="exclude"))
    assert [each.file for each in dataset.excluded] == ["gone.png", "broken.png"] and len(dataset) == 4
    cases.save(tmp_path / "gone.png", cases.COLOUR)
    assert len(read(path, Options(on_bad_image="exclude"))) == 5  # not taken from the cache
    refused(manifest(tmp_path, [*GOOD, "../x.png,cat"]), OUT, Options(on_bad_image="exclude"))


def test_not_a_table(tmp_path: Path) -> None:
    path = manifest(tmp_path, GOOD)
    path.write_bytes(b"path,label\na.png,caf\xe9\n")
    refused(path, r"list.csv: line 2: text that is not UTF-8; found byte 0xe9.*'a.png,café'", Options("manifest"))
    (tmp_path / "x.parquet").write_bytes(b"PAR1" + b"\0" * 50)
    refused(tmp_path / "x.parquet", "x.parquet: cannot be read: .*Parquet|PAR1")


@pytest.mark.parametrize("number", [12, pytest.param(300, marks=pytest.mark.slow)])
def test_mutants_of_parquet(tmp_path: Path, number: int) -> None:
    """Flipped bits, cuts and changed counts: the same rows, other rows, or one clear error; never anything else. A
    process is started for each."""
    manifest(tmp_path, GOOD)
    rows = [line.split(",") for line in GOOD]
    pl.DataFrame(rows, schema=["path", "label"], orient="row").write_parquet(tmp_path / "m.parquet")
    content, random = (tmp_path / "m.parquet").read_bytes(), np.random.default_rng(8)
    mutants = [content[: random.integers(len(content))] for _ in range(number // 3)]
    for _ in range(number // 3 * 2):
        mutant = bytearray(content)
        mutant[random.integers(len(content))] ^= 1 << random.integers(8)
        mutants.append(bytes(mutant))
    for damaged in mutants:
        (tmp_path / "m.parquet").write_bytes(damaged)
        try:
            read(tmp_path / "m.parquet")
        except DataError as error:
            assert "m.parquet" in str(error)


@pytest.mark.parametrize("cell", ["x" * 180, "x" * 90_000_000])
def test_parquet_that_grows(tmp_path: Path, cell: str) -> None:
    """4 kB that would be 180 MB, as many rows or as one cell."""
    rows = 10**6 if len(cell) < 10**6 else 2
    pl.DataFrame({"path": [cell] * rows, "label": ["a", "b"] * (rows // 2)}).write_parquet(tmp_path / "m.parquet")
    tracemalloc.start()
    try:
        message = r"m.parquet: (path: declares implausibly much data; found 180,000,000 bytes|needs too much memory)"
        refused(tmp_path / "m.parquet", message)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.readers.image_files.manifest_table.MAX_LISTED_FILES", 3)
    refused(manifest(tmp_path, GOOD), r"list.csv: line 5: too many rows; expected at most 3")
    pl.DataFrame({"path": ["a", "b"] * 600_000, "label": "a"}).write_parquet(tmp_path / "m.parquet")
    refused(tmp_path / "m.parquet", r"m.parquet: too many rows; found 1,200,000; expected at most 1,000,000")


def test_only_the_columns_that_are_wanted_are_kept(tmp_path: Path) -> None:
    wide = ["path,label" + "".join(f",c{number}" for number in range(10_000)), *(GOOD[0] + "," * 10_000,) * 200]
    path = manifest(tmp_path, [])
    path.write_text("\n".join(wide))
    tracemalloc.start()
    try:
        refused(path, "the same image twice")
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_path_longer_than_any_system_opens(tmp_path: Path) -> None:
    refused(manifest(tmp_path, [*GOOD, "x" * 5_000 + ",cat"]), r"line 6: too long for a path; found 5,000 characters")
    refused(manifest(tmp_path, [*GOOD, "x" * 300 + ".png,cat"]), r"cannot be reached: File name too long|no such file")


def test_columns_that_all_have_odd_names(tmp_path: Path) -> None:
    names = ",".join(f"\x1b{number}" for number in range(9_000))
    path = manifest(tmp_path, [])
    path.write_text(names + "\n")
    with pytest.raises(DataError, match="no column for the path and the label") as error:
        read(path, Options("manifest"))
    assert len(str(error.value)) < 3_000 and "\x1b" not in str(error.value)


def test_long_cells(tmp_path: Path) -> None:
    """Longer than Python's csv reads by itself; its limit stays as it was."""
    before = csv.field_size_limit()
    lines = [f"{line},{'x' * 200_000}" for line in GOOD]
    assert len(read(manifest(tmp_path, lines, "path,label,notes"))) == 4 and csv.field_size_limit() == before


def test_a_quotation_mark_that_is_not_closed_is_found_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{row}.png,cat" for row in range(50)]
    lines[20] = '20.png,"cat'
    refused(manifest(tmp_path, lines), "line 22: not CSV; found unexpected end of data.*mark that is not closed")
    monkeypatch.setattr("snellen.data.readers.csv.lines.MAX_LINE_BYTES", 200_000)
    long = [*GOOD, 'a.png,"cat', *["x" * 1_000] * 300]
    refused(manifest(tmp_path, long), r"line 6: not CSV; found a cell up to line \d+, of at least [\d,]+ characters")
    assert csv.field_size_limit() < 200_000
