"""No export is written before it has answered as the model does, on real pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snellen.deploy.model import Model
from snellen.errors import ExportError
from snellen.models.given_images import Conversions, as_input
from snellen.models.input_contract import Input
from snellen.models.temperature import with_temperature

TOLERANCE = 1e-5
"""Of probabilities."""
PICTURES = 256
CROP_SIDES = (24, 48, 96, 192)
"""Pixels of the sections of two photographs of 427x640 pixels."""


@dataclass(frozen=True, eq=False)
class Answers:
    """probabilities: (N, K). classes: (N,) places. answered: (N,) bool, or None for a model without thresholds."""

    probabilities: np.ndarray
    classes: np.ndarray
    answered: np.ndarray | None = None


def answers_of(model: Model, pictures: np.ndarray) -> Answers:
    """What the model itself says of pictures (N, H, W, C) in its form."""
    probabilities = with_temperature(model.probabilities(pictures), model.temperature)
    answered = model.answered(probabilities) if model.thresholds else None
    return Answers(probabilities, probabilities.argmax(1), answered)


def expect_equal_answers(
    model: Model,
    exported: Callable[[np.ndarray], Answers],
    pictures: np.ndarray,
    what: str,
    tolerance: float = TOLERANCE,
) -> float:
    """The largest difference of a probability. Raises ExportError if one is above the tolerance, or another class or
    abstention is given where the tolerance does not explain it."""
    ours, theirs = answers_of(model, pictures), exported(pictures)
    differences = np.abs(ours.probabilities - theirs.probabilities).max(1)
    differences = np.where(np.isfinite(differences), differences, np.inf)
    worst = int(differences.argmax())
    if differences[worst] > tolerance:
        raise _unequal(what, worst, f"a probability that differs by {differences[worst]:.2g}", f"{tolerance:g} at most")
    for name, mine, other in (("class", ours.classes, theirs.classes), ("answer", ours.answered, theirs.answered)):
        unequal = np.flatnonzero(_differs(mine, other) & ~_undecided(model, ours.probabilities, tolerance))
        if len(unequal):
            raise _unequal(what, int(unequal[0]), f"another {name} than the model gives", "the same")
    return float(differences[worst])


def _differs(mine: np.ndarray | None, other: np.ndarray | None) -> np.ndarray:
    if mine is None or other is None:
        return np.array([(mine is None) != (other is None)])
    return np.asarray(mine != other)


def _undecided(model: Model, probabilities: np.ndarray, tolerance: float) -> np.ndarray:
    """(N,) bool: a rounding decides between the two largest probabilities, or about a threshold."""
    first, second = np.sort(probabilities, 1)[:, -1:-3:-1].T
    limits = np.array([each.threshold for each in model.thresholds] or [np.inf])
    at_a_limit = np.abs(first[:, None] - limits).min(1) <= tolerance
    return np.asarray((first - second <= 2 * tolerance) | at_a_limit)


def _unequal(what: str, picture: int, found: str, expected: str) -> ExportError:
    return ExportError(
        f"{what} does not answer as the model does: nothing was written",
        found=found,
        expected=expected,
        where=f"picture {picture} of those that it was tried on",
        hint="Please report this, with the layers of the model.",
    )


def real_pictures(contract: Input) -> np.ndarray:
    """(PICTURES, H, W, C) in the form of the contract: digits written by hand, and sections of two photographs, both
    from scikit-learn."""
    pictures = (*_digits(PICTURES // 2), *_sections(PICTURES // 2))
    return np.concatenate([_as_contract(each, contract) for each in pictures])


def _as_contract(picture: np.ndarray, contract: Input) -> np.ndarray:
    found = as_input(picture[None], contract, Conversions(), (0.0, 255.0))
    if found.shape[-1] < contract.channels:
        found = np.repeat(found[..., :1], contract.channels, axis=-1)
    return found[..., : contract.channels]


def _digits(count: int) -> list[np.ndarray]:
    from sklearn.datasets import load_digits

    return [(each * (255 / 16)).astype(np.uint8)[..., None] for each in load_digits().images[:count]]


def _sections(count: int) -> list[np.ndarray]:
    """Squares of photographs (side, side, 3), always the same."""
    from sklearn.datasets import load_sample_images

    photographs, random = load_sample_images().images, np.random.default_rng(0)
    return [_section(photographs[number % 2], CROP_SIDES[number % len(CROP_SIDES)], random) for number in range(count)]


def _section(photograph: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
    top, left = (int(random.integers(size - side)) for size in photograph.shape[:2])
    return np.asarray(photograph[top : top + side, left : left + side])
