"""Findings about single images and parts of the data: constant, unreadable and unscaled images, parts that repeat
others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.data.readers.repeated_validation import is_about_repeated
from snellen.findings.finding import Facts, Finding
from snellen.phrases import percent, plural, some

NAMED = 5
"""Images that are named in one sentence."""
DIM, BRIGHT = 0.02, 2.0
"""Where no mean image reaches a fiftieth of white, or one is twice as bright as white, `pixel_range` is wrong."""
LARGE = 10.0
"""Networks are made for inputs of about 1."""


def repeated_part(facts: Facts) -> Iterator[Finding]:
    """SNL125: a validation part that is the union of the other parts, or mostly repeats them."""
    for remark in facts.record.data["data"].get("remarks", []):
        if is_about_repeated(remark):
            yield Finding(
                "SNL125",
                "warning",
                remark + " Validation images are drawn from the training part instead.",
                {"remark": remark},
                "data",
                "Never choose or stop by such a part: its images are those that train or test the model.",
            )


def constant(facts: Facts) -> Iterator[Finding]:
    """SNL124: images in which every pixel has the same value."""
    found = facts.record.data["data"].get("constant")
    if found and found["images"]:
        one = found["images"] == 1
        yield Finding(
            "SNL124",
            "notice",
            f"{plural(found['images'], 'image')} {'has' if one else 'have'} one colour only, so "
            f"{'it shows' if one else 'they show'} nothing: {some(found['ids'][:NAMED], NAMED, 'more')}"
            f"{_more(found['images'])}.",
            {"count": found["images"], "ids": found["ids"]},
            "data",
            "Look at them: a file may be damaged, or a camera was covered. If so, remove them.",
        )


def _more(count: int) -> str:
    return f" and {count - NAMED:,} more" if count > NAMED else ""


def unreadable(facts: Facts) -> Iterator[Finding]:
    """SNL131: image files that could not be read and were left out, as the study asks."""
    total = facts.record.data["roles"]["left_out_total"].get("unreadable", 0)
    if total:
        first = next((each for each in facts.record.data["roles"]["left_out"] if each["reason"] == "unreadable"), None)
        example = f", such as {first['id']} ({first['twin']})" if first else ""
        yield Finding(
            "SNL131",
            "warning",
            f"{plural(total, 'image file')} could not be read and {'was' if total == 1 else 'were'} left out{example}.",
            {"count": total},
            "roles",
            "Replace the files. If they are of one class or source, the scores are about the others only.",
        )


def unscaled(facts: Facts) -> Iterator[Finding]:
    """SNL130: pixels that do not fit the `pixel_range` of the study, so that networks see all but black or far too
    large numbers."""
    low, high = facts.record.data["data"]["pixel_range"]
    values = np.array([np.nan_to_num(each) for each in facts.record.data["data"]["means"]], np.float64)
    brightest = float(values.max())
    if not DIM <= brightest <= BRIGHT:
        yield Finding(
            "SNL130",
            "warning",
            f"The pixels do not fit their range: the brightest in the mean image of any class is at "
            f"{percent(brightest)} of the way from black ({low:g}) to white ({high:g}). Networks see pixels divided by "
            "this range, and learn slowly or not at all from values of another size.",
            {"brightest": brightest, "pixel_range": [low, high]},
            "data",
            "Give the values that mean black and white: data.pixel_range, or remove it, and they are found.",
        )
    on_purpose = "unscaled_pixels" in facts.record.study.on_purpose
    advice = "Leave `unscaled_pixels` out of `on_purpose`." if on_purpose else "Leave that `rescale` layer out."
    for model in facts.record.done:
        white = _white(facts, model)
        if white > LARGE:
            yield Finding(
                "SNL130",
                "warning",
                f"The network of `{model}` sees pixels up to {white:g}: its first layer multiplies them. Values of "
                "about 1 train faster and more surely.",
                {"model": model, "white": white},
                f"model-{model}",
                advice,
            )


def _white(facts: Facts, model: str) -> float:
    """The size of a white pixel after the first layer, where that only rescales."""
    from snellen.models.activations import Rescale

    first = facts.record.job(model).read_job().trajectory.network.layers[0].layer
    return max(abs(first.offset), abs(first.scale + first.offset)) if isinstance(first, Rescale) else 1.0
