"""The files of `snellen evaluate`: its JSON with all sentences, its page, and its tables as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from snellen import __version__
from snellen.errors import StudyError
from snellen.explain.thumbnails import Thumbnails
from snellen.files.atomic import write_json, write_text
from snellen.files.spreadsheet import as_csv
from snellen.report.evaluated_data import drawn_rows, render
from snellen.report.sections.confidence import confidence_section
from snellen.report.sections.role import overall, role_section
from snellen.run import evaluate_words as words
from snellen.run.evaluated_data import DataEvaluation

FORMAT = 1
PAGE, VALUES, SCORES, ANSWERS = "evaluation.html", "evaluation.json", "scores.csv", "answers.csv"
FARTHEST = 30
"""The most images unlike the training images that the page shows."""
FOLDER = "evaluations"
NAME_CHARACTERS = 60


def content(found: DataEvaluation) -> dict[str, Any]:
    """The evaluation as a JSON value. role, confidence: as for a model in report.json. rows: indices of the given
    images."""
    about, classes, evaluation = found.model.description, found.classes, found.evaluation
    network = found.run.network if found.run else ""
    return {
        "format": FORMAT,
        "snellen": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": about.name,
        "study": about.study,
        "job": about.job,
        "run": found.run.record.folder.as_posix() if found.run else None,
        "sources": list(found.sources),
        "part": found.part.part,
        "given": len(found.answers.ids),
        "answer": words.answer_sentences(found),
        "said": words.data_sentences(found),
        "hint": words.hint_of_ids(found),
        "remarks": list(found.remarks),
        "failed": list(found.failed),
        "data": {"classes": list(classes), "shape": list(found.images.shape[1:])},
        "role": role_section(evaluation, found.name, found.predictions, classes, network),
        "test": None
        if found.test is None
        else {"n": len(found.test), "scores": overall(evaluation.scores, found.name, "test")},
        "no_test": found.no_test,
        "drop": None if found.drop is None else asdict(found.drop),
        "confidence": confidence_section(evaluation, found.name, classes),
        "unfamiliar": None if found.unfamiliar is None else asdict(found.unfamiliar),
        "farthest": _farthest(found),
        "unknown": [asdict(one) for one in found.unknown],
        "unlabelled": found.part.unlabelled,
        "missing": found.missing,
        "left_out": found.left_out,
        "copies_of_test": None if found.copies is None else found.copies_of_test,
        "no_copies": found.no_copies,
        "openings": found.openings,
        "test_openings": None if found.test_openings is None else asdict(found.test_openings),
    }


def page(evaluation: DataEvaluation, values: dict[str, Any] | None = None) -> str:
    """The complete HTML. values: the JSON value, if it was made before."""
    values = values or content(evaluation)
    rows = drawn_rows(values)
    return render(values, Thumbnails(rows, evaluation.images[rows]))


def _farthest(evaluation: DataEvaluation) -> list[dict[str, Any]]:
    """The evaluated images, and images of unknown classes, that are unlike the training images, farthest first."""
    answers = evaluation.answers
    if answers.distances is None or answers.label_names is None:
        return []
    rows = np.concatenate([evaluation.predictions.rows, *evaluation.part.unknown.values()]).astype(np.int64)
    far = rows[answers.distances[rows] > 1]
    shown = far[np.argsort(-answers.distances[far], kind="stable")][:FARTHEST]
    confidence = answers.probabilities.max(1)
    return [
        {
            "row": row,
            "id": answers.ids[row],
            "label": answers.label_names[row],
            "answer": evaluation.classes[int(answers.probabilities[row].argmax())],
            "confidence": float(confidence[row]),
            "distance": min(float(answers.distances[row]), 1e6),
        }
        for row in shown.tolist()
    ]


def folder_for(study: str, model: str, sources: Sequence[str]) -> Path:
    """The default folder of the files, named after study, model and data."""
    parts = [study, model, "+".join(Path(source).name or "data" for source in sources)]
    names = [re.sub(r"[^A-Za-z0-9._+-]+", "-", part).strip("-.")[:NAME_CHARACTERS] or "data" for part in parts]
    return Path(FOLDER) / "-".join(names)


def expect_folder(folder: Path) -> None:
    """Raises StudyError if the folder is a file, or holds anything but an evaluation."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / VALUES).is_file():
        raise StudyError("the folder holds something else", found=str(folder), hint="Name another folder with --out.")
    if folder.exists() and not folder.is_dir():
        raise StudyError("`--out` needs a folder", found=f"the file {folder}")


def save(evaluation: DataEvaluation, folder: Path) -> dict[str, Any]:
    """Writes page, JSON and tables into the folder; returns the JSON. Raises as `expect_folder`."""
    expect_folder(folder)
    values = content(evaluation)
    write_json(folder / VALUES, values)
    write_text(folder / SCORES, as_csv(evaluation.scores))
    write_text(folder / ANSWERS, as_csv(evaluation.table))
    write_text(folder / PAGE, page(evaluation, values))
    return values
