"""The compiled library, which is beside this file if a C++ compiler was available. It is loaded once; None without
it."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_int64, c_void_p
from enum import IntEnum
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

ABI = 1
"""Version of the functions and records below; a library of another version is not used."""
SWITCH = "SNELLEN_KERNELS"
"""The environment variable that switches the kernels off."""
OFF = "off"


class Operation(IntEnum):
    """`snellen_kind` of kernels.h: what a layer computes. POINTWISE: its activation alone."""

    DENSE, CONV, MAX_POOL, AVERAGE_POOL, POINTWISE = range(5)


class Function(IntEnum):
    """`snellen_activation` of kernels.h: a function of each output value of a layer."""

    LINEAR, RELU, TANH, SIGMOID, ELU, LEAKY_RELU, SILU, GELU, SCALE = range(9)


class Record(ctypes.Structure):
    """`snellen_layer` of kernels.h: one layer and its activation. weights, bias: where they begin in the parameters."""

    _fields_ = (
        *((name, c_int32) for name in ("operation", "function")),
        *((f"{side}_{axis}", c_int32) for side in ("in", "out") for axis in ("height", "width", "channels")),
        *((name, c_int32) for name in ("window", "stride", "pad_top", "pad_left")),
        *((name, c_int64) for name in ("weights", "bias")),
        *((name, c_float) for name in ("alpha", "beta")),
    )


class WinogradSizes(ctypes.Structure):
    """Sizes of large.h: rows, height, width and channels `in` of images, filters `out`, and the padding on each
    side."""

    _fields_ = tuple((name, c_int64) for name in ("rows", "height", "width", "in", "out", "pad"))


class DenseSizes(ctypes.Structure):
    """Sizes of large.h: the number of vectors, and their lengths before and after the layer."""

    _fields_ = tuple((name, c_int64) for name in ("rows", "inputs", "units"))


class NormSizes(ctypes.Structure):
    """Sizes of large.h: the number of values of each channel, and of channels."""

    _fields_ = tuple((name, c_int64) for name in ("count", "channels"))


class Lanes(ctypes.Structure):
    """`SnellenLanes` of optimizers.h: lanes, numbers of each lane, floats from one lane to the next, learning rates."""

    _fields_ = (*((name, c_int64) for name in ("count", "numbers", "apart")), ("rates", c_void_p))


SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "snellen_abi": (c_int32, ()),
    "snellen_instructions": (c_char_p, ()),
    "snellen_use": (c_int32, (c_char_p,)),
    "snellen_scratch": (c_int64, (POINTER(Record), c_int32, c_int64)),
    "snellen_pass": (
        None,
        (
            *(POINTER(Record), c_int32, c_int64, c_int64),  # layers, their count, lanes, rows
            *(c_void_p, c_int64),  # parameters
            *(c_void_p, c_int64, c_int64),  # x
            *(c_void_p, c_int64, c_int64),  # targets
            c_void_p,  # counts
            *(c_void_p, c_int64),  # masks, rows of each lane in a mask
            *(c_void_p, c_int64, c_int64),  # logits
            *(c_void_p, c_int64),  # gradient
            c_void_p,  # scratch
        ),
    ),
    "snellen_pictures": (
        c_int32,
        (*(c_void_p, c_int64, c_int64), c_void_p, c_int64, c_float, c_float, c_void_p),  # images, rows, range, x
    ),
    "snellen_adam": (None, (*[c_void_p] * 5, *[c_double] * 3)),  # lanes, parameters, gradient, slots, numbers
    "snellen_rmsprop": (None, (*[c_void_p] * 5, *[c_double] * 3)),
    "snellen_sgd": (None, (*[c_void_p] * 4, c_double, c_int32)),
}
"""Types of the result and the arguments of each function."""
PRODUCTS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "scratch": (c_int64, (c_void_p,)),  # sizes
    "forward": (None, (*[c_void_p] * 3, c_int32, *[c_void_p] * 3)),  # x, weights, bias, relu, y, sizes, scratch
    "inputs": (None, (c_void_p,) * 6),  # gradient of y, y, weights, gradient of x, sizes, scratch
    "kernels": (None, (c_void_p,) * 7),  # x, gradient of y, y, gradients of weights and bias, sizes, scratch
}
"""The same for `snellen_winograd_...` and `snellen_dense_...`."""
NORM = {"moments": 4, "apply": 5, "sums": 7, "combine": 7}
"""Number of arguments of `snellen_norm_...`, all of them pointers, the last to the sizes."""
SIGNATURES |= {f"snellen_norm_{name}": (None, (c_void_p,) * count) for name, count in NORM.items()}
SIGNATURES |= {f"snellen_{kind}_{name}": each for kind in ("winograd", "dense") for name, each in PRODUCTS.items()}


def library() -> ctypes.CDLL | None:
    """The library with its functions typed; None where there is none, or where the environment variable SNELLEN_KERNELS
    is `off`. `avx2` or `generic` select those instructions."""
    return None if os.environ.get(SWITCH) == OFF else _loaded()


def instructions() -> str:
    """The instruction set that the library uses on this processor: avx512, avx2 or generic; `off` without a library."""
    compiled = library()
    return OFF if compiled is None else compiled.snellen_instructions().decode()


def has_vectors() -> bool:
    """Whether the library uses the vector instructions of this processor; without them torch is faster."""
    return instructions() not in (OFF, "generic")


@cache
def _loaded() -> ctypes.CDLL | None:
    places = (Path(__file__).with_name(f"_native{suffix}") for suffix in EXTENSION_SUFFIXES)
    return next((found for place in places if place.exists() and (found := _typed(place)) is not None), None)


def _typed(place: Path) -> ctypes.CDLL | None:
    """None for a file that cannot be loaded here or is of another ABI."""
    try:
        compiled = ctypes.CDLL(str(place))
        if compiled.snellen_abi() != ABI:
            return None
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(compiled, name)
            function.restype, function.argtypes = result, arguments
        compiled.snellen_use(os.environ.get(SWITCH, "").encode())
    except (OSError, AttributeError):
        return None
    return compiled
