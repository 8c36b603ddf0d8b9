"""Refuses changes of images that make one class of another: mirrored or turned characters, directions, sides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from snellen.errors import StudyError
from snellen.phrases import listing
from snellen.train.augment.augmentation import Augmentation
from snellen.train.augment.geometric import Flip, Rotate

CHARACTERS = ("mnist", "svhn", "digits", "emnist", "kmnist")
"""Known data sets of written characters, and how the names of others begin, such as `emnist-letters`."""

SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
KINDS = "digit|number|num|letter|character|char|uppercase|upper|lowercase|lower|capital|small"
CHARACTER = re.compile(rf"(?:(?:{KINDS})[ _-]+|digit(?=\d))?([0-9]+|[a-z]+)(?:[ _-]+(?:{KINDS}))?")
"""Matches 7, 07, seven, digit_7, a, A_upper and letter-a in lower case; its group is the character."""

NAMED = 10
"""Classes that a message names."""

TURNED_ROUND, TURNED_ASIDE = 90, 90
"""Degrees beyond which a turned 6 is a 9, and from which `up` may be `left`."""


def _both_ways(**pairs: str) -> dict[str, str]:
    return {**pairs, **{other: one for one, other in pairs.items()}}


SIDES = _both_ways(left="right", east="west", clockwise="counterclockwise", less="greater", leq="geq")
SIDES |= {"anticlockwise": "clockwise"}
SIDE_WORDS = _both_ways(l="r", lh="rh", lhs="rhs", lt="gt")
SIGNS = _both_ways(**{"<": ">", "(": ")", "[": "]", "{": "}", "/": "\\"})
HEIGHTS = _both_ways(up="down", top="bottom", north="south", upper="lower", upward="downward", upwards="downwards")
UPSIDE_DOWN = _both_ways(**{"6": "9", "six": "nine", "d": "p", "b": "q", "n": "u", "m": "w"})
"""What a mirror from left to right changes: parts of names, whole words of names, whole names. What one from top to
bottom changes, and what half a turn changes."""


def refuse_changed_classes(augmentations: Sequence[Augmentation], classes: Sequence[str], source: str) -> None:
    """Raises StudyError for a flip or turn without `anyway: true` that makes another class, or of characters none.
    source: the name of the data set."""
    for each in augmentations:
        if isinstance(each, Flip) and not each.anyway:
            hint = "Leave it out or, if it is meant or no class looks like another, write `{flip: {anyway: true}}`."
            _refuse_mirrored(classes, source, each.direction, hint)
        if isinstance(each, Rotate) and not each.anyway:
            _refuse_turned(classes, each.degrees)


def refuse_mirrored_views(views: Sequence[str], classes: Sequence[str], source: str) -> None:
    """Raises StudyError for mirrored views that show another class."""
    if "flip" in views:
        hint = "Leave `flip` out of `views` or, if no class looks like another mirrored, write `flip_anyway`."
        _refuse_mirrored(classes, source, "horizontal", hint)


def _refuse_mirrored(classes: Sequence[str], source: str, direction: str, hint: str) -> None:
    swapped = {"horizontal": (SIDES,), "vertical": (HEIGHTS,), "both": (SIDES, HEIGHTS)}[direction]
    pairs = [pair for table in swapped for pair in _pairs(classes, table, SIDE_WORDS if table is SIDES else {})]
    if direction != "vertical":
        pairs += _whole(classes, SIGNS)
    if pairs:
        found = listing(f"{one} and {other}" for one, other in pairs[:NAMED])
        raise StudyError("`flip` makes images of another class: a mirrored left is a right", found=found, hint=hint)
    written = characters(classes)
    if len(written) > 1 or source.startswith(CHARACTERS):
        numbered = all(name.isdecimal() for name in classes)
        more = " `class_names` gives classes that are only numbered their names." if numbered else ""
        raise StudyError(
            "`flip` makes other characters, or none, of written ones: a mirrored 2 is no 2",
            found=f"classes {', '.join((written or list(classes))[:NAMED])}",
            hint=f"{hint}{more}",
        )


def _refuse_turned(classes: Sequence[str], degrees: float) -> None:
    tables = ((SIDES, SIDE_WORDS), (HEIGHTS, {})) if degrees >= TURNED_ASIDE else ()
    pairs = [pair for table, words in tables for pair in _pairs(classes, table, words)]
    if degrees > TURNED_ROUND:
        pairs += _whole(characters(classes), UPSIDE_DOWN)
    if pairs:
        raise StudyError(
            f"`rotate` by up to {degrees:g} degrees makes images of another class: a 6 that is turned round is a 9",
            found=listing(f"{one} and {other}" for one, other in pairs[:NAMED]),
            hint="Turn by less, or write `{rotate: {degrees: ..., anyway: true}}` if it is meant.",
        )


def characters(classes: Sequence[str]) -> list[str]:
    """The classes that are one digit or letter, or a spelled digit. Digits among larger numbers only count classes."""
    found = {name: match[1] for name in classes if (match := CHARACTER.fullmatch(name.lower()))}
    numbers = [int(sign) for sign in found.values() if sign.isdecimal() and len(sign) < NAMED]
    counted = any(number > 9 for number in numbers)
    return [name for name, sign in found.items() if _is_letter(sign) or (_is_digit(sign) and not counted)]


def _is_letter(sign: str) -> bool:
    return len(sign) == 1 and sign.isalpha()


def _is_digit(sign: str) -> bool:
    return sign in SPELLED or (sign.isdecimal() and len(sign.lstrip("0")) <= 1)


def _pairs(classes: Sequence[str], parts: Mapping[str, str], words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Two classes whose names differ only in such parts of their words, or in such whole words."""
    known = {name.casefold(): name for name in classes}
    found = ((name, known.get(other, name)) for name in classes for other in _swapped(name, parts, words))
    distinct: dict[frozenset[str], tuple[str, str]] = {}
    for pair in found:
        distinct.setdefault(frozenset(pair), pair)
    return [pair for both, pair in distinct.items() if len(both) == 2]


def _swapped(name: str, parts: Mapping[str, str], words: Mapping[str, str]) -> Iterator[str]:
    """The name with each part, and with all whole words, replaced by its opposite; in lower case."""
    text = name.casefold()
    for part, opposite in parts.items():
        if part in text:
            yield text.replace(part, opposite)
    split = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[^A-Za-z]+", name)
    yield "".join(words.get(word.lower(), word.lower()) for word in split)


def _whole(classes: Sequence[str], opposites: Mapping[str, str]) -> list[tuple[str, str]]:
    """Two classes whose whole names are opposites; leading zeros of numbers do not count."""
    known = {_bare(name): name for name in classes}
    return [(known[one], known[other]) for one, other in opposites.items() if one < other and {one, other} <= {*known}]


def _bare(name: str) -> str:
    match = CHARACTER.fullmatch(name.lower())
    return (match[1].lstrip("0") or "0") if match else name
