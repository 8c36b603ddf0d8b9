"""The verdict of a comparison: better, worse or equivalent, each by a separate condition; else "cannot tell"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.results import Difference

LARGEST_MARGIN = 0.005
MARGIN_OF_ERROR = 0.1

Word = Literal["clearly better", "better", "clearly worse", "worse", "equivalent", "cannot tell"]


@dataclass(frozen=True)
class Verdict:
    """The verdict on A against B. better: there is a difference; clearly_better: it exceeds the margin. A may be better
    and equivalent at the same time: better by less than the margin."""

    better: bool
    clearly_better: bool
    worse: bool
    clearly_worse: bool
    equivalent: bool

    @property
    def word(self) -> Word:
        """The strongest of the words that hold."""
        words: tuple[tuple[bool, Word], ...] = (
            (self.clearly_better, "clearly better"),
            (self.better, "better"),
            (self.clearly_worse, "clearly worse"),
            (self.worse, "worse"),
            (self.equivalent, "equivalent"),
        )
        return next((word for holds, word in words if holds), "cannot tell")

    @property
    def swapped(self) -> Verdict:
        """The verdict on B against A."""
        return Verdict(self.worse, self.clearly_worse, self.better, self.clearly_better, self.equivalent)


CANNOT_TELL = Verdict(False, False, False, False, False)


def equivalence_margin(best_validation_error: float) -> float:
    """The margin of practical equivalence in shares: the smaller of 0.5 points and a tenth of the best error."""
    return min(LARGEST_MARGIN, MARGIN_OF_ERROR * best_validation_error)


def verdict(
    difference: Difference, simultaneous: tuple[float, float] | None, adjusted_p: float, margin: float
) -> Verdict:
    """The verdict on a difference in a measure where higher is better. adjusted_p: p-value, Holm-adjusted over all
    comparisons of the report. margin: of equivalence, in the unit of the measure.
    simultaneous: limits of all differences of the family together (Bonferroni), for the decisions about the margin.

    better: adjusted_p < .05 and the whole 95 % interval above 0; clearly better: in addition all of `simultaneous`
    above the margin; worse, clearly worse: the same for B over A; equivalent: `simultaneous` is inside (-margin,
    margin). A failure to reject is none of these.
    """
    if difference.low is None or difference.high is None or simultaneous is None:
        return CANNOT_TELL
    significant, (low, high) = adjusted_p < SIGNIFICANT, simultaneous
    better, worse = significant and difference.low > 0, significant and difference.high < 0
    return Verdict(
        better=better,
        clearly_better=better and low > margin,
        worse=worse,
        clearly_worse=worse and high < -margin,
        equivalent=-margin < low and high < margin,
    )
