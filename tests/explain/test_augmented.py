"""Protects the stored images of augmentation: each job gets its own back, and none where none were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_cases import lane, material

from snellen.errors import IdentityError
from snellen.explain.augmented_images import Augmented, augmented_path, keep_augmented, load_augmented, save_augmented
from snellen.train.samples import augmented_samples


def test_each_job_gets_its_own_images_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    given = {
        job: Augmented(random.integers(0, 99, 16), random.integers(0, 255, (16, 5, 4, 3), dtype=np.uint8))
        for job in ("ab12", "cd34")
    }
    save_augmented(tmp_path, given)
    found = load_augmented(tmp_path)
    assert list(found) == ["ab12", "cd34"]
    for job, images in given.items():
        np.testing.assert_array_equal(found[job].rows, images.rows)
        np.testing.assert_array_equal(found[job].images, images.images)
        assert found[job].images.dtype == np.uint8


def test_a_lane_that_augments_keeps_the_images_it_is_trained_on(tmp_path: Path) -> None:
    """Every image is its own shifted by at most a pixel; the lane without augmentation has none."""
    shifted, plain = lane(augment=[{"shift": 0.25}]), lane()
    keep_augmented(tmp_path, [shifted, plain], material())
    found = load_augmented(tmp_path)
    assert list(found) == list(shifted.ids)
    images = found[shifted.ids[0]]
    given = augmented_samples(shifted, material())
    assert given is not None
    np.testing.assert_array_equal(images.images, given.augmented)
    np.testing.assert_array_equal(images.rows, given.rows)
    assert set(images.rows.tolist()) <= set(shifted.rows["train"].tolist()) and len(images.rows) == 16


def test_a_run_without_augmentation_has_none(tmp_path: Path) -> None:
    assert load_augmented(tmp_path) == {}
    save_augmented(tmp_path, {})
    assert load_augmented(tmp_path) == {}


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    save_augmented(tmp_path, {})
    augmented_path(tmp_path).write_bytes(b"nothing")
    with pytest.raises(IdentityError):
        load_augmented(tmp_path)
