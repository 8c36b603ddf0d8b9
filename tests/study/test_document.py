"""Protects the study as text: YAML 1.2, line numbers, overrides that reach every value, files that are not studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snellen.errors import SnellenError, StudyError, UnknownName
from snellen.limits import MAX_JSON_BYTES
from snellen.study.document import from_values, open_document, parse, shipped_studies, to_yaml

TEXT = """# a comment
study: s
data: {source: digits, class_names: &names [no, yes]}
train: {learning_rate: 1e-2}
models:
  a:
    layers:
      - flatten
      - dense: {units: 4}
  b: {layers: linear, train: {epochs: 3}}
"""


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-2", 0.01),
        ("1E3", 1000.0),
        ("-1.5e+2", -150.0),
        (".5", 0.5),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("12:30", "12:30"),
        ("'3'", "3"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_yaml_1_2(written: str, value: Any) -> None:
    """Numbers are numbers, and the words of YAML 1.1 that were booleans, octals or times are what they look like."""
    found = parse(f"x: {written}\n", "f").values["x"]
    assert found == value and type(found) is type(value)


def test_lines_of_keys_and_items() -> None:
    document = parse(TEXT, "f")
    assert {
        location: document.lines[location]
        for location in [("study",), ("data", "class_names"), ("models", "a", "layers", 1), ("models", "b", "train")]
    } == {
        ("study",): 2,
        ("data", "class_names"): 3,
        ("models", "a", "layers", 1): 9,
        ("models", "b", "train"): 10,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: s\nstudy: t\n", 'f line 2: found duplicate key "study"'),
        ("models:\n  a: 1\n  b: 2\n  a: 3\n", 'f line 4: found duplicate key "a"'),
        ("study: [\n", "f line 2: expected the node content"),
        ("a: b: c\n", "f line 1: mapping values are not allowed"),
        ("- a\n", "a study file is a mapping of keys; found a list"),
        ("", "a study file is a mapping of keys; found nothing"),
        ("hello\n", "a study file is a mapping of keys; found 'hello'"),
        (
            "x: 1\ntrue: 4\n",
            "f line 2: a key must be text or a whole number; found True. If it is a name, quote it: 'true'",
        ),
        (
            "x: 1\n1.5: 4\n",
            "f line 2: a key must be text or a whole number; found 1.5. If it is a name, quote it: '1.5'",
        ),
        ("3: 4\n'3': 4\n", "f line 2: a key given twice; found '3'"),
        ("? [a, b]\n: 4\n", "f line 1: a key must be text"),
        ("x: 2026-11-22\n", "f line 1: a value of type date, which a study cannot have"),
        (
            "x: !!python/object/apply:os.system [ls]\n",
            "f line 1: a YAML tag, which a study cannot have; found tag:yaml.org",
        ),
        ("x: 1\ny: !mine 3\n", "f line 2: a YAML tag, which a study cannot have; found !mine"),
        ("x: *unknown\n", "f line 1: found undefined alias"),
        ("x: \x01\n", "f: not YAML"),
    ],
)
def test_what_is_no_study(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse(text, "f").study()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "values", "line"),
    [
        ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n", {"b": 3, "c": 2}, 3),
        ("a: &x {b: 1}\ne: &y {c: 2}\nd: {<<: [*x, *y]}\n", {"b": 1, "c": 2}, 3),
    ],
)
def test_a_mapping_that_is_merged(text: str, values: dict, line: int) -> None:
    """`<<` brings the keys of an anchor; their line is that of the mapping that merges them."""
    document = parse(text, "f")
    assert document.values["d"] == values
    assert document.lines["d", "c"] == line


@pytest.mark.parametrize("text", ["a: {<<: 3}\n", "a: &x [1]\nb: {<<: *x}\n", "a: &x {b: 1}\nc: {<<: *x, <<: *x}\n"])
def test_what_cannot_be_merged(text: str) -> None:
    with pytest.raises(StudyError, match=r"f line .*merg(e|ing)"):
        parse(text, "f")


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("seed=7", ("seed",), 7),
        ("study=another one", ("study",), "another one"),
        ("models.b.train.epochs=5", ("models", "b", "train", "epochs"), 5),
        ("models.b.train.learning_rate=1e-4", ("models", "b", "train", "learning_rate"), 1e-4),
        ("models.a.layers.1.dense.units=8", ("models", "a", "layers", 1, "dense", "units"), 8),
        ("split.test=0.3", ("split", "test"), 0.3),
        ("open_test=[a, b]", ("open_test",), ["a", "b"]),
        ("models.a.layers=linear", ("models", "a", "layers"), "linear"),
        ("data.class_names=[p, q]", ("data", "class_names"), ["p", "q"]),
    ],
)
def test_overrides(override: str, path: tuple, value: Any) -> None:
    """The value is where it should be, the rest is as it was, and the document itself never changes."""
    document = parse(TEXT, "f")
    expected = parse(TEXT, "f").values
    node: Any = expected
    for step in path[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node[step]
    node[path[-1]] = value
    assert document.study([override]) == from_values(expected).study() != document.study()
    assert document.values == parse(TEXT, "f").values


def test_later_overrides_win() -> None:
    assert parse(TEXT, "f").study(["seed=7", "seed=8"]).seed == 8


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "--set takes KEY.KEY=VALUE; found 'seed'"),
        ("=3", "--set takes KEY.KEY=VALUE"),
        ("sed=3", "unknown key `sed`; did you mean `seed`?"),
        ("models.a.layers.7=relu", "no item '7'; expected 0 to 1"),
        ("models.a.layers.x=relu", "no item 'x'"),
        ("study.name=3", "'name' is below a value without keys; found 's'"),
        ("models.b.train.epochs=0", "`epochs` of model `b` must be in [1, 100000]; got 0"),
        ("models.c.train.epochs=1", "`layers` of model `c` is missing"),
        ("seed=[", "--set seed=[ line 1"),
    ],
)
def test_overrides_that_cannot_be(override: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse(TEXT, "f").study([override])
    assert message in str(caught.value)


def test_files_and_shipped_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert open_document(str(path)).study().study == "s"
    assert open_document(str(path)).text == TEXT
    assert open_document("digits").study().study == "digits"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"study: \xff", "not UTF-8 text"), (b"#" * (MAX_JSON_BYTES + 1), "too large for a study file")],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "f.yaml").write_bytes(content)
    with pytest.raises(StudyError, match=message):
        open_document(str(tmp_path / "f.yaml"))


@pytest.mark.parametrize("name", ["nowhere.yaml", "folder/nowhere"])
def test_no_such_file(name: str) -> None:
    with pytest.raises(StudyError, match=r"no such file\. Shipped studies: cifar10-cnn, cifar10-fast, digits, "):
        open_document(name)


def test_a_misspelt_shipped_study() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'digits'"):
        open_document("digit")


@pytest.mark.parametrize("value", [object(), Path("x"), 1j])
def test_values_in_python_that_no_file_could_hold(value: Any) -> None:
    with pytest.raises(SnellenError, match="a value that a study cannot have: cannot represent"):
        from_values({"study": "s", "data": {"source": value}, "models": {"a": {"layers": ["flatten"]}}}).study()


@pytest.mark.parametrize("name", sorted(shipped_studies()))
def test_a_resolved_study_reads_back_as_itself(name: str) -> None:
    study = open_document(name).study()
    assert parse(to_yaml(study.model_dump(mode="json")), "resolved").study() == study


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("text", "problem"),
    [(LAUGHS, "too many values"), ("study: " + "[" * 5_000, "nested too deep")],
)
def test_yaml_that_is_much_larger_than_its_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(StudyError, match=problem):
        parse(text, "x.yaml")


def test_a_study_is_not_too_long() -> None:
    """Parsing is slow, and a stranger's run directory holds a study."""
    with pytest.raises(StudyError, match="too large for a study file; found 600,010 characters"):
        parse("study: x\n#" + "a" * 600_000, "study.yaml")
