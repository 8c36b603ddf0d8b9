"""What a study says of its data: how they are read, and how they are divided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.readers.reader import Options
from snellen.data.reviews import read_reviews
from snellen.data.splits.reviewed import with_reviews
from snellen.data.splits.roles import Split
from snellen.data.splits.split_data import SplitData, split_data
from snellen.models.input_contract import Input
from snellen.study.faulty_split import with_faults
from snellen.study.schema import StudyFile
from snellen.study.split_section import FromTest

REVIEWS = "reviews.csv"
"""The copy of the reviews in a run directory."""


def split_of_study(study: StudyFile, dataset: Dataset, run: Path | None = None) -> SplitData:
    """The duplicates, roles and folds of a study's data, after its reviews, with the faults that it commits on purpose.

    run: the directory of a run of this study, whose copy of the reviews counts. Raises DataError for reviews that do
    not fit the data.
    """
    folds = (study.folds.count, study.folds.repeats) if study.folds else None
    data = with_faults(split_data(dataset, split_of(study), folds), study.on_purpose)
    if data.divided_test is not None:
        remarks = (*data.dataset.remarks, data.divided_test)
        data = replace(data, dataset=replace(data.dataset, remarks=remarks))
    if study.data.reviews is None:
        return data
    return with_reviews(data, read_reviews(run / REVIEWS if run else Path(study.data.reviews).expanduser()))


def split_of(study: StudyFile) -> Split:
    """How the study divides its rows."""
    validation = study.split.validation
    from_test = validation.fraction if isinstance(validation, FromTest) else None
    return Split(
        test=study.split.test,
        validation=None if isinstance(validation, FromTest) else validation,
        validation_from_test=from_test,
        calibration=study.split.calibration or 0,
        train=study.split.train,
        seed=study.split.seed,
        drop_duplicates=study.data.drop_duplicates,
        near_duplicates=study.data.near_duplicates,
    )


def options_of(study: StudyFile) -> Options:
    """How the study wants its data read."""
    data = study.data
    return Options(
        kind=data.kind,
        keys=data.keys,
        class_names=data.class_names,
        pixel_range=data.pixel_range,
        classes=data.classes,
        resizing=data.resizing,
        grey=data.grey,
        background=data.background,
        group=data.group,
        size=data.size,
        channels=data.channels,
        header=data.header,
        on_bad_image=data.on_bad_image,
        links=data.links,
        description=data.description,
    )


def input_of(study: StudyFile, shape: tuple[int, int, int], pixel_range: tuple[float, float]) -> Input:
    """The input contract of the study's models, for images of `shape`."""
    height, width, channels = shape
    return Input(
        height=height,
        width=width,
        channels=channels,
        pixel_range=pixel_range,
        fit=study.data.resizing,
        grey=study.data.grey,
        background=study.data.background,
    )
