"""The schema of a study file: names, ranges and defaults of all keys, which users read as the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

from snellen.data.decoding.channels import Background
from snellen.data.groups import Group
from snellen.data.resizing import STEPS, Resizing, Side
from snellen.errors import StudyError, unknown
from snellen.files.inside import is_reserved
from snellen.models.features import AnyFeature
from snellen.models.parts import ModelLayer
from snellen.models.views import StudyViewList
from snellen.models.zoo import ZOO
from snellen.study.acknowledge import Acknowledged
from snellen.study.analyses import AnyAnalysis
from snellen.study.key_types import ClassName, Name, Section, Seed, Size
from snellen.study.methods import AnyMethod
from snellen.study.model_search import separate, with_defaults, with_first_values
from snellen.study.on_purpose import OnPurpose, expect_committable
from snellen.study.phases import expect_to_go_on
from snellen.study.searchable import searchable
from snellen.study.split_section import FromTest, Split
from snellen.study.thresholds import Threshold, expect_thresholds
from snellen.study.train_section import Train
from snellen.train.improvement import Measure


def _with_key(group: Any) -> Any:
    """`group: patient` is short for {column: patient}, `group: 2` for {level: 2}."""
    if isinstance(group, str):
        return {"column": group}
    return {"level": group} if type(group) is int else group


class Data(Section):
    """Which images. `data: mnist` is short for `data: {source: mnist}`.

    resize, crop, pad: the new size of images, one number or [height, width]; at most one of the three.
    """

    source: Annotated[str, Field(min_length=1, description="a known name, or a path relative to the working folder")]
    kind: Annotated[str | None, Field(description="the reader; found from the content when not given")] = None
    keys: Annotated[dict[str, str], Field(description="names of arrays or columns, e.g. {images: X, labels: y}")] = (
        Field(default_factory=dict)
    )
    class_names: Annotated[tuple[ClassName, ...] | None, Field(min_length=2)] = None
    description: Annotated[
        str | None, Field(min_length=1, max_length=2_000, description="what the images are, for the report")
    ] = None
    pixel_range: Annotated[
        tuple[float, float] | None, Field(description="values that mean black and white; found when not given")
    ] = None
    size: Annotated[
        tuple[Side, Side] | tuple[Side, Side, Literal[1, 3, 4]] | None,
        Field(description="of the images of a pixel CSV: [height, width] or [height, width, channels]"),
    ] = None
    channels: Annotated[
        Literal["first", "last"] | None,
        Field(description="of a pixel CSV; last: R, G, B, R, ...; first: all red pixels, then green, then blue"),
    ] = None
    header: Annotated[
        bool | None, Field(strict=True, description="whether line 1 of a pixel CSV names its columns")
    ] = None
    classes: Annotated[tuple[ClassName, ...] | None, Field(min_length=2, description="those to keep, in order")] = None
    resize: Annotated[Size | None, Field(description="stretched or shrunk; proportions are not kept")] = None
    resize_crop: Annotated[
        Size | None, Field(description="stretched or shrunk until it fills the size, and cropped to the middle")
    ] = None
    crop: Annotated[Size | None, Field(description="the middle of each image")] = None
    pad: Annotated[Size | None, Field(description="a black margin around each image")] = None
    grey: Annotated[bool, Field(strict=True, description="converts colour to one channel (luma)")] = False
    background: Annotated[Background | None, Field(description="behind transparent pixels")] = None
    on_bad_image: Annotated[
        Literal["exclude"] | None, Field(description="leaves unreadable image files out, and lists them")
    ] = None
    links: Annotated[
        Literal["follow"] | None,
        Field(description="links in a folder and paths in a manifest may lead out of its folder"),
    ] = None
    group: Annotated[
        Group | None,
        BeforeValidator(_with_key, str | int | Group | None),
        Field(description="images with the same value stay in one part of every split: column, level or pattern"),
    ] = None
    drop_duplicates: Literal["exact"] | None = None
    reviews: Annotated[
        str | None,
        Field(min_length=1, description="a CSV of reviewed labels: those outside the test are corrected, or left out"),
    ] = None
    near_duplicates: Annotated[
        Literal["together"] | None, Field(description="keeps almost equal images in one part of every split")
    ] = None

    @model_validator(mode="after")
    def _one_size(self) -> Data:
        given = [step for step in STEPS if getattr(self, step) is not None]
        if len(given) > 1:
            raise StudyError(
                "more than one of resize, resize_crop, crop and pad",
                found=" and ".join(given),
                expected=f"one of {STEPS}",
            )
        return self

    @property
    def resizing(self) -> Resizing | None:
        """The step of `resize`, `resize_crop`, `crop` or `pad`."""
        for step in STEPS:
            size = getattr(self, step)
            if size is not None:
                height, width = (size, size) if isinstance(size, int) else size
                return Resizing(step=step, height=height, width=width)
        return None


def _zoo_layers(written: Any) -> Any:
    if not isinstance(written, str):
        return written
    if written not in ZOO:
        raise unknown("network", written, ZOO)
    return ZOO[written]


def _named_source(written: Any) -> Any:
    return {"source": written} if isinstance(written, str) else written


def _phases(written: Any) -> Any:
    return written if isinstance(written, list | tuple) else [written]


class Model(Section):
    """One network and how it is trained. layers: a list, or the name of a network of the zoo.

    features: steps before the layers, fitted once to the training images before training. train: one phase, or a list
    of phases, each of which goes on from the one before, from its kept or its last weights. search: how values such
    as `{choice: [128, 256]}` are searched; the model itself has the first of each. views: see models/views.py.
    """

    features: tuple[AnyFeature, ...] = ()
    layers: Annotated[
        tuple[ModelLayer, ...], BeforeValidator(_zoo_layers, json_schema_input_type=str | list[ModelLayer])
    ]
    train: Annotated[
        tuple[Train, ...],
        BeforeValidator(_phases, json_schema_input_type=Train | list[Train]),
        Field(min_length=1, max_length=10),
    ] = (Train(),)
    views: Annotated[StudyViewList, Field(description="evaluation takes the mean over mirrored or shifted images")] = ()
    search: AnyMethod | None = None

    @model_validator(mode="before")
    @classmethod
    def _separate_search(cls, written: Any) -> Any:
        """Moves values to search into `search`, after all options were validated."""
        return separate(written, cls.model_validate, Train.model_fields["epochs"].default)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return searchable(handler(core_schema), handler)

    @model_validator(mode="after")
    def _phases_go_on(self) -> Model:
        """A phase with `continue: last` can go on with the optimizer of the one before it."""
        expect_to_go_on(self.train)
        return self

    @property
    def last_phase(self) -> Train:
        """The phase whose kept weights are the model."""
        return self.train[-1]

    def options(self) -> Iterator[Model]:
        """The model, and models that together have every option of the values to search."""
        yield self
        if self.search is not None:
            space = self.search.space
            yield from (Model.model_validate(space.filled(each).model) for each in space.probes())

    @field_serializer("train")
    def _one_phase_alone(self, phases: tuple[Train, ...]) -> Any:
        """A single phase is written without a list."""
        return phases if len(phases) > 1 else phases[0]


FoldCount = Annotated[int, Field(strict=True, ge=2, le=100)]


class Folds(Section):
    """Cross-validation. `folds: 5` is short for `folds: {count: 5}`.

    repeats: how often all rows are divided again. The folds are drawn from all rows that are not test or calibration;
    each takes its validation rows from its training part. nested: the values of a model are searched again in each
    fold, on its own training and validation rows; otherwise every fold uses the values found on the study's split.
    """

    count: FoldCount
    repeats: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    nested: Annotated[bool, Field(strict=True, description="searches again inside each fold")] = False


def _counted_folds(written: Any) -> Any:
    return {"count": written} if type(written) is int else written


PHASES: TypeAdapter[tuple[Train, ...]] = TypeAdapter(tuple[Train, ...])


def _listed_phases(written: Any) -> Any:
    """Values to search belong to each model; the study's own `train` has the first of each."""
    return (
        None
        if written is None
        else _phases(with_first_values(written, lambda each: PHASES.validate_python(_phases(each))))
    )


class StudyFile(Section):
    """A study: data, split, models. train: defaults for all models.

    seeds: how many networks of each model, from `seed` upwards. folds: cross-validation of each model. choose_by: the
    validation measure that chooses the model. open_test: the models whose predictions are compared with test labels;
    only with `chosen` is the test used once. analyses: which analyses are made, of which models. calibrate:
    temperature, a number that logits are divided by, fitted to validation images. thresholds: see study/thresholds.py.
    acknowledge: see study/acknowledge.py. on_purpose: see study/on_purpose.py.
    """

    study: Name
    data: Annotated[Data, BeforeValidator(_named_source, json_schema_input_type=str | Data)]
    split: Split = Split()
    train: Annotated[
        tuple[Train, ...] | None,
        BeforeValidator(_listed_phases, json_schema_input_type=Train | list[Train] | None),
        Field(description="defaults for all models"),
    ] = None
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    seed: Seed = 0
    seeds: Annotated[int, Field(strict=True, ge=1, le=1_000, description="networks of each model")] = 1
    folds: Annotated[Folds | None, BeforeValidator(_counted_folds, json_schema_input_type=FoldCount | Folds | None)] = (
        None
    )
    choose_by: Measure = "accuracy"
    open_test: Literal["chosen", "all"] | tuple[str, ...] = "chosen"
    analyses: tuple[AnyAnalysis, ...] = ()
    calibrate: Annotated[
        Literal["temperature"] | None, Field(description="makes probabilities less sure or surer, by validation")
    ] = None
    thresholds: Annotated[tuple[Threshold, ...], Field(max_length=100)] = ()
    acknowledge: Acknowledged = Field(default_factory=dict)
    on_purpose: OnPurpose = ()

    @model_validator(mode="before")
    @classmethod
    def _inherit_training(cls, written: Any) -> Any:
        """Puts each model's `train` over the study's."""
        if not isinstance(written, Mapping) or not isinstance(written.get("train"), Mapping | list | tuple):
            return written
        models = written.get("models")
        if not isinstance(models, Mapping):
            return written
        return {**written, "models": {name: _with_defaults(model, written["train"]) for name, model in models.items()}}

    @model_validator(mode="after")
    def _names_of_folders(self) -> StudyFile:
        """Each model has its own folder, also on systems that ignore case."""
        for name in (self.study, *self.models):
            if is_reserved(name):
                raise StudyError(f"no folder can be called `{name}` on Windows", hint="Choose another name.")
        spelt: dict[str, str] = {}
        for name in self.models:
            other = spelt.setdefault(name.casefold(), name)
            if other != name:
                found = f"`{other}` and `{name}`"
                raise StudyError("two models with the same folder on Windows and macOS", found=found)
        return self

    @model_validator(mode="after")
    def _searches_and_folds(self) -> StudyFile:
        """Nested folds need a search that does not use the rows they hold out; a mean over folds needs folds."""
        searches = {name: model.search for name, model in self.models.items() if model.search}
        nested = self.folds is not None and self.folds.nested
        if self.folds is not None and isinstance(self.split.validation, FromTest):
            raise StudyError(
                "`folds` take their validation images from the training part",
                found="`split.validation: {from: test}`",
                hint="Leave out `folds`, or give a share: `split: {validation: 0.2}`.",
            )
        if nested and not searches:
            raise StudyError("`folds: {nested: true}` searches inside each fold, but no model has values to search")
        over_folds = next((name for name, search in searches.items() if search.mean_over == "folds"), None)
        if over_folds is not None and self.folds is None:
            hint = "Add some: `folds: 5`."
            raise StudyError(f"the search of `{over_folds}` is scored over folds, but the study has none", hint=hint)
        if over_folds is not None and nested:
            raise StudyError(
                f"the search of `{over_folds}` is scored over the same folds that it is nested in",
                found="mean_over: folds",
                expected="`mean_over: seeds`, or none",
            )
        return self

    @model_validator(mode="after")
    def _schedules_and_folds(self) -> StudyFile:
        """After cross-validation a network is trained on all images, without any to validate it."""
        for name, model in self.models.items() if self.folds is not None else ():
            for schedule in (phase.schedule for option in model.options() for phase in option.train):
                if schedule.follows_validation:
                    raise StudyError(
                        f"`{schedule.name}` of model `{name}` follows validation images, and the network that `folds` "
                        "train on all images at the end has none",
                        hint="Leave out `folds`, or take another schedule, such as `cosine`.",
                    )
        return self

    @model_validator(mode="after")
    def _thresholds_can_be_certified(self) -> StudyFile:
        expect_thresholds(self.thresholds, self.split.calibration is not None)
        expect_committable(self)
        return self

    @field_validator("open_test")
    @classmethod
    def _known_models(cls, opened: str | tuple[str, ...], others: ValidationInfo) -> str | tuple[str, ...]:
        _expect_known(() if isinstance(opened, str) else opened, others)
        return opened

    @field_validator("analyses")
    @classmethod
    def _known_subjects(cls, analyses: tuple[Any, ...], others: ValidationInfo) -> tuple[Any, ...]:
        _expect_known([name for analysis in analyses for name in analysis.models or ()], others)
        return analyses


def _expect_known(names: Iterable[str], others: ValidationInfo) -> None:
    models = others.data.get("models", {})
    for name in names if models else ():
        if name not in models:
            raise unknown("model", name, models)


def _with_defaults(model: Any, defaults: Any) -> Any:
    """The model with the study's training as its own, or as defaults under each of its phases."""
    return {**model, "train": with_defaults(model.get("train"), defaults)} if isinstance(model, Mapping) else model
