"""Images of another data set, converted for the models of a run, for `unfamiliar: {data: ...}`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.errors import StudyError, located
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.robustness.addressed import content_keys
from snellen.explain.robustness.facts import OtherDataJson
from snellen.explain.robustness.unfamiliar import KINDS, MOST_UNFAMILIAR
from snellen.explain.thumbnails import to_uint8
from snellen.models.given_images import Conversions, as_input
from snellen.models.input_contract import Input
from snellen.study.analyses import Robustness
from snellen.study.data_settings import input_of
from snellen.study.schema import StudyFile

WHERE = "analyses: robustness: unfamiliar"
AT_ONCE = 4_096


@dataclass(frozen=True, eq=False)
class OtherImages:
    """kind: their name; meaning: their description in a sentence. images: (n, H, W, C) uint8."""

    kind: str
    meaning: str
    images: np.ndarray
    facts: OtherDataJson


def expect_other_data(study: StudyFile, dataset: Dataset, data_folder: Path | None) -> None:
    """Raises, before anything is trained, if another data set that a study names does not exist, is that of the study,
    or cannot be converted."""
    contract = input_of(study, dataset.shape, dataset.pixel_range)
    for analysis in study.analyses:
        if isinstance(analysis, Robustness) and analysis.other_data is not None:
            with located(WHERE):
                other = _read(analysis.other_data, dataset, data_folder)
                _converted(other, np.arange(min(1, len(other))), contract, Conversions())


def other_images(run: RunWithImages, source: str) -> OtherImages:
    """At most MOST_UNFAMILIAR images, chosen by their content, without those that are images of the study too."""
    with located(WHERE):
        other = _read(source, run.dataset, run.data_folder)
        contract = input_of(run.record.study, run.dataset.shape, run.dataset.pixel_range)
        chosen = np.sort(np.argsort(content_keys(other.images), kind="stable")[:MOST_UNFAMILIAR])
        conversions = Conversions()
        images = _converted(other, chosen, contract, conversions)
        known = np.isin(content_keys(images), _own_keys(run.dataset))
        if known.sum() > len(images) - 2:
            raise StudyError(
                "these are images of the study", found=source, expected="at least 2 images that are not in it"
            )
    kind = other.name if other.name not in (*KINDS, "known") else f"data set {other.name}"
    facts: OtherDataJson = {
        "name": other.name,
        "fingerprint": other.fingerprint,
        "images": len(other),
        "tried": int((~known).sum()),
        "known": int(known.sum()),
        "same_names": [name for name in other.classes if name in run.record.classes],
        "conversions": conversions.sentences(contract),
    }
    return OtherImages(kind, f"images of the data set {other.name}", images[~known], facts)


def _own_keys(dataset: Dataset) -> np.ndarray:
    """(N,) uint64, the keys of the study's images in 8 bits a channel."""
    parts = range(0, len(dataset), AT_ONCE)
    return np.concatenate([
        content_keys(to_uint8(np.asarray(dataset.images[at : at + AT_ONCE]), dataset.pixel_range)) for at in parts
    ])  # fmt: skip


def _read(source: str, dataset: Dataset, data_folder: Path | None) -> Dataset:
    other = read(source, data_folder=data_folder)
    if other.fingerprint == dataset.fingerprint:
        raise StudyError("these are the images of the study", found=source, expected="another data set")
    return other


def _converted(other: Dataset, rows: np.ndarray, contract: Input, conversions: Conversions) -> np.ndarray:
    """The images as `predict` converts them, in 8 bits a channel."""
    given = np.asarray(other.images[rows])
    return to_uint8(as_input(given, contract, conversions, other.pixel_range), contract.pixel_range)
