"""Why this answer: pictures of one model explained, its worst confusions taken apart, and what it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snellen.explain.answers.attributions import EXPLAINED, SEARCHED, Work, logits_of, mean_input, searched_rows
from snellen.explain.answers.chosen import MISTAKE, Chosen, given, telling
from snellen.explain.answers.confusions import confusions
from snellen.explain.answers.gradcam_layer import camera, left_out, ways
from snellen.explain.answers.looks import PICTURES, Looks, differs, looks, looks_sentence
from snellen.explain.figure import EVEN, grounds, has_even_ground, tones_of
from snellen.explain.last_layer import LastLayer, has_hidden
from snellen.explain.outcome import Outcome
from snellen.explain.subject import Subject
from snellen.explain.thumbnails import tone
from snellen.models.build import Network
from snellen.statistics.levels import SIGNIFICANT
from snellen.study.analyses import Answers

Facts = dict[str, Any]


def seconds(network: Network, images: int) -> float:
    """22 pictures, each about 100 times there and back and 200 times forward; what is looked at, the search for
    neighbours, and units of a tenth of the images; 40 thousand million multiplications a second, and 0.1 ms an image.

    Measured, CPU seconds: 0.4 on digits, 10 for LeNet-5 on Fashion, 30 for 2.4 M parameters on CIFAR-10.
    """
    passes = 22 * (3 * 100 + 200) + 4 * PICTURES + images // 10
    work = network.multiply_adds * passes + min(SEARCHED, network.multiply_adds * images)
    return 0.5 + 1e-4 * images + work / 4e10


def make(subject: Subject, options: Answers) -> Outcome:
    """Of validation pictures, unless rows or ids say otherwise: what is learnt here may change the model."""
    asked = ways(subject.network, options)
    baseline, name = _baseline(subject, options)
    work = Work(subject, options, _chosen(subject, options), baseline)
    images, maps = _explained(work, asked)
    layer = LastLayer(subject) if has_hidden(subject.network) else None
    cells = confusions(subject, layer, options.cells)
    facts: Facts = {
        "model": subject.model,
        "images": images,
        "cells": cells.facts,
        "methods": list(asked),
        "left_out": left_out(subject.network, options),
        "baseline": name,
        "patch": work.side,
        "camera": camera(subject.network, options.layer) if "grad_cam" in asked else None,
        "last_layer": LastLayer(subject).name,
        "has_hidden": layer is not None,
        "looks": _looks(subject),
        "searched": len(searched_rows(subject)),
        "trained_on": len(subject.parts["train"]),
    }
    rows = _rows(images, cells.facts)
    pictures = tone(subject.images[torch.from_numpy(rows)].cpu().numpy(), subject.pixel_range)
    own = {"rows": rows, "pictures": pictures, "means": cells.means, "differences": cells.differences}
    return Outcome(
        {**facts, "sentences": list(_sentences(facts, subject.classes))}, {"cells": cells.table}, {**maps, **own}
    )


def _chosen(subject: Subject, options: Answers) -> list[Chosen]:
    if options.rows or options.ids:
        return given(subject.parts, options.rows or (), options.ids or ())
    return telling(subject.parts["validation"], options.images)


def _baseline(subject: Subject, options: Answers) -> tuple[Tensor, str]:
    """(H, W, C) and its name: as asked, else black where figures stand on an even black ground, else the mean."""
    name = options.baseline or ("black" if _is_black(subject) else "mean")
    mean = mean_input(subject)
    return (mean, name) if name == "mean" else (torch.zeros_like(mean), name)


def _is_black(subject: Subject) -> bool:
    tones = tones_of(_stored(subject, _spread(subject)), subject.pixel_range)
    return has_even_ground(tones) and float(np.median(grounds(tones))) <= EVEN


def _spread(subject: Subject) -> np.ndarray:
    """PICTURES rows of validation, evenly over them, so that nobody chose them."""
    rows = subject.parts["validation"].rows
    return np.asarray(rows[np.unique(np.linspace(0, len(rows) - 1, min(PICTURES, len(rows))).astype(int))])


def _stored(subject: Subject, rows: np.ndarray) -> np.ndarray:
    return np.asarray(subject.images[torch.from_numpy(rows)].cpu().numpy())


def _explained(work: Work, asked: Sequence[str]) -> tuple[list[Facts], dict[str, np.ndarray]]:
    """What is said of each picture, and the maps by way."""
    images = [asdict(one) for one in work.chosen]
    maps: dict[str, np.ndarray] = {}
    for way, explain in EXPLAINED.items():
        if way in asked and work.chosen:
            said, drawn = explain(work)
            images = [{**image, **more} for image, more in zip(images, said, strict=True)]
            maps |= {} if drawn is None else {way: drawn.astype(np.float32)}
    return images, maps


def _rows(images: Sequence[Facts], cells: Sequence[Facts]) -> np.ndarray:
    """Rows of all pictures that a page shows, ascending."""
    near = [each["row"] for image in images for each in image.get("neighbours", [])]
    behind = [row for cell in cells for row in cell["rows"]]
    return np.unique(np.array([image["row"] for image in images] + near + behind, np.int64))


def _looks(subject: Subject) -> Facts | None:
    rows = _spread(subject)
    found: Looks | None = looks(
        logits_of(subject), lambda places: subject.inputs(rows[places]), _stored(subject, rows), subject.pixel_range
    )
    return found.as_json() if found else None


def _sentences(facts: Facts, classes: Sequence[str]) -> Iterator[str]:
    yield from _on_cells(facts, classes)
    yield from _on_neighbours(facts)
    yield from _on_looks(facts)


def _on_cells(facts: Facts, classes: Sequence[str]) -> Iterator[str]:
    """The units of the worst cell that was compared, where any differs and the shift is towards the mistake."""
    for cell in facts["cells"]:
        leading = [unit for unit in cell["units"][:3] if unit["adjusted_p"] < SIGNIFICANT and unit["margin"] > 0]
        if leading and cell["margin"] > 0:
            moved = sum(unit["margin"] for unit in leading)
            names = ", ".join(f"`{unit['name']}`" for unit in leading)
            yield (
                f"`{classes[cell['label']]}` called `{classes[cell['answer']]}` by `{facts['model']}` "
                f"({cell['images']:,} validation images): {cell['differing']:,} of {cell['compared']:,} units of "
                f"`{facts['last_layer']}` respond otherwise than to those it gets right; {names} "
                f"{'moves' if len(leading) == 1 else 'move'} the margin by "
                f"{moved:+.1f} logits, all units by {cell['margin']:+.1f}."
            )
            return


def _on_neighbours(facts: Facts) -> Iterator[str]:
    wrong = [image for image in facts["images"] if image["why"] == MISTAKE and image.get("neighbours")]
    beside = sum(image["neighbours"][0]["label"] == image["answer"] for image in wrong)
    if wrong:
        yield (
            f"Of the {len(wrong)} most confident mistakes of `{facts['model']}`, {beside} "
            f"{'lies' if beside == 1 else 'lie'} nearest to a training image of the class that was answered, in "
            f"`{facts['last_layer']}`."
        )


def _on_looks(facts: Facts) -> Iterator[str]:
    if facts["looks"] and differs(facts["looks"]):
        yield looks_sentence(facts["model"], facts["looks"])
