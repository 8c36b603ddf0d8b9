"""Removes chunks of a PNG file that do not affect its pixels: profiles, texts and other metadata. Pillow unpacks all
texts and profiles, and refuses valid images with large ones (MAX_TEXT_CHUNK). Only the orientation matters here:
`eXIf`, and the texts that hold EXIF data and XMP.
"""

from __future__ import annotations

import struct
import zlib

from snellen.errors import DataError
from snellen.limits import MAX_IMAGE_READS, MAX_TEXT_BYTES

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SHOWN = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")
"""Ancillary chunks (their names start with a small letter) that change the decoded pixels."""

TEXTS = (b"tEXt", b"zTXt", b"iTXt")
ORIENTED = (b"exif", b"Raw profile type exif", b"XML:com.adobe.xmp")
"""Keywords of the texts in which Pillow looks for an orientation."""

PILLOW_TEXT_BYTES = 2**20
"""The most bytes of one text that Pillow unpacks."""


def without_metadata(content: bytes) -> bytes:
    """A PNG file without the chunks that do not affect pixels; other files unchanged. A damaged chunk is kept, so that
    the decoder refuses it. Raises DataError for too many chunks.
    """
    if not content.startswith(SIGNATURE):
        return content
    pieces, place, kept_from, number, left = [], len(SIGNATURE), 0, 0, MAX_TEXT_BYTES
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        end, number = place + 12 + length, number + 1
        if end > len(content):
            break
        if number > MAX_IMAGE_READS:
            raise DataError("an image file of too many pieces", expected=f"at most {MAX_IMAGE_READS:,}")
        replacement = _replacement(kind, content[place + 8 : end - 4], left) if _is_optional(kind) else None
        if kind in TEXTS:
            left -= PILLOW_TEXT_BYTES if replacement is None else len(replacement)
        if replacement is not None and zlib.crc32(content[place + 4 : end - 4]) == _checksum(content, end):
            pieces += [content[kept_from:place], replacement]
            kept_from = end
        place = end
    return b"".join([*pieces, content[kept_from:]]) if pieces else content


def _is_optional(kind: bytes) -> bool:
    return kind[:1].islower() and kind not in SHOWN


def _checksum(content: bytes, end: int) -> int:
    return int.from_bytes(content[end - 4 : end], "big")


def _replacement(kind: bytes, body: bytes, most: int) -> bytes | None:
    """The replacement of a chunk: empty, or a large text unpacked; None if the chunk is kept. most: the limit of its
    bytes."""
    keyword, _, rest = body.partition(b"\0")
    if kind not in TEXTS or keyword not in ORIENTED:
        return b""
    if kind == b"iTXt" and rest[:1] == b"\1":
        language, translated, packed = [*rest[2:].split(b"\0", 2), b"", b""][:3]
        head = keyword + b"\0\0\0" + language + b"\0" + translated + b"\0"
    elif kind == b"zTXt":
        kind, head, packed = b"tEXt", keyword + b"\0", rest[1:]
    else:
        return None
    text = _unpacked(packed, most) if most > 0 else None
    return None if text is None else _chunk(kind, head + text)


def _unpacked(packed: bytes, most: int) -> bytes | None:
    """The unpacked text of a chunk that Pillow would refuse for its size; None for other chunks, damaged ones and those
    above the limit."""
    try:
        text = zlib.decompressobj().decompress(packed, most + 1)
    except zlib.error:
        return None
    return text if PILLOW_TEXT_BYTES < len(text) <= most else None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
