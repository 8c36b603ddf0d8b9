"""Formats of image files by their first bytes: supported formats, and others that messages name."""

from __future__ import annotations

import re

START_BYTES = 132
"""The number of first bytes that are examined."""

READ = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"BM....\0\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"P[1-6]\s+(#|[0-9])"), "PPM"),
)
NOT_READ = (
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF"),
    (re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL), "HEIC"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "JPEG XL"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"8BPS\0\x01"), "Photoshop (PSD)"),
    (re.compile(rb".{128}DICM", re.DOTALL), "DICOM"),
    (re.compile(rb"SIMPLE  ="), "FITS"),
    (re.compile(rb"\x76\x2f\x31\x01"), "OpenEXR"),
    (re.compile(rb"#\?(RADIANCE|RGBE)"), "Radiance HDR"),
    (re.compile(rb"DDS "), "DDS"),
    (re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg\b", re.DOTALL), "SVG"),
)


def format_that_is_read(start: bytes) -> str | None:
    """The supported format of a file, by its first bytes."""
    return next((name for pattern, name in READ if pattern.match(start)), None)


def format_not_read(start: bytes) -> str | None:
    """The unsupported image format of a file, by its first bytes."""
    return next((name for pattern, name in NOT_READ if pattern.match(start)), None)
