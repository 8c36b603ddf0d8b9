"""The arrow to explanations: the analyses that a study asks for, of networks that are trained."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.splits.roles import assign
from snellen.errors import RunError, unknown
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import PlannedAnalysis, make_and_store, networks_of, planned_analyses, stored
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.analysis_result import AnalysisResult
from snellen.files import journal
from snellen.files.clock import now
from snellen.models.forward import resident
from snellen.run.watcher import RunWatcher
from snellen.study.plan import options_of, split_of


def analyse(scene: RunWithImages, watcher: RunWatcher, again: Collection[str] = ()) -> None:
    """Makes every analysis without an outcome, and those of the names `again` anew."""
    for one in planned_analyses(scene.record.study, networks_of(scene.record)):
        if stored(scene.record, one) is None or one.options.name in again:
            timed(scene, one, watcher)


def timed(scene: RunWithImages, one: PlannedAnalysis, watcher: RunWatcher) -> AnalysisResult:
    """Makes one analysis; the journal says how long it took."""
    watcher.analysing(one.title)
    began = time.perf_counter()
    outcome = make_and_store(scene, one)
    event = {"event": "analysed", "what": one.title, "seconds": round(time.perf_counter() - began, 2), "time": now()}
    journal.append(scene.record.folder / "journal.jsonl", event)
    return outcome


def expect_asked(record: RunRecord, names: Collection[str]) -> None:
    """Raises UnknownName for an analysis that the study does not ask for."""
    there = {each.name for each in record.study.analyses}
    for name in names:
        if name not in there:
            raise unknown("analysis of this study", name, sorted(there))


def scene_of(record: RunRecord, data_folder: Path | None, dataset: Dataset | None = None) -> RunWithImages:
    """A finished run with its pictures, read again; test labels sealed. dataset: instead of what the study names.

    Raises RunError when these are not the pictures of the run.
    """
    study = record.study
    dataset = dataset or read(study.data.source, options_of(study), data_folder)
    if dataset.fingerprint != record.data["data"]["fingerprint"]:
        raise RunError(
            "these are not the pictures of the run",
            where=study.data.source,
            found=dataset.fingerprint,
            expected=record.data["data"]["fingerprint"],
        )
    sealed = dataset.without_labels(assign(dataset, split_of(study)).rows["test"])
    return RunWithImages(record, sealed, resident(sealed.images))
