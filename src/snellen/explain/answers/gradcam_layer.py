"""Which layer Grad-CAM reads, and which explanation methods a network allows."""

from __future__ import annotations

from snellen.explain.last_layer import has_hidden
from snellen.models.activations import ACTIVATIONS
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.features import Feature
from snellen.models.skip import Skip
from snellen.study.analyses import EXPLANATION_METHODS, Answers, ExplanationMethod

AFTER_CONV = ("batch_norm", "layer_norm", "dropout", *ACTIVATIONS)
"""Layers that belong to the convolution before them: Grad-CAM reads what they give."""


def misfit(network: Network, options: Answers) -> str | None:
    """Why a network does not allow the options, or None."""
    methods = options.methods or ()
    if "units" in methods and not has_hidden(network):
        return "`units` needs a hidden layer"
    if options.layer is not None:
        return _misfit_layer(network, options.layer)
    return "`grad_cam` needs a convolution" if "grad_cam" in methods and gradcam_layer(network, None) is None else None


def _misfit_layer(network: Network, layer: str) -> str | None:
    fitting = [placed.name for placed in network.layers if _is_seen(placed)]
    if layer in fitting:
        return None
    there = layer in [placed.name for placed in network.layers]
    listed = ", ".join(fitting) or "no layer of this network"
    return f"layer `{layer}` {'gives no pictures' if there else 'is not there'}; Grad-CAM reads {listed}"


def gradcam_layer(network: Network, layer: str | None) -> str | None:
    """The layer that Grad-CAM reads: the given one, else the last convolution with what belongs to it; None without."""
    if layer is not None:
        return layer
    last = max((place for place, placed in enumerate(network.layers) if _convolves(placed)), default=None)
    if last is None:
        return None
    while network.layers[last + 1].layer.name in AFTER_CONV:
        last += 1
    return network.layers[last].name


def _is_seen(placed: Placed) -> bool:
    """Whether it gives pictures of more than one pixel, and is no feature step."""
    shape = placed.output_shape
    return len(shape) == 3 and shape[0] * shape[1] > 1 and not isinstance(placed.layer, Feature)


def _convolves(placed: Placed) -> bool:
    layers = placed.layer.layers if isinstance(placed.layer, Skip) else (placed.layer,)
    return _is_seen(placed) and any("conv" in layer.name for layer in layers)


def methods_of(network: Network, options: Answers) -> tuple[ExplanationMethod, ...]:
    """The methods of the options, else all that the network allows."""
    if options.methods is not None:
        return options.methods
    fits = {"grad_cam": gradcam_layer(network, options.layer) is not None, "units": has_hidden(network)}
    return tuple(way for way in EXPLANATION_METHODS if fits.get(way, True))


def reasons_left_out(network: Network, options: Answers) -> list[str]:
    """Why a method was left out that the options do not exclude, in words."""
    if options.methods is not None:
        return []
    whys: dict[ExplanationMethod, str] = {
        "grad_cam": "Grad-CAM needs a convolution, and this network has none.",
        "units": "This network has no hidden layer, so no contributions of hidden units are shown.",
    }
    return [why for way, why in whys.items() if way not in methods_of(network, options)]
