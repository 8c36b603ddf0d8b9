"""Protects classes from a mirror or a turn that makes another class of them, or characters that are none."""

from __future__ import annotations

import pytest

from snellen.errors import StudyError
from snellen.study.document import parse
from snellen.train.augment.augmentation import Augmentation
from snellen.train.augment.geometric import Flip, Rotate, Shift
from snellen.train.augment.mirrored_classes import refuse_changed_classes, refuse_mirrored_views

DIGITS = tuple("0123456789")
SPELLED = ("zero", "one", "two", "three", "four")


def refused(step: Augmentation, *classes: str, source: str = "mine") -> str:
    with pytest.raises(StudyError) as raised:
        refuse_changed_classes((Shift(amount=0.1), step), classes, source)
    return str(raised.value)


@pytest.mark.parametrize(
    ("classes", "source"),
    [
        (DIGITS, "my-photos"),
        (("3", "8"), "mine"),
        (("zero", "one"), "mnist"),
        (("a", "b"), "emnist-letters"),
        (("x", "y"), "kmnist"),
        (("0", "1", "other"), "mine"),
        (("00", "01", "09"), "mine"),
        (("000", "001", "002"), "mine"),
        (SPELLED, "mine"),
        (("Zero", "ONE", "unknown"), "mine"),
        (("digit_0", "digit_1"), "mine"),
        (("digit0", "digit1"), "mine"),
        (("number 4", "number 5"), "mine"),
        (tuple("abcdefghij"), "mine"),
        (("A", "B", "nothing", "space"), "mine"),
        (("upper_a", "lower_a", "upper_b"), "mine"),
        (("a-upper", "a-lower"), "mine"),
        (("7", "q"), "mine"),
    ],
)
def test_a_flip_of_characters_is_refused(classes: tuple[str, ...], source: str) -> None:
    said = refused(Flip(), *classes, source=source)
    assert "a mirrored 2 is no 2" in said and "`{flip: {anyway: true}}`" in said
    assert "flip_anyway" not in said and classes[0] in said
    refuse_changed_classes((Shift(amount=0.1), Flip(anyway=True)), classes, source)
    with pytest.raises(StudyError, match=r"a mirrored 2 is no 2.*`flip_anyway`"):
        refuse_mirrored_views(("shift", "flip"), classes, source)
    refuse_mirrored_views(("shift",), classes, source)
    refuse_mirrored_views(("flip_anyway",), classes, source)


@pytest.mark.parametrize(
    "pair",
    [
        ("turn_left", "turn_right"),
        ("left", "right"),
        ("Left", "RIGHT"),
        ("Turn Left Ahead", "Turn Right Ahead"),
        ("turnleft", "turnright"),
        ("leftTurn", "rightTurn"),
        ("hand_L", "hand_R"),
        ("handL", "handR"),
        ("l-thumb", "r-thumb"),
        ("curve_l", "curve_r"),
        ("east", "west"),
        ("clockwise", "counterclockwise"),
        ("anticlockwise", "clockwise"),
        (r"\leftarrow", r"\rightarrow"),
        ("<", ">"),
        ("(", ")"),
    ],
)
def test_sides_are_named(pair: tuple[str, str]) -> None:
    for classes in (("straight", *pair), (*pair[::-1], "stop")):
        said = refused(Flip(), *classes)
        assert pair[0] in said and pair[1] in said and "a mirrored left is a right" in said and "anyway" in said
        refuse_changed_classes((Flip(direction="vertical"),), classes, "mine")
        with pytest.raises(StudyError, match="another class"):
            refuse_mirrored_views(("flip",), classes, "mine")
    refused(Flip(direction="both"), *pair)


@pytest.mark.parametrize("pair", [("up", "down"), ("arrow_up", "arrow_down"), ("thumbs-up", "thumbs-down")])
def test_up_and_down(pair: tuple[str, str]) -> None:
    refuse_changed_classes((Flip(),), pair, "mine")
    for step in (Flip(direction="vertical"), Flip(direction="both"), Rotate(degrees=180), Rotate(degrees=90)):
        assert f"{pair[0]} and {pair[1]}" in refused(step, *pair)
    refuse_changed_classes((Rotate(degrees=30), Rotate(degrees=180, anyway=True)), pair, "mine")


@pytest.mark.parametrize("classes", [DIGITS, ("06", "09"), ("six", "nine", "cat"), ("d", "p"), ("M", "W")])
def test_turned_round(classes: tuple[str, ...]) -> None:
    assert "`rotate` by up to 180 degrees" in refused(Rotate(degrees=180), *classes)
    refuse_changed_classes((Rotate(degrees=45), Rotate(degrees=180, anyway=True)), classes, "mine")


@pytest.mark.parametrize(
    "classes",
    [
        ("cat", "dog"),
        ("airplane", "automobile", "ship"),
        ("bright", "dark"),
        ("left", "stop"),
        ("cup", "cdog"),
        ("one", "dog"),
        ("0", "cat"),
        ("s1", "s2", "s10"),
        tuple(map(str, range(43))),
        tuple(f"{number:05}" for number in range(43)),
        ("chart", "letters", "lower"),
        ("T-shirt/top", "Trouser", "Shirt"),
        ("car_l", "car_xl"),
    ],
)
def test_other_classes_may_be_mirrored(classes: tuple[str, ...]) -> None:
    steps = (Flip(), Flip(direction="both"), Rotate(degrees=180))
    refuse_changed_classes(steps, classes, "photos")
    refuse_mirrored_views(("flip",), classes, "photos")


def test_numbers_alone_ask_for_names() -> None:
    assert "`class_names` gives classes" in refused(Flip(), "0", "1") and "class_names" not in refused(Flip(), "a", "b")


STUDY = "study: x\ndata: digits\nmodels: {{m: {{layers: [flatten], views: {}}}}}\n"


@pytest.mark.parametrize("written", ["[flip_anyway]", "[{flip: {anyway: true}}]", "[shift, {flip: {anyway: true}}]"])
def test_views_anyway_in_a_study(written: str) -> None:
    views = parse(STUDY.format(written), "x").study().models["m"].views
    assert "flip_anyway" in views


def test_a_view_twice() -> None:
    with pytest.raises(StudyError, match="the same view twice"):
        parse(STUDY.format("[flip, flip_anyway]"), "x").study()
