"""Every error Snellen raises, as one tree.

    SnellenError
     +- StudyError (ValueError)            the study file or an argument is wrong
     |   +- UnknownName (LookupError)      a key, layer, data set or model that does not exist; names the nearest
     |   +- ShapeError                     a layer does not fit the shape it is given
     +- DataError (ValueError)             a data file is not what it should be
     |   +- DataNotFound (FileNotFoundError)
     +- RunError (RuntimeError)            a run directory cannot be used
     |   +- RunLocked                      another process is working on it
     |   +- IdentityError                  a stored file belongs to another job or format, or was changed
     +- TrainingError (ArithmeticError)    a job failed; the other jobs go on
     |   +- NonFiniteLoss
     +- BundleError (ValueError)           a model bundle is damaged or not of this format
     +- StorageError (OSError)             writing failed: disk full, no permission

A message says what was found, what was expected, where, and what helps. The place is attached on the way up:

    with located("train-images-idx3-ubyte.gz"):
        ...raise DataError("wrong magic number", found="0x00000801", expected="0x00000803", where="byte 0")
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


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
        place = ": ".join(reversed(self.places))
        parts = [f"{place}: {self.problem}" if place else self.problem]
        if self.found is not None:
            parts.append(f"found {self.found}")
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        message = "; ".join(parts)
        return f"{message}. {self.hint}" if self.hint else message


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


def unknown(what: str, name: str, known: Iterable[str], where: str | None = None) -> UnknownName:
    """The error for a name that is not in `known`: nearest name first, then the whole list when it is short."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}?" if near else None
    expected = f"one of {', '.join(names)}" if len(names) <= 30 else None
    return UnknownName(f"unknown {what} {name!r}", expected=expected, where=where, hint=hint)
