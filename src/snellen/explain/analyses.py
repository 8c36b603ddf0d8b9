"""The analyses of a study: which models they are made of, how long they take, and their stored results.

The names are those of the registry in study/analyses.py; each has a folder here, whose analysis.py declares a METHOD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from snellen.errors import StudyError
from snellen.evaluate.record import RunRecord
from snellen.explain.analysis_inputs import ModelOfRun, RunWithImages, TrainedModel
from snellen.explain.analysis_result import AnalysisResult, load_result, save_result
from snellen.explain.method import Method
from snellen.files import hashes
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.models.build import Network
from snellen.study.analyses import ANALYSES, Analysis, AnyAnalysis
from snellen.study.schema import StudyFile

OF_STUDY = "study"
"""In place of the model, for an analysis of the whole study."""


def method_of(name: str) -> Method:
    """The METHOD of the analysis of this name."""
    method: Method = import_module(f"snellen.explain.{name}.analysis").METHOD
    return method


@dataclass(frozen=True)
class PlannedAnalysis:
    """One analysis of one model. key: the name of the analysis, numbered if the study has several of one kind.

    model: OF_STUDY for an analysis of the whole study. layer: which one it looks at, in words, where the model alone
    does not say it.
    """

    key: str
    options: Analysis
    model: str
    layer: str | None = field(default=None, compare=False)

    @property
    def method(self) -> Method:
        """How it is made."""
        return method_of(self.options.name)

    @property
    def title(self) -> str:
        """The title of its page."""
        if self.layer is not None:
            return f"{self.options.label} of {self.model}, {self.layer}"
        words = self.key if self.options.label == self.options.name else self.options.label
        return words if self.model == OF_STUDY else f"{words} of {self.model}"

    @property
    def page(self) -> str:
        """The file name of its page."""
        return f"{self.key}.html" if self.model == OF_STUDY else f"{self.key}-{self.model}.html"


def planned_analyses(study: StudyFile, networks: Mapping[str, Network]) -> list[PlannedAnalysis]:
    """All analyses of a study, of all models that they fit. networks: by model; other models are left out.

    Raises StudyError for an analysis that fits no model, or that names a model which it does not fit.
    """
    planned = [each for key, options in _numbered(study.analyses) for each in _of_models(key, options, networks)]
    counts = Counter((each.options.name, each.model) for each in planned)
    analyses = [_with_layer(each, networks, counts[each.options.name, each.model] > 1) for each in planned]
    pages: dict[str, PlannedAnalysis] = {}
    for each in analyses:
        other = pages.setdefault(each.page.casefold(), each)
        if other is not each:
            titles = f"{other.title} and {each.title}"
            raise StudyError("two analyses with one page", where="analyses", found=titles, hint="Rename a model.")
    return analyses


def plan_analysis(
    name: str, model: str | None, options: Mapping[str, Any], networks: Mapping[str, Network]
) -> PlannedAnalysis:
    """One analysis of one model, with options as in a study file. model: not used by an analysis of the whole study.

    Raises UnknownName, or StudyError for unknown options or a model that the analysis does not fit.
    """
    of_study = name in ANALYSES and method_of(name).of == "study"
    models = {} if of_study or model is None else {"models": [model]}
    written = TypeAdapter(AnyAnalysis).validate_python({name: {**options, **models}})
    [planned] = _of_models(name, written, networks)
    return _with_layer(planned, networks, several=False)


def _with_layer(planned: PlannedAnalysis, networks: Mapping[str, Network], several: bool) -> PlannedAnalysis:
    """The same, with its layer where the study names one or has `several` analyses of this kind of the model."""
    names_layer = planned.key != planned.options.name or planned.options.asked_layer is not None
    if planned.model == OF_STUDY or not (several or names_layer):
        return planned
    return replace(planned, layer=planned.method.layer(networks[planned.model], planned.options))


def _numbered(analyses: tuple[Analysis, ...]) -> Iterator[tuple[str, Analysis]]:
    for place, options in enumerate(analyses):
        earlier = sum(each.name == options.name for each in analyses[:place])
        yield f"{options.name}-{earlier + 1}" if earlier else options.name, options


def _of_models(key: str, options: Analysis, networks: Mapping[str, Network]) -> list[PlannedAnalysis]:
    method = method_of(options.name)
    if method.of == "study":
        return [PlannedAnalysis(key, options, OF_STUDY)] if networks else []
    misfits = {model: method.misfit(network, options) for model, network in networks.items()}
    fitting = [model for model, why in misfits.items() if why is None]
    models = fitting if options.models is None else [model for model in options.models if model in networks]
    wrong = [f"{model}: {misfits[model]}" for model in (models or misfits) if misfits[model]]
    if wrong:
        raise StudyError(
            f"the analysis `{options.name}` does not fit",
            where="analyses",
            found="; ".join(wrong),
            expected=f"one of the models it fits: {', '.join(fitting)}" if fitting else None,
        )
    return [PlannedAnalysis(key, options, model) for model in models]


def estimated_seconds(planned: PlannedAnalysis, networks: Mapping[str, Network], images: int) -> float:
    """An estimate of the time of an analysis; for one of the whole study that of the most expensive network, or of all
    together."""
    models = [each for each in networks if planned.model in (OF_STUDY, each)]
    models = [each for each in models if planned.options.models is None or each in planned.options.models] or models
    seconds_of_networks = [planned.method.seconds(networks[model], images) for model in models]
    return sum(seconds_of_networks) if planned.method.of_each_network else max(seconds_of_networks, default=0.0)


def networks_of(record: RunRecord) -> dict[str, Network]:
    """The network of each model whose training succeeded."""
    return {model: record.job(model).read_job().trajectory.network for model in record.done}


def make_and_store(run: RunWithImages, planned: PlannedAnalysis) -> AnalysisResult:
    """Makes an analysis, stores its result and returns it."""
    result = planned.method.make(_inputs(run, planned), planned.options)
    folder = folder_of(run.record, planned)
    hashes.release(run.record.folder, hashes.below(folder))
    save_result(folder, result, _identity(run.record, planned))
    hashes.note(run.record.folder, hashes.below(folder))
    return result


def _inputs(run: RunWithImages, planned: PlannedAnalysis) -> TrainedModel | ModelOfRun | RunWithImages:
    if planned.model == OF_STUDY:
        return run
    return ModelOfRun(run.record, planned.model) if planned.method.of == "recipe" else run.trained_models[planned.model]


def stored(record: RunRecord, planned: PlannedAnalysis) -> AnalysisResult | None:
    """The stored result of the same analysis of the same networks, or None."""
    return load_result(folder_of(record, planned), _identity(record, planned))


def stored_results(record: RunRecord) -> dict[PlannedAnalysis, AnalysisResult]:
    """The analyses of the study that have a stored result."""
    results = {one: stored(record, one) for one in planned_analyses(record.study, networks_of(record))}
    return {one: result for one, result in results.items() if result is not None}


def folder_of(record: RunRecord, planned: PlannedAnalysis) -> Path:
    """The folder of a result. It is named by job, so that a result is never shown for another network."""
    of = OF_STUDY if planned.model == OF_STUDY else record.models[planned.model]
    return inside(record.folder, "analyses", of, f"{planned.options.name}-{identity(_identity(record, planned))[:8]}")


def _identity(record: RunRecord, planned: PlannedAnalysis) -> dict[str, Any]:
    """Everything that a result depends on, including whether each model was evaluated on the test."""
    of_study = planned.model == OF_STUDY
    models = record.done if of_study else [planned.model]
    jobs = {model: [record.models[model], record.predictions(model, "test") is not None] for model in models}
    [(name, options)] = planned.options.model_dump(mode="json").items()
    return {
        "analysis": {name: {option: value for option, value in options.items() if of_study or option != "models"}},
        "version": planned.method.version,
        "jobs": jobs,
        "data": record.data["data"]["fingerprint"],
        **({"depends_on": planned.method.depends_on(record)} if planned.method.depends_on else {}),
    }
