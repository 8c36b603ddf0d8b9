"""The sentences about two models side by side, from what is stored: the planned comparison, the images that each gets
right, and the classes and confusions that change most."""

from __future__ import annotations

from collections.abc import Sequence

from snellen.evaluate.comparisons import Comparison
from snellen.findings.comparisons import clause, largest_detectable, no_evidence, scope
from snellen.findings.finding import Facts
from snellen.findings.naming import compared_on
from snellen.phrases import capitalised, listing, percent, plural, points, points_limits
from snellen.report.side_by_side_types import ConfusionChangeJson, PairJson, RecallChangeJson

IMAGES = {"test": "test", "validation": "validation", "out_of_fold": "out-of-fold"}


def pair_sentences(facts: Facts, pair: PairJson, planned: Comparison | None) -> list[str]:
    """The paragraph about a pair. planned: the first against the second, on the images of the pair."""
    parts = [_verdict(facts, planned), _images(pair), _classes(pair), _confusions(pair, facts.record.classes)]
    return [part for part in parts if part]


def _verdict(facts: Facts, planned: Comparison | None) -> str:
    """What the planned comparison says; nothing is tested here."""
    if planned is None:
        return "No comparison of these two on these images was planned, so none is judged better."
    one = planned.swapped if planned.verdict.worse else planned
    said = f"{capitalised(compared_on(one))}: {clause(facts, one)}."
    if one.kind == "selected":
        return said
    family = len(facts.evaluation.comparisons.all)
    if one.verdict.word == "cannot tell":
        detectable = largest_detectable([one]) is not None
        more = no_evidence([one], family) if detectable else "That is no evidence that they are equal."
    else:
        more = f"Corrected together with all {family:,} comparisons of this report (Holm)." if family > 1 else ""
    return " ".join(part for part in (said, scope(one.kind), more) if part)


def _images(pair: PairJson) -> str:
    a, b, images = f"`{pair['first']}`", f"`{pair['second']}`", f"{IMAGES[pair['role']]} image"
    return (
        f"Of {plural(pair['images'], images)} both get {pair['both']:,} right, only {a} {pair['only_first']:,}, "
        f"only {b} {pair['only_second']:,}, neither {pair['neither']:,}{_networks(pair)}."
    )


def _networks(pair: PairJson) -> str:
    """Whose counts they are, where a model has several networks: their mean recalls may change the other way."""
    which = listing(dict.fromkeys(pair["shown"]))
    return f" (counts of {which})" if which else ""


def _classes(pair: PairJson) -> str:
    """Which class gains and which loses most recall, from the first to the second."""
    listed, names = pair["recalls"]["listed"], f"`{pair['first']}` to `{pair['second']}`"
    gains = max(listed, key=lambda one: one["change"])
    loses = min(listed, key=lambda one: one["change"])
    parts = [f"class `{_plain(gains)}` gains most recall, {_change(gains)}"] if gains["change"] > 0 else []
    parts += [f"class `{_plain(loses)}` loses most recall, {_change(loses)}"] if loses["change"] < 0 else []
    if not parts:
        return f"No class gains or loses recall from {names}."
    none = "" if len(parts) == 2 else f"; no class {'loses' if gains['change'] > 0 else 'gains'} any"
    return f"From {names} {', and '.join(parts)}{none}. {_about(pair)}"


def _plain(one: RecallChangeJson) -> str:
    return one["class"].replace("`", " ")


def _change(one: RecallChangeJson) -> str:
    """45.2 points (41.9 to 48.2), from 0.0 % to 45.2 %. A loss is given without its sign."""
    low, high = one["low"], one["high"]
    sign = 1 if one["change"] >= 0 else -1
    limits = ""
    if low is not None and high is not None:
        holds = ", which holds 0" if low <= 0 <= high else ""
        near, far = sorted((sign * low, sign * high))
        limits = f" ({points_limits(near, far)}{holds})"
    return f"{points(sign * one['change'])}{limits}, from {percent(one['first'])} to {percent(one['second'])}"


def _about(pair: PairJson) -> str:
    """What the recalls are of, what their intervals cover, and that the largest of many was picked."""
    recalls = pair["recalls"]
    first, second = recalls["networks"]
    of = f"{first} networks each" if first == second else f"{first} and {second} networks"
    means = f"These recalls are means over {of}. " if min(first, second) > 1 else ""
    if recalls["covers"] is None:
        return f"{means}They have no intervals, because {recalls['why_none']}."
    return (
        f"{means}Each interval is of one class alone and covers {recalls['covers']}. They were picked as the largest "
        f"of {recalls['classes']:,}, which makes them look larger than they are."
    )


def _confusions(pair: PairJson, classes: Sequence[str]) -> str:
    fallen, risen = pair["fallen"], pair["risen"]
    if fallen is None and risen is None:
        return "No confusion is more or less frequent."
    parts = [f"{_confusion(fallen, classes)} falls most, {_counts(fallen)}"] if fallen else []
    parts += [f"{_confusion(risen, classes)} rises most, {_counts(risen)}"] if risen else []
    return f"Of the confusions, {', and '.join(parts)}{_networks(pair)}."


def _confusion(one: ConfusionChangeJson, classes: Sequence[str]) -> str:
    label, predicted = (classes[one[end]].replace("`", " ") for end in ("label", "predicted"))
    return f"`{label}` called `{predicted}`"


def _counts(one: ConfusionChangeJson) -> str:
    return f"from {one['first']:,} to {one['second']:,} of {plural(one['of'], 'image')}"
