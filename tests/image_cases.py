"""Image files of every kind that users have, written by Pillow, and by hand where Pillow cannot write them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import data_cases as cases
import numpy as np
from PIL import Image

RANDOM = np.random.default_rng(11)
GREY = RANDOM.integers(0, 256, (6, 5), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 5, 3), dtype=np.uint8)
CLEAR = np.dstack([COLOUR, RANDOM.integers(0, 255, (6, 5), dtype=np.uint8)])

SORTED = (cases.IMAGES, np.sort(cases.LABELS), cases.TEST_IMAGES, np.sort(cases.TEST_LABELS))
"""In the order in which folders are read: class by class."""


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    """An image file of the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(pixels: np.ndarray) -> bytes:
    """(H, W, C) uint16 as a PNG with 16 bits a channel, C 1 to 4; Pillow writes these for grey only."""
    height, width, channels = pixels.shape
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(lines)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff(pixels: np.ndarray, order: str, deflate: bool) -> bytes:
    """(H, W, 3) uint16 as a TIFF with 16 bits a channel in byte order < or >, uncompressed or as zlib stream."""
    height, width, channels = pixels.shape
    content = pixels.astype(f"{order}u2").tobytes()
    content = zlib.compress(content) if deflate else content
    tags = [(256, width), (257, height), (258, 0), (259, 8 if deflate else 1), (262, 2), (273, 0), (277, channels)]
    tags += [(278, height), (279, len(content))]
    bits_at = 8 + 2 + 12 * len(tags) + 4
    values = {**dict(tags), 258: bits_at, 273: bits_at + 2 * channels}
    entries = b"".join(
        struct.pack(f"{order}HHII", tag, 3, channels, value)
        if tag == 258
        else struct.pack(f"{order}HHII", tag, 4, 1, value)
        for tag, value in values.items()
    )
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(tags))
    return start + entries + struct.pack(f"{order}I{channels}H", 0, *[16] * channels) + content


def exif(orientation: int) -> bytes:
    """EXIF that says how an image is to be turned, 1 to 8."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def as_bytes(pixels: np.ndarray, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, **options)
    return stream.getvalue()


def write_folder(root: Path, arrays: tuple[np.ndarray, ...] = SORTED, suffix: str = "png") -> Path:
    """The images of `data_cases` in folders by class, under train and test where there are test arrays."""
    root.mkdir(parents=True, exist_ok=True)
    names = ("train/", "test/") if len(arrays) > 2 else ("",)
    for part, images, labels in zip(names, arrays[::2], arrays[1::2], strict=True):
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            save(root / f"{part}{label}/{row:03}.{suffix}", image)
    return root


def write_zip(path: Path, arrays: tuple[np.ndarray, ...] = SORTED) -> Path:
    """The same folders as members of a zip archive."""
    path = path.with_suffix(".zip")
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("train/", "test/") if len(arrays) > 2 else ("",)
    with zipfile.ZipFile(path, "w") as archive:
        for part, images, labels in zip(names, arrays[::2], arrays[1::2], strict=True):
            for row, (image, label) in enumerate(zip(images, labels, strict=True)):
                archive.writestr(f"{part}{label}/{row:03}.png", as_bytes(image, "PNG"))
    return path


def write_manifest(path: Path, arrays: tuple[np.ndarray, ...] = cases.ARRAYS, suffix: str = ".csv") -> Path:
    """The same images in one folder, and beside them a manifest with path, label and role."""
    path = path.with_suffix(suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for role, images, labels in zip(("train", "test"), arrays[::2], arrays[1::2]):
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            save(path.parent / "pictures" / f"{role}{row:03}.png", image)
            lines.append((f"pictures/{role}{row:03}.png", str(label), role))
    path.write_text("".join(",".join(line) + "\n" for line in [("path", "label", "role"), *lines]), encoding="utf-8")
    return path


def hugging_face_table(images: list[bytes], labels: list[Any], names: list[str] | None = None) -> tuple[Any, str]:
    """The table that Hugging Face writes of these image files, and what its metadata say of the columns."""
    import polars as pl

    cells = [{"bytes": content, "path": None} for content in images]
    kind = pl.Struct({"bytes": pl.Binary, "path": pl.String})
    table = pl.DataFrame({"image": pl.Series(cells, dtype=kind), "label": labels})
    label = {"names": names, "_type": "ClassLabel"} if names else {"dtype": "int64", "_type": "Value"}
    return table, json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": label}}})


def write_hugging_face(folder: Path, arrays: tuple[np.ndarray, ...] = cases.ARRAYS) -> Path:
    """The same images in the form of Hugging Face: a Parquet file for each part."""
    folder.mkdir(parents=True)
    for part, images, labels in zip(("train", "test"), arrays[::2], arrays[1::2]):
        table, said = hugging_face_table([as_bytes(image, "PNG") for image in images], labels.tolist())
        table.write_parquet(folder / f"{part}-00000-of-00001.parquet", metadata={"huggingface": said})
    return folder
