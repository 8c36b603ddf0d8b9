"""`thresholds:` of a study: from which probability on an answer may be trusted, to be certified on calibration rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from snellen.errors import StudyError, unknown
from snellen.statistics.learn_then_test import DELTA, fewest
from snellen.study.key_types import ClassName, Fraction, Section

MEASURES = ("precision", "recall", "probability")
EXAMPLES = "`{class: sandal, precision: 0.99}` or `{abstain: {accuracy: 0.995}}`"


class Abstain(Section):
    """No answer is given where its probability is below the threshold. accuracy: wanted of the answers."""

    accuracy: Fraction


class Threshold(Section):
    """One threshold: of a class against the rest, or, with `abstain`, of the answer whichever it is.

    precision: of the images that are accepted as the class, this share at least is of the class. recall: of the images
    of the class, this share at least is accepted. probability: a threshold that is given, whose precision and recall
    are only shown.
    """

    model_config = ConfigDict(serialize_by_alias=True)
    class_: Annotated[ClassName | None, Field(alias="class", description="a class of the data")] = None
    precision: Fraction | None = None
    recall: Fraction | None = None
    probability: Fraction | None = None
    abstain: Abstain | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> Threshold:
        wanted = [name for name in MEASURES if getattr(self, name) is not None]
        if self.abstain is not None:
            if wanted or self.class_ is not None:
                raise StudyError("`abstain` stands alone", found="other keys beside it", expected=EXAMPLES)
        elif self.class_ is None or len(wanted) != 1:
            found = ", ".join([*(["class"] if self.class_ is not None else []), *wanted]) or "nothing"
            expected = f"a class and one of precision, recall and probability, such as {EXAMPLES}"
            raise StudyError("a threshold is for one class and one wish", found=found, expected=expected)
        return self

    @property
    def class_name(self) -> str | None:
        """The class; None for any answer."""
        return self.class_

    @property
    def measure(self) -> Literal["precision", "recall", "accuracy", "probability"]:
        """What is wanted."""
        if self.abstain is not None:
            return "accuracy"
        if self.precision is not None:
            return "precision"
        return "recall" if self.recall is not None else "probability"

    @property
    def target(self) -> float:
        """The wanted share, or the given threshold."""
        value = self.abstain.accuracy if self.abstain is not None else self.precision or self.recall or self.probability
        assert value is not None  # `_of_one_kind`
        return value


def expect_classes(thresholds: Sequence[Threshold], classes: Sequence[str]) -> None:
    """Raises UnknownName for a threshold of a class that the data do not have."""
    for each in thresholds:
        if each.class_name is not None and each.class_name not in classes:
            raise unknown("class", each.class_name, classes, where="thresholds")


def expect_thresholds(thresholds: Sequence[Threshold], has_calibration: bool) -> None:
    """Raises StudyError where thresholds contradict each other, or are to be certified without calibration rows."""
    certified = [each for each in thresholds if each.measure != "probability"]
    names = [each.class_name for each in certified]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice != "":
        which = "`abstain`" if twice is None else f"the class `{twice}`"
        raise StudyError(f"more than one certified threshold for {which}", expected="one of precision and recall")
    if certified and not has_calibration:
        raise StudyError(
            "thresholds are certified on calibration rows, and the study has none",
            expected="rows that neither train nor choose",
            hint="Add `split: {calibration: 0.5}`: half of the validation rows, which then choose no epoch and no "
            f"model. {_costs(certified)}",
        )


def _costs(certified: Sequence[Threshold]) -> str:
    """The images that the strictest of them takes at least."""
    strictest = max(certified, key=lambda each: each.target)
    least = fewest(strictest.target, DELTA / len(certified))
    of_class = f"of {strictest.class_name}" if strictest.measure == "recall" else "that are accepted"
    return f"The {strictest.measure} of {strictest.target:g} takes at least {least:,} calibration images {of_class}."
