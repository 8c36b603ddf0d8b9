"""`snellen evaluate`: a trained model on labelled images that came later, with the scores and sections of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from snellen.data.decoding.channels import Background
from snellen.data.splits import vault
from snellen.deploy.answers import Answers, answer
from snellen.deploy.batch import Batch, Reading
from snellen.deploy.images import open_images
from snellen.deploy.model import Model
from snellen.deploy.polarity import inverted, polarity_warning
from snellen.deploy.predict import LabelledPart, labelled_part, open_model, record_labels_used, seen_warning
from snellen.errors import SHOWN_ITEMS, DataError, StudyError
from snellen.evaluate.score_drop import ScoreDrop, on_other_images, on_pairs
from snellen.explain.thumbnails import to_uint8
from snellen.models.predictions import Predictions
from snellen.run.evaluated_data import ROLE, DataEvaluation
from snellen.run.own_run import FITTED, NO_RUN, OwnImages, OwnRun, copies_of
from snellen.train.environment import choose_device

REASON = "evaluate"


def evaluate_paths(
    path: Path,
    sources: Sequence[str],
    reading: Reading,
    *,
    data_folder: Path | None = None,
    background: Background | None = None,
    device: str = "cpu",
    invert: bool = False,
    paired: bool = False,
) -> DataEvaluation:
    """Evaluates the model of a bundle or run on labelled images, in any form that `snellen predict` reads; see
    `evaluate_batches`. background: the colour behind transparent images, if the model has none."""
    model = open_model(path).on(choose_device(device))
    contract = model.description.input
    contract = contract.model_copy(update={"background": background}) if background else contract
    batches = open_images(sources, contract, data_folder, classes=model.classes, reading=reading, whole=True)
    return evaluate_batches(
        model,
        OwnRun.of(path, model),
        batches,
        reading,
        sources=sources,
        invert=invert,
        data_folder=data_folder,
        paired=paired,
    )


def evaluate_batches(
    model: Model,
    run: OwnRun | None,
    batches: Iterable[Batch],
    reading: Reading,
    *,
    sources: Sequence[str],
    invert: bool = False,
    data_folder: Path | None = None,
    paired: bool = False,
) -> DataEvaluation:
    """Evaluates a model on all labelled images of the batches, or on their official test parts if they have such. run:
    the run of the model, whose training and validation images are left out. invert: whether to exchange black and white
    first. paired: whether images with the ids of test images show the same objects, and are compared with them. Records
    an opening of these labels, and one of the test of the run if images or ids are those of the run. Raises DataError
    if nothing can be evaluated, StudyError if `paired` does not fit.
    """
    kept: list[np.ndarray] = []

    about = model.description

    def seen(batch: np.ndarray) -> np.ndarray:
        kept.append(inverted(batch, about.input.pixel_range) if invert else batch)
        return kept[-1]

    answers = answer(model, batches, seen, reading, raw=True)
    if answers.labels is None:
        raise _no_labels(model, answers.ids)
    part, images = labelled_part(answers), np.concatenate(kept)
    copies, no_copies = copies_of(run, images, data_folder)
    predictions = _predictions(answers, _not_fitted(part, copies))
    test, no_test = _test(run)
    drop = None
    if test is not None and run is not None:
        drop = _paired(predictions, test, run) if paired else _drop(predictions, test, copies, run)
    elif paired:
        raise StudyError(
            "no answers on a test to pair these with", found=no_test, expected="a run that opened its test"
        )
    touched = copies is not None and bool((copies.role_N[predictions.rows] == "test").any())
    uses_test = touched or (drop is not None and drop.kind != "other images")
    record_labels_used(model, answers, run.record.folder if run and uses_test else None, REASON)
    warnings = (
        polarity_warning(answers.mean, about, invert),
        seen_warning(answers) if copies is None else None,
    )
    return DataEvaluation(
        model=model,
        run=run,
        sources=tuple(sources),
        answers=answers,
        images=to_uint8(images, about.input.pixel_range),
        part=part,
        predictions=predictions,
        test=test,
        no_test=no_test,
        copies=copies,
        no_copies=no_copies,
        drop=drop,
        openings=max((vault.times_opened(each) for each in answers.fingerprints), default=0),
        test_openings=vault.count_openings(run.record.folder) if uses_test and run else None,
        remarks=(*reading.sentences(about.input), *(each for each in warnings if each)),
        failed=tuple(f"{each.file}: {each.reason}" for each in reading.failed),
    )


def _no_labels(model: Model, ids: Sequence[str]) -> DataError:
    folders = sorted({name.split("/")[0] for name in ids if "/" in name})
    return DataError(
        "no labels to evaluate with",
        found=f"folders {', '.join(folders[:SHOWN_ITEMS])}" if folders else None,
        expected=f"classes of the model: {', '.join(model.classes[:SHOWN_ITEMS])}",
        hint="Put images into a folder for each class, named after it, or name the labels with --key label=NAME.",
    )


def _not_fitted(part: LabelledPart, copies: OwnImages | None) -> np.ndarray:
    """The labelled rows without those that training used. Raises DataError if none is left."""
    if copies is None:
        return part.rows
    rows = part.rows[~np.isin(copies.role_N[part.rows], FITTED)]
    if not len(rows):
        raise DataError(
            "all these images are training or validation images of the model, which say nothing about other images",
            found=f"{len(part.rows):,} exact copies",
            expected="images that are not of the run",
        )
    return rows


def _predictions(answers: Answers, rows: np.ndarray) -> Predictions:
    assert answers.labels is not None  # checked by the caller
    return Predictions(ROLE, rows, np.array(answers.ids)[rows], answers.labels[rows], answers.probabilities[rows])


def _test(run: OwnRun | None) -> tuple[Predictions | None, str | None]:
    """The stored answers on the test of the run; or why there are none, as a clause."""
    if run is None:
        return None, NO_RUN
    if run.test is None:
        return None, "the run did not open its test for this model (`open_test` in its study does)"
    return run.test, None


def _drop(predictions: Predictions, test: Predictions, copies: OwnImages | None, run: OwnRun) -> ScoreDrop | None:
    """The difference from the test: over the same images if all are test images, else on those that are not."""
    if copies is None:
        return on_other_images(predictions, test, run.record.classes, run.margin)
    places = copies.test_place_N[predictions.rows]
    if (places >= 0).all():
        return on_pairs(predictions, test.at(places), run.record.classes, run.margin, "same pictures")
    return on_other_images(predictions.at(np.flatnonzero(places < 0)), test, run.record.classes, run.margin)


def _paired(predictions: Predictions, test: Predictions, run: OwnRun) -> ScoreDrop:
    """The difference over the images whose ids are those of test images. Raises StudyError if there are none, or if
    most have another label, so that they cannot show the same objects."""
    places = {name: place for place, name in enumerate(test.ids.tolist())}
    pairs = [(row, places[name]) for row, name in enumerate(predictions.ids.tolist()) if name in places]
    if not pairs:
        here, there = (", ".join(map(str, each.ids[:3])) for each in (predictions, test))
        raise StudyError(
            "no image has the id of a test image, so none can be paired",
            found=f"{here}, ...",
            expected=f"{there}, ...",
        )
    mine, theirs = np.array(pairs).T
    drop = on_pairs(predictions.at(mine), test.at(theirs), run.record.classes, run.margin, "same ids")
    if drop.relabelled > len(pairs) / 2:
        raise StudyError(
            "images with the ids of test images have other labels, so they do not show the same",
            found=f"{drop.relabelled:,} of {len(pairs):,}",
            hint="Leave --paired out.",
        )
    return drop
