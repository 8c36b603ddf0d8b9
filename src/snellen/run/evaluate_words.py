"""What `snellen evaluate` says, each sentence computed: accuracy, the difference from the test, where the model fails,
properties of the images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.deploy.predict import on_purpose_warning
from snellen.evaluate.score_drop import ScoreDrop
from snellen.explain.mistakes import most_frequent_mistakes
from snellen.phrases import listing, p_value, percent, plural, points, points_limits, some, times
from snellen.run.evaluated_data import ROLE, DataEvaluation, UnknownClass
from snellen.run.own_run_words import NO_COPY, fitted_among, held_out_among, not_looked_up

SHIFTED, SHIFT_LEVEL = 0.1, 0.001
"""As for SNL127: the share of images whose class would have to change for equal mixes, and the level of its test."""
NAMED = 5


def sentences(evaluation: DataEvaluation) -> list[str]:
    """All sentences, most important first."""
    return [*answer_sentences(evaluation), *data_sentences(evaluation)]


def answer_sentences(evaluation: DataEvaluation) -> list[str]:
    """The sentences on the model's accuracy on these images, and compared with its test."""
    faults = on_purpose_warning(evaluation.model.description)
    texts = [
        faults,
        accuracy_sentence(evaluation),
        drop_sentence(evaluation),
        _mix(evaluation),
        _mistakes(evaluation),
        _calibration(evaluation),
    ]
    return [one for one in [*texts, *_thresholds(evaluation), _unfamiliar(evaluation)] if one]


def data_sentences(evaluation: DataEvaluation) -> list[str]:
    """The sentences on which of the given images were evaluated, and on their properties."""
    texts = [
        _left_out(evaluation),
        _copies(evaluation),
        *map(_unknown, evaluation.unknown[:NAMED]),
        _more_unknown(evaluation),
    ]
    return [one for one in [*texts, _unlabelled(evaluation), _missing(evaluation), *_openings(evaluation)] if one]


def accuracy_sentence(evaluation: DataEvaluation) -> str:
    """The accuracy with its interval."""
    estimate = evaluation.evaluation.estimate(evaluation.name, ROLE, "accuracy")
    assert estimate is not None  # there is an evaluated image
    official = " of the official test part" if evaluation.part.part == "official test" else ""
    network = f" ({evaluation.run.network})" if evaluation.run and evaluation.run.network else ""
    images = plural(estimate.n, "image")
    return f"`{evaluation.name}`{network} is right on {estimate.in_percent} of {images}{official}; 95 % interval."


def drop_sentence(evaluation: DataEvaluation) -> str:
    """The difference from the test of the run, or why it is unknown."""
    drop = evaluation.drop
    if drop is None:
        return f"How that compares with the model's own test is not known: {evaluation.no_test}."
    if drop.kind == "same pictures" and not drop.relabelled:
        return (
            f"All of these are test images of the run itself, on which the same network gives the same answers: "
            f"{percent(drop.test.value)} again, which is no new evidence."
        )
    difference = drop.difference
    limits = points_limits(difference.low, difference.high)
    value = f"{points(difference.value)} ({limits})"
    both = f"{percent(drop.here.value)} {_here(drop)} against {_there(drop)}"
    if "worse" in drop.verdict or "better" in drop.verdict:
        word = "less" if "worse" in drop.verdict else "more"
        low, high = sorted(abs(end) for end in (difference.low or 0.0, difference.high or 0.0))
        return (
            f"That is {points(abs(difference.value))} {word} ({points_limits(low, high)}) than {_test(drop)}: {both}."
        )
    if drop.verdict == "equivalent":
        return f"That is equivalent to {_test(drop)}, within {points(drop.margin, 2)}: they differ by {value}, {both}."
    return f"Whether it is better or worse than {_test(drop)} cannot be told: they differ by {value}, {both}."


def _amount(value: float, low: float, high: float) -> str:
    """A difference whose interval is on one side of 0, without its sign."""
    least, most = sorted((abs(low), abs(high)))
    return f"{points(abs(value))} ({points_limits(least, most)})"


def _test(drop: ScoreDrop) -> str:
    return "on the test images themselves" if drop.kind == "same ids" else "on the model's own test"


def _here(drop: ScoreDrop) -> str:
    if drop.kind == "same ids":
        return f"here, paired by the ids of {plural(drop.here.n, 'image')},"
    if drop.kind == "same pictures":
        changed = "has" if drop.relabelled == 1 else "have"
        return f"of the {plural(drop.here.n, 'same image')}, of which {drop.relabelled:,} {changed} another label here,"
    return f"of {plural(drop.here.n, 'image')}"


def _there(drop: ScoreDrop) -> str:
    return f"{percent(drop.test.value)}" + ("" if drop.kind != "other images" else f" of {drop.test.n:,}")


def _mix(evaluation: DataEvaluation) -> str | None:
    """A sentence if the mix of classes differs from that of the test."""
    drop = evaluation.drop
    if drop is None or drop.mix is None or drop.mix.distance < SHIFTED or drop.mix.p_value >= SHIFT_LEVEL:
        return None
    here, test = (evaluation.evaluation.estimate(evaluation.name, role, "macro_recall") for role in (ROLE, "test"))
    balanced = f": {here.in_percent} here, {test.in_percent} there" if here and test else ""
    shift = drop.classes[drop.mix.furthest]
    return (
        f"The mix of classes is another than in the test: {shift.class_name} is {percent(shift.images / drop.here.n)} "
        f"of these images and {percent(shift.test_images / drop.test.n)} of the test (chi-square test, "
        f"{p_value(drop.mix.p_value)}). The mean of the recalls counts every class alike{balanced}."
    )


def _mistakes(evaluation: DataEvaluation) -> str:
    """The most frequent confusion."""
    worst = most_frequent_mistakes(evaluation.predictions, len(evaluation.classes), 1, 1)
    if not worst:
        return "No answer is wrong."
    [cell] = worst
    of_class = int((evaluation.labels == cell["label"]).sum())
    label, predicted = evaluation.classes[cell["label"]], evaluation.classes[cell["predicted"]]
    return f"The most frequent mistake: {label} predicted as {predicted}, {cell['images']:,} of {of_class:,}."


def _calibration(evaluation: DataEvaluation) -> str | None:
    """Whether the mean probability differs from the accuracy."""
    confidence = evaluation.confidence
    calibration = (confidence.calibrated or confidence.raw)[ROLE]
    gap = calibration.gap
    if gap.value is None or gap.low is None or gap.high is None:
        return None
    if gap.low > 0 or gap.high < 0:
        word = "surer than it is right" if gap.value > 0 else "less sure than it is right"
        amount = _amount(gap.value, gap.low, gap.high)
        return f"It is {word}: mean probability and accuracy differ by {amount}."
    limits = points_limits(gap.low, gap.high)
    return f"Mean probability minus accuracy is {points(gap.value)} ({limits}): not shown to be too sure or too unsure."


def _thresholds(evaluation: DataEvaluation) -> Iterator[str]:
    """The certified thresholds that significantly miss their certified target on these images."""
    for one in evaluation.confidence.thresholds:
        achieved = one.achieved[ROLE]
        got = achieved.recall if one.wanted.measure == "recall" else achieved.precision
        if got is None or got.high is None or got.high >= one.wanted.target:
            continue
        what = {
            "accuracy": "of the answers that its threshold lets through are right",
            "precision": f"of the images that it accepts as {one.wanted.class_name} are",
            "recall": f"of the images of {one.wanted.class_name} are accepted by its threshold",
        }[one.wanted.measure]
        yield (
            f"Only {got.in_percent} {what}: the {percent(one.wanted.target)} that were certified hold for images like "
            "those of its calibration."
        )


def _unfamiliar(evaluation: DataEvaluation) -> str | None:
    unfamiliar = evaluation.unfamiliar
    if unfamiliar is None:
        return "The model has no measure of which images are unlike its training images."
    chance = (
        f"{unfamiliar.by_chance:,.0f}"
        if unfamiliar.by_chance >= 10
        else f"{unfamiliar.by_chance:.1f}".removesuffix(".0")
    )
    share = unfamiliar.share
    begin = f"{share.in_percent} of the images are unlike the training images ({unfamiliar.images:,} of {share.n:,}"
    if not unfamiliar.more:
        return f"{begin}): no more than chance explains, about {chance} of images like them."
    parts = [
        f"{each.in_percent} on {which}"
        for each, which in ((unfamiliar.unlike, "these"), (unfamiliar.like, "the others"))
        if each.value is not None
    ]
    return f"{begin}; by chance about {chance}). Accuracy is {listing(parts)}."


def _left_out(evaluation: DataEvaluation) -> str | None:
    counts = evaluation.left_out
    return f"Not evaluated: {fitted_among(counts)}." if counts else None


def _copies(evaluation: DataEvaluation) -> str | None:
    if evaluation.no_copies is not None:
        return not_looked_up(evaluation.no_copies)
    number, certified = evaluation.copies_of_test, evaluation.copies_of_calibration
    if not number and not certified:
        return None if evaluation.left_out else NO_COPY
    all_of_test = number == len(evaluation.predictions)
    them = (
        " Copies of test images count in the scores, not in the difference from the test."
        if number and not all_of_test
        else ""
    )
    return held_out_among({"test": number, "calibration": certified}, "evaluated") + them


def _unknown(unknown: UnknownClass) -> str:
    unlike = "" if unknown.unlike is None else f"; {unknown.unlike:,} are unlike the training images"
    return (
        f"Not evaluated: {plural(unknown.images, 'image')} of {unknown.class_name}, which is no class of the model; "
        f"the most frequent answer is {unknown.answer} ({unknown.answers:,}), the mean probability "
        f"{percent(unknown.confidence)}{unlike}."
    )


def _more_unknown(evaluation: DataEvaluation) -> str | None:
    rest = evaluation.unknown[NAMED:]
    if not rest:
        return None
    names = some([unknown.class_name for unknown in rest], NAMED)
    images = sum(unknown.images for unknown in rest)
    return f"Nor {plural(images, 'image')} of {plural(len(rest), 'other class')}: {names}."


def _unlabelled(evaluation: DataEvaluation) -> str | None:
    number = evaluation.part.unlabelled
    return f"Not evaluated: {plural(number, 'image')} without a label." if number else None


def _missing(evaluation: DataEvaluation) -> str | None:
    missing = evaluation.missing
    if not missing:
        return None
    return (
        f"{plural(len(missing), 'class')} of the model {'is' if len(missing) == 1 else 'are'} not in these images: "
        f"{some(missing, NAMED)}. Means over classes are over the others."
    )


def _openings(evaluation: DataEvaluation) -> Iterator[str]:
    if evaluation.test_openings is not None:
        number = evaluation.test_openings
        yield (
            f"Recorded as an opening of the test of the run: it was opened {times(number.this_run)} in this run and "
            f"{times(number.ever)} in all. What is chosen by it needs other images to be judged."
        )
    elif evaluation.openings > 1:
        yield (
            f"Answers were compared with these labels {times(evaluation.openings)} so far: what is chosen by them "
            "needs other images to be judged."
        )


def hint_of_ids(evaluation: DataEvaluation) -> str | None:
    """A hint if all ids are those of test images with the same labels, and `paired` was not given."""
    test, drop = evaluation.test, evaluation.drop
    if test is None or test.labels is None or drop is None or drop.kind != "other images" or evaluation.copies_of_test:
        return None
    labels_by_id = dict(zip(test.ids.tolist(), test.labels.tolist(), strict=True))
    same = [labels_by_id.get(name) for name in evaluation.predictions.ids.tolist()]
    if not np.array_equal(np.array([-1 if label is None else label for label in same]), evaluation.labels):
        return None
    return "All ids are those of test images with the same labels: if these show the same things, add --paired."
