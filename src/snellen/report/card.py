"""card.md: what a model is, how it was made, and what may be said of it."""

from __future__ import annotations

from typing import Any

from snellen.evaluate.scores import Estimate
from snellen.findings.finding import interval

Content = dict[str, Any]


def model_card(content: Content, name: str) -> str:
    """The card of one model of report.json, as Markdown."""
    model = next(each for each in content["models"] if each["name"] == name)
    data, training = content["data"], model["training"]
    height, width, channels = data["shape"]
    optimizer = next(iter(training["optimizer"]))
    lines = [
        f"# {name}",
        "",
        f"Classifies pictures of {height}x{width} pixels, {channels} channel{'s' if channels > 1 else ''}, into "
        f"{len(data['classes'])} classes: {', '.join(data['classes'])}.",
        f"Made by Snellen {content['snellen']} in the study `{content['study']}`"
        f"{', which chose it' if model['chosen'] else '; the study chose another model'}.",
        "",
        "## What may be said",
        "",
        content["claim"] if model["chosen"] else "This model was not chosen; its scores are below.",
        "",
        "| role | images | accuracy (95 % interval) |",
        "|---|---|---|",
        *(_score_row(role, values) for role, values in model["roles"].items()),
        "",
        "## How it was made",
        "",
        f"{model['parameters']:,} parameters; {optimizer}, learning rate {training['learning_rate']:g}, batches of "
        f"{training['batch_size']}, seed {training['seed']}; epoch {model['kept_epoch']} of {model['stopped_epoch']} "
        f"kept by validation {training['measure']}.",
        f"Data: {data['name']}, {data['images']:,} images, fingerprint `{data['fingerprint'][:16]}`.",
        "",
        "## How to use it",
        "",
        "    snellen predict PATH-OF-THIS-FOLDER picture.png",
        "",
    ]
    return "\n".join(lines)


def _score_row(role: str, values: Content) -> str:
    return f"| {role} | {values['n']:,} | {interval(Estimate(**values['scores']['accuracy']))} |"
