"""The process in which HDF5, MATLAB and Parquet files are opened, so that a bad file can at worst end it.

    python -m snellen.data.readers.guarded_child KIND PATH

Writes true once it has started, then the arrays of the file: {name: [type, shape]}. For each request [what, name] it
writes the values of that array in C order (what: "values") or a digest of each row ("digests"). For an error, it writes
a JSON object to its error stream and ends.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from snellen.child_process import Requests, send_line
from snellen.data.streams import check_dimensions, check_expansion
from snellen.errors import DataError, SnellenError, located, shown
from snellen.limits import MAX_LISTED_FILES, MAX_NAME_CHARACTERS

LIBRARIES = {"hdf5": "h5py", "mat": "scipy.io", "parquet": "polars", "parquet_pictures": "polars", "keras": "h5py"}
DIGEST_BYTES = 16
LAYERS_OF_KERAS = ("layers", "_layer_checkpoint_dependencies")
"""Groups of layers in model.weights.h5: of Keras 3, and of tf.keras 2."""
KERAS_CONFIG, KERAS_TRAINING = "model_config", "training_config"
"""Attributes of a whole model that Keras saved as HDF5, and the names under which their text is listed."""

BLOCK_BYTES = 2**22
MAX_ARRAYS = 1_000
MAX_COMPLAINT = 200
"""The most characters of a library's error message, which may quote the file."""
MEMORY_BYTES = 512 * 2**20
"""Address space of the process without the arrays of a MATLAB file; Python and its libraries take 130 MiB of it."""
TABLE_MEMORY_BYTES = 768 * 2**20
"""The same for polars, which takes 340 MiB of address space for its threads and 60 MiB of memory."""

TABLE_ROWS, TEXT_ROWS, CONTENT_ROWS = 2**16, 1_000, 2**10
HUGGING_FACE = "metadata:huggingface"

MATLAB_TYPES = {"logical": "u1", "single": "f4", "double": "f8"} | {
    f"{sign}int{8 * size}": f"{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)
}


@dataclass(frozen=True)
class Stored:
    """An array in a file. blocks: its rows, some at a time."""

    data_type: np.dtype
    shape: tuple[int, ...]
    blocks: Callable[[], Iterator[np.ndarray]]


def main(kind: str, path: str) -> None:
    """Answers until the parent ends it."""
    importlib.import_module(LIBRARIES[kind])
    requests, output = Requests(grace_seconds=0), sys.stdout.buffer
    send_line(output, True)
    arrays = OPENERS[kind](Path(path))
    send_line(output, {name: [stored.data_type.str, stored.shape] for name, stored in arrays.items()})
    for what, name in requests:
        with located(name):
            for block in arrays[name].blocks():
                output.write(_digests(block) if what == "digests" else np.ascontiguousarray(block).data)
        output.flush()


def _digests(block: np.ndarray) -> bytes:
    return b"".join(blake2b(row.tobytes(), digest_size=DIGEST_BYTES).digest() for row in block)


def open_hdf5(path: Path) -> dict[str, Stored]:
    """All arrays of numbers and columns of text in an HDF5 file, by their paths in it; text as UTF-8 of one width.

    Links that lead out of the file are not followed.
    """
    import h5py

    limit_memory(MEMORY_BYTES)
    file, arrays = h5py.File(path, "r"), {}

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and item.shape and item.dtype.kind in "biuf":
            arrays[name] = Stored(item.dtype, item.shape, partial(_hdf5_blocks, item, path.stat().st_size))
        elif isinstance(item, h5py.Dataset) and item.shape and (text := _hdf5_text(item, path.stat().st_size)):
            arrays[name] = text
        return True if len(arrays) > MAX_ARRAYS else None

    if file.visititems(visit):
        raise DataError("too many arrays", expected=f"at most {MAX_ARRAYS:,}")
    return arrays


def _hdf5_text(item: Any, file_bytes: int) -> Stored | None:
    """A column of text, (N,) or (N, 1); None for other arrays, and for texts that are too long for labels."""
    import h5py

    if math.prod(item.shape[1:]) != 1 or item.shape[0] > MAX_LISTED_FILES:
        return None
    if item.dtype.kind == "S":
        return Stored(item.dtype, item.shape, partial(_hdf5_blocks, item, file_bytes))
    if h5py.check_string_dtype(item.dtype) is None or item.is_virtual or item.external:
        return None
    width, start = 1, 0
    while start < item.shape[0]:  # few rows at first: a text may be as long as its file
        end = min(2 * start + 1, start + TEXT_ROWS)
        width = max(width, *(len(text) for text in item[start:end].ravel()))
        if width > MAX_NAME_CHARACTERS:
            return None
        start = end

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, item.shape[0], TEXT_ROWS):
            yield item[start : start + TEXT_ROWS].astype(f"S{width}")

    return Stored(np.dtype(f"S{width}"), item.shape, blocks)


def _hdf5_blocks(item: Any, file_bytes: int) -> Iterator[np.ndarray]:
    """The rows of a dataset, if the file is large enough for its declared size."""
    check_dimensions(item.shape)
    stored_bytes = item.id.get_storage_size()
    if item.is_virtual or item.external:
        raise DataError("an array kept in other files", expected="its values in this file")
    if stored_bytes > file_bytes:
        raise DataError("an array larger than its file", found=f"{stored_bytes:,} bytes")
    if item.chunks is None and stored_bytes < item.nbytes:
        expected = f"{item.nbytes:,} bytes"
        raise DataError("the array is not as long as declared", found=f"{stored_bytes:,} bytes", expected=expected)
    check_expansion(item.nbytes, stored_bytes)
    step = max(1, BLOCK_BYTES // max(1, item.nbytes // max(1, item.shape[0])))
    for start in range(0, item.shape[0], step):
        yield item[start : start + step]


def open_keras(path: Path) -> dict[str, Stored]:
    """The weights of a model that Keras saved, by the names of nested models and of the layer, then their number
    ("block/conv2d/0") or, in HDF5 files of whole models, their name below that of the outermost layer
    ("block/conv2d/kernel", "conv2d/conv2d/kernel"). Not those of the optimizer."""
    import h5py

    limit_memory(MEMORY_BYTES)
    file = h5py.File(path, "r")
    arrays = {
        name: _keras_text(file.attrs[name])
        for name in (KERAS_CONFIG, KERAS_TRAINING)
        if file.attrs.get(name) is not None
    }
    for name, item in _keras_weights(file):
        if len(arrays) > MAX_ARRAYS or len(name) > MAX_NAME_CHARACTERS:
            raise DataError("too many arrays, or names too long", expected=f"at most {MAX_ARRAYS:,}")
        if name in arrays:
            raise DataError("two arrays of one name", where=name, hint="Save the model as .keras, with Keras 3.")
        if isinstance(item, h5py.Dataset) and item.shape == () and item.dtype.kind == "f":
            arrays[name] = Stored(item.dtype, (1,), partial(_hdf5_number, item))
        elif isinstance(item, h5py.Dataset) and item.shape and item.dtype.kind == "f":
            arrays[name] = Stored(item.dtype, item.shape, partial(_hdf5_blocks, item, path.stat().st_size))
    return arrays


def _hdf5_number(item: Any) -> Iterator[np.ndarray]:
    if item.is_virtual or item.external:
        raise DataError("a number kept in other files", expected="its value in this file")
    yield np.asarray(item[()]).reshape(1)


def _keras_text(attribute: Any) -> Stored:
    text = np.frombuffer(attribute.encode() if isinstance(attribute, str) else bytes(attribute), np.uint8)
    return Stored(text.dtype, text.shape, lambda: iter([text]))


def _keras_weights(file: Any) -> Iterator[tuple[str, Any]]:
    if "model_weights" in file:
        layers = _inside(file, "model_weights")
        for layer in layers:
            for name in _inside(layers, layer).attrs.get("weight_names", ()):
                path = name.decode() if isinstance(name, bytes) else str(name)
                yield f"{layer}/{path.removesuffix(':0')}", _inside(layers, f"{layer}/{path}")
    for name in LAYERS_OF_KERAS:
        if name in file:
            yield from _weights_by_number(_inside(file, name))


def _weights_by_number(layers: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Of a group whose subgroups are named by class and number. An attribute has the layer's own name; files of Keras
    2 have none, and "#conv2d_1" stands for it."""
    for group in layers:
        layer = _inside(layers, group)
        weights = _inside(layer, "vars") if "vars" in layer else {}
        path = f"{prefix}{getattr(weights, 'attrs', {}).get('name', f'#{group}')}"
        for number in sorted(filter(str.isdigit, weights), key=int):
            yield f"{path}/{number}", _inside(weights, number)
        for name in LAYERS_OF_KERAS:
            if name in layer:
                yield from _weights_by_number(_inside(layer, name), f"{path}/")


def _inside(group: Any, path: str) -> Any:
    """What is at a path below a group; links, which may lead into other files, are not followed."""
    import h5py

    for name in path.strip("/").split("/"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise DataError("a link, or nothing, where Keras stores weights", where=path)
        group = group[name]
    return group


def open_mat(path: Path) -> dict[str, Stored]:
    """All arrays of numbers in a MATLAB v5 file; of arrays with three or more dimensions have their last axis first."""
    from scipy.io import whosmat

    limit_memory(MEMORY_BYTES)
    arrays = {}
    for name, shape, kind in whosmat(path)[:MAX_ARRAYS]:
        if kind in MATLAB_TYPES:
            data_type, rows_first = np.dtype(MATLAB_TYPES[kind]), shape[-1:] + shape[:-1] if len(shape) > 2 else shape
            arrays[name] = Stored(data_type, rows_first, partial(_mat_blocks, path, name, shape, data_type))
    return arrays


def _mat_blocks(path: Path, name: str, shape: tuple[int, ...], data_type: np.dtype) -> Iterator[np.ndarray]:
    """The rows of a variable, which SciPy can only read as a whole."""
    from scipy.io import loadmat

    num_bytes = math.prod(shape) * data_type.itemsize
    check_expansion(num_bytes, path.stat().st_size)
    limit_memory(MEMORY_BYTES + 3 * num_bytes)
    values = loadmat(path, variable_names=[name])[name]
    if values.shape != tuple(shape) or values.dtype.newbyteorder("=") != data_type:
        raise DataError(
            "not the declared array", found=f"{values.dtype} {values.shape}", expected=f"{data_type} {shape}"
        )
    rows = np.moveaxis(values, -1, 0) if values.ndim > 2 else values
    step = max(1, BLOCK_BYTES // max(1, num_bytes // max(1, len(rows))))
    for start in range(0, len(rows), step):
        yield rows[start : start + step].astype(data_type)


def open_parquet(path: Path) -> dict[str, Stored]:
    """The columns of text and of integers, as UTF-8 text of one width; other numbers as float64, NaN if missing; true
    and false as int8, -1 if missing."""
    import polars as pl

    limit_memory(TABLE_MEMORY_BYTES)
    table = pl.scan_parquet(path, glob=False)
    schema = table.collect_schema().items()
    kinds = {name: kind for name, kind in schema if _is_text(kind) or kind.is_numeric() or kind == pl.Boolean}
    if len(kinds) > MAX_ARRAYS:
        raise DataError("too many columns", found=f"{len(kinds):,}", expected=f"at most {MAX_ARRAYS:,}")
    num_rows = table.select(pl.len()).collect().item()
    if num_rows > MAX_LISTED_FILES:
        raise DataError("too many rows", found=f"{num_rows:,}", expected=f"at most {MAX_LISTED_FILES:,}")
    plain = [name for name, kind in kinds.items() if _is_text(kind) or kind.is_integer()]
    texts = {name: table.select(pl.col(name).cast(pl.String).fill_null("")) for name in plain}
    widths = {name: text.select(pl.col(name).str.len_bytes().max()).collect().item() for name, text in texts.items()}
    return {
        name: _stored_numbers(table, name, kind, num_rows)
        if name not in texts
        else Stored(
            np.dtype(f"S{max(1, widths[name] or 0)}"), (num_rows,), partial(_table_blocks, texts[name], widths[name])
        )
        for name, kind in kinds.items()
    }


def _stored_numbers(table: Any, name: str, kind: Any, num_rows: int) -> Stored:
    """A column of numbers that are not integers, or of true and false."""
    import polars as pl

    if kind == pl.Boolean:
        flags = table.select(pl.col(name).cast(pl.Int8).fill_null(-1))
        return Stored(np.dtype("i1"), (num_rows,), partial(_number_blocks, flags))
    numbers = table.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")))
    return Stored(np.dtype("f8"), (num_rows,), partial(_number_blocks, numbers))


def open_parquet_images(path: Path) -> dict[str, Stored]:
    """The columns of a table with images: numbers, text, and of each column of files two arrays: NAME:lengths (N,), and
    NAME:bytes, whose length is the sum of these; it is listed as 0. NAME is that of a column of bytes, or of {bytes,
    path} as Hugging Face writes it. HUGGING_FACE: the file's metadata on the columns, as JSON.
    """
    import polars as pl

    limit_memory(TABLE_MEMORY_BYTES + 4 * path.stat().st_size)
    table = pl.scan_parquet(path, glob=False)
    schema = table.collect_schema()
    if len(schema) > MAX_ARRAYS:
        raise DataError("too many columns", found=f"{len(schema):,}", expected=f"at most {MAX_ARRAYS:,}")
    num_rows = table.select(pl.len()).collect().item()
    if num_rows > MAX_LISTED_FILES:
        raise DataError("too many rows", found=f"{num_rows:,}", expected=f"at most {MAX_LISTED_FILES:,}")
    arrays = {}
    for name, kind in schema.items():
        content = _content_column(name, kind)
        if content is not None:
            lengths = table.select(content.bin.size().fill_null(0).cast(pl.Int64))
            arrays[f"{name}:lengths"] = Stored(np.dtype("i8"), (num_rows,), partial(_number_blocks, lengths))
            arrays[f"{name}:bytes"] = Stored(np.dtype("u1"), (0,), partial(_content_blocks, table.select(content)))
        elif kind.is_integer() or kind == pl.Boolean:
            numbers = table.select(pl.col(name).cast(pl.Int64).fill_null(-1))
            arrays[name] = Stored(np.dtype("i8"), (num_rows,), partial(_number_blocks, numbers))
        elif kind.is_numeric():
            arrays[name] = _stored_numbers(table, name, kind, num_rows)
        elif _is_text(kind) or kind == pl.Null:
            text = table.select(pl.col(name).cast(pl.String).fill_null(""))
            width = max(1, text.select(pl.col(name).str.len_bytes().max()).collect().item() or 0)
            arrays[name] = Stored(np.dtype(f"S{width}"), (num_rows,), partial(_table_blocks, text, width))
    said = pl.read_parquet_metadata(path).get("huggingface", "").encode()
    if said:
        arrays[HUGGING_FACE] = Stored(np.dtype(f"S{len(said)}"), (1,), lambda: iter([np.array([said])]))
    return arrays


def _content_column(name: str, kind: Any) -> Any:
    """The bytes of the files in a column; None for other columns."""
    import polars as pl

    if kind == pl.Binary:
        return pl.col(name)
    if isinstance(kind, pl.Struct) and any(field.name == "bytes" and field.dtype == pl.Binary for field in kind.fields):
        return pl.col(name).struct.field("bytes").alias(name)
    return None


def _number_blocks(numbers: Any) -> Iterator[np.ndarray]:
    yield numbers.collect().to_series().to_numpy()


def _content_blocks(content: Any) -> Iterator[np.ndarray]:
    """The bytes of all rows, one after another."""
    for rows in content.collect().iter_slices(CONTENT_ROWS):
        yield np.frombuffer(b"".join(cell or b"" for cell in rows.to_series().to_list()), np.uint8)


def _is_text(kind: Any) -> bool:
    import polars as pl

    return kind in (pl.String, pl.Categorical, pl.Enum)


def _table_blocks(text: Any, width: int) -> Iterator[np.ndarray]:
    """The rows of a column."""
    for rows in text.collect().iter_slices(TABLE_ROWS):
        yield np.array([cell.encode() for cell in rows.to_series().to_list()], f"S{max(1, width)}")


def limit_memory(num_bytes: int) -> None:
    """Limits the address space of this process, if the system supports it (not Windows)."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (num_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))


OPENERS = {
    "hdf5": open_hdf5,
    "keras": open_keras,
    "mat": open_mat,
    "parquet": open_parquet,
    "parquet_pictures": open_parquet_images,
}


def describe(error: BaseException) -> dict[str, Any]:
    """An error as JSON: what `DataError` takes, and the places."""
    if isinstance(error, SnellenError):
        parts = {name: vars(error)[name] for name in ("found", "expected", "hint")}
        details = {name: value if isinstance(value, str) else shown(value) for name, value in parts.items() if value}
        return {"problem": error.problem, "places": error.places, **details}
    if isinstance(error, MemoryError):
        return {"problem": "needs too much memory", "expected": f"less than {MEMORY_BYTES:,} bytes"}
    return {"problem": f"cannot be read: {str(error)[:MAX_COMPLAINT]}"}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    try:
        main(*sys.argv[1:])
    except BaseException as error:  # any error of a library for a damaged file; a panic in Rust is not an Exception
        print(json.dumps(describe(error)), file=sys.stderr)
        sys.exit(1)
