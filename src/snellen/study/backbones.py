"""Finds the weights of the backbones of a study, and writes into it what they are: their hash and their scaling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from snellen.errors import StudyError, WeightsNotFound, located, printable
from snellen.models.backbones.layer import HASH, Backbone, Preprocessing
from snellen.models.backbones.networks import INSTALL, has_timm
from snellen.models.backbones.weights import IMAGENET, Scaling, Weights, find_weights, weights_to_download
from snellen.study.schema import StudyFile

LINE_CHARACTERS = 200
"""Of why a model is skipped."""


@dataclass(frozen=True)
class FoundBackbones:
    """study: with hashes in place of files and sources, without the models that are skipped. weights: by hash, with
    the scaling that they need. skipped: model -> why, for those without weights that say `if_missing: skip`. names: of
    the network of each file of weights."""

    study: StudyFile
    weights: Mapping[str, Weights]
    skipped: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentences(self) -> list[str]:
        """Of each model with pretrained weights where they are from and their licence, and of each that is skipped."""
        said = []
        for model, layer in backbones_of(self.study).items():
            about = self.weights.get(layer.sha256 or "")
            if about is not None:
                said.append(f"{model}: {about.origin} Licence: {about.licence or 'not known'}.")
        return [*said, *(f"{model} is left out: {reason}" for model, reason in self.skipped.items())]


def find_backbones(study: StudyFile, data_folder: Path | None, *, may_download: bool = True) -> FoundBackbones:
    """Raises WeightsNotFound and the other errors of `find_weights`, naming the model. may_download: otherwise weights
    that would be downloaded are only described (`weights_to_download`)."""
    values: dict[str, Any] | None = None
    weights, names, skipped = dict[str, Weights](), dict[str, str](), dict[str, str]()
    for name, layer in backbones_of(study).items():
        if layer.is_random or layer.sha256:
            continue
        with located(f"model {name}"):
            try:
                _expect_timm(layer)
                found, own = _find(layer, data_folder, may_download)
            except WeightsNotFound as error:
                if layer.if_missing != "skip" or len(skipped) + 1 == len(study.models):
                    raise
                skipped[name] = _in_short(error)
                continue
        weights[found.sha256] = replace(found, mean=own.mean, deviation=own.deviation)
        names[found.sha256] = layer.architecture
        values = values or study.model_dump(mode="json")
        for written in _written(values["models"][name]):
            _settle(written, layer, found)
    if values is None and not skipped:
        return FoundBackbones(study, {}, {})
    values = _without(values or study.model_dump(mode="json"), skipped)
    return FoundBackbones(StudyFile.model_validate(values), weights, skipped, names)


def _in_short(error: WeightsNotFound) -> str:
    """What is missing and how to get it, in one line; all places that were looked at are in docs/backbones.md."""
    return printable(f"{error.problem}. {error.hint}" if error.hint else f"{error.problem}.", LINE_CHARACTERS)


def backbones_of(study: StudyFile) -> dict[str, Backbone]:
    """By model, of those that have one."""
    firsts = {name: model.layers[0] for name, model in study.models.items() if model.layers}
    return {name: first for name, first in firsts.items() if isinstance(first, Backbone)}


def _written(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The backbone of a model as it is written, and that of the template of its search, with their arguments."""
    search = model.get("search")
    for each in (model, search["template"] if isinstance(search, Mapping) and search.get("template") else None):
        if each is None:
            continue
        layers = each["layers"]
        if not isinstance(layers, list) or not isinstance(layers[0], Mapping) or "backbone" not in layers[0]:
            raise StudyError("a search may not choose the layers of a model with a backbone", hint="Write two models.")
        if not isinstance(layers[0]["backbone"], Mapping):
            layers[0] = {"backbone": {"name": layers[0]["backbone"]}}
        yield layers[0]["backbone"]


def _expect_timm(layer: Backbone) -> None:
    """A missing library is as good as missing weights to a model that may be skipped."""
    if layer.if_missing == "skip" and not has_timm():
        raise WeightsNotFound(f"the backbone {layer.architecture} needs timm", hint=INSTALL)


def _find(layer: Backbone, data_folder: Path | None, may_download: bool) -> tuple[Weights, Weights]:
    """The weights with the scaling that the study gives, and with that which they need, as far as it is known."""

    def find(preprocessing: str | Scaling | None) -> Weights:
        how = (data_folder, layer.accept, preprocessing)
        try:
            return find_weights(layer.architecture, layer.weights, *how, may_download=may_download)
        except WeightsNotFound:
            if may_download or layer.weights != IMAGENET:
                raise
            return weights_to_download(layer.architecture, *how)

    given = layer.preprocessing
    if not isinstance(given, Preprocessing):
        found = find(given)
        return found, found
    found = find(Scaling(given.mean, given.deviation))
    try:
        return found, find(None)
    except StudyError:  # nothing else says how images are scaled for them
        return found, found


def _settle(written: dict[str, Any], layer: Backbone, found: Weights) -> None:
    for key in ("name", "weights", "preprocessing"):
        if isinstance(written.get(key), Mapping) and "mean" not in written[key]:
            hint = "Write a model for each, and compare them."
            raise StudyError(f"a search may not choose the `{key}` of a backbone", where="backbone", hint=hint)
    written["name"] = layer.architecture.partition(".")[0]
    written["weights"] = HASH + found.sha256
    written["preprocessing"] = {"mean": list(found.mean), "deviation": list(found.deviation)}
    written.setdefault("read", layer.place)
    if written["read"] is None:
        written["read"] = layer.place
    for only_to_find in ("if_missing", "accept"):
        written.pop(only_to_find, None)


def _without(values: dict[str, Any], skipped: Mapping[str, str]) -> dict[str, Any]:
    """The study without these models, and without what it says of them."""
    kept = {name: model for name, model in values["models"].items() if name not in skipped}
    opened = values["open_test"]
    return {
        **values,
        "models": kept,
        "open_test": opened if isinstance(opened, str) else [name for name in opened if name in kept],
        "analyses": [_of_kept(analysis, skipped) for analysis in values["analyses"]],
    }


def _of_kept(analysis: Any, skipped: Mapping[str, str]) -> Any:
    """An analysis without the models that are skipped."""
    if not isinstance(analysis, Mapping):
        return analysis
    [(name, arguments)] = analysis.items()
    if not isinstance(arguments, Mapping) or not arguments.get("models"):
        return analysis
    return {name: {**arguments, "models": [each for each in arguments["models"] if each not in skipped] or None}}
