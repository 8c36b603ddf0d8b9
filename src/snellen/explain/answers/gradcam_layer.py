"""Which layer Grad-CAM reads, and which explanation methods a network allows."""

from __future__ import annotations

from snellen.explain.last_layer import has_hidden
from snellen.models.backbones.layer import Backbone
from snellen.models.branches import Branching
from snellen.models.build import Network
from snellen.models.chain import Placed
from snellen.models.dropout import TrainingNoise
from snellen.models.elementwise import Elementwise
from snellen.models.features import Feature
from snellen.models.layer import Layer
from snellen.models.normalisation import BatchNorm, LayerNorm, UnitNorm
from snellen.models.prelu import PRelu
from snellen.models.scaling import Normalization
from snellen.study.analyses import EXPLANATION_METHODS, Answers, ExplanationMethod

AFTER_CONV = (BatchNorm, LayerNorm, UnitNorm, Normalization, TrainingNoise, PRelu, Elementwise)
"""Layers that belong to the convolution before them: Grad-CAM uses their outputs."""


def misfit(network: Network, options: Answers) -> str | None:
    """Why the options do not fit a network, or None."""
    methods = options.methods or ()
    if "units" in methods and not has_hidden(network):
        return "`units` needs a hidden layer"
    if options.layer is not None:
        return _misfit_layer(network, options.layer)
    return "`grad_cam` needs a convolution" if "grad_cam" in methods and gradcam_layer(network, None) is None else None


def _misfit_layer(network: Network, layer: str) -> str | None:
    fitting = [placed.name for placed in network.layers if _has_feature_maps(placed)]
    if layer in fitting:
        return None
    exists = layer in [placed.name for placed in network.layers]
    listed = ", ".join(fitting) or "no layer of this network"
    return f"layer `{layer}` {'has no feature maps' if exists else 'does not exist'}; Grad-CAM can use {listed}"


def gradcam_layer(network: Network, layer: str | None) -> str | None:
    """The layer that Grad-CAM uses: the given one, else the last convolution, or backbone, with the AFTER_CONV layers
    behind it; None for a network without one."""
    if layer is not None:
        return layer
    last = max((place for place, placed in enumerate(network.layers) if _convolves(placed)), default=None)
    if last is None:
        return None
    while isinstance(network.layers[last + 1].layer, AFTER_CONV):
        last += 1
    return network.layers[last].name


def _has_feature_maps(placed: Placed) -> bool:
    """Whether the outputs of a layer are feature maps of more than one pixel. Fitted features of the input are not."""
    shape = placed.output_shape
    return len(shape) == 3 and shape[0] * shape[1] > 1 and not isinstance(placed.layer, Feature)


def _convolves(placed: Placed) -> bool:
    return (isinstance(placed.layer, Backbone) or _has_conv(placed.layer)) and _has_feature_maps(placed)


def _has_conv(layer: Layer) -> bool:
    """Whether it is a convolution, or one is in its branches."""
    return any(map(_has_conv, layer.inside())) if isinstance(layer, Branching) else "conv" in layer.name


def methods_of(network: Network, options: Answers) -> tuple[ExplanationMethod, ...]:
    """The methods of the options, else all that the network allows."""
    if options.methods is not None:
        return options.methods
    fits = {"grad_cam": gradcam_layer(network, options.layer) is not None, "units": has_hidden(network)}
    return tuple(method for method in EXPLANATION_METHODS if fits.get(method, True))


def reasons_left_out(network: Network, options: Answers) -> list[str]:
    """One sentence for each method that the options do not exclude but the network does not allow."""
    if options.methods is not None:
        return []
    reasons: dict[ExplanationMethod, str] = {
        "grad_cam": "Grad-CAM needs a convolution, and this network has none.",
        "units": "This network has no hidden layer, so no contributions of hidden units are shown.",
    }
    return [reason for method, reason in reasons.items() if method not in methods_of(network, options)]
