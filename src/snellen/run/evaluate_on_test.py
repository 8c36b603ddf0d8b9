"""The final test: predictions are compared with test labels, once for each network, and each comparison is counted."""

from __future__ import annotations

from snellen.data.splits import vault
from snellen.data.splits.roles import Roles
from snellen.evaluate.baselines import baseline_key, ranked_baselines
from snellen.evaluate.model_choice import ranking, to_open
from snellen.evaluate.record import RunRecord
from snellen.files import hashes
from snellen.models.predictions import Predictions
from snellen.train.baselines import predict_baseline
from snellen.train.results import JobFolder
from snellen.train.run_context import RunContext
from snellen.train.store_results import predict_role


def open_test_of_models(record: RunRecord, roles: Roles, context: RunContext) -> list[str]:
    """Tests the models for which the study opens the test, each job once; returns their names."""
    opened = to_open(record, ranking(record)) if len(roles.rows["test"]) else []
    for model, job in [(name, job) for name in opened for job in record.planned[name].tested]:
        open_test_of_job(record, model, job, roles, context, f"open_test: {record.study.open_test}")
    return opened


def open_test_of_job(record: RunRecord, model: str, job: str, roles: Roles, context: RunContext, reason: str) -> None:
    """Tests one network of a model, unless it was tested before."""
    folder, fingerprint = record.folder_of(job), vault.stored_fingerprint(record.folder)
    if folder.was_opened(fingerprint) or not folder.is_done():
        return
    predictions = predict_role("test", roles.rows["test"], job, context)
    labels = vault.open_test(record.folder, study=record.study.study, job=job, model=model, reason=reason)
    _store(record, folder, predictions.labelled(labels), fingerprint)


def open_test_of_baselines(record: RunRecord, roles: Roles, context: RunContext) -> None:
    """Tests the baselines of a study that opens the test for all models, each baseline once."""
    baselines = ranked_baselines(record) if record.study.open_test == "all" and len(roles.rows["test"]) else []
    fingerprint = vault.stored_fingerprint(record.folder)
    for name in baselines:
        folder, shown = record.baselines[name], baseline_key(name)
        if folder.job.was_opened(fingerprint):
            continue
        predictions = predict_baseline(name, "test", folder, context, roles.rows["test"])
        study, job = record.study.study, folder.path.name
        labels = vault.open_test(record.folder, study=study, job=job, model=shown, reason="open_test: all")
        _store(record, folder.job, predictions.labelled(labels), fingerprint)


def _store(record: RunRecord, folder: JobFolder, predictions: Predictions, fingerprint: str) -> None:
    with hashes.rewriting(record.folder, [folder.predictions_path("test"), folder.opened_path]):
        folder.write_predictions(predictions)
        folder.write_opened(fingerprint)
