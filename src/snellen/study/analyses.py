"""The analyses that a study may ask for: `analyses: [units, {maps: {layer: dense_1}}]`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from snellen.errors import StudyError
from snellen.models.importances import Importance
from snellen.models.named import Named, one_of

Index = Annotated[int, Field(strict=True, ge=0)]
"""A row or column of an image, from 0."""


class Analysis(Named):
    """Base of all analyses. models: those to analyse, None for all that the analysis can be made of."""

    models: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None

    @property
    def label(self) -> str:
        """Its name in a title."""
        return self.name

    @property
    def asked_layer(self) -> str | None:
        """The layer that the study names, of an analysis of one layer."""
        return None


class Units(Analysis):
    """What each unit of a layer responds to. layer: its name in the table of layers; the last hidden one when None."""

    kind: Literal["units"] = "units"
    layer: str | None = None

    @property
    def asked_layer(self) -> str | None:
        return self.layer


class Curves(Analysis):
    """How accuracy changes with one value of a model, which is trained anew for each point of the curve.

    over: the units of its last hidden dense layer, the components of its `pca`, the pixels of its `top_pixels`, its
    training images (fewer images, for as many steps), or its training images of each class (each seed draws its own,
    the same for every model). values: doublings, halvings, or 10, 30, 100, 300, 1,000 images a class when None. by:
    ways to choose pixels, one line for each. seeds: networks of each point. epochs: of each network, those of the model
    when None.
    """

    kind: Literal["curves"] = "curves"
    over: Literal["width", "components", "pixels", "images", "images_a_class"] = "width"
    values: Annotated[tuple[Annotated[int, Field(ge=1, strict=True)], ...] | None, Field(min_length=2)] = None
    by: Annotated[tuple[Importance, ...] | None, Field(min_length=1)] = None
    seeds: Annotated[int, Field(strict=True, ge=1, le=100)] = 3
    epochs: Annotated[int | None, Field(strict=True, ge=1, le=100_000)] = None

    @property
    def label(self) -> str:
        return f"curve over {self.over.replace('_', ' ')}"

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
    """Two-dimensional maps of training images: those near each other are similar to a layer.

    layer: its name in the table of layers; the last hidden one when None. methods: `pixels` (brightness of two
    pixels), `pca` (of the pixels and of the layer), `tsne`, `umap` (extra `embed`); all that fit but `umap` when None.
    pixels: two as (row, column); the two most informative of the class when None. rows: how many images, drawn by
    class; at most limits.MAP_ROWS when None. iterations: of t-SNE, early exaggeration included.
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

    @property
    def asked_layer(self) -> str | None:
        return self.layer


ExplanationMethod = Literal["grad_cam", "integrated_gradients", "occlusion", "neighbours", "units"]
EXPLANATION_METHODS: tuple[ExplanationMethod, ...] = get_args(ExplanationMethod)
"""Ways to explain an answer."""


class Answers(Analysis):
    """Why a model predicts what it predicts: single validation images, and the worst cells of its confusion matrix.

    images: half are the most confident mistakes, half the least confident right predictions; the most confident right
    prediction of each class is added. rows, ids: these images instead. methods: all that can be used when None. layer:
    for Grad-CAM, the last convolution when None. baseline: of integrated gradients, and what fills an occluding patch;
    when None, black where figures are on a black ground, else the mean training image. patch: its side in pixels, a
    seventh of the image when None. neighbours: of each image. cells: of the confusion matrix, the worst first.
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
    """Which images models get wrong, alone and together, and on which kinds of images each is weaker."""

    kind: Literal["errors"] = "errors"


class OtherData(BaseModel):
    """Images of another data set. data: as `source` of a study's data: a known name, or a path."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    data: Annotated[str, Field(strict=True, min_length=1)]


def _kind_of_unfamiliar(written: Any) -> str:
    """Which of the two is meant, so that an error is about that one alone."""
    return "unfamiliar data" if isinstance(written, dict | OtherData) else "unfamiliar"


class Robustness(Analysis):
    """How accuracy falls when images are corrupted, in twelve ways at three severities each.

    unfamiliar: also how sure models stay of images that show nothing: noise, blank ones, scattered pixels; and of
    images of another data set where one is named.
    """

    kind: Literal["robustness"] = "robustness"
    unfamiliar: Annotated[
        Annotated[bool, Field(strict=True), Tag("unfamiliar")] | Annotated[OtherData, Tag("unfamiliar data")],
        Discriminator(_kind_of_unfamiliar),
    ] = False

    @property
    def other_data(self) -> str | None:
        """The other data set; None where none is named."""
        return self.unfamiliar.data if isinstance(self.unfamiliar, OtherData) else None


class DataLook(Analysis):
    """How classes look, near-duplicates, outliers, and images whose neighbours have another label.

    models: the one whose last hidden layer measures similarity; the chosen one when None. neighbours: of each image.
    """

    kind: Literal["data"] = "data"
    models: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=1)] = None
    neighbours: Annotated[int, Field(strict=True, ge=1, le=100)] = 10


class WrongLabels(Analysis):
    """Which labels look wrong: a list for review, by the margins of training rows and by predictions for rows that a
    network was not trained on. The margins are recorded while networks are trained.

    models: the one that judges; the chosen one when None. images: at most so many are listed.
    """

    kind: Literal["wrong_labels"] = "wrong_labels"
    models: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=1)] = None
    images: Annotated[int, Field(strict=True, ge=1, le=2_000)] = 300

    @property
    def label(self) -> str:
        return "suspected wrong labels"


ANALYSES: dict[str, type[Analysis]] = {
    "maps": Maps,
    "units": Units,
    "curves": Curves,
    "data": DataLook,
    "answers": Answers,
    "errors": Errors,
    "robustness": Robustness,
    "wrong_labels": WrongLabels,
}
AnyAnalysis = one_of(ANALYSES, "analysis")


def wants_margins(analyses: Iterable[Analysis]) -> bool:
    """Whether an analysis reads the margins of training rows, which are recorded while networks are trained."""
    return any(isinstance(each, WrongLabels) for each in analyses)
