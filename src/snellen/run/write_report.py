"""Makes scores, findings, bundles and the report from the stored files of a run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.inspect.polarity import Polarity, polarity_of
from snellen.errors import RunError
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.confidence import Confidence
from snellen.evaluate.epochs import EPOCHS, epochs_csv
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.familiarity import familiarity_path, load_familiarity
from snellen.evaluate.file_integrity import THUMBNAILS, covered
from snellen.evaluate.record import RunRecord
from snellen.explain.augmented_images import load_augmented
from snellen.explain.exploration import stored_exploration
from snellen.explain.thumbnails import Thumbnails, draw, load_thumbnails, save_thumbnails
from snellen.files import hashes
from snellen.files.atomic import write_json, write_text
from snellen.files.inside import inside
from snellen.files.spreadsheet import as_csv
from snellen.findings import rules
from snellen.findings.finding import Facts
from snellen.findings.rules import Judgement
from snellen.models.bundle import CARD, DESCRIPTION, FAMILIARITY, WEIGHTS, Description, save_bundle
from snellen.models.bundle_optional_sections import Familiarity, Sections, Temperature, Threshold
from snellen.models.weights import pack_weights
from snellen.report import analyses
from snellen.report.card import model_card
from snellen.report.content import collect, drawn_rows
from snellen.report.page import rendered
from snellen.report.pages.model import model_pages
from snellen.report.types import ReportJson
from snellen.study.data_settings import input_of


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run whose report is written. failed: models whose job failed."""

    folder: Path
    record: RunRecord
    evaluation: Evaluation
    judgement: Judgement
    failed: tuple[str, ...]

    @property
    def report(self) -> Path:
        """The report, to open in a browser."""
        return self.folder / "report.html"


def write_report(record: RunRecord, evaluation: Evaluation, dataset: Dataset | None) -> FinishedRun:
    """Writes scores, findings, bundles and the report. dataset: None if only stored files may be used."""
    evaluations.save(record, evaluation)
    if dataset is not None:  # a killed process may have left files without a hash
        hashes.note_new(record.folder, covered(record.folder))
    facts = Facts(record, evaluation)
    judgement = rules.judge(facts)
    rules.save(facts, judgement)
    content = collect(facts, judgement, analyses.analyses_section(facts.outcomes))
    thumbnails = _thumbnails(record.folder, content, dataset)
    _save_bundles(record, evaluation, content)
    report, html, epochs = (record.folder / name for name in ("report.json", "report.html", EPOCHS))
    augmented = load_augmented(record.folder)
    page, left_out = rendered(content, thumbnails, augmented)
    texts = analyses.pages(facts.outcomes, content, stored_exploration(record))
    texts |= {
        name: analyses.with_banner(text, content)
        for name, text in model_pages(content, left_out, thumbnails, augmented).items()
    }
    pages = {inside(record.folder, "pages", name): text for name, text in texts.items()}
    with hashes.rewriting(record.folder, [report, html, epochs, *pages]):
        write_json(report, content)
        write_text(epochs, as_csv(epochs_csv(record)))
        write_text(html, page)
        for path, text in pages.items():
            write_text(path, text)
    return FinishedRun(record.folder, record, evaluation, judgement, _failed(record))


def stored_run(folder: Path) -> FinishedRun:
    """A finished run from its stored files; nothing is written."""
    record = RunRecord.open(folder)
    evaluation = evaluations.load(record)
    return FinishedRun(folder, record, evaluation, rules.judge(Facts(record, evaluation)), _failed(record))


def _failed(record: RunRecord) -> tuple[str, ...]:
    return tuple(model for model, result in record.results.items() if result.status == "failed")


def _thumbnails(folder: Path, content: ReportJson, dataset: Dataset | None) -> Thumbnails:
    path = folder / THUMBNAILS
    if dataset is None:
        if not path.exists():
            raise RunError("the stored images are missing", where=str(path), hint="Run the study again.")
        return load_thumbnails(path)
    thumbnails = draw(dataset, drawn_rows(content))
    with hashes.rewriting(folder, [path]):
        save_thumbnails(path, thumbnails)
    return thumbnails


def _save_bundles(record: RunRecord, evaluation: Evaluation, content: ReportJson) -> None:
    """Writes the bundle of each model that was trained to the end; evaluation.json says which one the study chose.

    A bundle is not written again if the weights, or the distances from the training images, were changed.
    """
    low, high = content["data"]["pixel_range"]
    height, width, channels = content["data"]["shape"]
    tone = _training_tone(content)
    for model in record.done:
        job = record.planned[model].shipped
        folder = record.folder_of(job)
        result = folder.read_result()
        if result is None or result.status != "done" or not folder.has_weights(result):
            continue
        familiarity = familiarity_path(record.folder, job)
        if _is_changed(record.folder, familiarity):
            continue
        section = load_familiarity(record.folder, job)
        trajectory, weights = folder.read_job().trajectory, folder.weights.read_bytes()
        if trajectory.frozen:
            weights = pack_weights(*folder.load_network()[1:], {"job": job})
        description = Description(
            name=model,
            study=record.study.study,
            job=job,
            input=input_of(record.study, (height, width, channels), (low, high)),
            classes=record.classes,
            layers=trajectory.layers,
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            tone=tone,
            data_sha256=content["data"]["fingerprint"],
            sections=_sections(evaluation.confidence.get(model), section, record.study.on_purpose),
        )
        bundle, card = inside(record.folder, "models", model), model_card(content, model)
        arrays = familiarity.read_bytes() if section else None
        with hashes.rewriting(record.folder, [bundle / name for name in (WEIGHTS, FAMILIARITY, DESCRIPTION, CARD)]):
            save_bundle(bundle, description, weights, card, arrays)


def _sections(
    confidence: Confidence | None, familiarity: Familiarity | None, faults: tuple[str, ...]
) -> Sections | None:
    """The optional sections of a bundle; None without any. Only certified thresholds are included."""
    fitted = confidence.temperature if confidence else None
    certified = [
        Threshold(
            class_name=each.wanted.class_name,
            measure=each.wanted.measure,
            target=each.wanted.target,
            threshold=each.threshold,
            provable=each.certificate.provable,
            delta=each.certificate.delta,
            hits=each.certificate.hits,
            accepted=each.certificate.accepted,
        )
        for each in (confidence.thresholds if confidence else ())
        if each.certificate is not None and each.threshold is not None and each.wanted.measure != "probability"
    ]
    if fitted is None and not certified and familiarity is None and not faults:
        return None
    temperature = (
        Temperature(value=fitted.value, role=fitted.role, images=fitted.images) if fitted is not None else None
    )
    return Sections(
        temperature=temperature,
        thresholds=tuple(certified) or None,
        familiarity=familiarity,
        on_purpose=faults or None,
    )


def _is_changed(run: Path, path: Path) -> bool:
    """Whether a file has changed since it was written."""
    name = path.relative_to(run).as_posix()
    return bool(hashes.changes(run, {each: sha256 for each, sha256 in hashes.hashes(run).items() if each == name}))


def _training_tone(content: ReportJson) -> Polarity:
    """The tone of all training images, from the mean image of each class and the number of its images."""
    data = content["data"]
    counts = [int(row["train"]) for row in data["counts"]]
    return polarity_of(np.average(np.array(data["means"]), axis=0, weights=counts).reshape(data["shape"]))
