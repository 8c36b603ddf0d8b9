"""What report.json says of the reviews of a study; nothing without reviews."""

from __future__ import annotations

from snellen.evaluate.record import RunRecord
from snellen.evaluate.reviews_effect import ReviewsEffect, reviews_effects
from snellen.report.sections.estimates import estimate_json
from snellen.report.types import ReviewsEffectJson, ReviewsJson
from snellen.statistics.levels import CONFIDENCE


def reviews_section(record: RunRecord) -> ReviewsJson | None:
    """The section; None without reviews."""
    applied = record.data.get("reviews")
    if applied is None:
        return None
    return {"applied": applied, "effects": [_effect(one) for one in reviews_effects(record)]}


def _effect(one: ReviewsEffect) -> ReviewsEffectJson:
    low, high = one.change.limits.at(CONFIDENCE) or (None, None)
    return {
        "model": one.model,
        "with_reviews": estimate_json(one.with_reviews),
        "without": estimate_json(one.without),
        "change": one.change.limits.value,
        "low": low,
        "high": high,
    }
