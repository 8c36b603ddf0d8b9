"""Protects the decoder of image files: every kind that users have comes out upright, exact and in the right tones."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import image_cases as cases
import numpy as np
import pytest
from image_cases import CLEAR, COLOUR, GREY
from PIL import Image, ImageFile, ImageOps

from snellen.data.decoding.channels import with_channels, with_common_format, with_white
from snellen.data.decoding.decoder import decode, in_threads
from snellen.data.resizing import Resizing
from snellen.errors import DataError, StudyError
from snellen.limits import MAX_SIDE_PIXELS

WIDE = np.random.default_rng(3).integers(0, 65536, (6, 5, 4), dtype=np.uint16)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_lossless_formats_are_exact(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    np.testing.assert_array_equal(decode(cases.save(tmp_path / f"c.{suffix}", COLOUR, **options)), COLOUR)
    if suffix not in ("webp", "bmp"):
        np.testing.assert_array_equal(decode(cases.save(tmp_path / f"a.{suffix}", CLEAR)), CLEAR)
    grey = decode(cases.save(tmp_path / f"g.{suffix}", GREY, **options))
    np.testing.assert_array_equal(with_channels(grey, 1)[..., 0], GREY)


def test_jpeg_is_what_pillow_reads(tmp_path: Path) -> None:
    path = cases.save(tmp_path / "c.jpg", COLOUR)
    np.testing.assert_array_equal(decode(path), np.asarray(Image.open(path)))
    assert decode(cases.save(tmp_path / "g.jpg", GREY)).shape == (6, 5, 1)


def test_gif_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(with_channels(decode(tmp_path / "a.gif"), 1)[..., 0], GREY)


def test_palettes(tmp_path: Path) -> None:
    indexed = Image.fromarray(GREY % 4)
    indexed.putpalette([9, 8, 7, 255, 0, 0, 0, 255, 0, 1, 2, 3])
    indexed.save(tmp_path / "p.png")
    colours = np.array([[9, 8, 7], [255, 0, 0], [0, 255, 0], [1, 2, 3]], np.uint8)
    np.testing.assert_array_equal(decode(tmp_path / "p.png"), colours[GREY % 4])
    indexed.save(tmp_path / "t.png", transparency=2)
    np.testing.assert_array_equal(decode(tmp_path / "t.png")[..., 3], np.where(GREY % 4 == 2, 0, 255))


def test_black_and_white_is_not_1_of_255(tmp_path: Path) -> None:
    Image.fromarray(GREY > 127).save(tmp_path / "b.png")
    np.testing.assert_array_equal(decode(tmp_path / "b.png")[..., 0], np.where(GREY > 127, 255, 0))


def test_cmyk_is_not_a_negative(tmp_path: Path) -> None:
    flat = np.full((16, 16, 3), (200, 100, 30), np.uint8)
    Image.fromarray(flat).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    Image.fromarray(flat).convert("CMYK").save(tmp_path / "c.tiff")
    assert np.abs(decode(tmp_path / "c.jpg").astype(int) - flat).max() <= 4
    np.testing.assert_array_equal(decode(tmp_path / "c.tiff"), flat)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_turned_as_exif_says(tmp_path: Path, orientation: int, suffix: str) -> None:
    """What each number means is written out here: EXIF 2.3, tag 274."""
    turned = {
        1: COLOUR,
        2: COLOUR[:, ::-1],
        3: COLOUR[::-1, ::-1],
        4: COLOUR[::-1],
        5: COLOUR.transpose(1, 0, 2),
        6: COLOUR.transpose(1, 0, 2)[:, ::-1],
        7: COLOUR[::-1, ::-1].transpose(1, 0, 2),
        8: COLOUR.transpose(1, 0, 2)[::-1],
    }
    options = {"lossless": True} if suffix == "webp" else {}
    path = cases.save(tmp_path / f"c.{suffix}", COLOUR, exif=cases.exif(orientation), **options)
    np.testing.assert_array_equal(decode(path), turned[orientation])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_of_png_are_exact(tmp_path: Path, channels: int) -> None:
    (tmp_path / "w.png").write_bytes(cases.png(WIDE[..., :channels]))
    image = decode(tmp_path / "w.png")
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, WIDE[..., :channels])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("deflate", [False, True])
def test_sixteen_bits_of_tiff_are_exact(tmp_path: Path, order: str, deflate: bool) -> None:
    (tmp_path / "w.tif").write_bytes(cases.tiff(WIDE[..., :3], order, deflate))
    np.testing.assert_array_equal(decode(tmp_path / "w.tif"), WIDE[..., :3])
    for compression in (None, "tiff_lzw"):
        path = cases.save(tmp_path / "g.tif", WIDE[..., 0], compression=compression)
        np.testing.assert_array_equal(decode(path)[..., 0], WIDE[..., 0])


def test_sixteen_bits_that_cannot_be_exact_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.png").write_bytes(cases.png(WIDE[..., :2]))
    with pytest.raises(DataError, match="16 bits a channel in a form that cannot be read exactly; found LA;16B"):
        decode(tmp_path / "w.png")


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_measurements_are_no_images(tmp_path: Path, kind: type) -> None:
    with pytest.raises(DataError, match="32 bits a channel, of which the value of white is unknown"):
        decode(cases.save(tmp_path / "f.tif", GREY.astype(kind)))


@pytest.mark.parametrize(("background", "under"), [("black", 0), ("white", 255)])
def test_transparency_over_a_background(tmp_path: Path, background: str, under: int) -> None:
    path = cases.save(tmp_path / "a.png", CLEAR)
    alpha = CLEAR[..., 3:] / 255
    expected = np.rint(CLEAR[..., :3] * alpha + under * (1 - alpha))
    np.testing.assert_array_equal(decode(path, background=background), expected)  # type: ignore[arg-type]
    by_pillow = Image.new("RGBA", (5, 6), (under,) * 3)
    by_pillow.alpha_composite(Image.fromarray(CLEAR))
    assert np.abs(np.asarray(by_pillow)[..., :3] - expected).max() <= 1


def test_alike_takes_the_fewest_channels() -> None:
    grey, colour, clear = GREY[..., None], COLOUR, CLEAR
    disguised, opaque = np.repeat(grey, 3, axis=2), np.dstack([colour, np.full_like(GREY, 255)])

    def shapes(*images: np.ndarray) -> set[int]:
        return {image.shape[2] for image in with_common_format(images, [f"{row}.png" for row in range(len(images))])}

    assert shapes(grey, disguised) == {1} and shapes(grey, colour) == {3} and shapes(colour, opaque) == {3}
    assert shapes(clear, opaque) == {4}
    np.testing.assert_array_equal(with_common_format([disguised, grey], ["a", "b"])[0], grey)
    with pytest.raises(DataError, match=r"mixed channels; found 2 with alpha such as 1.png, 1 without such as 0.png"):
        shapes(grey, clear, opaque)


def test_alike_takes_the_greater_depth() -> None:
    wide = WIDE[..., :1].astype(np.float32)
    as_wide, unchanged = with_common_format([GREY[..., None], wide], ["a", "b"])
    np.testing.assert_array_equal(as_wide[..., 0], GREY.astype(int) * 257)
    np.testing.assert_array_equal(unchanged, wide)
    np.testing.assert_array_equal(with_white(as_wide, 65535.0), as_wide)


def test_channels_change_only_where_nothing_is_lost() -> None:
    np.testing.assert_array_equal(with_channels(GREY[..., None], 4)[..., 3], 255)
    for image, channels, lost in ((COLOUR, 1, "colour"), (CLEAR, 3, "transparency"), (CLEAR, 1, "transparency")):
        with pytest.raises(DataError, match=f"would lose {lost}"):
            with_channels(image, channels)


def test_fit() -> None:
    images = np.arange(2 * 6 * 5, dtype=np.uint8).reshape(2, 6, 5, 1)
    cropped = Resizing(step="crop", height=3, width=2).apply(images)
    np.testing.assert_array_equal(cropped, images[:, 1:4, 1:3])
    padded = Resizing(step="pad", height=9, width=6).apply(images, black=7)
    np.testing.assert_array_equal(padded[:, 1:7, 0:5], images)
    assert (np.delete(padded[:, :, :5], range(1, 7), axis=1) == 7).all() and (padded[:, :, 5] == 7).all()
    for step, height, width in (("crop", 7, 2), ("crop", 3, 6), ("pad", 5, 9), ("pad", 9, 4)):
        with pytest.raises(StudyError, match=r"an image too (small to crop|large to pad) to .*; found 6x5 pixels"):
            Resizing(step=step, height=height, width=width).apply(images)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 14), (14, 8), (4, 6), (3, 200)])
def test_resize_crop_keeps_proportions(height: int, width: int) -> None:
    """A square in the middle keeps its place and its proportions; a size of the same proportions loses nothing."""
    images = np.zeros((1, height, width, 3), np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    random = np.random.default_rng(0)
    images[0, top : top + side, left : left + side] = random.integers(0, 256, (side, side, 3))
    square = Resizing(step="resize_crop", height=side, width=side).apply(images)
    even = (height - side) % 2 == (width - side) % 2 == 0
    np.testing.assert_array_equal(square[0], images[0, top : top + side, left : left + side] if even else square[0])
    same = Resizing(step="resize_crop", height=2 * height, width=2 * width)
    np.testing.assert_array_equal(same.apply(images), same.model_copy(update={"step": "resize"}).apply(images))
    assert Resizing(step="resize_crop", height=5, width=7).apply(images).shape == (1, 5, 7, 3)


@pytest.mark.parametrize("pixels", [GREY[..., None], COLOUR, CLEAR, WIDE[..., :3].astype(np.float32)])
def test_resize_keeps_type_and_range(pixels: np.ndarray) -> None:
    for size in ((3, 4), (17, 19)):
        resized = Resizing(step="resize", height=size[0], width=size[1]).apply(pixels[None])[0]
        assert resized.shape == (*size, pixels.shape[2]) and resized.dtype == pixels.dtype
        if pixels.shape[2] < 4:
            assert resized.min() >= pixels.min() and resized.max() <= pixels.max()
    flat = np.full_like(pixels, 77)
    again = Resizing(step="resize", height=3, width=3).apply(flat[None])
    np.testing.assert_allclose(again, 77, atol=1 if pixels.shape[2] == 4 else 1e-3)  # colours are weighted by alpha


def test_a_huge_image_is_refused_from_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    for width, height in ((9_000, 9_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        (tmp_path / "h.png").write_bytes(cases.png_header(width, height))
        with pytest.raises(DataError, match=r"image too large|exceeds limit|not a readable image"):
            in_threads(decode, [tmp_path / "h.png"])


def test_a_large_image_that_nothing_fits_is_not_decoded(tmp_path: Path) -> None:
    path = cases.save(tmp_path / "l.png", np.full((4, MAX_SIDE_PIXELS + 1), 9, np.uint8))
    assert decode(path).strides == (0, 0, 0)
    assert decode(path, Resizing(step="resize", height=4, width=4)).max() == 9


def test_other_formats_are_not_opened(tmp_path: Path) -> None:
    """Pillow would start Ghostscript for this one, whatever its suffix."""
    for name, content in (
        ("e.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        ("p.png", b"\x0a\x05\x01\x01" + bytes(124)),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="not an image; expected PNG, JPEG, BMP, GIF, WEBP, TIFF, PPM"):
            decode(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp", "tiff", "ppm"])
def test_mutants_are_images_or_data_errors(tmp_path: Path, suffix: str) -> None:
    """300 a format: bits flipped, bytes cut, counts changed. A truncated file of any format is an error."""
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    path = cases.save(tmp_path / f"m.{suffix}", pixels, **({} if suffix in ("bmp", "ppm") else {"exif": cases.exif(6)}))
    content, mutants = path.read_bytes(), []
    for _ in range(150):
        mutant = bytearray(content)
        mutant[random.integers(len(mutant))] ^= 1 << random.integers(8)
        mutants.append(bytes(mutant))
    for _ in range(100):
        place = random.integers(len(content) - 4)
        mutants.append(content[:place] + struct.pack("<I", random.integers(2**32)) + content[place + 4 :])
    cuts = [content[: random.integers(len(content) // 4 * 3)] for _ in range(50)]
    original, unnoticed = decode(path), 0
    for damaged in mutants + cuts:
        path.write_bytes(damaged)
        try:
            [found] = in_threads(decode, [path])
        except DataError:
            continue
        assert mutant not in cuts or np.array_equal(found, original), "a truncated file was read"
        unnoticed += not np.array_equal(found, original)
    assert suffix != "png" or unnoticed == 0, "PNG has checksums: every change is noticed or harmless"


def test_threads_keep_the_order_and_stop_at_the_first_error() -> None:
    def work(number: int) -> int:
        if number == 7:
            raise DataError("seven")
        return number

    assert in_threads(work, range(5)) == list(range(5))
    with pytest.raises(DataError, match="seven"):
        in_threads(work, range(1000))
    assert threading.active_count() < 20


def test_warnings_of_pillow_do_not_reach_the_user(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = tmp_path / "t.png"
        indexed = Image.fromarray(GREY % 4).convert("P")
        indexed.save(path, transparency=bytes([0, 128, 255, 255]))
        [image] = in_threads(decode, [path])
    assert image.shape == (6, 5, 4)
    np.testing.assert_array_equal(image, np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGBA")))


def test_worker_threads_import_nothing_of_pillow(tmp_path: Path, run_script: Callable[..., tuple[int, str]]) -> None:
    """Two threads that import modules which import each other end in a deadlock error."""
    for suffix in ("png", "jpg", "gif", "bmp", "tiff", "webp"):
        cases.save(tmp_path / f"c.{suffix}", COLOUR)
    script = f"""
import sys, threading
from pathlib import Path
from snellen.data.decoding.decoder import decode, in_threads

class Watch:
    def find_spec(self, name, *_):
        if name.startswith("PIL") and threading.current_thread() is not threading.main_thread():
            print("a thread imports", name)

sys.meta_path.insert(0, Watch())
print(len(in_threads(decode, sorted(Path({str(tmp_path)!r}).iterdir()))))
"""
    code, out = run_script(script)
    assert (code, out) == (0, "6\n")
