"""`snellen predict`: the model of a bundle or a run, and its scores when there are labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.splits.vault import record_opening, record_use, stored_fingerprint
from snellen.deploy.answers import Answers
from snellen.deploy.batch import LISTED, NO_LABEL
from snellen.deploy.load_bundle import load_bundle
from snellen.deploy.model import Model
from snellen.errors import SHOWN_ITEMS, BundleError, DataError, RunError
from snellen.files import hashes
from snellen.files.stored import read_json
from snellen.metrics.scores import accuracy, loss
from snellen.models.bundle import DESCRIPTION, FAMILIARITY, WEIGHTS, Description
from snellen.models.bundle_files import shown
from snellen.phrases import plural, some


@dataclass(frozen=True)
class Scored:
    """part: the images that were scored. hits: correct predictions, of n; loss: in nats. unlabelled: images of the part
    without a label; unknown: number of images of each class that the model does not have. Neither is scored. answered,
    answered_hits: the scored images that the thresholds of the model answer, and the correct ones of these; None
    without thresholds."""

    part: str
    n: int
    hits: int
    accuracy: float
    loss: float
    unlabelled: int
    unknown: dict[str, int]
    answered: int | None = None
    answered_hits: int | None = None


@dataclass(frozen=True, eq=False)
class LabelledPart:
    """The images that can be compared with labels. part: which ones, in words. rows: (n,) int64, their indices among
    the answers. unlabelled: images of the part without a label; unknown: by class, the indices of images whose class
    the model does not have."""

    part: str
    rows: np.ndarray
    unlabelled: int
    unknown: dict[str, np.ndarray]

    @property
    def unknown_counts(self) -> dict[str, int]:
        """Images by class, the most frequent first."""
        return dict(Counter({name: len(rows) for name, rows in self.unknown.items()}).most_common())


def open_model(path: Path | str) -> Model:
    """The model of a bundle, or the chosen model of a run directory, whose choice and bundle must be unchanged since
    they were written."""
    path = Path(path)
    try:
        is_bundle, is_run = (path / DESCRIPTION).exists() or path.is_file(), (path / "evaluation.json").exists()
    except (OSError, ValueError) as error:  # the name is too long, or the folder may not be entered
        raise BundleError(f"no model here ({shown(str(error))})", where=shown(str(path))) from None
    if is_bundle:
        return load_bundle(path)
    if is_run:
        chosen = _chosen(path)
        read = [f"models/{chosen}/{name}" for name in (DESCRIPTION, WEIGHTS, FAMILIARITY)]
        hashes.expect_unchanged(path, "evaluation.json", *read)
        return load_bundle(path / "models" / chosen)
    raise BundleError(
        "no model here", where=str(path), expected="a bundle (a folder with model.json, or a zip of it) or a run"
    )


def _chosen(run: Path) -> str:
    """The name of a run's chosen model. It is checked to be a model of the run, because the run may come from someone
    else."""
    stored = read_json(run / "evaluation.json")
    chosen = stored.get("chosen") if isinstance(stored, dict) else None
    if chosen is None:
        raise RunError("no model of this run was trained to the end", where=str(run))
    own = [folder.name for folder in (run / "models").glob("*")]
    if chosen not in own:
        raise BundleError("the chosen model is not in the run", found=repr(chosen), expected=", ".join(sorted(own)))
    return str(chosen)


def on_purpose_warning(about: Description) -> str | None:
    """A warning if the study of the model committed faults on purpose, to teach their effect; or None."""
    faults = about.sections.on_purpose if about.sections else None
    if not faults:
        return None
    return f"Warning: the study of this model commits faults on purpose ({', '.join(faults)}). Do not use it."


def seen_warning(answers: Answers) -> str | None:
    """A warning if the scored images are the data set of the training and have no official test part; or None. Only the
    fingerprint is compared, so it is also None for bundles that do not store it, and for copies or parts of the data.
    """
    if not answers.trained_on:
        return None
    return (
        "Warning: this model was trained on some of these images, so this accuracy says nothing about new images. "
        "Its accuracy on test images is in its card.md."
    )


def record_labels_used(model: Model, answers: Answers, run: Path | None, reason: str) -> None:
    """Records an opening of the labelled parts, and one of the test of `run` if images of it are among them."""
    about = model.description
    own = stored_fingerprint(run) if run else None
    for fingerprint in answers.fingerprints:
        if fingerprint != own:
            record_opening(fingerprint, study=about.study, job=about.job, model=about.name, reason=reason)
    if run is not None:
        record_use(run, study=about.study, job=about.job, model=about.name, reason=reason)


def score(answers: Answers, model: Model, run: Path | None = None) -> Scored:
    """Compares answers with labels: those of the official test part if there is one, else all. run: the folder of the
    run whose test images are among the images. Images without a label, and of classes that the model does not have, are
    counted but not scored. This opens the test labels, which is recorded. Raises DataError if no label is left.
    """
    if answers.labels is None:
        raise DataError("no labels to score with", hint="Leave --score out, or give data with labels.")
    found = labelled_part(answers)
    chosen = found.rows
    record_labels_used(model, answers, run, "predict --score")
    labels, probabilities = answers.labels[chosen], answers.probabilities[chosen]
    given, right = None if answers.answered is None else answers.answered[chosen], probabilities.argmax(1) == labels
    return Scored(
        part=found.part,
        n=len(labels),
        hits=int(right.sum()),
        accuracy=accuracy(labels, probabilities),
        loss=loss(labels, probabilities),
        unlabelled=found.unlabelled,
        unknown=found.unknown_counts,
        answered=None if given is None else int(given.sum()),
        answered_hits=None if given is None else int((right & given).sum()),
    )


def labelled_part(answers: Answers) -> LabelledPart:
    """The labelled images of the official test part if there is one, else all labelled images. Raises DataError if no
    label is a class of the model.
    """
    official, names, labels = bool(answers.test.any()), answers.label_names, answers.labels
    part = answers.test if official else np.ones(len(answers.ids), bool)
    if names is None or labels is None:
        names, labels = (None,) * len(answers.ids), np.full(len(answers.ids), NO_LABEL)
    others = np.flatnonzero(part & (labels == NO_LABEL))
    unknown: dict[str, list[int]] = {}
    for row in others.tolist():
        if (name := names[row]) is not None:
            unknown.setdefault(name, []).append(row)
    rows, unlabelled = np.flatnonzero(part & (labels != NO_LABEL)), len(others) - sum(map(len, unknown.values()))
    found = LabelledPart(
        "official test" if official else "all images",
        rows,
        unlabelled,
        {name: np.array(places) for name, places in unknown.items()},
    )
    if not len(rows):
        where = " in the official test part" if official else ""
        names_found = list(found.unknown_counts)[:SHOWN_ITEMS]
        raise DataError(
            "no label is a class of the model, so nothing can be scored",
            found=f"labels {', '.join(names_found)}" if names_found else f"no labels{where}",
            expected=", ".join(answers.classes[:SHOWN_ITEMS]),
        )
    return found


def not_scored(scored: Scored) -> str | None:
    """A sentence on the images left out of a score; None if all are scored."""
    parts = [f"{plural(scored.unlabelled, 'image')} without a label"] if scored.unlabelled else []
    if scored.unknown:
        number, names = sum(scored.unknown.values()), list(scored.unknown)
        known = f"classes that the model does not know ({some(names, LISTED)})"
        parts.append(f"{plural(number, 'image')} of {known}")
    return f"Not scored: {', '.join(parts)}." if parts else None
