"""Findings about the data and the test images: copies, contradicting labels, small classes, earlier uses of the
test."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.data.readers.repeated_validation import is_about_repeated
from snellen.findings.finding import Facts, Finding
from snellen.limits import MIN_CLASS_TEST_IMAGES
from snellen.phrases import plural, some, times

MANY_NEAR = 0.005
"""The share of the smallest part that gives a score, from which nearly identical images may be seen in it."""
NAMED = 10
"""Classes that are named in one sentence."""


def reading(facts: Facts) -> Iterator[Finding]:
    """SNL117: what was found, converted or left out while the data were read."""
    remarks = [each for each in facts.record.data["data"].get("remarks", []) if not is_about_repeated(each)]
    if remarks:
        yield Finding("SNL117", "notice", " ".join(remarks), {"remarks": remarks}, "data")


def in_official_test(facts: Facts) -> Iterator[Finding]:
    """SNL103: images that were left out because an official part of the data has an exact copy."""
    for part, name in (("test", "official test set"), ("validation", "official validation set")):
        count = facts.record.data["roles"]["left_out_total"].get(f"in official {part}", 0)
        if count:
            sentence = (
                f"{plural(count, 'image')} outside the {name} took no part in training: the {name} has an exact copy."
            )
            yield Finding("SNL103", "notice", sentence, {"count": count}, "roles")


def duplicates(facts: Facts) -> Iterator[Finding]:
    """SNL104: images that occur more than once."""
    count = facts.record.data["data"]["duplicate_pictures"]
    if count:
        dropped = facts.record.study.data.drop_duplicates is not None
        yield Finding(
            "SNL104",
            "notice",
            f"Exact copies of an earlier image in the data: {plural(count, 'image')}. "
            + (
                "Of those with one label the first is used."
                if dropped
                else "Copies stay together in one part of the split."
            ),
            {"count": count},
            "data",
            None if dropped else "To keep one of each: data.drop_duplicates: exact",
        )


def conflicting_labels(facts: Facts) -> Iterator[Finding]:
    """SNL105: the same image under two labels."""
    count = facts.record.data["data"]["conflicting"]
    if count:
        yield Finding(
            "SNL105",
            "warning",
            f"With the same pixels as another image but a different label: {plural(count, 'image')}. At least one of "
            "the labels is wrong, or the classes overlap.",
            {"count": count},
            "data",
            "Look at them and correct the labels.",
        )


def few_test_images(facts: Facts) -> Iterator[Finding]:
    """SNL106: no test images, or classes with too few for a useful interval."""
    counts = {str(row["class"]): int(row["test"]) for row in facts.record.data["data"]["counts"]}
    few = {name: count for name, count in counts.items() if count < MIN_CLASS_TEST_IMAGES}
    if not any(counts.values()):
        yield Finding(
            "SNL106",
            "notice",
            "There are no test images. The validation images chose the model, so its accuracy on other images is not "
            "known.",
            {"classes": few},
            "data",
            "To keep test images apart: split.test: 0.2",
        )
    elif few:
        named = some([f"{name} ({count})" for name, count in few.items()], NAMED)
        yield Finding(
            "SNL106",
            "notice",
            f"Fewer than {MIN_CLASS_TEST_IMAGES} test images in {plural(len(few), 'class')}: {named}. The "
            "intervals of their scores are wide.",
            {"classes": few},
            "data",
        )


def tested_before(facts: Facts) -> Iterator[Finding]:
    """SNL108: the same test labels were used before this run."""
    counts = facts.evaluation.openings
    before = counts.ever - counts.this_run
    if counts.this_run and before:
        yield Finding(
            "SNL108",
            "notice",
            f"These test images were used to evaluate models {times(before)} before this run. Any choice made after "
            "seeing those results makes the test scores optimistic.",
            {"before": before},
            "roles",
            "For a number to publish, use test images on which no model was evaluated before.",
        )


def _fewest_judged(facts: Facts) -> int:
    """Images of the smallest part that gives a score."""
    counts = facts.record.data["roles"]["counts"]
    return min((counts[role] for role in ("validation", "test") if counts[role]), default=0)


def near_duplicates(facts: Facts) -> Iterator[Finding]:
    """SNL109: images that are nearly identical to one in another role."""
    found = facts.record.data["data"].get("near_duplicates")
    count = found["parted"] if found else 0
    together, images = facts.record.study.data.near_duplicates is not None, facts.record.data["data"]["images"]
    fewest = _fewest_judged(facts)
    if count and (not together or (found and found.get("parted_pairs"))):
        yield Finding(
            "SNL109",
            "warning" if count >= MANY_NEAR * fewest else "notice",
            f"Nearly identical to an image in another part of the split: {count:,} of {plural(images, 'image')}; the "
            f"smallest part that gives a score has {fewest:,}. "
            "Scores on images that were nearly seen in training are optimistic.",
            {"count": count, "of": images, "fewest": fewest},
            "data",
            "They belong to chains of near images, which are divided. If these belong together, name them: data.group"
            if together
            else "To keep them in one part: data.near_duplicates: together",
        )
