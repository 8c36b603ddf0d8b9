"""The same study without the faults that it commits on purpose, run beside it for the honest numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from snellen.data.splits import vault
from snellen.data.splits.split_data import SplitData
from snellen.evaluate.faulty_numbers import HONEST
from snellen.run.run_folder import Settings
from snellen.study.document import Document, parse, to_yaml
from snellen.study.on_purpose import changes_training, without_faults
from snellen.study.schema import StudyFile


def honest_study(study: StudyFile, folder: Path, settings: Settings) -> tuple[Document, StudyFile, Settings] | None:
    """The study without faults, to be run in addition, and its settings, with the folder HONEST in the run directory;
    None if no fault changes the training."""
    if not changes_training(study):
        return None
    document = parse(to_yaml(without_faults(study)), "study without faults")
    return document, document.study(), replace(settings, out=folder / HONEST)


def note_used_test(data: SplitData, study: StudyFile) -> None:
    """Records in the log of openings that test images were used to choose, once for each study: all images of an
    official test if validation images are taken from it."""
    dataset = (data.unreviewed or data).dataset
    if data.divided_test is not None and dataset.official_test is not None:
        rows = np.flatnonzero(dataset.official_test)
        fingerprint = vault.part_fingerprint(dataset.images[rows], dataset.unsealed_labels(rows))
        reason = "split.validation: from the official test"
        vault.record_comparison(fingerprint, study=study.study, job=study.study, model="all", reason=reason)
    if "test_as_validation" in study.on_purpose:
        rows = data.roles.rows["validation"]
        fingerprint = vault.part_fingerprint(data.dataset.images[rows], data.dataset.labels[rows])
        reason = "on_purpose: test_as_validation"
        vault.record_comparison(fingerprint, study=study.study, job=study.study, model="all", reason=reason)
