"""What `snellen compare` says: the verdict first, then each comparison, and orders that depend on the measure."""

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
"""Roles by which a pair is told apart, the most trusted first."""
FILES = 3
"""Changed files that are named."""


def verdict_sentences(compared: RunsCompared) -> list[str]:
    """One sentence for each pair: of two sides, one."""
    letters = compared.letters
    found = []
    for a, b in combinations(compared.names, 2):
        own = [one for one in compared.comparisons if (one.a, one.b) == (a, b)]
        by_image = [one for one in own if one.networks is not None and one.role != HELD_OUT]
        if by_image and all(one.identical for one in by_image):
            same = "same networks" if by_image[0].kind == "recipes" else "same network"
            where = _where(by_image[0])
            found.append(f"{letters[a]} and {letters[b]} are the {same}: they give the same probabilities {where}.")
            continue
        judged = {one.role: one for one in own if one.verdict is not None}
        best = next((judged[role] for role in BEST_FIRST if role in judged), None)
        found.append(_verdict(best, letters, compared.margin) if best else _not_judged(own, letters, a, b))
    return found


def _verdict(one: RunComparison, letters: dict[str, str], margin: float) -> str:
    assert one.difference is not None and one.verdict is not None  # it was judged
    a, b = letters[one.a], letters[one.b]
    difference, accuracy = one.difference, one.measures["accuracy"]
    if one.verdict in ("worse", "clearly worse"):
        a, b, difference = b, a, _swapped(difference)
    numbers = f"{points(difference.value)} of accuracy ({points_limits(difference.low, difference.high)})"
    shares = [f"{percent(share)}{_of_several(one, side)}" for side, share in enumerate((accuracy.a, accuracy.b))]
    mine, other = shares if a == letters[one.a] else reversed(shares)
    both = f"{mine} against {other} {_where(one)}"
    if "better" in one.verdict or "worse" in one.verdict:
        clearly = "clearly " * one.verdict.startswith("clearly")
        about = f" {scope('networks')}" if one.kind == "networks" else ""
        return f"{a} is {clearly}better than {b} by {numbers}: {both}.{about}"
    if one.verdict == "equivalent":
        within = f"within {points(margin, 2)}"
        return f"{a} and {b} are equivalent, {within}: they differ by {numbers}, {both}."
    return f"Whether {a} or {b} is better cannot be told: they differ by {numbers}, {both}."


def _of_several(one: RunComparison, side: int) -> str:
    """Which network of a side was compared, where it has several."""
    several = one.kind == "networks" and one.networks is not None and one.networks[side] > 1
    return f" (the first of its {one.networks[side]} networks)" if several and one.networks else ""


def _not_judged(own: list[RunComparison], letters: dict[str, str], a: str, b: str) -> str:
    """The reason of the most trusted role that they share."""
    first = next((one for role in BEST_FIRST for one in own if one.role == role and one.images), own[-1])
    reason = _lettered(first.reason or "nothing differs that could be tested", letters)
    return f"Whether {letters[a]} or {letters[b]} is better was not judged: {reason}."


def _swapped(one: Difference) -> Difference:
    low, high = (None if end is None else -end for end in (one.high, one.low))
    return Difference(
        -one.value, low, high, one.p_value, one.standard_error, one.degrees_of_freedom, one.covers, one.method
    )


def _where(one: RunComparison) -> str:
    """On 450 shared test images."""
    if one.role == HELD_OUT:
        return f"over the same {plural(one.splits or 0, 'fold')}, {plural(one.images, 'shared image')}"
    return f"on {one.images:,} shared {one.role} image{'s' * (one.images != 1)}"


def comparison_sentences(compared: RunsCompared) -> list[str]:
    """One for each pair and role: the difference with its verdict, or why there is none."""
    return [_comparison(one, compared.letters) for one in compared.comparisons]


def _comparison(one: RunComparison, letters: dict[str, str]) -> str:
    a, b = letters[one.a], letters[one.b]
    where = f"{a} against {b} {_where(one)}" if one.images else f"{a} against {b}, {ROLES[one.role]} images"
    if one.relabelled:
        where += f" ({one.relabelled:,} more have another label in {b})"
    if one.difference is None or one.verdict is None:
        seen = "" if one.difference is None else f"{_signed(one.difference.value)} points of accuracy, "
        return f"{where}: {seen}not judged: {_lettered(one.reason or '', letters)}."
    difference = one.difference
    limits = "" if difference.low is None else f" ({points_limits(difference.low, difference.high)})"
    value = f"{_signed(difference.value)} points of accuracy{limits}"
    return f"{where}: {value}, Holm {p_value(one.adjusted_p or 0.0)}: {one.verdict}; {_about(one)}."


def _about(one: RunComparison) -> str:
    return {
        "recipes": "about recipes, over seeds and images",
        "folds": "about recipes, over folds",
    }.get(one.kind or "", "about these two networks")


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-0.0", "0.0").replace("+0.0", "0.0")


def flip_sentences(compared: RunsCompared) -> Iterator[dict[str, str]]:
    """Findings SNL150: the order of a pair depends on the measure, beyond noise or not."""
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
    """Of sides whose stored files were changed."""
    return [
        f"Its numbers cannot be believed: stored files of {compared.letters[name]} were changed or removed: "
        f"{some(files, FILES)}."
        for name, files in compared.changed.items()
    ]


def shared_sentences(compared: RunsCompared) -> list[str]:
    """How many images each pair shares, by role."""
    found, letters = [], compared.letters
    for (a, b), counts in compared.shared.items():
        parts = [f"{n:,} {one if one == other else f'{one} | {other}'}" for (one, other), n in counts.items()]
        one, two = letters[a], letters[b]
        found.append(f"Images in both {one} and {two} (role in {one} | in {two}): {', '.join(parts)}.")
    return found


def opened_sentence(compared: RunsCompared) -> str | None:
    """Where test labels were used anew."""
    pairs = [f"{compared.letters[one.a]} and {compared.letters[one.b]}" for one in compared.comparisons if one.opened]
    return f"Recorded as one more use of the test labels of each run: {listing(pairs)}." if pairs else None


def history_sentence(letter: str, one: History) -> str:
    """A: 12 epochs, epoch 9 kept; loss 0.1212, on validation 0.1503; accuracy 97.1 %, on validation 96.0 %."""
    record = next((each for each in one.records if each["epoch"] == one.kept_epoch), {})
    parts = [f"{plural(len(one.records), 'epoch')}, {f'epoch {one.kept_epoch}' if one.kept_epoch else 'none'} kept"]
    for measure, write in (("loss", loss), ("accuracy", percent)):
        values = [
            f"{words}{write(record[key])}"
            for words, key in (("", measure), ("on validation ", f"validation_{measure}"))
            if record.get(key) is not None
        ]
        parts += [f"{measure} {', '.join(values)}"] if values else []
    return f"Training of {letter}: {'; '.join(parts)}."


def _lettered(text: str, letters: dict[str, str]) -> str:
    """With the letter of a side in place of its name; the longest first, as one may begin another."""
    for name in sorted(letters, key=len, reverse=True):
        text = text.replace(name, letters[name])
    return text
