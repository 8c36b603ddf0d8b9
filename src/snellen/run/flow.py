"""The flow: one study, each arrow once, in order. Running again runs only what has no result yet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from snellen.data.dataset import Dataset
from snellen.data.load import read
from snellen.data.splits import vault
from snellen.data.splits.roles import Roles, assign
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.file_integrity import release_rewritten
from snellen.evaluate.final_epochs import final_epochs
from snellen.evaluate.model_choice import ranking, to_open
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import asked
from snellen.explain.augmented import keep_augmented
from snellen.explain.subject import Scene
from snellen.files import journal
from snellen.files.atomic import remove_leftovers
from snellen.files.clock import now
from snellen.files.inside import expect_own_files
from snellen.files.locks import exclusive
from snellen.report.data import describe
from snellen.run.analysing import analyse, expect_asked, scene_of
from snellen.run.loadable import expect_loadable
from snellen.run.opening_test import open_baselines, open_tests
from snellen.run.preparation import Settings, begin, settled, workplace, write_plan
from snellen.run.reporting import Finished, tell
from snellen.run.training import search_models, train_baselines, train_plan
from snellen.run.watcher import RunWatcher
from snellen.study.curves import with_curves
from snellen.study.document import Document
from snellen.study.plan import Plan, options_of, plan, split_of, with_final
from snellen.study.schema import StudyFile
from snellen.study.search_results import apply_search_results
from snellen.train.executors.local import Local
from snellen.train.train_pack import remove_finished_checkpoints


def run(
    document: Document,
    study: StudyFile,
    settings: Settings,
    watcher: RunWatcher | None = None,
    dataset: Dataset | None = None,
) -> Finished:
    """Runs a study into its directory. dataset: pictures in memory, instead of those that the study names.

    Raises RunLocked at once when another process runs it; KeyboardInterrupt (also on SIGTERM) after a checkpoint.
    """
    watcher = watcher or RunWatcher()
    folder = settings.out or Path("runs") / study.study
    expect_own_files(folder)
    with exclusive(folder), _terminable():
        remove_leftovers(folder)
        release_rewritten(folder)
        environment = settled(folder, settings)
        dataset = dataset or read(study.data.source, options_of(study), settings.data_folder)
        roles = assign(dataset, split_of(study))
        watcher.read(dataset, roles)
        expect_possible(study, dataset, roles)
        begin(folder, document, study, environment, describe(study, dataset, roles))
        place = workplace(folder, vault.seal(folder, dataset, roles), environment, settings.workers)
        train_baselines(roles, place, watcher)
        with Local(place) as executor:
            record, planned = _train(study, dataset, roles, executor, watcher)
        watcher.reporting()
        keep_augmented(folder, planned.main_lanes, place.material)
        opened = open_tests(record, roles, place)
        open_baselines(record, roles, place)
        evaluation = evaluations.evaluate(record, opened, vault.count_openings(folder))
        watcher.evaluated(record, evaluation)
        analyse(Scene(record, place.dataset, place.material.images), watcher)
        finished = tell(record, evaluation, dataset)
        journal.append(folder / "journal.jsonl", {"event": "run finished", "time": now()})
    return finished


def expect_possible(study: StudyFile, dataset: Dataset, roles: Roles) -> None:
    """What cannot be trained or analysed is said before anything is."""
    planned = plan(study, dataset, roles)
    expect_loadable(study, dataset, planned)
    asked(study, planned.networks)
    with_curves(planned, study, dataset, roles)


def _train(
    study: StudyFile, dataset: Dataset, roles: Roles, executor: Local, watcher: RunWatcher
) -> tuple[RunRecord, Plan]:
    """Searches, then the networks of the study and of its curves, then one on all rows for each cross-validated model
    that is chosen."""
    place, found = executor.context, search_models(study, dataset, roles, executor, watcher)
    settled_study = apply_search_results(study, found)
    planned = plan(settled_study, dataset, roles, found.nested(study))
    planned = with_curves(planned, settled_study, dataset, roles)
    write_plan(place.run, planned, found)
    train_plan(planned, executor, watcher)
    record = RunRecord.open(place.run)
    epochs = final_epochs(record, to_open(record, ranking(record)))
    if epochs:
        planned = with_final(planned, settled_study, dataset, roles, epochs)
        train_plan(planned, executor, watcher)
        write_plan(place.run, planned, found)
    remove_finished_checkpoints(place)
    return RunRecord.open(place.run), planned


def report(
    folder: Path, only: Collection[str] = (), data_folder: Path | None = None, watcher: RunWatcher | None = None
) -> Finished:
    """Writes the report of a run again, from its stored files alone.

    only: analyses to make again first, by name; these need the pictures.
    """
    record = RunRecord.open(folder)
    expect_asked(record, only)
    watcher = watcher or RunWatcher()
    with exclusive(folder):
        evaluation = evaluations.load(record)
        watcher.evaluated(record, evaluation)
        if only:
            analyse(scene_of(record, data_folder), watcher, only)
        return tell(record, evaluation, None)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: it saves first. Only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
