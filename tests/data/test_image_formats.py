"""Protects the formats of the field: Netpbm, 12 and 16 bits, pages of TIFF files, PNG files with much metadata."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import image_cases as cases
import numpy as np
import pytest
from image_cases import COLOUR, GREY, png_chunk
from PIL import Image, PngImagePlugin

from snellen.data.decoding.decoder import decode, decode_image, is_image
from snellen.data.decoding.png_metadata import without_metadata
from snellen.data.inspect.image_headers import read_headers
from snellen.errors import DataError
from snellen.limits import MAX_TEXT_BYTES

WIDE = np.random.default_rng(5).integers(0, 65536, (6, 5, 3), dtype=np.uint16)
NOISE = np.random.default_rng(6).integers(0, 256, 3 * 2**20, dtype=np.uint8).tobytes()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def text_of(values: np.ndarray) -> bytes:
    return " ".join(map(str, values.ravel().tolist())).encode()


def netpbm(kind: str, white: int, values: np.ndarray) -> bytes:
    height, width = values.shape[:2]
    binary = values.astype(">u2" if white > 255 else "u1").tobytes()
    return f"{kind}\n# a comment\n{width} {height}\n{white}\n".encode() + (
        binary if kind in ("P5", "P6") else text_of(values)
    )


@pytest.mark.parametrize("suffix", ["ppm", "pgm", "pbm", "pnm", "PPM", "jfif", "jpe", "JFIF"])
def test_suffixes(suffix: str) -> None:
    assert is_image(Path(f"a.{suffix}"))


@pytest.mark.parametrize(("kind", "values"), [("P5", GREY), ("P2", GREY), ("P6", COLOUR), ("P3", COLOUR)])
def test_netpbm_of_eight_bits(tmp_path: Path, kind: str, values: np.ndarray) -> None:
    path = written(tmp_path / "a.pnm", netpbm(kind, 255, values))
    np.testing.assert_array_equal(decode(path), values.reshape(6, 5, -1))
    assert decode(path).dtype == np.uint8


@pytest.mark.parametrize(("kind", "channels"), [("P5", 1), ("P2", 1), ("P6", 3), ("P3", 3)])
def test_netpbm_of_sixteen_bits_is_exact(tmp_path: Path, kind: str, channels: int) -> None:
    """Pillow keeps 8 bits of each colour."""
    path = written(tmp_path / "a.pnm", netpbm(kind, 65535, WIDE[..., :channels]))
    np.testing.assert_array_equal(decode(path), WIDE[..., :channels])


@pytest.mark.parametrize("kind", ["P5", "P2"])
@pytest.mark.parametrize(("white", "expected"), [(1, 255), (15, 255), (100, 255), (1023, 65535), (4095, 65535)])
def test_the_header_of_netpbm_names_white(tmp_path: Path, kind: str, white: int, expected: int) -> None:
    values = np.array([[0, white], [white // 2, 1]])
    found = decode(written(tmp_path / "a.pgm", netpbm(kind, white, values)))[..., 0]
    np.testing.assert_allclose(found, values * expected / white, atol=0.5 if expected == 255 else 0.01)
    assert found.max() == expected


def test_netpbm_of_bits(tmp_path: Path) -> None:
    """1 is black."""
    bits = np.array([[0, 1, 1], [1, 0, 1]], np.uint8)
    expected = np.where(bits, 0, 255)
    packed = np.packbits(bits, axis=1).tobytes()
    for content in (b"P4\n3 2\n" + packed, b"P1\n3 2\n0 1 1\n1 0 1\n", b"P1\n3 2\n011 # 1\n101"):
        np.testing.assert_array_equal(decode(written(tmp_path / "a.pbm", content))[..., 0], expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P5\n4 4\n100\n" + bytes(15), "the image ends early; found 15 values; expected 16"),
        (b"P5\n4 4\n4095\n" + bytes(31), "the image ends early; found 15 values; expected 16"),
        (b"P2\n2 2\n9\n1 2 3", "the image ends early; found 3 values; expected 4"),
        (b"P2\n2 2\n9\n1 2 3 10", "beyond the greatest value of the header; found 1 to 10; expected 0 to 9"),
        (b"P2\n2 2\n9\n1 2 3 -1", "beyond the greatest value of the header; found -1 to 3"),
        (b"P2\n2 2\n9\n1 2 3 x", "not a readable image"),
        (b"P5\n2 2\n99999\n" + bytes(99), "not a readable image"),
        (b"Pf\n2 2\n-1.0\n" + bytes(16), "32 bits a channel"),
    ],
)
def test_bad_netpbm(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decode(written(tmp_path / "a.pgm", content))


def grey_tiff(values: bytes, bits: int, photometric: int, width: int, height: int) -> bytes:
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 122, 277: 1, 278: height}
    tags[279] = len(values)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)).ljust(122, b"\0") + values


def test_a_negative_of_sixteen_bits_is_not_one(tmp_path: Path) -> None:
    """Photometric interpretation 0: white is zero (TIFF 6.0, section 8). Pillow follows it for 8 bits only."""
    values = np.array([[0, 1000], [40000, 65535]], np.uint16)
    for photometric, expected in ((1, values), (0, 65535 - values)):
        path = written(tmp_path / "a.tif", grey_tiff(values.tobytes(), 16, photometric, 2, 2))
        np.testing.assert_array_equal(decode(path)[..., 0], expected)


def test_twelve_packed_bits(tmp_path: Path) -> None:
    """Two values in three bytes; white is 4095."""
    path = written(tmp_path / "a.tif", grey_tiff(bytes([0xFF, 0xF0, 0x00, 0x80, 0x00, 0x01]), 12, 1, 2, 2))
    np.testing.assert_allclose(decode(path)[..., 0], np.array([[4095, 0], [2048, 1]]) * 65535 / 4095, rtol=1e-6)


def test_pages_of_a_tiff_are_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((6, 5), value, np.uint16)) for value in (1, 2, 3)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    message = r"a TIFF file of several pages; found 3 pages; expected one image a file\. Save each page"
    with pytest.raises(DataError, match=message):
        decode(tmp_path / "stack.tif")


def test_a_thumbnail_in_a_tiff_is_no_page(tmp_path: Path) -> None:
    full, small = Image.fromarray(GREY), Image.fromarray(GREY[:3, :2])
    full.save(tmp_path / "a.tif", save_all=True, append_images=[small])
    np.testing.assert_array_equal(decode(tmp_path / "a.tif")[..., 0], GREY)


def test_an_animation_is_said_to_be_one(tmp_path: Path) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    for suffix in ("gif", "png", "webp"):
        frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / f"still.{suffix}")
        assert decode_image(tmp_path / f"moving.{suffix}").animated
        assert not decode_image(tmp_path / f"still.{suffix}").animated


def with_chunks(*chunks: tuple[bytes, bytes], pixels: np.ndarray = COLOUR) -> bytes:
    """A PNG with chunks after its header."""
    content = cases.as_bytes(pixels, "PNG")
    return content[:33] + b"".join(png_chunk(name, body) for name, body in chunks) + content[33:]


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"parameters\0\0" + zlib.compress(NOISE)),
        (b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(NOISE)),
        (b"tEXt", b"prompt\0" + NOISE),
        (b"iCCP", b"a profile\0\0" + zlib.compress(NOISE)),
        (b"iCCP", b"a profile\0\7what is this"),
        (b"eXIf", b"MM\0*\0\0\0\x08\0\0" + NOISE),
        (b"caBX", NOISE),
        (b"tIME", b"nonsense"),
    ],
)
def test_sound_images_with_much_metadata(tmp_path: Path, chunk: tuple[bytes, bytes]) -> None:
    path = written(tmp_path / "a.png", with_chunks(chunk))
    np.testing.assert_array_equal(decode(path), COLOUR)
    assert read_headers([path])[0].height == 6


@pytest.mark.parametrize("padding", [0, 3 * 2**20])
@pytest.mark.parametrize("place", ["eXIf", "zTXt", "tEXt", "xmp", "packed xmp"])
def test_the_orientation_is_found_in_much_metadata(tmp_path: Path, place: str, padding: int) -> None:
    tags = cases.exif(6).removeprefix(b"Exif\0\0") + NOISE[:padding]
    profile = b"\nexif\n%8d\n" % len(tags) + tags.hex().encode()
    xmp = b'<x tiff:Orientation="6"/>' + NOISE[:padding].hex().encode()
    chunks = {
        "eXIf": (b"eXIf", tags),
        "zTXt": (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)),
        "tEXt": (b"tEXt", b"Raw profile type exif\0" + profile),
        "xmp": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        "packed xmp": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
    }
    found = decode(written(tmp_path / "a.png", with_chunks(chunks[place])))
    np.testing.assert_array_equal(found, COLOUR.transpose(1, 0, 2)[:, ::-1])


def test_a_damaged_chunk_is_noticed(tmp_path: Path) -> None:
    """Also one whose damage would make it metadata."""
    indexed = Image.fromarray(GREY % 4).convert("P")
    stream = io.BytesIO()
    indexed.save(stream, "PNG", transparency=2)
    for content in (
        with_chunks((b"tEXt", b"comment\0sound")).replace(b"sound", b"soumd"),
        stream.getvalue().replace(b"tRNS", b"tRNs"),
    ):
        with pytest.raises(DataError, match=r"not a (readable )?image"):
            decode(written(tmp_path / "a.png", content))


def test_texts_of_pillow_are_what_it_refuses(tmp_path: Path) -> None:
    """The reason for all this: a newer Pillow may read them."""
    with pytest.raises(ValueError, match="MAX_TEXT_CHUNK"):
        Image.open(io.BytesIO(with_chunks((b"zTXt", b"parameters\0\0" + zlib.compress(NOISE)))))
    assert len(NOISE) > PngImagePlugin.MAX_TEXT_CHUNK


def test_many_large_texts_are_unpacked_to_a_limit_together() -> None:
    packed = zlib.compress(b"x" * 10_000_000)
    texts = png_chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + packed) * 20
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    content = buffer.getvalue()
    assert len(without_metadata(content[:33] + texts + content[33:])) < 2 * MAX_TEXT_BYTES
