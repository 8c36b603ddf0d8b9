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
    """What to run beside a study with faults, and where: HONEST in its run directory; None where no fault changes
    what is trained."""
    if not changes_training(study):
        return None
    document = parse(to_yaml(without_faults(study)), "study without faults")
    return document, document.study(), replace(settings, out=folder / HONEST)


def note_used_test(data: SplitData, study: StudyFile) -> None:
    """Test images that chose are counted in the log of openings, once for each study, whatever they are called: all of
    an official test where validation images are taken from it."""
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
