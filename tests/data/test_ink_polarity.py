"""Protects what tells black on white from white on black."""

from __future__ import annotations

import numpy as np
import pytest

from snellen.data.inspect.polarity import Polarity, polarity_of


def test_border_and_mean_of_a_image() -> None:
    image = np.zeros((4, 5, 1))
    image[1:3, 1:4] = 1
    assert polarity_of(image) == Polarity(border=0, mean=6 / 20)
    assert polarity_of(1 - image) == Polarity(border=1, mean=14 / 20)


def test_alpha_is_no_tone() -> None:
    assert polarity_of(np.dstack([np.zeros((3, 3, 3)), np.ones((3, 3))])) == Polarity(border=0, mean=0)


@pytest.mark.parametrize(("border", "inverse"), [(0.9, True), (0.71, True), (0.69, False), (0.5, False), (0.1, False)])
def test_only_a_clear_difference_is_an_inversion(border: float, inverse: bool) -> None:
    found, trained = Polarity(border=border, mean=0.5), Polarity(border=0.1, mean=0.3)
    assert found.is_inverse_of(trained) == trained.is_inverse_of(found) == inverse
    assert not found.is_inverse_of(Polarity(border=0.4, mean=0.5))
