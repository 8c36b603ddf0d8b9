"""What a study may ask to be explained: `analyses: [units, {maps: {layer: dense_1}}]`."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from snellen.errors import StudyError
from snellen.models.importances import Importance
from snellen.models.named import Named, one_of

Index = Annotated[int, Field(strict=True, ge=0)]
"""A row or column of a picture, from 0."""


class Analysis(Named):
    """Base of all analyses. models: those that are analysed, None for all that the analysis fits."""

    models: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None

    @property
    def label(self) -> str:
        """What to call it in a title."""
        return self.name


class Units(Analysis):
    """What each unit of a layer responds to. layer: its name in the table of layers; the last hidden one when None."""

    kind: Literal["units"] = "units"
    layer: str | None = None


class Curves(Analysis):
    """How the answer changes with one value of a model, which is trained again for each point of the curve.

    over: the units of its last hidden dense layer, the components of its `pca`, the pixels of its `top_pixels`, or its
    training images, of which fewer are trained on for as many steps. values: doublings or halvings when None. by: ways
    to choose pixels, a line each. seeds: networks of each point. epochs: of each, those of the model when None.
    """

    kind: Literal["curves"] = "curves"
    over: Literal["width", "components", "pixels", "images"] = "width"
    values: Annotated[tuple[Annotated[int, Field(ge=1, strict=True)], ...] | None, Field(min_length=2)] = None
    by: Annotated[tuple[Importance, ...] | None, Field(min_length=1)] = None
    seeds: Annotated[int, Field(strict=True, ge=1, le=100)] = 3
    epochs: Annotated[int | None, Field(strict=True, ge=1, le=100_000)] = None

    @property
    def label(self) -> str:
        return f"curve over {self.over}"

    @model_validator(mode="after")
    def _in_order(self) -> Curves:
        if self.values and any(later <= earlier for earlier, later in pairwise(self.values)):
            raise StudyError(
                "`values` of `curves` in another order", found=list(self.values), expected="ascending ones"
            )
        if self.by and self.over != "pixels":
            raise StudyError("`by` is for curves over pixels", found=f"over: {self.over}")
        return self


class Maps(Analysis):
    """Where the training pictures lie for a layer: pictures that are near each other are much the same to it.

    layer: its name in the table of layers; the last hidden one when None. methods: `pixels` (brightness of two
    pixels), `pca` (of the pixels and of the layer), `tsne`, `umap` (extra `embed`); all that fit but `umap` when None.
    pixels: the two, (row, column) each; the two that tell most of the class when None. rows: pictures, by lot and
    class; at most limits.MAP_ROWS of them when None. iterations: of t-SNE, the exaggerated first ones among them.
    neighbours: of UMAP.
    """

    kind: Literal["maps"] = "maps"
    layer: str | None = None
    methods: Annotated[tuple[Literal["pixels", "pca", "tsne", "umap"], ...] | None, Field(min_length=1)] = None
    pixels: tuple[tuple[Index, Index], tuple[Index, Index]] | None = None
    components: Annotated[int, Field(strict=True, ge=2, le=3)] = 3
    rows: Annotated[int | None, Field(strict=True, ge=50)] = None
    perplexity: Annotated[float, Field(ge=2, le=1_000)] = 40
    iterations: Annotated[int, Field(strict=True, ge=250, le=10_000)] = 500
    neighbours: Annotated[int, Field(strict=True, ge=2, le=1_000)] = 15
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0


ExplanationMethod = Literal["grad_cam", "integrated_gradients", "occlusion", "neighbours", "units"]
EXPLANATION_METHODS: tuple[ExplanationMethod, ...] = get_args(ExplanationMethod)
"""Ways to explain an answer."""


class Answers(Analysis):
    """Why a model answers as it does: single validation pictures, and the worst cells of its confusion matrix.

    images: half the most confident mistakes, half the least sure right answers; beside them the surest right answer of
    each class. rows, ids: these pictures instead. methods: all that fit when None. layer: what Grad-CAM reads, the last
    convolution when None. baseline: of integrated gradients, and what fills a patch; when None, black where figures
    stand on black, else the mean training picture. patch: its side in pixels, a seventh of the picture when None.
    neighbours: of each picture. cells: of the confusion matrix, the worst first.
    """

    kind: Literal["answers"] = "answers"
    images: Annotated[int, Field(strict=True, ge=2, le=60)] = 12
    rows: Annotated[tuple[Index, ...] | None, Field(min_length=1, max_length=60)] = None
    ids: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=60)] = None
    methods: Annotated[tuple[ExplanationMethod, ...] | None, Field(min_length=1)] = None
    layer: str | None = None
    baseline: Literal["black", "mean"] | None = None
    patch: Annotated[int | None, Field(strict=True, ge=1, le=64)] = None
    neighbours: Annotated[int, Field(strict=True, ge=1, le=12)] = 5
    cells: Annotated[int, Field(strict=True, ge=0, le=12)] = 3


class Errors(Analysis):
    """Which pictures models get wrong, one and all, and on what kind of picture each is weaker than on the others."""

    kind: Literal["errors"] = "errors"


class DataLook(Analysis):
    """How classes look, near-duplicates, outliers, and images whose neighbours have another label.

    models: the one whose last hidden layer tells what is alike; the chosen one when None. neighbours: of each image.
    """

    kind: Literal["data"] = "data"
    models: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=1)] = None
    neighbours: Annotated[int, Field(strict=True, ge=1, le=100)] = 10


ANALYSES: dict[str, type[Analysis]] = {
    "maps": Maps,
    "units": Units,
    "curves": Curves,
    "data": DataLook,
    "answers": Answers,
    "errors": Errors,
}
AnyAnalysis = one_of(ANALYSES, "analysis")
