"""Reads stored JSON, which may have been changed by anyone: size, depth, numbers, text and types are checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from snellen.errors import IdentityError
from snellen.files.inside import expect_file
from snellen.limits import MAX_STORED_BYTES, MAX_STORED_DEPTH, MAX_STORED_INTEGER

T = TypeVar("T")
STORED = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""For `__pydantic_config__` of stored types: types are not converted, and an unknown key belongs to another format."""


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises IdentityError for content that is not plain JSON, FileNotFoundError if there is
    no file."""
    return parse_json(read_bytes(path), str(path))


def read_as(kind: TypeAdapter[T], path: Path) -> T:
    """The value in a JSON file, checked to have this type. Raises IdentityError naming the file and the wrong key."""
    content = read_bytes(path)
    parse_json(content, str(path))
    return _of_kind(content, kind, str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a stored file of up to MAX_STORED_BYTES; raises as `read_json` does."""
    size = expect_file(path)
    if size > MAX_STORED_BYTES:
        raise IdentityError(
            "too large a file", found=f"{size:,} bytes", expected=f"at most {MAX_STORED_BYTES:,}", where=str(path)
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise IdentityError(f"cannot be read ({error.strerror or error})", where=str(path)) from None


def read_text(path: Path) -> str:
    """The content of a stored file as UTF-8."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise IdentityError("not UTF-8 text", where=f"{path}: byte {error.start}") from None


def parse_json(content: bytes, where: str) -> Any:
    """The value of JSON text without NaN, infinities, huge integers, lone surrogates and deep nesting."""
    try:
        value = json.loads(content.decode("utf-8"), parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        _expect_plain(value)
    except RecursionError:
        raise IdentityError("nested too deep", expected=f"at most {MAX_STORED_DEPTH} levels", where=where) from None
    except ValueError as error:
        raise IdentityError(f"not JSON ({error})", where=where) from None
    return value


def _of_kind(content: bytes, kind: TypeAdapter[T], where: str) -> T:
    """JSON text as a value of this type. Raises IdentityError naming the first wrong key."""
    try:
        return kind.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        found = repr(first["input"])[:100]
        raise IdentityError(first["msg"], found=found, where=f"{where}: {key}" if key else where) from None


def _integer(text: str) -> int:
    value = int(text)
    if abs(value) > MAX_STORED_INTEGER:
        raise ValueError(f"an integer of {len(text)} digits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def _expect_plain(value: Any) -> None:
    """Raises ValueError for text that UTF-8 cannot encode, RecursionError for too deep nesting."""
    level = [value]
    for _ in range(MAX_STORED_DEPTH):
        if not level:
            return
        for text in (each for each in level if isinstance(each, str) and not each.isascii()):
            text.encode()
        inner = [each for each in level if isinstance(each, list | dict)]
        level = [
            each for entry in inner for each in (entry if isinstance(entry, list) else (*entry.keys(), *entry.values()))
        ]
    raise RecursionError
