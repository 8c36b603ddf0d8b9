"""The result of an analysis, stored in the run: facts and sentences as JSON, tables as Parquet, images as
safetensors."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from pydantic import ConfigDict, TypeAdapter

from snellen.errors import IdentityError, SnellenError
from snellen.files import tensors
from snellen.files.atomic import write_bytes, write_json
from snellen.files.hashing import digest_file
from snellen.files.inside import inside
from snellen.files.stored import STORED, read_as, read_bytes

RESULT = "result.json"
ARRAYS = "arrays.safetensors"


@dataclass(frozen=True, eq=False)
class AnalysisResult:
    """facts: JSON values, typed in the facts.py of the analysis. `sentences` among them are computed from the others.
    tables, arrays: by name."""

    facts: dict[str, Any]
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """Its sentences, most important first."""
        return list(self.facts.get("sentences", []))


UNFIT: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
)
"""The exceptions that facts, tables or arrays of another form can cause where they are read."""


@contextmanager
def reading(what: str, *also: type[Exception]) -> Iterator[None]:
    """For a block that reads a stored result, which may have been changed: raises IdentityError instead of UNFIT and
    `also`."""
    try:
        yield
    except SnellenError:
        raise
    except UNFIT + also as error:
        problem = f"not what this analysis stores ({type(error).__name__}: {error})"
        hint = "Remove the folder analyses of the run and run its study again."
        raise IdentityError(problem, where=what, hint=hint) from error


@dataclass(frozen=True)
class _Written:
    """result.json. identity: what the result depends on. sha256: of each file in the folder."""

    __pydantic_config__: ClassVar[ConfigDict] = STORED
    identity: dict[str, Any]
    facts: dict[str, Any]
    sha256: dict[str, str]


_KIND = TypeAdapter(_Written)


def save_result(folder: Path, result: AnalysisResult, identity: Mapping[str, Any]) -> None:
    """Writes a result; result.json last. identity: what the result depends on."""
    for name, table in result.tables.items():
        content = io.BytesIO()
        table.write_parquet(content)
        write_bytes(folder / f"{name}.parquet", content.getvalue())
    if result.arrays:
        tensors.save(folder / ARRAYS, result.arrays)
    files = [*(f"{name}.parquet" for name in result.tables), *([ARRAYS] if result.arrays else [])]
    written = {"identity": dict(identity), "facts": result.facts}
    write_json(folder / RESULT, {**written, "sha256": {name: digest_file(folder / name) for name in files}})


def load_result(folder: Path, identity: Mapping[str, Any]) -> AnalysisResult | None:
    """The result that `save_result` wrote; None if there is none, or if it depends on something else than `identity`.

    Raises IdentityError if a file has changed since.
    """
    if not (folder / RESULT).exists():
        return None
    written = read_as(_KIND, folder / RESULT)
    if written.identity != dict(identity):
        return None
    for name, sha256 in written.sha256.items():
        path = inside(folder, name)
        if not path.exists() or digest_file(path) != sha256:
            raise IdentityError("a file of an analysis changed", where=str(path), hint=f"Remove {folder}.")
    sentences = written.facts.get("sentences", [])
    if not isinstance(sentences, list) or not all(isinstance(each, str) for each in sentences):
        raise IdentityError("`sentences` are not text", where=str(folder / RESULT))
    tables = {Path(name).stem: _read_table(folder / name) for name in written.sha256 if name != ARRAYS}
    arrays = tensors.load(folder / ARRAYS)[0] if ARRAYS in written.sha256 else {}
    return AnalysisResult(written.facts, tables, arrays)


def _read_table(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(read_bytes(path))
    except pl.exceptions.PolarsError as error:
        raise IdentityError(f"not a table ({error})", where=str(path)) from None
