"""All analyses by name: what each makes, of which networks, and whether it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from snellen.errors import StudyError
from snellen.evaluate.record import RunRecord
from snellen.explain.answers import analysis as answers
from snellen.explain.answers import gradcam_layer
from snellen.explain.curves import analysis as curves
from snellen.explain.data import analysis as data
from snellen.explain.errors import analysis as errors
from snellen.explain.maps import analysis as maps
from snellen.explain.maps import fit as maps_fit
from snellen.explain.outcome import Outcome, load_outcome, save_outcome
from snellen.explain.subject import Recipe, Scene, Subject
from snellen.explain.units import analysis as units
from snellen.files import hashes
from snellen.files.hashing import identity
from snellen.files.inside import inside
from snellen.models.build import Network
from snellen.study.analyses import Analysis, AnyAnalysis
from snellen.study.schema import StudyFile

OF_STUDY = "study"
"""Stands for the model of an analysis that looks at all models at once, or at none."""


def fits_all(network: Network, options: Any) -> str | None:
    """Of an analysis that every network allows."""
    return None


@dataclass(frozen=True)
class Method:
    """How one kind of analysis is made.

    of: `model`, make(Subject, options), once a model; `recipe`, make(Recipe, options), once a model, of all that was
    trained for it; `study`, make(Scene, options), once a study. misfit: why a network does not allow it, or None.
    seconds: about how long it takes for a network and so many pictures. version: raised when what is made changes, so
    that what older ones made is made again.
    """

    of: Literal["model", "recipe", "study"]
    make: Callable[[Any, Any], Outcome]
    misfit: Callable[[Network, Any], str | None] = fits_all
    seconds: Callable[[Network, int], float] = lambda network, images: 1.0
    version: int = 1


METHODS: dict[str, Method] = {
    "units": Method("model", units.make, units.misfit, units.seconds, version=2),
    "maps": Method("model", maps.make, maps_fit.misfit, maps_fit.seconds),
    "curves": Method("recipe", curves.make, curves.misfit),
    "data": Method("study", data.make, seconds=data.seconds),
    "answers": Method("model", answers.make, gradcam_layer.misfit, answers.seconds),
    "errors": Method("study", errors.make, seconds=errors.seconds),
}


@dataclass(frozen=True)
class Asked:
    """One analysis of one model. key: the name of the analysis, numbered where a study asks for several of one kind.

    model: OF_STUDY where it is of no single one.
    """

    key: str
    options: Analysis
    model: str

    @property
    def method(self) -> Method:
        """How it is made."""
        return METHODS[self.options.name]

    @property
    def title(self) -> str:
        """What to call it."""
        words = self.key if self.options.label == self.options.name else self.options.label
        return words if self.model == OF_STUDY else f"{words} of {self.model}"

    @property
    def page(self) -> str:
        """The name of its page, without the folder."""
        return f"{self.key}.html" if self.model == OF_STUDY else f"{self.key}-{self.model}.html"


def asked(study: StudyFile, networks: Mapping[str, Network]) -> list[Asked]:
    """All analyses that a study asks for, of all models that they fit; those without a network are left out.

    Raises StudyError for an analysis that fits none of them, or not one that it names.
    """
    found = [each for key, options in _numbered(study.analyses) for each in _of_models(key, options, networks)]
    pages: dict[str, Asked] = {}
    for each in found:
        other = pages.setdefault(each.page.casefold(), each)
        if other is not each:
            titles = f"{other.title} and {each.title}"
            raise StudyError("two analyses with one page", where="analyses", found=titles, hint="Rename a model.")
    return found


def ask(name: str, model: str | None, options: Mapping[str, Any], networks: Mapping[str, Network]) -> Asked:
    """One analysis of one model, written as in a study. model: unused where the analysis looks at all of them.

    Raises UnknownName, or StudyError for options that it has not or a model that it does not fit.
    """
    of_study = name in METHODS and METHODS[name].of == "study"
    models = {} if of_study or model is None else {"models": [model]}
    written = TypeAdapter(AnyAnalysis).validate_python({name: {**options, **models}})
    [one] = _of_models(name, written, networks)
    return one


def _numbered(analyses: tuple[Analysis, ...]) -> Iterator[tuple[str, Analysis]]:
    for place, options in enumerate(analyses):
        earlier = sum(each.name == options.name for each in analyses[:place])
        yield f"{options.name}-{earlier + 1}" if earlier else options.name, options


def _of_models(key: str, options: Analysis, networks: Mapping[str, Network]) -> list[Asked]:
    method = METHODS[options.name]
    if method.of == "study":
        return [Asked(key, options, OF_STUDY)] if networks else []
    misfits = {model: method.misfit(network, options) for model, network in networks.items()}
    fitting = [model for model, why in misfits.items() if why is None]
    wanted = fitting if options.models is None else [model for model in options.models if model in networks]
    wrong = [f"{model}: {misfits[model]}" for model in (wanted or misfits) if misfits[model]]
    if wrong:
        raise StudyError(
            f"the analysis `{options.name}` does not fit",
            where="analyses",
            found="; ".join(wrong),
            expected=f"one of the models it fits: {', '.join(fitting)}" if fitting else None,
        )
    return [Asked(key, options, model) for model in wanted]


def price(one: Asked, networks: Mapping[str, Network], images: int) -> float:
    """About how many seconds an analysis takes; of a study, by its dearest network."""
    of = list(networks.values()) if one.model == OF_STUDY else [networks[one.model]]
    return max((one.method.seconds(network, images) for network in of), default=0.0)


def networks_of(record: RunRecord) -> dict[str, Network]:
    """The network of each model whose job ended well."""
    return {model: record.job(model).read_job().trajectory.network for model in record.done}


def made(scene: Scene, one: Asked) -> Outcome:
    """The outcome of an analysis, made now and stored."""
    outcome = one.method.make(_subject(scene, one), one.options)
    run, folder = scene.record.folder, folder_of(scene.record, one)
    hashes.release(run, hashes.below(folder))
    save_outcome(folder, outcome, _identity(scene.record, one))
    hashes.note(run, hashes.below(folder))
    return outcome


def _subject(scene: Scene, one: Asked) -> Subject | Recipe | Scene:
    if one.model == OF_STUDY:
        return scene
    return Recipe(scene.record, one.model) if one.method.of == "recipe" else scene.subjects[one.model]


def stored(record: RunRecord, one: Asked) -> Outcome | None:
    """What an earlier run found out, where it was asked the same of the same networks."""
    return load_outcome(folder_of(record, one), _identity(record, one))


def stored_outcomes(record: RunRecord) -> dict[Asked, Outcome]:
    """Of all analyses that the study asks for, those that are there."""
    found = {one: stored(record, one) for one in asked(record.study, networks_of(record))}
    return {one: outcome for one, outcome in found.items() if outcome is not None}


def folder_of(record: RunRecord, one: Asked) -> Path:
    """By job: an analysis can never show what another network did."""
    of = OF_STUDY if one.model == OF_STUDY else record.models[one.model]
    return inside(record.folder, "analyses", of, f"{one.options.name}-{identity(_identity(record, one))[:8]}")


def _identity(record: RunRecord, one: Asked) -> dict[str, Any]:
    """What an outcome depends on; the opening of a test does too."""
    of_study = one.model == OF_STUDY
    models = record.done if of_study else [one.model]
    jobs = {model: [record.models[model], record.predictions(model, "test") is not None] for model in models}
    [(name, options)] = one.options.model_dump(mode="json").items()
    return {
        "analysis": {name: {option: value for option, value in options.items() if of_study or option != "models"}},
        "version": one.method.version,
        "jobs": jobs,
        "data": record.data["data"]["fingerprint"],
    }
