"""Which maps a network allows: its layer, the methods that fit the width of the layer, and how many images fit in
memory."""

from __future__ import annotations

import math

from snellen.explain.last_layer import has_hidden
from snellen.explain.maps import projections
from snellen.limits import MAP_ROWS
from snellen.models.build import Network
from snellen.models.dropout import TrainingNoise
from snellen.study.analyses import Maps

JUDGED = 3_000
"""Images whose neighbours are searched among all others: enough to know the trustworthiness to about 0.002."""


def layer_of(network: Network, options: Maps) -> str | None:
    """The layer that is mapped: the one of the options, else the input of the last layer; None without a hidden
    layer."""
    if options.layer is not None:
        return options.layer
    if not has_hidden(network):
        return None
    return next(each.name for each in reversed(network.layers[:-1]) if not isinstance(each.layer, TrainingNoise))


def width_of(network: Network, layer: str) -> int:
    """Number of outputs of a layer per image."""
    return next(math.prod(placed.output_shape) for placed in network.layers if placed.name == layer)


def methods_of(options: Maps, width: int) -> tuple[str, ...]:
    """The methods of the options, else all except UMAP. t-SNE needs a layer with more than two outputs."""
    return options.methods or (("pixels", "pca", "tsne") if width > 2 else ("pixels", "pca"))


def misfit(network: Network, options: Maps) -> str | None:
    """Why the options do not fit a network, or None. Raises StudyError if UMAP is to be used but is not installed."""
    names = [placed.name for placed in network.layers]
    layer = layer_of(network, options)
    if layer is None:
        return "it has no hidden layer"
    if layer not in names:
        return f"it has no layer {layer!r}, but {', '.join(names)}"
    methods = methods_of(options, width_of(network, layer))
    if "umap" in methods:
        projections.expect_umap()
    return _too_narrow(network, layer, methods) or _too_many(network, options, layer) or _outside(network, options)


def _too_narrow(network: Network, layer: str, methods: tuple[str, ...]) -> str | None:
    width = width_of(network, layer)
    if width == 1:
        return f"{layer} has only one output, and a map needs two"
    if width == 2 and {"tsne", "umap"} & set(methods):
        return f"{layer} has two outputs, which `methods: [pca]` draws without a projection"
    return None


def _too_many(network: Network, options: Maps, layer: str) -> str | None:
    most = most_placed(network, options, layer)
    if options.rows is None or options.rows <= most:
        return None
    return f"{options.rows:,} rows need more memory than a map may take; it can take {most:,}"


def _outside(network: Network, options: Maps) -> str | None:
    height, width, _ = network.input_shape
    outside = [pixel for pixel in options.pixels or () if pixel[0] >= height or pixel[1] >= width]
    return f"its images, {width} x {height} pixels, have none at row, column {outside[0]}" if outside else None


def most_placed(network: Network, options: Maps, layer: str) -> int:
    """How many rows fit in memory with every method of the options."""
    width = width_of(network, layer)
    methods = methods_of(options, width)
    neighbours = {"tsne": projections.NEIGHBOURS_A_PERPLEXITY * options.perplexity, "umap": 2 * options.neighbours}
    of_pixels = projections.most_rows(math.prod(network.input_shape), 0)
    return min(of_pixels, *(projections.most_rows(width, neighbours.get(method, 0)) for method in methods))


def seconds(network: Network, images: int) -> float:
    """An estimate for maps without options, on one core."""
    layer = layer_of(network, Maps())
    if layer is None:
        return 0.0
    rows, width = min(images, MAP_ROWS), width_of(network, layer)
    compared = rows * (math.prod(network.input_shape) + width) * JUDGED * 2
    return 3 + compared / 2e10 + (rows * 8e-4 if width > 2 else 0)
