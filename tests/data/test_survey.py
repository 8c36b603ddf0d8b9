"""Protects the reading of data that nobody described: only what an option mends is mended, the rest is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from picture_cases import save

from snellen.data.near import near_groups, near_groups_at_hand
from snellen.data.readers import read
from snellen.data.source import UNSAID
from snellen.data.survey import survey
from snellen.errors import DataError, DataNotFound


def test_what_reads_as_it_is_stays_as_it_is(own_user: Path) -> None:
    found = survey("digits")
    assert found.options == UNSAID and found.sizes == () and found.near is not None
    np.testing.assert_array_equal(found.near, near_groups(found.dataset))


def test_sizes_and_transparency_at_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number, (side, channels) in enumerate([(20, 3), (20, 4), (12, 3), (600, 3)] * 2):
        save(
            tmp_path / f"photos/{'ab'[number // 4]}/{number}.png", random.integers(0, 256, (side, side, channels), "u1")
        )
    found = survey(str(tmp_path / "photos"))
    assert found.options.background == "white" and found.options.fit is not None and found.options.fit.height == 16
    assert dict(found.sizes) == {"20 × 20": 4, "12 × 12": 2, "600 × 600": 2} and found.dataset.shape == (16, 16, 3)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"photos/{'ab'[number % 2]}/{number}.png", np.full((8, 8 + number), number, np.uint8))
    (tmp_path / "photos/a/9.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"9\.png: not a picture"):
        survey(str(tmp_path / "photos"))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound):
        survey(str(tmp_path / "nowhere"))


def test_large_data_sets_are_not_compared_unasked(own_user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snellen.data.near.MAX_NEAR_IMAGES", 1_000)
    digits = read("digits")
    assert near_groups_at_hand(digits) is None
    near = near_groups(digits)
    np.testing.assert_array_equal(near_groups_at_hand(digits), near)
