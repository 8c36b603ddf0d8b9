"""What `snellen compare` says: the verdict first, then each comparison, then orders that depend on the measure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from snellen.evaluate.cross_validation import HELD_OUT
from snellen.findings.comparisons import scope
from snellen.findings.naming import ROLES
from snellen.findings.rank_flips import CODE, flip_words
from snellen.phrases import listing, loss, p_value, percent, plural, points, points_limits, some
from snellen.run.compare import History, RunComparison, RunsCompared
from snellen.statistics.results import Difference

BEST_FIRST = ("test", HELD_OUT, "validation")
"""The roles whose verdict is given, the most reliable first."""
FILES = 3
"""The most changed files that are named."""


def verdict_sentences(compared: RunsCompared) -> list[str]:
    """One sentence for each pair."""
    letters = compared.letters
    texts = []
    for a, b in combinations(compared.names, 2):
        pairs = [one for one in compared.comparisons if (one.a, one.b) == (a, b)]
        by_image = [one for one in pairs if one.networks is not None and one.role != HELD_OUT]
        if by_image and all(one.identical for one in by_image):
            same = "same networks" if by_image[0].kind == "recipes" else "same network"
            where = _where(by_image[0])
            texts.append(f"{letters[a]} and {letters[b]} are the {same}: they give the same probabilities {where}.")
            continue
        judged = {one.role: one for one in pairs if one.verdict is not None}
        best = next((judged[role] for role in BEST_FIRST if role in judged), None)
        texts.append(_verdict(best, letters, compared.margin) if best else _not_judged(pairs, letters, a, b))
    return texts


def _verdict(pair: RunComparison, letters: dict[str, str], margin: float) -> str:
    assert pair.difference is not None and pair.verdict is not None  # a judged pair has a difference
    a, b = letters[pair.a], letters[pair.b]
    difference, accuracy = pair.difference, pair.measures["accuracy"]
    if pair.verdict in ("worse", "clearly worse"):
        a, b, difference = b, a, _swapped(difference)
    numbers = f"{points(difference.value)} of accuracy ({points_limits(difference.low, difference.high)})"
    shares = [f"{percent(share)}{_of_several(pair, side)}" for side, share in enumerate((accuracy.a, accuracy.b))]
    mine, other = shares if a == letters[pair.a] else reversed(shares)
    both = f"{mine} against {other} {_where(pair)}"
    if "better" in pair.verdict or "worse" in pair.verdict:
        clearly = "clearly " * pair.verdict.startswith("clearly")
        about = f" {scope('networks')}" if pair.kind == "networks" else ""
        return f"{a} is {clearly}better than {b} by {numbers}: {both}.{about}"
    if pair.verdict == "equivalent":
        within = f"within {points(margin, 2)}"
        return f"{a} and {b} are equivalent, {within}: they differ by {numbers}, {both}."
    return f"Whether {a} or {b} is better cannot be told: they differ by {numbers}, {both}."


def _of_several(pair: RunComparison, side: int) -> str:
    """Which network of a side was compared, if it has several."""
    several = pair.kind == "networks" and pair.networks is not None and pair.networks[side] > 1
    return f" (the first of its {pair.networks[side]} networks)" if several and pair.networks else ""


def _not_judged(pairs: list[RunComparison], letters: dict[str, str], a: str, b: str) -> str:
    """The reason for the most reliable role that they share."""
    first = next((one for role in BEST_FIRST for one in pairs if one.role == role and one.images), pairs[-1])
    reason = _lettered(first.reason or "nothing differs that could be tested", letters)
    return f"Whether {letters[a]} or {letters[b]} is better was not judged: {reason}."


def _swapped(pair: Difference) -> Difference:
    low, high = (None if end is None else -end for end in (pair.high, pair.low))
    return Difference(
        -pair.value, low, high, pair.p_value, pair.standard_error, pair.degrees_of_freedom, pair.covers, pair.method
    )


def _where(pair: RunComparison) -> str:
    """For example "on 450 shared test images"."""
    if pair.role == HELD_OUT:
        return f"over the same {plural(pair.splits or 0, 'fold')}, {plural(pair.images, 'shared image')}"
    return f"on {pair.images:,} shared {pair.role} image{'s' * (pair.images != 1)}"


def comparison_sentences(compared: RunsCompared) -> list[str]:
    """One sentence for each pair and role: the difference with its verdict, or why there is none."""
    return [_comparison(one, compared.letters) for one in compared.comparisons]


def _comparison(pair: RunComparison, letters: dict[str, str]) -> str:
    a, b = letters[pair.a], letters[pair.b]
    where = f"{a} against {b} {_where(pair)}" if pair.images else f"{a} against {b}, {ROLES[pair.role]} images"
    if pair.relabelled:
        where += f" ({pair.relabelled:,} more have another label in {b})"
    if pair.difference is None or pair.verdict is None:
        difference_text = "" if pair.difference is None else f"{_signed(pair.difference.value)} points of accuracy, "
        return f"{where}: {difference_text}not judged: {_lettered(pair.reason or '', letters)}."
    difference = pair.difference
    limits = "" if difference.low is None else f" ({points_limits(difference.low, difference.high)})"
    value = f"{_signed(difference.value)} points of accuracy{limits}"
    return f"{where}: {value}, Holm {p_value(pair.adjusted_p or 0.0)}: {pair.verdict}; {_about(pair)}."


def _about(pair: RunComparison) -> str:
    return {
        "recipes": "about recipes, over seeds and images",
        "folds": "about recipes, over folds",
    }.get(pair.kind or "", "about these two networks")


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")


def flip_sentences(compared: RunsCompared) -> Iterator[dict[str, str]]:
    """Findings SNL150: the order of a pair depends on the measure, significantly or not."""
    letters = compared.letters
    for one in compared.comparisons:
        if one.flip is None:
            continue
        a, b = letters[one.a], letters[one.b]
        noise = (
            "Each of these differences is beyond noise."
            if one.flip.beyond_noise
            else "Not beyond noise: some of these intervals hold 0, or there are none; an order alone is no claim."
        )
        yield {
            "code": CODE,
            "severity": "notice" if one.flip.beyond_noise else "result",
            "sentence": f"The order depends on the measure {_where(one)}: {flip_words(a, b, one.measures, one.flip)}. "
            f"{noise}",
        }


def changed_sentences(compared: RunsCompared) -> list[str]:
    """Warnings about sides whose stored files were changed."""
    return [
        f"Its numbers cannot be believed: stored files of {compared.letters[name]} were changed or removed: "
        f"{some(files, FILES)}."
        for name, files in compared.changed.items()
    ]


def shared_sentences(compared: RunsCompared) -> list[str]:
    """The number of images that each pair shares, by role."""
    texts, letters = [], compared.letters
    for (a, b), counts in compared.shared.items():
        parts = [f"{n:,} {one if one == other else f'{one} | {other}'}" for (one, other), n in counts.items()]
        one, two = letters[a], letters[b]
        texts.append(f"Images in both {one} and {two} (role in {one} | in {two}): {', '.join(parts)}.")
    return texts


def opened_sentence(compared: RunsCompared) -> str | None:
    """A sentence on new uses of test labels; empty if there were none."""
    pairs = [f"{compared.letters[one.a]} and {compared.letters[one.b]}" for one in compared.comparisons if one.opened]
    return f"Recorded as one more use of the test labels of each run: {listing(pairs)}." if pairs else None


def history_sentence(letter: str, history: History) -> str:
    """For example "Training of A: 12 epochs, epoch 9 kept; loss 0.1212, on validation 0.1503; accuracy 97.1 %, ..."."""
    record = next((each for each in history.records if each["epoch"] == history.kept_epoch), {})
    kept = f"epoch {history.kept_epoch}" if history.kept_epoch else "none"
    parts = [f"{plural(len(history.records), 'epoch')}, {kept} kept"]
    for measure, write in (("loss", loss), ("accuracy", percent)):
        values = [
            f"{words}{write(record[key])}"
            for words, key in (("", measure), ("on validation ", f"validation_{measure}"))
            if record.get(key) is not None
        ]
        parts += [f"{measure} {', '.join(values)}"] if values else []
    return f"Training of {letter}: {'; '.join(parts)}."


def _lettered(text: str, letters: dict[str, str]) -> str:
    """The text with letters in place of the names of sides; the longest first, because a name may be the beginning of
    another."""
    for name in sorted(letters, key=len, reverse=True):
        text = text.replace(name, letters[name])
    return text
