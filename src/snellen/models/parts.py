"""All that a network is made of, as studies, jobs and bundles write it: layers, feature steps, views and a backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snellen.models.backbones.layer import Backbone
from snellen.models.features import FEATURES
from snellen.models.layer import Layer
from snellen.models.layers import LAYERS
from snellen.models.named import one_of
from snellen.models.views import Views

MODEL_LAYERS: dict[str, type[Layer]] = {**LAYERS, "backbone": Backbone}
"""Those of the list `layers` of a model, of which only the first can be a backbone."""

if TYPE_CHECKING:
    AnyPart = Layer
    ModelLayer = Layer
else:
    AnyPart = one_of({**FEATURES, **MODEL_LAYERS, "views": Views}, "layer")
    ModelLayer = one_of(MODEL_LAYERS, "layer")
