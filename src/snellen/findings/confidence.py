"""Findings about probabilities: certified thresholds, calibration, and whether calibration and test are alike."""

from __future__ import annotations

from collections.abc import Iterator

from snellen import phrases
from snellen.evaluate.confidence import Confidence
from snellen.evaluate.thresholds import ThresholdResult
from snellen.findings.finding import Facts, Finding
from snellen.phrases import p_value, percent, plural, points, points_limits
from snellen.statistics.learn_then_test import fewest
from snellen.statistics.levels import SIGNIFICANT

TOO_SURE = 0.01
"""A mean confidence so much above the accuracy is worth saying."""


def thresholds(facts: Facts) -> Iterator[Finding]:
    """SNL018: the thresholds of the chosen model, and which cannot be certified."""
    model = facts.evaluation.chosen
    found = facts.evaluation.confidence.get(model) if model is not None else None
    if model is None or found is None:
        return
    wanted = sum(each.certificate is not None for each in found.thresholds)
    for each in found.thresholds:
        yield Finding(
            "SNL018", "result", _sentence(model, each, wanted), _values(model, each), f"probabilities-{model}"
        )


def _sentence(model: str, one: ThresholdResult, wanted: int) -> str:
    certificate = one.certificate
    if certificate is None:
        assert one.threshold is not None  # a given one
        return f"{_accepts(model, one)}. {_achieved(one)}"
    promise = _promise(one)
    if one.threshold is None:
        return f"`{model}`: it cannot be certified that {promise}: {_why_not(one)}"
    together = f" Each of the {wanted} thresholds is tested at {certificate.delta:.2g}, so that all hold together." * (
        wanted > 1
    )
    return (
        f"{_accepts(model, one)}: {promise}. "
        "This holds with probability 95 % over draws of the calibration images, for images like them; "
        f"{_counted(one)} on them.{together} {_achieved(one)}"
    )


def _accepts(model: str, one: ThresholdResult) -> str:
    from_here = f"from a probability of {phrases.threshold(one.threshold or 0.0)} on"
    if one.wanted.class_name is None:
        return f"`{model}` answers {from_here}"
    return f"`{model}` accepts an image as {one.wanted.class_name} {from_here}"


def _promise(one: ThresholdResult) -> str:
    share = f"at least {percent(one.wanted.target)}"
    if one.wanted.measure == "accuracy":
        return f"{share} of the answers are right"
    if one.wanted.measure == "precision":
        return f"{share} of the images accepted as {one.wanted.class_name} are of that class"
    return f"{share} of the images of {one.wanted.class_name} are accepted"


def _counted(one: ThresholdResult) -> str:
    assert one.certificate is not None
    accepted = "were accepted" if one.wanted.measure == "recall" else "were right"
    return f"{one.certificate.hits:,} of {one.certificate.accepted:,} {accepted}"


def _why_not(one: ThresholdResult) -> str:
    certificate = one.certificate
    assert certificate is not None
    if not certificate.accepted:
        none = f"of {one.wanted.class_name}" if one.wanted.measure == "recall" else "that is accepted"
        least = f"{fewest(certificate.target, certificate.delta):,}"
        return f"there is no calibration image {none}; {least} would be needed, without a mistake."
    most = f"{_counted(one)} on the calibration images, so the best provable value is {percent(certificate.provable)}"
    if certificate.needed is None:
        return f"{most}. With mistakes as frequent as here no number of images would do."
    images = f"images of {one.wanted.class_name}" if one.wanted.measure == "recall" else "accepted images"
    mistakes = "Without a mistake" if certificate.hits == certificate.accepted else "With mistakes as frequent as here"
    return f"{most}. {mistakes} {certificate.needed:,} {images} would be needed."


def _achieved(one: ThresholdResult) -> str:
    role = "test" if "test" in one.achieved else next(iter(one.achieved), None)
    if role is None:
        return ""
    found = one.achieved[role]
    name = "accuracy" if one.wanted.class_name is None else "precision"
    recall = f", recall {found.recall.in_percent}" if found.recall else ""
    return f"On {role}: {name} {found.precision.in_percent}{recall}, coverage {found.coverage.in_percent}."


def _values(model: str, one: ThresholdResult) -> dict[str, object]:
    values: dict[str, object] = {
        "model": model,
        "class": one.wanted.class_name,
        "measure": one.wanted.measure,
        "target": one.wanted.target,
        "threshold": None if one.threshold is None else float(phrases.threshold(one.threshold)),
    }
    if one.certificate is not None and one.threshold is None and one.certificate.accepted:
        values |= {"provable": one.certificate.provable, "needed": one.certificate.needed}
    return values


def too_sure(facts: Facts) -> Iterator[Finding]:
    """SNL118: the mean confidence of the chosen model is above its accuracy."""
    model = facts.evaluation.chosen
    found = facts.evaluation.confidence.get(model) if model is not None else None
    if model is None or found is None:
        return
    role = next((role for role in ("test", "calibration", "validation") if role in found.raw), None)
    if role is None:
        return
    each = (found.calibrated or found.raw)[role]
    gap = each.gap
    if gap.value is None or gap.value < TOO_SURE or gap.low is None or gap.low <= 0:
        return
    after = f", even after a temperature of {found.temperature.value:.2f}" if found.temperature else ""
    advice = None if found.temperature else "Fit a temperature to the validation images: `calibrate: temperature`."
    yield Finding(
        "SNL118",
        "notice",
        f"`{model}` is surer than it is right{after}: on {plural(each.n, f'{role} image')} the mean probability of its "
        f"answers is {points(gap.value)} above its accuracy ({points_limits(gap.low, gap.high)}).",
        {"model": model, "role": role, "gap": gap.value, "low": gap.low, "high": gap.high},
        f"probabilities-{model}",
        advice,
    )


def not_exchangeable(facts: Facts) -> Iterator[Finding]:
    """SNL119: calibration and test images do not look alike, so that what is certified need not hold on test."""
    for model, found in facts.evaluation.confidence.items():
        if facts.evaluation.chosen != model or found.exchangeable is None or not _promises(found):
            continue
        if found.exchangeable < SIGNIFICANT:
            yield Finding(
                "SNL119",
                "warning",
                f"The calibration and test images do not look alike to `{model}`: the probabilities of its answers are "
                f"distributed differently (permutation test, {p_value(found.exchangeable)}). What is certified on "
                "calibration images holds for images like them, not for these test images.",
                {"model": model, "p_value": found.exchangeable},
                f"probabilities-{model}",
                "Look for another source, time or selection of the test images.",
            )


def _promises(found: Confidence) -> bool:
    return any(each.certificate is not None and each.threshold is not None for each in found.thresholds)
