"""Protects what a user is told about a mistake in a study: one sentence, the line it is on, and the nearest name."""

from __future__ import annotations

import re

import pytest
from validation_cases import BASE, END, LAYERS, MISTAKES

from snellen.errors import StudyError
from snellen.study.document import from_values, parse


def message_of(text: str) -> str:
    with pytest.raises(StudyError) as caught:
        parse(text, "my.yaml").study()
    return str(caught.value)


@pytest.mark.parametrize(("old", "new", "line", "sentence"), MISTAKES)
def test_a_mistake_has_its_sentence_and_its_line(old: str, new: str, line: int | None, sentence: str) -> None:
    text = BASE + new + "\n" if old == END else BASE.replace(old, new, 1)
    (told,) = [each for each in message_of(text).splitlines() if sentence in each]
    assert told.endswith(f"(my.yaml line {line})" if line else "(my.yaml)")


@pytest.mark.parametrize(("old", "new"), dict.fromkeys((old, new) for old, new, *_ in MISTAKES))
def test_no_word_of_the_machinery_is_in_it(old: str, new: str) -> None:
    text = BASE + new + "\n" if old == END else BASE.replace(old, new, 1)
    assert not re.search(
        r"pydantic|tuple|dict|instance|Input|should|function-|constrained|NoneType|\btype=", message_of(text)
    )


def test_every_fault_is_told_once_in_the_order_of_the_file() -> None:
    faulty = BASE.replace(LAYERS, "[flaten]").replace("epochs: 3", "epochs: 0") + "seed: -1\nsplit: {test: 2.0}\n"
    lines = [int(number) for number in re.findall(r"line (\d+)\)", message_of(faulty))]
    assert lines == [5, 6, 7, 8]


def test_a_faulty_default_is_told_where_it_is_written_and_not_for_each_model() -> None:
    two = BASE + "  b: {layers: linear}\ntrain: {batch_size: 0, optimizer: adamm}\n"
    told = message_of(two).splitlines()
    assert len(told) == 2 and all(each.endswith("(my.yaml line 8)") for each in told)
    assert "`batch_size` of `train`" in told[0] + told[1]


def test_a_study_in_python_has_no_lines() -> None:
    values = {"study": "s", "data": "digits", "models": {"a": {"layers": ["flaten"]}}}
    with pytest.raises(StudyError, match=r"unknown layer 'flaten'.* \(study\)$"):
        from_values(values).study()
