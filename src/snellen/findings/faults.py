"""Findings of severity notice, warning and error: what looks wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from snellen.findings.finding import Facts, Finding, plural, times
from snellen.limits import MIN_CLASS_TEST_IMAGES

TRAINED_ROLES = ("train", "validation", "calibration")


def failed_jobs(facts: Facts) -> Iterator[Finding]:
    """SNL101: a model that was not trained to the end."""
    for model, result in facts.record.results.items():
        if result.status == "failed":
            yield Finding(
                "SNL101",
                "warning",
                f"`{model}` failed: {result.reason}",
                {"model": model, "last_good_epoch": result.epochs},
                f"model-{model}",
            )


def under_trained(facts: Facts) -> Iterator[Finding]:
    """SNL102: the kept epoch is the last, under a constant rate."""
    for model in facts.record.done:
        result, train = facts.record.results[model], facts.record.model(model).last_phase
        if result.kept_epoch == train.epochs and not train.schedule.needs_total:
            yield Finding(
                "SNL102",
                "notice",
                f"`{model}` was still improving: the kept epoch is the last of {train.epochs}.",
                {"model": model, "epochs": train.epochs},
                f"model-{model}",
                f"Train longer: --set models.{model}.train.epochs={2 * train.epochs}",
            )


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


def one_class_only(facts: Facts) -> Iterator[Finding]:
    """SNL107: a network that says the same of every image."""
    for model in facts.record.done:
        predictions = facts.record.predictions(model, "validation")
        if predictions is not None and len(np.unique(predictions.predicted)) == 1 and len(predictions) > 1:
            name = facts.record.classes[int(predictions.predicted[0])]
            yield Finding(
                "SNL107",
                "warning",
                f"`{model}` calls every validation image {name}: it learned nothing that tells classes apart.",
                {"model": model, "class": name},
                f"model-{model}",
                "Try a smaller learning_rate or another initializer.",
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


def not_reproduced(facts: Facts) -> Iterator[Finding]:
    """SNL901: the stored weights do not give the score that was logged when they were kept."""
    for model in facts.record.done:
        result = facts.record.results[model]
        logged = (result.logged_loss, result.logged_accuracy)
        reloaded = (result.reloaded_loss, result.reloaded_accuracy)
        if logged != reloaded:
            yield Finding(
                "SNL901",
                "error",
                f"The stored weights of `{model}` do not reproduce the validation score logged at epoch "
                f"{result.kept_epoch}: loss {logged[0]} when logged, {reloaded[0]} from the file.",
                {"model": model, "logged_loss": logged[0], "reloaded_loss": reloaded[0]},
                f"model-{model}",
                "Do not use these weights; please report it.",
            )


def changed_files(facts: Facts) -> Iterator[Finding]:
    """SNL902: stored weights or predictions that are not what was written."""
    for model, result in facts.record.results.items():
        changed = facts.record.job(model).changed_files(result)
        if changed:
            yield Finding(
                "SNL902",
                "error",
                f"Stored files of `{model}` were changed or removed after they were written: {', '.join(changed)}.",
                {"model": model, "files": changed},
                f"model-{model}",
                f"Remove jobs/{facts.record.models[model]} and run the study again.",
            )
    yield from _changed_floors(facts)


def _changed_floors(facts: Facts) -> Iterator[Finding]:
    for name, result in facts.record.floor_results.items():
        folder = facts.record.floors[name]
        changed = folder.job.changed_files(result)
        if changed:
            yield Finding(
                "SNL902",
                "error",
                f"Stored files of the floor `{name}` were changed or removed after they were written: "
                f"{', '.join(changed)}.",
                {"floor": name, "files": changed},
                "leaderboard",
                f"Remove floors/{folder.path.name} and run the study again.",
            )


def shared_rows(facts: Facts) -> Iterator[Finding]:
    """SNL903: images with two roles, by the ids in the stored predictions."""
    for model in facts.record.done:
        stored = {role: facts.record.predictions(model, role) for role in (*TRAINED_ROLES, "test")}
        ids = {role: set(each.ids.tolist()) for role, each in stored.items() if each is not None}
        for one, other in combinations(ids, 2):
            shared = ids[one] & ids[other]
            if shared:
                yield Finding(
                    "SNL903",
                    "error",
                    f"Both in {one} and in {other} of `{model}`: {plural(len(shared), 'image')}.",
                    {"model": model, "roles": [one, other], "count": len(shared)},
                    "roles",
                    "Remove the run directory and run the study again.",
                )
