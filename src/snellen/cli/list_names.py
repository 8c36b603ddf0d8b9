"""`snellen list`: the names that a study may use, with a line on each."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from snellen.cli.options import AsJson
from snellen.plain import say

Lines = Mapping[str, str]
"""Name -> one sentence."""


def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="studies, networks, layers, ... (as listed below); all when not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the names that a study file may use, with a line on each.

    Kinds: studies, networks, layers, features, optimizers, schedules, augmentations, metrics, analyses, findings. What
    their arguments are is in docs/study-file.md. Data sets: `snellen data list`.
    """
    from snellen.errors import unknown

    if kind is not None and kind not in KINDS:
        raise unknown("kind of names", kind, KINDS)
    found = {name: dict(KINDS[name]()) for name in ([kind] if kind else KINDS)}
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for place, (name, lines) in enumerate(found.items()):
        say(f"{chr(10) * (place > 0)}{name.capitalize()}")
        width = max(map(len, lines))
        for item, sentence in lines.items():
            say(f"  {item:{width}}  {sentence}")


def _described(registry: Mapping[str, type]) -> Lines:
    """The first sentence of what each class says of itself."""
    return {name: first_sentence(inspect.getdoc(each) or "") for name, each in registry.items()}


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence, in one line."""
    line = " ".join(text.partition("\n\n")[0].split())
    return re.sub(r"(?<!\.)\.$", "", re.split(r"(?<!\bal)\.\s+(?=[A-Z0-9`])", line, maxsplit=1)[0])


def _studies() -> Lines:
    from snellen.study.document import shipped_studies

    comments = {name: re.match(r"(?:# ?.*\n)+", text) for name, text in shipped_studies().items()}
    return {
        name: first_sentence(re.sub(r"^# ?", "", found[0], flags=re.M)) if found else ""
        for name, found in comments.items()
    }


def _networks() -> Lines:
    from snellen.models.build import build
    from snellen.models.zoo import ZOO

    counts = {name: build(layers, (32, 32, 3), 10).parameter_count for name, layers in ZOO.items()}
    return {name: f"{count:,} parameters for 10 classes of 32x32x3 pixels" for name, count in counts.items()}


def _layers() -> Lines:
    from snellen.models.layers import LAYERS

    return _described(LAYERS)


def _features() -> Lines:
    from snellen.models.features import FEATURES

    return _described(FEATURES)


def _optimizers() -> Lines:
    from snellen.train.optimizers import OPTIMIZERS

    return _described(OPTIMIZERS)


def _schedules() -> Lines:
    from snellen.train.schedules import SCHEDULES

    return _described(SCHEDULES)


def _augmentations() -> Lines:
    from snellen.train.augment.registry import AUGMENTATIONS

    return _described(AUGMENTATIONS)


def _metrics() -> Lines:
    from snellen.metrics.scores import METRICS, Metric

    def line(metric: Metric) -> str:
        if metric.is_fraction_of_images:
            return "a share of the images"
        return "a mean over classes" if metric.average else "a mean over images"

    return {name: line(metric) for name, metric in METRICS.items()}


def _analyses() -> Lines:
    from snellen.study.analyses import ANALYSES

    return _described(ANALYSES)


def _findings() -> Lines:
    from snellen.findings.finding_page import finding_pages

    return {page.code: page.title for page in finding_pages()}


KINDS: dict[str, Callable[[], Lines]] = {
    "studies": _studies,
    "networks": _networks,
    "layers": _layers,
    "features": _features,
    "optimizers": _optimizers,
    "schedules": _schedules,
    "augmentations": _augmentations,
    "metrics": _metrics,
    "analyses": _analyses,
    "findings": _findings,
}
