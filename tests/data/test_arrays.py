"""Protects the way from any usual array to a Dataset: lossless or refused, never guessed, never silently changed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snellen.data.readers.arrays import from_arrays
from snellen.errors import DataError, StudyError

LABELS = np.array([0, 1, 2, 0])
GREY = np.arange(4 * 3 * 2).reshape(4, 3, 2)


def pixels(values: Any, **options: Any) -> np.ndarray:
    """`values` as they are stored, under two classes."""
    return from_arrays(values, np.arange(len(values)) % 2, pixel_range=(0, 1), **options).images


@given(hnp.arrays(st.sampled_from([np.uint8, np.int8, np.int16, np.uint16, np.bool_]), (3, 2, 2)))
def test_small_integers_are_kept_exactly(values: np.ndarray) -> None:
    stored = pixels(values)
    np.testing.assert_array_equal(stored[..., 0].astype(np.int64), values.astype(np.int64))
    assert stored.dtype == (np.uint8 if values.min() >= 0 and values.max() <= 255 else np.float32)


@given(hnp.arrays(np.float32, (3, 2, 2), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_float32_is_kept_exactly(values: np.ndarray) -> None:
    np.testing.assert_array_equal(pixels(values)[..., 0], values)


def test_whole_floats_become_bytes_and_others_stay() -> None:
    assert pixels(GREY.astype(np.float64)).dtype == np.uint8
    stored = pixels(GREY / 7)
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored[..., 0], (GREY / 7).astype(np.float32))


@pytest.mark.parametrize("values", [GREY + 2**24, -GREY - 2**24, GREY.astype(np.uint64) + 2**63, GREY * 1e38])
def test_what_does_not_fit_is_refused(values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"images: pixels do not fit float32"):
        pixels(values)
    assert pixels(np.minimum(GREY + 2**24 - 23, 2**24)).max() == 2**24


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_pixel_that_is_not_finite_is_named(value: float) -> None:
    values = GREY / 30
    values[2, 1, 0] = values[3, 2, 1] = value
    with warnings.catch_warnings(action="error"), pytest.raises(DataError) as error:
        pixels(values)
    assert str(error.value).startswith(f"images: row 2: pixel (1, 0, 0): a pixel is not finite; found {value}")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 784), r"found shape \(4, 784\).*reshape\(-1, 28, 28\)"),
        ((4, 3, 8, 8), r"Channels come first here: use images.transpose\(0, 2, 3, 1\)"),
        ((4, 8, 8, 5), "with C 1, 3 or 4"),
        ((4,), "not the shape of images"),
        ((4, 0, 8), "sides of 1 to 512 pixels"),
        ((4, 513, 8), "sides of 1 to 512 pixels"),
    ],
)
def test_other_shapes(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_arrays(np.zeros(shape), LABELS)


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 3, 2, 1), (4, 3, 2, 3), (4, 3, 2, 4), (4, 3, 3, 3)])
def test_shapes_of_images(shape: tuple[int, ...]) -> None:
    assert from_arrays(np.zeros(shape, np.uint8), LABELS).images.shape == (*shape, 1)[:4]


@pytest.mark.parametrize("values", [np.full((4, 3, 2), "a"), GREY + 0j, GREY.astype(object), [[[1]], [[1, 2]]]])
def test_pixels_that_are_not_numbers(values: Any) -> None:
    with pytest.raises(DataError, match=r"images: (pixels are not numbers|not an array)"):
        from_arrays(values, LABELS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (GREY, (0, 255)),
        (GREY > 5, (0, 1)),
        (GREY / 23, (0, 1)),
        (GREY * 10.3, (0, 255)),
        (GREY * 100, (0, 65535)),
    ],
)
def test_usual_pixel_ranges(values: np.ndarray, expected: tuple[float, float]) -> None:
    assert from_arrays(values, LABELS).pixel_range == expected


@pytest.mark.parametrize("values", [GREY - 5.0, GREY / 7, GREY * 100.5, GREY * 10_000])
def test_unusual_pixel_ranges_must_be_given(values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"images: cannot tell which values mean black and white"):
        from_arrays(values, LABELS)
    assert from_arrays(values, LABELS, pixel_range=(-5, 9e5)).pixel_range == (-5, 9e5)


@pytest.mark.parametrize("pixel_range", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_bad_pixel_ranges(pixel_range: tuple[float, float]) -> None:
    with pytest.raises(StudyError, match=r"bad `pixel_range`"):
        from_arrays(GREY, LABELS, pixel_range=pixel_range)


def test_a_scaled_test_part_beside_unscaled_training() -> None:
    with pytest.raises(DataError, match=r"pixel scales; found \(0.0, 255.0\) in images, \(0.0, 1.0\) in test_images"):
        from_arrays(GREY, LABELS, test_images=GREY / 23, test_labels=LABELS)


@pytest.mark.parametrize(
    "labels",
    [LABELS.astype(np.uint8), LABELS[:, None], LABELS.astype(float), LABELS.astype(">i4"), LABELS.tolist()],
)
def test_kinds_of_labels(labels: Any) -> None:
    dataset = from_arrays(GREY, labels)
    assert dataset.labels.tolist() == LABELS.tolist() and dataset.labels.dtype == np.int64
    assert dataset.classes == ("0", "1", "2")


def test_labels_that_are_text() -> None:
    dataset = from_arrays(GREY, ["cat", "ant", "dog", "cat"])
    assert (dataset.classes, dataset.labels.tolist()) == (("ant", "cat", "dog"), [1, 0, 2, 1])
    dataset = from_arrays(GREY, ["cat", "ant", "dog", "cat"], class_names=("dog", "cow", "cat", "ant"))
    assert (dataset.classes, dataset.labels.tolist()) == (("dog", "cow", "cat", "ant"), [2, 3, 0, 2])
    with pytest.raises(DataError, match=r"labels: row 2: label out of range; found dog; expected one of cat, ant"):
        from_arrays(GREY, ["cat", "ant", "dog", "cat"], class_names=("cat", "ant"))
    with pytest.raises(DataError, match=r"text in one part and numbers in the other"):
        from_arrays(GREY, LABELS, test_images=GREY, test_labels=["a", "b", "a", "b"])


@pytest.mark.parametrize("bad", [0.5, np.nan, np.inf, 1e300])
def test_the_first_bad_label_is_named(bad: float) -> None:
    with warnings.catch_warnings(action="error"), pytest.raises(DataError, match=r"labels: row 2: label out of range"):
        from_arrays(GREY, [0, 1, bad, bad])


def test_labels_of_other_shapes_and_types() -> None:
    with pytest.raises(DataError, match=r"row 1: not one label a row; found shape \(4, 3\), with 3 one-hot.*argmax"):
        from_arrays(GREY, np.eye(3)[LABELS] * np.array([[1], [0.5], [1], [1]]))
    with pytest.raises(DataError, match=r"labels are neither numbers nor text; found type object. Use .astype\(str\)"):
        from_arrays(GREY, np.array(["a", None, "b", "a"], object))


@pytest.mark.parametrize("names", [(), ("a",), ("a", "a", "b"), ("a", "", "b"), "abc", (1, 2, 3)])
def test_bad_class_names(names: Any) -> None:
    with pytest.raises(StudyError, match=r"class names"):
        from_arrays(GREY, LABELS, class_names=names)


def test_test_labels_without_images() -> None:
    with pytest.raises(DataError, match=r"belong together"):
        from_arrays(GREY, LABELS, test_labels=LABELS)


def test_parts_and_ids() -> None:
    dataset = from_arrays(GREY, LABELS, test_images=GREY[:2] + 1, test_labels=LABELS[:2], name="mine")
    assert dataset.ids.tolist() == [*(f"images:{row}" for row in range(4)), "test_images:0", "test_images:1"]
    assert dataset.official_test is not None and dataset.official_test.tolist() == [False] * 4 + [True] * 2
    assert dataset.name == "mine"


def test_later_changes_of_the_callers_arrays_change_nothing() -> None:
    images, labels = GREY.astype(np.uint8), LABELS.copy()
    dataset = from_arrays(images, labels)
    images[:], labels[:] = 0, 0
    np.testing.assert_array_equal(dataset.images[..., 0], GREY)
    np.testing.assert_array_equal(dataset.labels, LABELS)


def test_the_fingerprint_is_over_content_alone() -> None:
    first = from_arrays(GREY, LABELS)
    assert (
        first.fingerprint == from_arrays(np.asfortranarray(GREY.astype(float)), LABELS[:, None], name="b").fingerprint
    )
    others = [
        from_arrays(GREY[::-1], LABELS),
        from_arrays(GREY, LABELS[::-1]),
        from_arrays(GREY, LABELS, pixel_range=(0, 23)),
        from_arrays(GREY, LABELS, class_names=["a", "b", "c"]),
        from_arrays(GREY[:3], LABELS[:3], test_images=GREY[3:], test_labels=LABELS[3:]),
    ]
    assert len({first.fingerprint, *(other.fingerprint for other in others)}) == 6
