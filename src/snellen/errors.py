"""Every error Snellen raises, as one tree.

    SnellenError
     +- StudyError (ValueError)            the study file or an argument is wrong
     |   +- UnknownName (LookupError)      a key, layer, data set or model that does not exist; names the nearest
     |   +- ShapeError                     a layer does not fit the shape it is given
     +- DataError (ValueError)             a data file is not what it should be
     |   +- DataNotFound (FileNotFoundError)
     |   +- WeightsNotFound (FileNotFoundError)  weights of a pretrained network; the message says how to get them
     |   +- ImageSizes                   different sizes, or too large; `resize`, `crop` or `pad` helps
     |   +- MixedTransparency              some images are transparent, others have no alpha; `background` helps
     |   +- OutsideFolder                  links or paths lead out of the folder of the data; `links: follow` permits it
     +- RunError (RuntimeError)            a run directory cannot be used
     |   +- RunLocked                      another process is working on it
     |   +- IdentityError                  a stored file belongs to another job or format, or was changed
     +- TrainingError (ArithmeticError)    a job failed; the other jobs go on
     |   +- NonFiniteLoss
     +- BundleError (ValueError)           a model bundle is damaged or not of this format
     +- ExportError (RuntimeError)         a model or run cannot be exported to a format
     +- StorageError (OSError)             writing failed: disk full, no permission

A message says what was found, what was expected, where, and what helps; its words may change, so programs tell errors
apart by their class. The place is attached on the way up:

    with located("train-images-idx3-ubyte.gz"):
        ...raise DataError("wrong magic number", found="0x00000801", expected="0x00000803", where="byte 0")
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

SHOWN_CHARACTERS, SHOWN_ITEMS, SHOWN_BITS = 80, 30, 128
"""How much of a value from a file a message quotes: a line on a terminal."""

PART_CHARACTERS, PROBLEM_CHARACTERS = 2_000, 20_000
"""Longest part of a message: a path or 30 class names fit; a study file may have many errors at once."""

MOST_LISTED = 50
"""Known names that an error lists: there are more than 40 layers."""
NAME_CHARACTERS, NEAR_NAMES = 200, 10_000
"""How many characters of a name are compared with how many names: at most 0.2 s, and longer than anybody types."""


class SnellenError(Exception):
    """Base of all errors for which the user, not the program, can do something.

    problem: what is wrong, one clause without a full stop. found, expected: the values. where: innermost place (row,
    byte offset, key); outer places are added by `located`. hint: what helps, one sentence.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        found: object = None,
        expected: object = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.found = found
        self.expected = expected
        self.places: list[str] = [where] if where else []
        self.hint = hint

    def __str__(self) -> str:
        place = ": ".join(printable(place) for place in reversed(self.places))
        problem = printable(self.problem, PROBLEM_CHARACTERS, spared="\n")
        parts = [f"{place}: {problem}" if place else problem]
        if self.found is not None:
            parts.append(f"found {_part(self.found)}")
        if self.expected is not None:
            parts.append(f"expected {_part(self.expected)}")
        message = "; ".join(parts)
        return f"{message}. {printable(self.hint)}" if self.hint else message


def shown(value: object) -> str:
    """`value` as messages quote it: its `repr` when that is short, else the beginning, or its type and size.

    Values from files may be huge or deeply nested, so they are cut before they are formatted; `reprlib` formats numbers
    and bytes first. Characters that cannot be printed are escaped.
    """
    match value:
        case str():
            return repr(value[:SHOWN_CHARACTERS]) + "…" * (len(value) > SHOWN_CHARACTERS)
        case bytes() | bytearray() | memoryview():
            return repr(bytes(value[:SHOWN_CHARACTERS])) + "…" * (len(value) > SHOWN_CHARACTERS)
        case int():
            bits = value.bit_length()
            return repr(value) if bits <= SHOWN_BITS else f"a number of {bits:,} bits"
        case tuple() | list() if len(value) <= SHOWN_ITEMS and all(_is_plain(one) or _is_short(one) for one in value):
            listed = ", ".join(map(shown, value))
            return f"[{listed}]" if isinstance(value, list) else f"({listed}{',' * (len(value) == 1)})"
        case tuple() | list() | dict() | set():
            return f"a {type(value).__name__} of {len(value):,} items"
    return repr(value) if _is_plain(value) else f"a value of type {type(value).__name__}"


def _is_short(value: object) -> bool:
    """A short list of plain values, such as an item of a list of lists of names."""
    return isinstance(value, (tuple, list)) and len(value) <= SHOWN_ITEMS and all(map(_is_plain, value))


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, bytes, int, float))


def printable(text: str, longest: int = PART_CHARACTERS, spared: str = "") -> str:
    """The beginning of `text`, with control characters (except those in `spared`), changes of writing direction and
    lone surrogates (bytes that are not UTF-8) escaped."""
    kept = text[:longest] + "…" * (len(text) > longest)
    return "".join(sign if sign.isprintable() or sign in spared else repr(sign)[1:-1] for sign in kept)


def _part(value: object) -> str:
    if isinstance(value, (int, bytes, bytearray, memoryview, list, tuple, dict, set)):
        return shown(value)
    return printable(str(value))


class StudyError(SnellenError, ValueError):
    """The study file or an argument is wrong."""


class UnknownName(StudyError, LookupError):
    """A name that does not exist; `unknown` writes the message with the nearest existing name."""


class ShapeError(StudyError):
    """A layer does not fit the shape it is given."""


class DataError(SnellenError, ValueError):
    """A data file is not what it should be."""


class DataNotFound(DataError, FileNotFoundError):
    """No data at any of the places that were looked at."""


class WeightsNotFound(DataError, FileNotFoundError):
    """No weights of a pretrained network at any of the places that were looked at."""


class ImageSizes(DataError):
    """The images of a data set have different sizes, or are too large; `resize`, `crop` or `pad` gives them one."""


class MixedTransparency(DataError):
    """Some images of a data set are transparent and others have no alpha; `background` fills them."""


class OutsideFolder(DataError):
    """Links in a folder, or paths in a manifest, lead out of its folder; `links: follow` permits that."""


class RunError(SnellenError, RuntimeError):
    """A run directory cannot be used."""


class RunLocked(RunError):
    """Another process is working on this run."""


class IdentityError(RunError):
    """A stored file belongs to another job or format, or was changed."""


class TrainingError(SnellenError, ArithmeticError):
    """A job failed."""

    exit_code = 3


class NonFiniteLoss(TrainingError):
    """The loss became infinite or not a number."""


class BundleError(SnellenError, ValueError):
    """A model bundle is damaged or not of this format."""


class ExportError(SnellenError, RuntimeError):
    """A model or run cannot be exported to a format, or the export would not answer as the model does."""


class StorageError(SnellenError, OSError):
    """Writing failed."""


@contextmanager
def located(place: str) -> Iterator[None]:
    """Adds `place` (a file, job or model) in front of the message of any SnellenError that passes."""
    try:
        yield
    except SnellenError as error:
        error.places.append(place)
        raise


def _nearest(name: str, names: Sequence[str]) -> str | None:
    """The known name most like `name`; of equally like ones that with the most first letters in common."""

    def likeness(other: str) -> tuple[float, int]:
        alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(other, name, strict=False))
        return difflib.SequenceMatcher(None, other, name).ratio(), len(list(alike))

    close = difflib.get_close_matches(name, names, n=len(names) or 1, cutoff=0.5)
    return max(close, key=likeness, default=None)


def unknown(what: str, name: str, known: Iterable[str], where: str | None = None) -> UnknownName:
    """The error for a name that is not in `known`, with the nearest known name, and all of them when they are few."""
    names = sorted(known)
    near = _nearest(name[:NAME_CHARACTERS], names[:NEAR_NAMES])
    hint = f"Did you mean {shown(near)}?" if near else None
    expected = f"one of {', '.join(names)}" if len(names) <= MOST_LISTED else None
    return UnknownName(f"unknown {what} {shown(name)}", expected=expected, where=where, hint=hint)
