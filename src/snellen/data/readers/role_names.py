"""Names that publishers give to the parts of a data set: training, validation and test."""

from __future__ import annotations

import re

from snellen.data.dataset import PartRole

NAMES: dict[str, PartRole] = {
    "train": "train",
    "training": "train",
    "tr": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "development": "validation",
    "publictest": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "privatetest": "test",
}
"""FER2013 names its validation part PublicTest and its test part PrivateTest: the two leaderboards of its contest.
`eval` and `holdout` may mean validation or test, so they are not listed."""


def role_of(name: str) -> PartRole | None:
    """The part that a name means, in any case and with `set`, `data` or `split` behind it (`Training_set`, `test-data`,
    `trainset`); None if it is not the name of a part."""
    letters = re.sub(r"[\W_]+", "", name).lower()
    return NAMES.get(letters) or NAMES.get(re.sub(r"(set|data|split)$", "", letters))


def role_of_folder(name: str) -> PartRole | None:
    """The part that the name of a folder means: the whole name, or the only word in it that names a part, as in
    `seg_train`, `Train_images` or `val2017`. Only the folders beside it show whether it is a part or a class."""
    found = {role_of(word) for word in re.findall(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])", name)} - {None}
    return role_of(name) or (found.pop() if len(found) == 1 else None)
