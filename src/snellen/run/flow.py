"""The flow of a run: from a study to its report, each step once, in order. Running again runs only what has no result
yet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.splits import vault
from snellen.data.splits.split_data import SplitData
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.file_integrity import release_rewritten
from snellen.evaluate.final_epochs import final_epochs
from snellen.evaluate.model_choice import ranking, to_open
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import planned_analyses
from snellen.explain.analysis_inputs import RunWithImages
from snellen.explain.augmented_images import keep_augmented
from snellen.explain.exploration import explore_data
from snellen.explain.robustness.other_data import expect_other_data
from snellen.files import journal
from snellen.files.atomic import remove_leftovers
from snellen.files.clock import now
from snellen.files.inside import expect_own_files
from snellen.files.locks import exclusive
from snellen.run.analyses import expect_in_study, make_analyses, scene_of
from snellen.run.backbones import keep_backbones
from snellen.run.bundle_check import expect_loadable
from snellen.run.callback import RunCallback
from snellen.run.data_file import data_values
from snellen.run.evaluate_on_test import open_test_of_baselines, open_test_of_models
from snellen.run.familiarity import fit_familiarity
from snellen.run.measure_costs import measure_costs
from snellen.run.prepare_libraries import prepared_libraries
from snellen.run.record_margins import record_missing_margins
from snellen.run.run_folder import Settings, begin_run, run_context, settle_environment, write_plan
from snellen.run.train import search_models, train_baselines, train_feature_baselines, train_plan
from snellen.run.unreviewed import train_unreviewed
from snellen.run.without_faults import honest_study, note_used_test
from snellen.run.write_report import FinishedRun, write_report
from snellen.study.analyses import wants_margins
from snellen.study.backbones import find_backbones
from snellen.study.curves import with_curves
from snellen.study.data_settings import options_of, split_of_study
from snellen.study.document import Document
from snellen.study.plan import Plan, plan, with_final
from snellen.study.schema import StudyFile
from snellen.study.search_results import apply_search_results
from snellen.train.executors.worker_pool import Local
from snellen.train.train_pack import remove_finished_checkpoints


def run(
    document: Document,
    study: StudyFile,
    settings: Settings,
    callback: RunCallback | None = None,
    dataset: Dataset | None = None,
) -> FinishedRun:
    """Runs a study into its directory. dataset: images in memory, used instead of those that the study names. A study
    with faults on purpose is first run without them, in a folder inside that directory.

    Raises RunLocked at once if another process runs it; KeyboardInterrupt (also on SIGTERM) after a checkpoint.
    """
    callback = callback or RunCallback()
    folder = settings.out or Path("runs") / study.study
    expect_own_files(folder)
    beside = honest_study(study, folder, settings)
    if beside is not None:
        run(*beside, callback, dataset)
    with exclusive(folder), _terminable():
        remove_leftovers(folder)
        release_rewritten(folder)
        environment = settle_environment(folder, settings)
        with prepared_libraries():
            dataset = dataset or read(study.data.source, options_of(study), settings.data_folder)
            backbones = find_backbones(study, settings.data_folder)
            study = backbones.study
            expect_other_data(study, dataset, settings.data_folder)
            data = split_of_study(study, dataset)
        callback.data_read(data)
        planned = plan_study(study, data)
        reviews = data.applied.reviews if data.applied else None
        begin_run(folder, document, study, environment, data_values(study, data), reviews)
        keep_backbones(folder, backbones)
        vault.seal(folder, data.dataset, data.roles)
        note_used_test(data, study)
        margins = wants_margins(study.analyses)
        context = run_context(
            folder, data.sealed, environment, settings.workers, margins, progress=callback.extracted, rows=data.used
        )
        context.expect_features_to_fit(lane.trajectory for lane in planned.lanes)
        train_baselines(data, context, callback)
        with Local(context) as executor:
            planned = _train(study, data, planned, executor, callback)
        train_feature_baselines(planned, data, context, callback)
        record = RunRecord.open(folder)
        callback.report_begins()
        keep_augmented(folder, planned.main_lanes, context.material)
        fit_familiarity(record, data, context)
        tested = open_test_of_models(record, data.roles, context)
        open_test_of_baselines(record, data.roles, context)
        train_unreviewed(record, data, tested, environment, settings.workers, callback)
        record_missing_margins(record, planned, context)
        measure_costs(record, data, context, callback)
        evaluation = evaluations.evaluate(record, tested, vault.count_openings(folder))
        callback.evaluated(record, evaluation)
        explore_data(record, data.sealed, data.roles.rows)
        scene = RunWithImages(record, context.dataset, context.material.images, settings.data_folder, data.used)
        make_analyses(scene, callback)
        finished = write_report(record, evaluation, data.dataset)
        journal.append(folder / "journal.jsonl", {"event": "run finished", "time": now()})
    return finished


def plan_study(study: StudyFile, data: SplitData) -> Plan:
    """The plan, with the first value of each search. Raises an error, before anything is trained, for models that
    cannot be trained or analysed."""
    planned = plan(study, data)
    expect_loadable(study, data.dataset, planned)
    planned_analyses(study, planned.networks)
    return with_curves(planned, study, data)


def _train(study: StudyFile, data: SplitData, planned: Plan, executor: Local, callback: RunCallback) -> Plan:
    """Searches, then the networks of the study and of its curves, then one on all rows for each cross-validated model
    that is chosen. Returns the plan of all that was trained."""
    context, results = executor.context, search_models(study, data, executor, callback)
    settled_study = apply_search_results(study, results)
    if results.models:
        planned = with_curves(plan(settled_study, data, results.nested(study)), settled_study, data)
    write_plan(context.run, planned, results)
    train_plan(planned, executor, callback)
    record = RunRecord.open(context.run)
    epochs = final_epochs(record, to_open(record, ranking(record)))
    if epochs:
        planned = with_final(planned, settled_study, data, epochs)
        train_plan(planned, executor, callback)
        write_plan(context.run, planned, results)
    remove_finished_checkpoints(context)
    return planned


def report(
    folder: Path, only: Collection[str] = (), data_folder: Path | None = None, callback: RunCallback | None = None
) -> FinishedRun:
    """Writes the report of a run again, from its stored files alone.

    only: analyses to make again first, by name; these need the images.
    """
    record = RunRecord.open(folder)
    expect_in_study(record, only)
    callback = callback or RunCallback()
    with exclusive(folder):
        evaluation = evaluations.load(record)
        callback.evaluated(record, evaluation)
        if only:
            make_analyses(scene_of(record, data_folder), callback, only)
        return write_report(record, evaluation, None)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: a checkpoint is saved first. Only the main thread may set a signal handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
