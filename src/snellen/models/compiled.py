"""What a layer is for the compiled library: a row of the table of layers that it works through in one call."""

from __future__ import annotations

from dataclasses import dataclass

from snellen.kernels.library import Function, Operation


@dataclass(frozen=True)
class Window:
    """A square window that slides over images: its side, the stride, and the zeros above and to the left."""

    side: int
    stride: int
    pad_top: int = 0
    pad_left: int = 0


@dataclass(frozen=True)
class CompiledLayer:
    """A layer in the library's terms; its shapes and parameters are added where it has its place.

    operation: None for a layer that only reshapes, or that is a function of each value. function: applied to each value
    that the operation gives. dropout_rates: one, or one a lane.
    """

    operation: Operation | None = None
    function: Function = Function.LINEAR
    alpha: float = 1.0
    beta: float = 0.0
    window: Window | None = None
    dropout_rates: tuple[float, ...] = ()
