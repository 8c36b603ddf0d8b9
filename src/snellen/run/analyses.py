"""Makes the analyses that a study asks for, from its trained networks."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.splits.split_data import SplitData
from snellen.errors import RunError, unknown
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import PlannedAnalysis, make_and_store, networks_of, planned_analyses, stored
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.analysis_result import AnalysisResult
from snellen.files import journal
from snellen.files.clock import now
from snellen.models.forward import resident
from snellen.run.callback import RunCallback
from snellen.study.data_settings import options_of, split_of_study


def make_analyses(scene: RunWithImages, callback: RunCallback, again: Collection[str] = ()) -> None:
    """Makes every analysis without a stored result, and those with a name in `again` once more."""
    for analysis in planned_analyses(scene.record.study, networks_of(scene.record)):
        if stored(scene.record, analysis) is None or analysis.options.name in again:
            make_analysis(scene, analysis, callback)


def make_analysis(scene: RunWithImages, analysis: PlannedAnalysis, callback: RunCallback) -> AnalysisResult:
    """Makes one analysis, and writes into the journal how long it took."""
    callback.analysis_begins(analysis.title)
    began = time.perf_counter()
    outcome = make_and_store(scene, analysis)
    event = {
        "event": "analysed",
        "what": analysis.title,
        "seconds": round(time.perf_counter() - began, 2),
        "time": now(),
    }
    journal.append(scene.record.folder / "journal.jsonl", event)
    return outcome


def expect_in_study(record: RunRecord, names: Collection[str]) -> None:
    """Raises UnknownName for a name that is not an analysis of the study."""
    analyses = {each.name for each in record.study.analyses}
    for name in names:
        if name not in analyses:
            raise unknown("analysis of this study", name, sorted(analyses))


def scene_of(record: RunRecord, data_folder: Path | None, dataset: Dataset | None = None) -> RunWithImages:
    """A finished run with its images, which are read again; test labels are sealed. dataset: used instead of the data
    that the study names. Raises RunError if the images are not those of the run.
    """
    data = split_again(record, data_folder, dataset)
    return RunWithImages(record, data.sealed, resident(data.sealed.images), data_folder, data.used)


def split_again(record: RunRecord, data_folder: Path | None, dataset: Dataset | None = None) -> SplitData:
    """The data of a finished run with their roles, read again; see `scene_of`."""
    study = record.study
    dataset = dataset or read(study.data.source, options_of(study), data_folder)
    if study.data.reviews is None:
        _expect_images(record, dataset)
    data = split_of_study(study, dataset, record.folder)
    _expect_images(record, data.dataset)
    return data


def _expect_images(record: RunRecord, dataset: Dataset) -> None:
    if dataset.fingerprint != record.data["data"]["fingerprint"]:
        raise RunError(
            "these are not the images of the run",
            where=record.study.data.source,
            found=dataset.fingerprint,
            expected=record.data["data"]["fingerprint"],
        )
