"""Protects the scale of pixels: what is certain is recognised and said, what is not is refused with a line to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import image_cases as cases
import numpy as np
import pytest
from PIL import Image

from snellen.data.load import Options, read
from snellen.data.readers.arrays import from_arrays
from snellen.data.resizing import Resizing
from snellen.errors import DataError, StudyError

RANDOM = np.random.default_rng(3)
LABELS = np.arange(20) % 2
BYTES = RANDOM.integers(0, 256, (20, 6, 5), dtype=np.uint8)
UNIT = BYTES / 255


def scale(images: Any, **options: Any) -> tuple[tuple[float, float], tuple[str, ...]]:
    dataset = from_arrays(images, LABELS, **options)
    return dataset.pixel_range, dataset.remarks


def resampled() -> np.ndarray:
    """Black and white squares, enlarged with bicubic weights: most values stay, some leave 0..1."""
    squares = np.kron(RANDOM.integers(0, 2, (20, 3, 3)), np.ones((8, 8))).astype(np.float32)
    larger = [np.asarray(Image.fromarray(square).resize((50, 50), Image.Resampling.BICUBIC)) for square in squares]
    return np.stack(larger)


def test_usual_scales_need_no_word() -> None:
    for images, expected in ((UNIT, (0, 1)), (BYTES, (0, 255)), (BYTES * 257.0, (0, 65535)), (BYTES > 9, (0, 1))):
        assert scale(images) == (expected, ())


def test_overshoot_of_resampling_is_said() -> None:
    images = resampled()
    assert images.max() > 1.01 and images.min() < -0.01
    found, [remark] = scale(images)
    assert found == (0, 1)
    assert remark == f"Pixels from {images.min():.3g} to {images.max():.3g} are taken as 0 (black) to 1 (white)."
    assert scale(np.maximum(images, 0))[0] == (0, 1)  # as in a file with the negative values cut off
    found, [remark] = scale(images * 255)
    assert found == (0, 255) and remark.endswith("are taken as 0 (black) to 255 (white).")
    np.testing.assert_array_equal(from_arrays(images, LABELS).images[..., 0], images)


def test_minus_one_to_one_is_said() -> None:
    for images in (UNIT * 2 - 1, np.where(BYTES > 99, 1, -1), (UNIT * 2 - 1) * 1.02):
        found, [remark] = scale(images)
        assert found == (-1, 1) and remark.endswith("are taken as -1 (black) to 1 (white).")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ((UNIT - UNIT.mean()) / UNIT.std(), r"They look standardised \(mean -?0.00, standard deviation 1.00\)"),
        ((UNIT - 0.1307) / 0.3081, r"found pixels from -0.424 to 2.82;.*`pixel_range: \[-0.42421, 2.8215\]`"),
        (UNIT - UNIT.mean(axis=0), r"cannot tell which values mean black and white"),
        (UNIT - 0.5, r"`pixel_range: \[-0.5, 0.5\]`"),
        (BYTES.astype(np.int16) - 128, r"`pixel_range: \[-128, 127\]`"),
        (UNIT * 4.1, r"found pixels from 0 to 4.1; expected within 0 to 1, 0 to 255, -1 to 1, or integers"),
        (BYTES * 16.06, r"found pixels from 0 to 4.1e\+03|found pixels from 0 to 4,095"),
        (UNIT - 0.1307, r"found pixels from -0.131 to 0.869;.*`pixel_range: \[0, 1\]`"),
    ],
)
def test_what_is_not_certain_is_refused(images: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        scale(images)


@pytest.mark.parametrize(
    ("images", "found", "line"),
    [
        (BYTES // 16, "15, 6 % of white (255)", "[0, 15]"),
        (np.minimum(BYTES // 15, 16), "16, 6 % of white (255)", "[0, 16]"),
        (BYTES * (100 / 255), "100, 39 % of white (255)", "[0, 100]"),
        (np.rint(UNIT * 100), "100, 39 % of white (255)", "[0, 100]"),
        (np.rint(UNIT * 4032).astype(np.uint16), "4,032, 6 % of white (65,535)", "[0, 4095]"),
        (np.rint(UNIT * 1020).astype(np.uint16), "1,020, 2 % of white (65,535)", "[0, 1023]"),
        (np.rint(UNIT * 16383), "16,383, 25 % of white (65,535)", "[0, 16383]"),
        (UNIT / 255, "0.00392, 0.4 % of white (1)", "[0, 0.0039216]"),
    ],
)
def test_what_is_far_from_white_is_said(images: np.ndarray, found: str, line: str) -> None:
    _, [remark] = scale(images)
    assert remark == (
        f"No value is above {found}. If another value means white, say so under `data`, for example `pixel_range: "
        f"{line}`."
    )
    low, high = (float(text) for text in line.strip("[]").split(","))
    assert scale(images, pixel_range=(low, high)) == ((low, high), ())


def test_black_images_are_not_dark() -> None:
    assert scale(np.zeros((20, 6, 5), np.uint8)) == ((0, 1), ())


def test_a_given_range_that_does_not_fit_is_said() -> None:
    _, [remark] = scale(BYTES, pixel_range=(0, 1))
    assert remark == "Pixels from 0 to 255 go beyond the given `pixel_range` of 0 to 1."


def test_some_images_on_another_scale_are_said() -> None:
    """Half of the images from 0 to 1 among those from 0 to 255 were all but black to the network."""
    mixed = BYTES.astype(np.float32)
    mixed[:10] /= 255
    [remark] = scale(mixed)[1]
    assert remark.startswith("10 of 20 images have no value above 1, 0.39 % of the way")
    mixed[2:10] = BYTES[2:10]
    assert scale(mixed)[1] == ()


def test_parts_on_different_scales() -> None:
    message = r"parts on different pixel scales; found \(0.0, 255.0\) in images, \(0.0, 1.0\) in test_images.*times 255"
    with pytest.raises(DataError, match=message):
        from_arrays(BYTES, LABELS, test_images=UNIT, test_labels=LABELS)
    dark = from_arrays(BYTES, LABELS, test_images=BYTES // 16, test_labels=LABELS)
    [remark] = dark.remarks
    assert dark.pixel_range == (0, 255) and "20 of 40 images have no value above 15, 5.9 %" in remark


def test_the_alpha_channel_is_not_bright() -> None:
    images = np.stack([BYTES // 16, BYTES // 16, BYTES // 16, np.full_like(BYTES, 255)], axis=-1)
    assert scale(images)[1][0].startswith("No value is above 15, 6 % of white")


def twelve_bits(folder: Path) -> Path:
    for row, image in enumerate(BYTES.astype(np.uint16) * 16):
        path = folder / "ab"[row % 2] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cases.png(image[..., None]))
    return folder


def test_twelve_bits_in_sixteen(tmp_path: Path) -> None:
    folder = twelve_bits(tmp_path / "pics")
    dataset = read(folder)
    [remark] = dataset.remarks
    assert dataset.pixel_range == (0, 65535)
    assert remark.startswith("No value is above 4,080, 6 % of white (65,535)") and "`pixel_range: [0, 4095]`" in remark
    given = read(folder, Options(pixel_range=(0, 4095)))
    assert given.pixel_range == (0, 4095) and given.remarks == ()
    np.testing.assert_array_equal(given.images, dataset.images)


def test_ranges_of_images_that_cannot_be(tmp_path: Path) -> None:
    folder = twelve_bits(tmp_path / "pics")
    with pytest.raises(StudyError, match="a black border where black is not 0"):
        read(folder, Options(pixel_range=(9, 4095), resizing=Resizing(step="pad", height=9, width=9)))
    cases.save(folder / "a" / "eight.png", BYTES[0])
    with pytest.raises(StudyError, match="images of two kinds; found 1 of 8 bits and 20 of 16 bits"):
        read(folder, Options(pixel_range=(0, 4095)))
    for name in "ab":
        cases.save(tmp_path / "clear" / name / "1.png", cases.CLEAR)
    with pytest.raises(StudyError, match="transparent images with a range of their own"):
        read(tmp_path / "clear", Options(pixel_range=(0, 200)))


def test_masks_of_zero_and_one(tmp_path: Path) -> None:
    for row, image in enumerate(BYTES % 2):
        cases.save(tmp_path / "masks" / "ab"[row % 2] / f"{row}.png", image)
    [remark] = read(tmp_path / "masks").remarks
    assert remark.startswith("No value is above 1, 0.4 % of white (255)") and "`pixel_range: [0, 1]`" in remark
    assert read(tmp_path / "masks", Options(pixel_range=(0, 1))).remarks == ()


def test_animations_are_said(tmp_path: Path) -> None:
    frames = [Image.fromarray(image) for image in BYTES[:3]]
    for name in "ab":
        (tmp_path / "moving" / name).mkdir(parents=True)
        frames[0].save(tmp_path / "moving" / name / "1.gif", save_all=True, append_images=frames[1:])
        frames[1].save(tmp_path / "moving" / name / "2.gif")
    assert read(tmp_path / "moving").remarks == (
        "2 of the files are animations: only the first frame of each is read.",
    )
