"""Findings about the data and the test: what looks wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.findings.finding import Facts, Finding, plural, times
from snellen.limits import MIN_CLASS_TEST_IMAGES


def in_official_test(facts: Facts) -> Iterator[Finding]:
    """SNL103: copies of official test pictures that had to leave training."""
    count = facts.record.data["roles"]["left_out_total"].get("in official test", 0)
    if count:
        yield Finding(
            "SNL103",
            "notice",
            f"{plural(count, 'image')} outside the official test had an exact copy in it and took no part in training.",
            {"count": count},
            "roles",
        )


def duplicates(facts: Facts) -> Iterator[Finding]:
    """SNL104: pictures that stand more than once."""
    count = facts.record.data["data"]["duplicate_pictures"]
    if count:
        yield Finding(
            "SNL104",
            "notice",
            f"Exact copies of an earlier image in the data set: {plural(count, 'image')}; copies share one role.",
            {"count": count},
            "data",
            None if facts.record.study.data.drop_duplicates else "To train on one of each: data.drop_duplicates: exact",
        )


def conflicting_labels(facts: Facts) -> Iterator[Finding]:
    """SNL105: the same picture under two labels."""
    count = facts.record.data["data"]["conflicting"]
    if count:
        yield Finding(
            "SNL105",
            "warning",
            f"With the same pixels as another image but a different label: {plural(count, 'image')}. At least one of "
            "the labels is wrong or the classes overlap.",
            {"count": count},
            "data",
            "Look at them and mend the labels.",
        )


def few_test_images(facts: Facts) -> Iterator[Finding]:
    """SNL106: classes with too few test images for a useful interval."""
    counts = {row["class"]: row["test"] for row in facts.record.data["data"]["counts"]}
    few = {name: count for name, count in counts.items() if count < MIN_CLASS_TEST_IMAGES}
    if few:
        listed = ", ".join(f"{name} ({count})" for name, count in list(few.items())[:10])
        yield Finding(
            "SNL106",
            "notice",
            f"Fewer than {MIN_CLASS_TEST_IMAGES} test images: {plural(len(few), 'class', 'classes')}, {listed}. "
            "Intervals of single classes are wide.",
            {"classes": few},
            "data",
        )


def opened_before(facts: Facts) -> Iterator[Finding]:
    """SNL108: earlier looks at the same test labels."""
    counts = facts.evaluation.openings
    before = counts.ever - counts.this_run
    if counts.this_run and before:
        yield Finding(
            "SNL108",
            "notice",
            f"These test labels were opened {times(before)} before this run. Any "
            "choice made after seeing those results makes the test scores optimistic.",
            {"before": before},
            "roles",
            "For a number to publish, use test images that were never opened.",
        )


def near_duplicates(facts: Facts) -> Iterator[Finding]:
    """SNL109: pictures that are nearly one in another role."""
    found = facts.record.data["data"].get("near_duplicates") or {}
    count = found.get("parted", 0)
    if count and not facts.record.study.data.near_duplicates:
        yield Finding(
            "SNL109",
            "notice",
            f"Almost the same as an image in another role: {plural(count, 'image')}. Scores on images that were nearly "
            "seen in training are optimistic.",
            {"count": count},
            "data",
            "To keep them on one side of every split: data.near_duplicates: together",
        )
