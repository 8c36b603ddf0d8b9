"""Protects memory and time from single images: large ones, and small ones whose files are traps."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import image_cases as cases
import numpy as np
import pytest
from PIL import Image

from snellen.data.decoding.decoder import decode
from snellen.data.resizing import Resizing
from snellen.errors import DataError

SMALL = Resizing(step="resize", height=8, width=8)
MEASURE = """
import sys
from pathlib import Path
from snellen.data.resizing import Resizing
from snellen.data.decoding.decoder import decode
print(decode(Path(sys.argv[1]), Resizing(step="resize", height=32, width=32), sys.argv[2] or None).shape)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


IHDR = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
IDAT, IEND = chunk(b"IDAT", zlib.compress(bytes(9 * 8))), chunk(b"IEND", b"")
TAGS = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 200, 277: 1, 278: 8, 279: 64}


def tiff(tags: Mapping[int, int | tuple[int, int, int]], content: bytes = bytes(300)) -> bytes:
    """tags: each one number, or type, count and value."""
    entries = [(tag, *(value if isinstance(value, tuple) else (4, 1, value))) for tag, value in sorted(tags.items())]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + content


def written(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, kind, **options)
    return buffer.getvalue()


def tile(width: int, height: int, compressed: bytes) -> bytes:
    sizes = {322: width, 323: height, 324: 200, 325: len(compressed)}
    others = {tag: value for tag, value in TAGS.items() if tag not in (273, 278, 279)}
    start = 200 - len(tiff(others | sizes, b""))
    return tiff(others | {259: 8} | sizes, bytes(start) + compressed)


JPEG, GIF = written("JPEG"), written("GIF")
PIECES = "an image file of too many pieces"
AGAIN = "an image file that uses the same bytes many times|larger than file"  # or Pillow 13 sees it
SHARED_EXIF = tiff(dict.fromkeys(range(400, 5000), (7, 60000, 12)), bytes(10_000))
TRAPS = {
    "chunks before the pixels": (IHDR + chunk(b"vpAg", b"") * 200_000 + IDAT + IEND, PIECES),
    "chunks after the pixels": (IHDR + IDAT + chunk(b"vpAg", b"") * 200_000 + IEND, PIECES),
    "empty pixels": (IHDR + chunk(b"IDAT", b"") * 200_000 + IDAT + IEND, PIECES),
    "texts": (IHDR + b"".join(chunk(b"tEXt", b"%d\0" % n) for n in range(200_000)) + IDAT + IEND, PIECES),
    "segments": (JPEG[:2] + b"\xff\xe5\x00\x02" * 200_000 + JPEG[2:], PIECES),
    "fill bytes": (JPEG[:2] + b"\xff" * 2_000_000 + JPEG[2:], PIECES),
    "comments": (GIF[: GIF.index(b",")] + b"!\xfe\x01c\0" * 200_000 + GIF[GIF.index(b",") :], PIECES),
    "a tile": (
        tile(65_536, 32_000, zlib.compress(bytes(10**6))),
        r"tiles larger than the image; found \[65536,",
    ),
    "numbers as text": (b"P3 4000 4000 255\n" + b"1 " * 10_000, "written as text is too large; found 48,000,000"),
    "a comment as long as an image": (b"P2 8 8 255 #" + b"#" * 10**7, "early; found 0 values|not a readable"),
    "tags that share bytes": (tiff(TAGS | dict.fromkeys(range(400, 5000), (7, 60000, 12)), bytes(60_000)), AGAIN),
    "a profile that is damaged": (
        IHDR + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))[:-1] + b"?" + IDAT + IEND,
        "not a readable image",
    ),
    "a text of 100 MB that may name the orientation": (
        IHDR + chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(10**8))) + IDAT + IEND,
        "too large",
    ),
}


@pytest.mark.parametrize(("content", "message"), TRAPS.values(), ids=TRAPS)
@pytest.mark.timeout(60)  # what is not refused takes minutes
def test_traps(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "trap").write_bytes(content)
    with pytest.raises(DataError, match=message):
        decode(tmp_path / "trap", SMALL)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"eXIf"])
def test_large_metadata_are_passed_over(tmp_path: Path, kind: bytes) -> None:
    """100 MB behind a few, and 4,600 tags of 60 kB that share their bytes: none of it is unpacked."""
    body = SHARED_EXIF + bytes(60_000) if kind == b"eXIf" else b"a\0\0" + zlib.compress(bytes(10**8))
    (tmp_path / "large.png").write_bytes(IHDR + chunk(kind, body) + IDAT + IEND)
    assert decode(tmp_path / "large.png").shape == (8, 8, 1)


def test_what_is_odd_but_sound(tmp_path: Path) -> None:
    """Thousands of frames of an animation (the first counts), many pieces, run lengths, a large tile."""
    frames = [Image.new("L", (8, 8), 7), *(Image.new("L", (8, 8), number % 256) for number in range(2_000))]
    for suffix in ("gif", "png", "webp"):
        options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
        frames[0].save(tmp_path / f"frames.{suffix}", save_all=True, append_images=frames[1:], **options)
        assert (decode(tmp_path / f"frames.{suffix}") == 7).all()
    stored = zlib.compress(b"".join(b"\0" + bytes([row] * 256) for row in range(256)), 0)
    pieces = b"".join(chunk(b"IDAT", stored[place : place + 8]) for place in range(0, len(stored), 8))
    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 0, 0, 0, 0))
    (tmp_path / "pieces.png").write_bytes(header + pieces + IEND)
    assert (decode(tmp_path / "pieces.png")[:, :, 0] == np.arange(256)[:, None]).all()
    (tmp_path / "tile.tiff").write_bytes(tile(256, 256, zlib.compress(bytes([9]) * 2**16)))
    assert (decode(tmp_path / "tile.tiff") == 9).all() and decode(tmp_path / "tile.tiff").shape == (8, 8, 1)
    runs = b"".join(b"\x01\x05" * 500 + b"\0\0" for _ in range(400)) + b"\0\1"
    head = struct.pack("<2sIHHI", b"BM", 1078 + len(runs), 0, 0, 1078)
    head += struct.pack("<IiiHHIIiiII", 40, 500, 400, 1, 8, 1, len(runs), 0, 0, 256, 0)
    (tmp_path / "runs.bmp").write_bytes(head + b"".join(bytes([n, n, n, 0]) for n in range(256)) + runs)
    assert (decode(tmp_path / "runs.bmp") == 5).all() and decode(tmp_path / "runs.bmp").shape == (400, 500, 1)


def test_a_jpeg_of_fifty_megapixels_is_decoded_smaller(tmp_path: Path) -> None:
    small = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    large = Image.fromarray(small).resize((8_160, 6_120), Image.Resampling.BICUBIC)
    large.save(tmp_path / "phone.jpg", quality=90)
    expected = np.asarray(large.resize((16, 12), Image.Resampling.BILINEAR)).astype(float)
    found = decode(tmp_path / "phone.jpg", Resizing(step="resize", height=12, width=16))
    assert np.abs(found - expected).max() < 4
    with pytest.raises(DataError, match=r"too large; found 6120x8160 pixels; expected at most 33,554,432 of this"):
        decode(tmp_path / "phone.jpg", Resizing(step="crop", height=12, width=16))


def test_a_cropped_image_does_not_keep_the_whole(tmp_path: Path) -> None:
    path = cases.save(tmp_path / "l.png", np.zeros((900, 16), np.uint8))
    for height, width in ((8, 8), (8, 16)):
        assert decode(path, Resizing(step="crop", height=height, width=width)).base is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process took")
@pytest.mark.parametrize(
    ("mode", "size", "suffix", "options", "background"),
    [
        ("RGB", (5_792, 5_792), "png", {}, ""),
        ("RGBA", (5_000, 5_000), "png", {}, "white"),
        ("RGB", (8_192, 8_192), "jpg", {"progressive": True, "subsampling": 0}, ""),
        ("RGBA", (3_500, 3_500), "webp", {"lossless": True}, ""),
        ("I;16", (7_000, 7_000), "png", {}, ""),
        ("RGB", (4_096, 4_096), "ppm", {}, ""),
    ],
)
def test_memory(
    tmp_path: Path, mode: str, size: tuple[int, int], suffix: str, options: dict[str, Any], background: str
) -> None:
    """The largest of their kinds, in a process of its own: 512 MiB with Python, NumPy and Pillow."""
    path = tmp_path / f"large.{suffix}"
    more = {"exif": cases.exif(6)} if suffix not in ("png", "ppm") else {}
    Image.new(mode, size).save(path, **{**options, **more})
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), background], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout.split()[-1]) < 512 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process took")
def test_memory_of_netpbm(tmp_path: Path) -> None:
    """With 16 bits a channel, and as text."""
    (tmp_path / "wide.ppm").write_bytes(b"P6 4000 4000 4095\n" + bytes(2 * 3 * 4_000**2))
    (tmp_path / "text.pgm").write_bytes(b"P2 1024 1024 255\n" + b"1 " * (2**26 - 99))
    for name in ("wide.ppm", "text.pgm"):
        command = [sys.executable, "-c", MEASURE, str(tmp_path / name), ""]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(answer.stdout.split()[-1]) < 512 * 1024


def test_larger_ones_are_refused(tmp_path: Path) -> None:
    for mode, side in (("RGB", 5_800), ("RGBA", 5_100)):
        Image.new(mode, (side, side)).save(tmp_path / "large.png")
        with pytest.raises(DataError, match=rf"image too large; found {side}x{side} pixels; .* as JPEG"):
            decode(tmp_path / "large.png", SMALL)
