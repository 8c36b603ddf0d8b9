"""The finding about test images that serve as validation images: what chooses cannot judge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snellen.data.readers.role_names import role_of_folder
from snellen.findings.finding import Facts, Finding
from snellen.phrases import percent, plural

MOST = 0.5
"""The share of validation images that come from files named as a test part."""


def test_as_validation(facts: Facts) -> Iterator[Finding]:
    """SNL126: by what the study does on purpose; by images with both roles; by the names of validation images.

    An error where the same images choose and judge; a warning where an official test only serves as validation, and
    where the study does it on purpose, for then the report is stamped and has the honest number beside it.
    """
    if "test_as_validation" in facts.record.study.on_purpose:
        yield _on_purpose(facts.record.data["roles"]["counts"]["validation"])
        return
    ids = dict[str, np.ndarray]()
    for model in facts.record.done:
        for role in ("validation", "test"):
            stored = facts.record.predictions(model, role)
            if stored is not None and len(stored):
                ids.setdefault(role, stored.ids)
    if "validation" not in ids:
        return
    shared = len(np.intersect1d(ids["validation"], ids["test"])) if "test" in ids else 0
    if shared:
        yield _both("images have both roles", shared)
    elif _given(facts):
        named = sum(_is_named_test(str(each)) for each in ids["validation"])
        if named > MOST * len(ids["validation"]):
            yield _named(named, len(ids["validation"]))


def _given(facts: Facts) -> bool:
    """Whether the validation images are a part that the data, or the study, names."""
    return bool(facts.record.data["roles"].get("official_validation"))


def _is_named_test(identity: str) -> bool:
    """Whether an image comes from a folder, file or array that is named as a test part, and from none that is named as
    another: test/7/12.png, data.npz/X_test:12. The name of an image file itself says nothing."""
    *folders, last = identity.replace("\\", "/").split("/")
    names = [*folders, last.rpartition(":")[0]]
    return {role_of_folder(name) for name in names} - {None} == {"test"}


def _both(what: str, count: int) -> Finding:
    return Finding(
        "SNL126",
        "error",
        f"The test images are the validation images ({plural(count, 'image')}): they chose the epoch and the model, so "
        "the test accuracy is too good. It says nothing about new images.",
        {"what": what, "count": count},
        "roles",
        "Take validation images from the training part: leave out the validation part and set split.validation: 0.2",
    )


def _on_purpose(count: int) -> Finding:
    return Finding(
        "SNL126",
        "warning",
        f"On purpose, test images serve as validation images ({plural(count, 'image')}): they chose the epoch and the "
        "model, so their accuracy is too good. The honest number stands beside it.",
        {"what": "on purpose", "count": count},
        "roles",
    )


def _named(named: int, images: int) -> Finding:
    return Finding(
        "SNL126",
        "warning",
        f"The validation images come from a part that is named test ({percent(named / images)} of "
        f"{plural(images, 'image')}). They chose the epoch and the model, so no score on them is a test score.",
        {"what": "validation images are named test", "count": images},
        "roles",
        "Let the test part be the test, and take validation images from the training part: split.validation: 0.2",
    )
