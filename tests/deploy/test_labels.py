"""Protects the meaning of labels: names are compared, and numbers for named classes are never shifted in silence."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.deploy.batch import NO_LABEL, Batch, Reading
from snellen.deploy.folder_labels import labels_of_folders
from snellen.deploy.labels import in_model_classes, label_names

KINDS = ("disc", "square", "cross", "stripes")
DIGITS = ("0", "1", "2", "3")


def understood(names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[list[str | None], list[str]]:
    """The class of each name, and what was said."""
    rows = len(names)
    batch = Batch([*map(str, range(rows))], np.zeros((rows, 2, 2, 1)), np.arange(rows), names)
    reading = Reading()
    found = in_model_classes(batch, classes, reading)
    return [None if code == NO_LABEL else classes[code] for code in found], reading.remarks


@pytest.mark.parametrize(
    ("names", "classes", "expected", "said"),
    [
        (("cross", "disc"), KINDS, ["cross", "disc"], None),
        (("3", "0"), DIGITS, ["3", "0"], None),
        (("1", "4"), DIGITS, ["1", None], None),  # by name: 4 is no class
        (("0", "1", "2", "3"), KINDS, [*KINDS], "0 is disc, 1 is square, 2 is cross, ..."),
        (("1", "2", "3", "4"), KINDS, [*KINDS], "1 is disc, 2 is square"),
        (("10", "20", "30", "40"), KINDS, [*KINDS], "10 is disc, 20 is square"),
        (("3", "0"), KINDS, ["stripes", "disc"], "0 is disc, 3 is stripes."),
        (("2", "4"), KINDS, ["square", "stripes"], "2 is square, 4 is stripes."),
        (("0", "4"), KINDS, [None, None], None),  # neither from 0 nor from 1
        (("7",), KINDS, [None], None),
        (("-1", "2"), KINDS, [None, "cross"], "2 is cross."),
        (("-1", "1"), ("-1", "1"), ["-1", "1"], None),
        (("ant", "2"), KINDS, [None, None], None),
        (("caf\u00e9",), ("cafe\u0301", "tea"), ["cafe\u0301"], None),  # one name in two Unicode forms
    ],
)
def test_what_labels_mean(
    names: tuple[str, ...], classes: tuple[str, ...], expected: list[str | None], said: str | None
) -> None:
    found, remarks = understood(names, classes)
    assert found == expected
    assert [said] == remarks or (said and said in remarks[0]) or (said is None and remarks == [])


def test_names_of_classes_that_are_not_known_are_kept() -> None:
    batch = Batch(["a", "b", "c"], np.zeros((3, 2, 2, 1)), np.array([1, NO_LABEL, 0]), ("ant", "disc"))
    labels = in_model_classes(batch, KINDS, Reading())
    assert labels.tolist() == [0, NO_LABEL, NO_LABEL]
    assert label_names(batch, labels, KINDS) == ["disc", None, "ant"]


def test_folders_that_say_class_and_part() -> None:
    found = labels_of_folders(["x/cat_test/1.png", "x/dog_test/1.png", "x/cat_train/2.png"], ["cat", "dog"])
    assert found is not None and found.classes == ("cat", "dog")
    assert found.labels.tolist() == [0, 1, 0] and found.test is not None and found.test.tolist() == [True, True, False]
    assert labels_of_folders(["cat_test/1.png", "other/1.png"], ["cat", "dog"]) is None
