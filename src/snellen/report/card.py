"""card.md: what a model is, how it was trained, and what may be claimed about the network in the same folder."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.evaluate.scores import Estimate
from snellen.phrases import plural
from snellen.report.model_types import ModelJson, RoleJson, ShippedJson, ShippedPhaseJson
from snellen.report.types import ReportJson


def model_card(content: ReportJson, name: str) -> str:
    """The card of one model of report.json, as Markdown."""
    model = next(each for each in content["models"] if each["name"] == name)
    data, shipped = content["data"], model["shipped"]
    assert shipped is not None  # only models that are trained to their end have a bundle
    height, width, channels = data["shape"]
    lines = [
        f"# {name}",
        "",
        *([content["on_purpose"]["warning"], ""] if "on_purpose" in content else []),
        f"Classifies images of {height}x{width} pixels, {plural(channels, 'channel')}, into "
        f"{plural(len(data['classes']), 'class')}: {', '.join(data['classes'])}.",
        f"Made by Snellen {content['snellen']} in the study `{content['study']}`"
        f"{', which chose it' if model['chosen'] else '; the study chose another model'}.",
        "",
        "## What may be claimed",
        "",
        content["claim"] if model["chosen"] else "This model was not chosen; its scores are below.",
        *_beside(model, shipped),
        *(["", content["roles"]["divided_test"]] if "divided_test" in content["roles"] else []),
        "",
        "| role | images | network | accuracy (95 % interval) |",
        "|---|---|---|---|",
        *(_score_row(role, values, shipped) for role, values in model["roles"].items()),
        "",
        "## How it was trained",
        "",
        *_made(model, shipped),
        *_weights(content, name),
        f"Data: {data['name']}, {data['images']:,} images, fingerprint `{data['fingerprint'][:16]}`.",
        "",
        "## How to use it",
        "",
        "    snellen predict PATH-OF-THIS-FOLDER image.png",
        "",
        *([shipped["familiarity"], ""] if "familiarity" in shipped else []),
    ]
    return "\n".join(lines)


def _beside(model: ModelJson, shipped: ShippedJson) -> Iterator[str]:
    """Which of several networks is in this folder."""
    if shipped["final"]:
        yield ""
        yield "In this folder is the network trained on all rows but the test" + (
            "."
            if "test" in model["roles"]
            else "; it was not evaluated on test itself, so all scores below are of other networks."
        )
    elif shipped["seeds"] > 1:
        yield ""
        yield f"In this folder is one of {shipped['seeds']} networks, that of seed {shipped['seed']}."


def _weights(content: ReportJson, name: str) -> Iterator[str]:
    """Whose weights a pretrained model begins with, and their licence."""
    found = content["backbones"]["models"] if "backbones" in content else []
    for one in (each for each in found if each["model"] == name and each["origin"] is not None):
        licence = one["licence"] or "not stated by the file"
        yield f"Begins with the network {one['name']}, read after {one['read']}. {one['origin']} Licence: {licence}."


def _score_row(role: str, values: RoleJson, shipped: ShippedJson) -> str:
    network = "this one" if role in shipped["roles"] else values["network"]
    return f"| {role} | {values['n']:,} | {network} | {Estimate(**values['scores']['accuracy']).in_percent} |"


def _made(model: ModelJson, shipped: ShippedJson) -> Iterator[str]:
    """The settings of each training phase, and which epoch was kept."""
    fitted = "" if shipped["images"] is None else f", trained on {shipped['images']:,} images"
    yield f"{model['parameters']:,} parameters, seed {shipped['seed']}{fitted}."
    for number, phase in enumerate(shipped["phases"], 1):
        settings = phase["settings"]
        which = f"Phase {number}: " if len(shipped["phases"]) > 1 else ""
        yield (
            f"{which}{next(iter(settings['optimizer']))}, learning rate {settings['learning_rate']:g}, batches of "
            f"{settings['batch_size']}; {_kept(phase, shipped['judges'])}."
        )


def _kept(phase: ShippedPhaseJson, judges: str | None) -> str:
    epochs = plural(phase["epochs"], "epoch")
    if phase["by"] is None:
        of = "of the folds" if judges == "folds" else "of the study's own split"
        return f"{epochs}, the median of the epochs that the networks {of} kept"
    return f"epoch {phase['kept_epoch']} of {epochs} kept by validation {phase['by']}"
