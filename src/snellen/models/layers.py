"""All layers by name, with Keras's names, arguments, initialisers and semantics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snellen.models.activations import ACTIVATIONS, Rescale
from snellen.models.conv import Conv, DepthwiseConv, SeparableConv
from snellen.models.dense import Dense
from snellen.models.dropout import AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout
from snellen.models.layer import Layer
from snellen.models.merge import MERGES
from snellen.models.named import one_of
from snellen.models.normalisation import BatchNorm, LayerNorm, UnitNorm
from snellen.models.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool
from snellen.models.prelu import PRelu
from snellen.models.scaling import Normalization
from snellen.models.shaping import Flatten, ZeroPad
from snellen.models.skip import Skip

__all__ = ["LAYERS", "AnyLayer", "BatchNorm", "Conv", "Dense", "Dropout", "Flatten", "MaxPool", "Skip"]

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "conv": Conv,
    "depthwise_conv": DepthwiseConv,
    "separable_conv": SeparableConv,
    "max_pool": MaxPool,
    "average_pool": AveragePool,
    "global_max_pool": GlobalMaxPool,
    "global_average_pool": GlobalAveragePool,
    "flatten": Flatten,
    "zero_pad": ZeroPad,
    "dropout": Dropout,
    "spatial_dropout": SpatialDropout,
    "gaussian_noise": GaussianNoise,
    "gaussian_dropout": GaussianDropout,
    "alpha_dropout": AlphaDropout,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "unit_norm": UnitNorm,
    "normalization": Normalization,
    **ACTIVATIONS,
    "prelu": PRelu,
    "rescale": Rescale,
    "skip": Skip,
    **MERGES,
}

if TYPE_CHECKING:
    AnyLayer = Layer
else:
    AnyLayer = one_of(LAYERS, "layer")
    for holds_layers in (Skip, *MERGES.values()):
        holds_layers.model_rebuild(_types_namespace={"AnyLayer": AnyLayer})
