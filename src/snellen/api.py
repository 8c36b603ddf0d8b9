"""Studies in Python: the same study, the same run, with tables as polars frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from snellen.console import console_for
from snellen.data.as_dataset import is_section, read_object
from snellen.data.dataset import Dataset
from snellen.data.splits.roles import ROLES
from snellen.deploy.model import Model
from snellen.deploy.predict import open_model
from snellen.errors import StudyError, unknown
from snellen.evaluate import evaluation as evaluations
from snellen.evaluate.baselines import baseline_key
from snellen.evaluate.cross_validation import OUT_OF_FOLD, held_out
from snellen.evaluate.evaluation import Evaluation
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import PlannedAnalysis, networks_of, plan_analysis, stored
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.units.activations import Positions
from snellen.files import hashes
from snellen.files.stored import read_json
from snellen.findings.finding import Facts, Finding
from snellen.findings.first_screen.statement import LABELS, Statement
from snellen.findings.rules import Judgement, judge
from snellen.leaderboard_text import TextFormat, leaderboard_text
from snellen.models.predictions import Predictions
from snellen.progress import Terminal
from snellen.report import notebook
from snellen.report.analyses import page_of
from snellen.report.figures.charts import learning_curve
from snellen.report.sections.phases import phases_section, whole_history
from snellen.run import RunCallback, Settings
from snellen.run import run as run_study
from snellen.run.activations import activations_of
from snellen.run.analyses import make_analysis, scene_of
from snellen.run.check import check_study
from snellen.run.evaluate_given import EvaluatedData, evaluate_data
from snellen.study.data_settings import options_of
from snellen.study.document import Document, from_values, open_document, to_yaml
from snellen.study.on_purpose import warning
from snellen.study.schema import StudyFile

if TYPE_CHECKING:
    import altair

MEMORY = "memory:"
"""Begins the source of a study whose images were given as arrays."""


class Study:
    """A study built in Python, from the same keys as a study file.

        study = snellen.Study("mine", data="digits", models={"dense": {"layers": ["flatten", {"dense": 64}]}})
        run = study.run()

    data: what a file may say, or an object that `snellen.as_dataset` takes, which may be the `source` of options:
    `data={"source": torch_dataset, "resize": 32}`. sections: split, train, seed, choose_by, open_test.
    Raises StudyError listing every fault, DataError for data that cannot be read.
    """

    def __init__(self, study: str, *, data: Any, models: Mapping[str, Any], **sections: Any) -> None:
        section = dict(data) if isinstance(data, Mapping) and is_section(data) else {"source": data}
        given = section.get("source")
        if isinstance(given, Path):
            section["source"] = str(given)
        in_memory = not isinstance(given, (str, Path, int, float, NoneType))
        if in_memory:
            section["source"] = f"{MEMORY}{given.name if isinstance(given, Dataset) else 'data'}"
        written = section["source"] if list(section) == ["source"] else section
        self.document: Document = from_values({"study": study, "data": written, "models": dict(models), **sections})
        self.file: StudyFile = self.document.study()
        self.dataset = read_object(given, options_of(self.file)) if in_memory else None

    @classmethod
    def load(cls, source: str | Path, overrides: Sequence[str] = ()) -> Study:
        """A study from a file or a shipped name. overrides: as for --set."""
        study = cls.__new__(cls)
        study.dataset, study.document = None, open_document(str(source))
        study.file = study.document.study(overrides)
        return study

    def check(
        self, *, device: str = "auto", threads: int | None = None, data_dir: Path | str | None = None
    ) -> pl.DataFrame:
        """The plan: a row a model with job, parameters, networks, epochs, estimated seconds, memory and disk. Trains
        nothing."""
        settings = Settings(None, device, threads, _path(data_dir))
        return pl.DataFrame(check_study(self.file, settings, self.dataset)["models"])

    def run(
        self,
        *,
        out: Path | str | None = None,
        device: str = "auto",
        threads: int | None = None,
        data_dir: Path | str | None = None,
        progress: bool = True,
        workers: int | None = None,
    ) -> Run:
        """Runs the study into `out` (runs/<study> when None); only what has no result yet is trained. workers:
        processes that train at once, as many as threads when None."""
        settings = Settings(_path(out), device, threads, _path(data_dir), workers)
        if not progress:
            return Run(run_study(self.document, self.file, settings, RunCallback(), self.dataset).folder)
        with Terminal(console_for()) as terminal:
            return Run(run_study(self.document, self.file, settings, terminal, self.dataset).folder)

    def _repr_html_(self) -> str:
        """What a notebook shows: the layers of the models, and the whole study folded."""
        models = {name: [layer.name for layer in model.layers] for name, model in self.file.models.items()}
        resolved = to_yaml(self.file.model_dump(mode="json"))
        return notebook.study_summary(self.file.study, str(self.file.data.source), models, resolved)


@dataclass(frozen=True, eq=False)
class AnalysisOfRun:
    """What an analysis found, as a notebook shows it."""

    planned: PlannedAnalysis
    outcome: AnalysisResult
    folder: Path

    @property
    def sentences(self) -> list[str]:
        """The sentences of its page, most important first."""
        return self.outcome.sentences

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers and words, as JSON values."""
        return self.outcome.facts

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Polars frames by name."""
        return self.outcome.tables

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Images and maps by name."""
        return self.outcome.arrays

    def page(self) -> str:
        """The page of the analysis: whole HTML that opens alone."""
        hashes.expect_unchanged(self.folder, "report.json")
        return page_of(self.planned, self.outcome, read_json(self.folder / "report.json"))

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentences, and the page in a frame of its own."""
        return notebook.analysis_summary(self.planned.title, self.sentences, self.page())


@dataclass(frozen=True, init=False)
class Run:
    """A finished run, read from its directory. Open one later with snellen.Run("runs/digits")."""

    folder: Path

    def __init__(self, folder: Path | str) -> None:
        object.__setattr__(self, "folder", Path(folder))
        RunRecord.open(self.folder)

    @property
    def record(self) -> RunRecord:
        """The stored files."""
        return RunRecord(self.folder)

    @property
    def report(self) -> Path:
        """The report, to open in a browser."""
        return self.folder / "report.html"

    @property
    def evaluation(self) -> Evaluation:
        """The stored scores, and which model is chosen."""
        return evaluations.load(self.record)

    @property
    def chosen(self) -> str | None:
        """The model with the best validation measure, or None when none was trained to the end."""
        return self.evaluation.chosen

    @property
    def scores(self) -> pl.DataFrame:
        """Every score with its interval: a row for each model, network, role, measure and class."""
        return self.evaluation.scores

    @property
    def leaderboard(self) -> pl.DataFrame:
        """A row a model, best first by what chooses: accuracy with its interval on validation, over folds, and on
        test where opened; a mean over `seeds` where there are several.

        Models that share a letter of `group` cannot be told apart, whatever their order; `may_be_best`: not worse than
        the best. Below them the baselines; `kind` is model or baseline.
        """
        evaluation, baselines = self.evaluation, self.record.baseline_results
        rows = [("model", model, model) for model in evaluation.ranked]
        rows += [("baseline", baselines[name].label, baseline_key(name)) for name in evaluation.baselines]
        named = [{"model": name, "kind": kind, **self._standing(evaluation, key)} for kind, name, key in rows]
        return pl.DataFrame(named)

    def leaderboard_text(self, form: TextFormat = "markdown") -> str:
        """The leaderboard for another document: "markdown", "latex" (a tabular that needs no package) or "csv"."""
        faults = self.record.study.on_purpose
        return leaderboard_text(self.leaderboard, form, warning(faults) if faults else None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the report says: conclusions first, then what looks wrong, worst first."""
        judgement = self._judgement()
        return judgement.results + judgement.others

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The first screen of the report: at most five short sentences."""
        return self._judgement().statements

    def history(self, model: str) -> pl.DataFrame:
        """A row an epoch, through all phases: loss, accuracy, validation loss and accuracy, learning rate, seconds,
        phase."""
        return pl.DataFrame(whole_history(self.record, self._known(model)))

    def curves(self, model: str, measure: Literal["loss", "accuracy"] = "loss") -> altair.LayerChart:
        """The learning curves of a model as in the report; a notebook draws them."""
        history = whole_history(self.record, self._known(model))
        kept = phases_section(self.record, model)[-1]["kept_epoch"]
        return notebook.chart(learning_curve(history, kept, measure))

    def predictions(self, model: str, role: str = "validation") -> Predictions | None:
        """The stored probabilities; None for the test unless the study opened it for this model.

        role: train, validation, calibration, test, or out_of_fold: every row by the network of the fold that held it
        out, None without folds.
        """
        if role == OUT_OF_FOLD:
            folds = held_out(self.record, self._known(model))
            return folds.pooled() if folds else None
        if role not in ROLES:
            raise unknown("role", role, (*ROLES, OUT_OF_FOLD))
        return self.record.predictions(self._known(model), role)

    def analysis(
        self,
        name: str,
        model: str | None = None,
        *,
        data_dir: Path | str | None = None,
        dataset: Dataset | None = None,
        **options: Any,
    ) -> AnalysisOfRun:
        """The outcome of an analysis of `model`, the chosen one when not named, or of all models.

        name, options: as in `analyses:` of a study. A stored outcome is read; otherwise the images are read, and the
        analysis is made and stored. dataset: the images, where the study was given arrays. Raises UnknownName, or
        StudyError when it does not fit the model.
        """
        record = self.record
        one = plan_analysis(name, self._known(model) if model else self.chosen, options, networks_of(record))
        outcome = stored(record, one)
        if outcome is None:
            outcome = make_analysis(scene_of(record, _path(data_dir), dataset), one, RunCallback())
        return AnalysisOfRun(one, outcome, self.folder)

    def units(self, model: str | None = None, **options: Any) -> AnalysisOfRun:
        """What each unit of a layer responds to. layer: the last hidden one when not named."""
        return self.analysis("units", model, **options)

    def map(
        self, layer: str | None = None, model: str | None = None, *, method: str = "tsne", **options: Any
    ) -> AnalysisOfRun:
        """A map of the images by a layer, the last hidden one when not named. method: pixels, pca, tsne or umap."""
        return self.analysis("maps", model, layer=layer, methods=[method], **options)

    def activations(
        self,
        model: str | None = None,
        *,
        layer: str | None = None,
        role: str = "validation",
        positions: Positions = "mean",
        data_dir: Path | str | None = None,
        dataset: Dataset | None = None,
    ) -> pl.DataFrame:
        """What a layer gives for each image of a role: columns row, id, label, then `unit_0`, `unit_1` ... as float32.

        model: the chosen one when not named. layer: the last hidden one with units when not named. role: train,
        validation, calibration or test, whose `label` is None unless the test was opened for this model. positions: of
        a layer whose units have a value at each position: the mean or max of each unit, or all, as
        `unit_3_at_ROW_COLUMN`. The images are read again, or given as `dataset`. Raises UnknownName, or StudyError for
        a role without images and for tables of more than 4 GiB.
        """
        name = self._known(model) if model else self.chosen
        if name is None:
            raise StudyError("no model was trained to the end", where=str(self.folder))
        return activations_of(self.record, name, layer, role, positions, _path(data_dir), dataset)

    def model(self, model: str | None = None) -> Model:
        """A trained model, ready to predict; the chosen one when not named."""
        return open_model(self.folder / "models" / self._known(model) if model else self.folder)

    def evaluate(self, data: Any, labels: Any = None, model: str | None = None, **options: Any) -> EvaluatedData:
        """A model, the chosen one when not named, on labelled images that came later: `snellen.evaluate_data`."""
        path = self.folder / "models" / self._known(model) if model else self.folder
        return evaluate_data(path, data, labels, **options)

    def _repr_html_(self) -> str:
        """What a notebook shows: the first screen, leaderboard, where the report is."""
        record = self.record
        if not self.report.is_file():
            return notebook.unfinished_summary(record.study.study)
        faults = record.study.on_purpose
        sentences = [warning(faults)] if faults else []
        sentences += [f"{LABELS[one.part]}: {one.sentence}" for one in self.statements]
        sentences += [one.values["judged"] for one in self.statements if "judged" in one.values]
        rows = self.leaderboard.iter_rows(named=True)
        return notebook.run_summary(record.study.study, self.chosen, sentences, rows, self.report)

    def _judgement(self) -> Judgement:
        return judge(Facts(self.record, self.evaluation))

    def _known(self, model: str) -> str:
        if model not in self.record.models:
            raise unknown("model", model, self.record.models)
        return model

    def _standing(self, evaluation: Evaluation, model: str) -> dict[str, Any]:
        pairs = evaluation.comparisons
        estimates = {
            "validation": evaluation.standing(model, "validation"),
            "folds": evaluation.over_folds(model),
            "test": evaluation.standing(model, "test"),
        }
        values = {
            f"{role}_{name}": getattr(found, field) if found else None
            for role, found in estimates.items()
            for name, field in (("accuracy", "value"), ("low", "low"), ("high", "high"))
        }
        best, validation = pairs.best.get(model), estimates["validation"]
        return {
            "group": pairs.groups.get(model),
            "may_be_best": best.not_worse if best else None,
            "seeds": validation.networks if validation else None,
            **values,
        }


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given)
