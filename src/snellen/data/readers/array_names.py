"""Which arrays of a file are the images and labels of each part: by `keys`, or by usual names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snellen.data.dataset import PART_ROLES, PartRole
from snellen.data.readers.arrays import Part
from snellen.data.readers.column_names import FLAGS, SURE_ROLES, is_called, plain
from snellen.data.readers.labels.forms import plain_labels
from snellen.data.readers.role_names import role_of
from snellen.errors import DataError, located, shown, unknown
from snellen.phrases import some

ROLES = ("images", "labels", "validation_images", "validation_labels", "test_images", "test_labels")
KEYS = (*ROLES, "role")
"""The uses that `keys` can name; role: an array with the part of each image."""
FIRST_NAMES = {name: name for name in (*ROLES[:2], *ROLES[4:])} | {
    **{"x_train": "images", "y_train": "labels", "x_test": "test_images", "y_test": "test_labels"}
}
"""Names that are preferred if several fit."""

KIND_WORDS = {
    **dict.fromkeys(("x", "images", "image", "imgs", "img", "pictures", "data", "features"), "images"),
    **dict.fromkeys(("y", "labels", "label", "targets", "target"), "labels"),
}
JOINED = re.compile(r"([xy])(train|test|val|valid|dev|tr|te)|(train|test|val|valid|dev|tr|te)([xy])")
"""xtrain, trainx: the most common names without a separator between their words."""

UNNAMED = re.compile(r"arr_\d+")
"""The names that `np.savez` gives to arrays without a name."""

SELECTING_WORDS = {"idx", "index", "indices", "ind", "inds", "ids", "mask", "flag", "rows"}
"""Words beside the name of a part, as in train_idx and test_mask."""

MAX_LISTED = 12
"""The most arrays that a message names."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Chosen:
    """parts: role, images and labels, the training part first. roles: the array with the part of each image, if there
    is one. remarks: sentences on the choice."""

    parts: tuple[tuple[PartRole, str, str], ...]
    remarks: tuple[str, ...] = ()
    roles: str | None = None

    def read(self, read: Callable[[str], np.ndarray], display_name: Callable[[str], str]) -> list[Part]:
        """The parts of these arrays. display_name: the name of an array in row ids and messages."""
        parts = [
            Part(read(images), read(labels), display_name(images), display_name(labels), role)
            for role, images, labels in self.parts
        ]
        return parts if self.roles is None else divided(parts[0], read(self.roles), display_name(self.roles))


def divided(whole: Part, roles: np.ndarray, name: str) -> list[Part]:
    """The rows of each part, by an array with the part of each row. Raises DataError for a value that is not the name
    of a part."""
    with located(name):
        values = plain_labels(roles, name)[0].reshape(-1)
        known = {str(value): role_of(str(value)) for value in np.unique(values).tolist()}
        if None in known.values() or len(values) != len(whole.images):
            found = f"{len(values):,} values: {', '.join(map(shown, list(known)[:MAX_LISTED]))}"
            hint = "Write train, validation or test for each image, or save the parts as arrays of their own."
            raise DataError("not the parts of the images", found=found, expected="train, validation, test", hint=hint)
    each = np.array([known[str(value)] for value in values.tolist()])
    rows = {role: np.flatnonzero(each == role) for role in PART_ROLES}
    if not len(rows["train"]):
        raise DataError("no rows for training", found=", ".join(known), expected="train", where=name)
    return [
        replace(whole, images=whole.images[rows[role]], labels=whole.labels[rows[role]], role=role, rows=rows[role])
        for role in PART_ROLES
        if len(rows[role])
    ]


def choose_arrays(shapes: Shapes, keys: Mapping[str, str]) -> Chosen:
    """The arrays of each part. shapes: of all arrays. keys: role to name, from the study; empty for the usual names.

    Raises UnknownName for a key or array that does not exist, DataError, with the line to write, if arrays are missing,
    two fit one role, or an array marks parts in an unsupported form.
    """
    for role in keys:
        if role not in KEYS:
            raise unknown("array", role, KEYS, where="keys")
    if keys:
        named = _named(shapes, keys)
        return replace(_parts(named, shapes, named=True), roles=named.get("role"))
    found = arrays_by_usual_name(shapes)
    if not found and (pair := _unnamed_pair(shapes)):
        remark = f"{pair[0]} is taken for the images and {pair[1]} for the labels, by their shapes."
        return Chosen((("train", *pair),), (remark,))
    return with_roles(_parts(found, shapes, named=False), shapes)


def with_roles(chosen: Chosen, shapes: Shapes) -> Chosen:
    """The parts by an array with the part of each image, if there is one. Other arrays with a value for each image
    become a remark."""
    (_, images, labels), rows = chosen.parts[0], shapes[chosen.parts[0][1]][:1]
    aside = [name for name, shape in shapes.items() if shape in (rows, (*rows, 1)) and rows and name != labels]
    roles = array_of_roles(aside)
    if len(chosen.parts) == 1:
        marks = [name for name, shape in shapes.items() if len(shape) == 1 and _selects(name)]
        if marks:
            raise DataError(
                "an array that marks parts in a form that is not read",
                found=listed({name: shapes[name] for name in marks}),
                hint="Save parts as X_train, y_train, X_test and y_test, or an array `split` with train, validation or "
                f"test for each image. To use all images: `keys: {{images: {images}, labels: {labels}}}`.",
            )
    elif roles:
        roles = None
    unused = [name for name in aside if name not in {roles, *(array for part in chosen.parts for array in part[1:])}]
    said = f"Not used, though they have a value for each image: {', '.join(unused[:MAX_LISTED])}."
    used = f"The part of each image is read from {roles}."
    return replace(chosen, roles=roles, remarks=(*chosen.remarks, *[used] * bool(roles), *[said] * bool(unused)))


def array_of_roles(names: Iterable[str]) -> str | None:
    """The array with the part of each image, by its name. Raises DataError for several."""
    found = [name for name in names if is_called("role", _last_words(name), SURE_ROLES)]
    if len(found) > 1:
        hint = f"Say which with `keys: {{role: {found[0]}}}`, beside `images` and `labels`."
        raise DataError("two arrays could be the parts of the images", found=" and ".join(found), hint=hint)
    return found[0] if found else None


def _selects(name: str) -> bool:
    """Whether an array marks or lists the rows of a part: `is_train`, `test_idx`."""
    words = {*_last_words(name).split("_")}
    return plain(name.rpartition("/")[2]) in FLAGS or (bool(words & SELECTING_WORDS) and any(map(role_of, words)))


def _last_words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition("/")[2])
    return re.sub(r"[\s-]+", "_", spaced).lower()


def arrays_by_usual_name(names: Iterable[str]) -> dict[str, str]:
    """Role to array, for arrays with usual names. Raises DataError if two fit one role."""
    found: dict[str, str] = {}
    for preferred in (True, False):
        taken = set(found)
        for name in names:
            role = FIRST_NAMES.get(name.lower()) if preferred else usual_role(name)
            if role in taken or role is None:
                continue
            if role in found:
                both, written = f"{found[role]} and {name}", f"`keys: {{{role}: {name}}}` under `data` of a study"
                hint = f"Say which: {written}, or --key {role}={name} on the command line."
                raise DataError(f"two arrays could be the {role}", found=both, hint=hint)
            found[role] = name
    return found


def usual_role(name: str) -> str | None:
    """The role of an array by the words of its name, in any order: `train/images`, `X_val`, `test_set_y`, `labels`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", spaced) if word not in ("", "set")]
    if len(words) == 1 and (joined := JOINED.fullmatch(words[0])):
        words = [word for word in joined.groups() if word]
    words = [
        "test" if word == "te" else word for word in words
    ]  # names of folders do not count: these may be languages
    parts = {part for word in words if (part := role_of(word))}
    kinds = {KIND_WORDS[word] for word in words if word in KIND_WORDS}
    if len(kinds) == 2 and "data" in words:  # data/labels, train_data/y
        kinds = {KIND_WORDS[word] for word in words if word in KIND_WORDS and word != "data"}
    if len(kinds) != 1 or len(parts) > 1 or not all(word in KIND_WORDS or role_of(word) for word in words):
        return None
    return _role(parts.pop() if parts else "train", kinds.pop())


def listed(shapes: Shapes) -> str:
    """The arrays of a file with their shapes, for a message."""
    names = [f"{name} {shape}" for name, shape in shapes.items()]
    return some(names, MAX_LISTED) if names else "no array of numbers or text"


def _role(part: PartRole, kind: str) -> str:
    return kind if part == "train" else f"{part}_{kind}"


def _named(shapes: Shapes, keys: Mapping[str, str]) -> Mapping[str, str]:
    for role, name in keys.items():
        if name not in shapes:
            raise unknown("array", name, shapes, where=f"keys.{role}")
    return keys


def _may_be_labels(images: str, names: Mapping[str, str], shapes: Shapes) -> bool:
    """Whether an unused array has as many rows as these images, or cannot be read: it may hold labels under an unusual
    or damaged name."""
    unused = [shape for name, shape in shapes.items() if name not in names.values()]
    return any(shape[:1] in ((), shapes[images][:1]) for shape in unused)


def _parts(names: Mapping[str, str], shapes: Shapes, named: bool) -> Chosen:
    """Raises DataError for images without labels and the reverse; validation images without labels are not used."""
    parts, said, unlabelled = [], list[str](), list[str]()
    for part in PART_ROLES:
        images, labels = _role(part, "images"), _role(part, "labels")
        if images in names and labels in names:
            parts.append((part, names[images], names[labels]))
        elif images in names and part == "test" and not named and not _may_be_labels(names[images], names, shapes):
            said.append(
                f"{names[images]} ({shapes[names[images]][0]:,} images) is a test part without labels: not used. "
                "`snellen predict` can answer it."
            )
            unlabelled.append(names[images])
        elif (images in names or labels in names) and (named or part != "validation"):
            missing = labels if images in names else images
            raise DataError(f"no array for the {missing}", found=listed(shapes), hint=_keys_hint(shapes, missing))
    if not parts or parts[0][0] != "train":
        expected = "images and labels, or x_train and y_train"
        raise DataError(
            "no arrays for a training part", found=listed(shapes), expected=expected, hint=_keys_hint(shapes, "images")
        )
    others = {name: shape for name, shape in shapes.items() if name not in unlabelled}
    return Chosen(tuple(parts), (*said, *_unused_remarks(others, parts)))


def _unused_remarks(shapes: Shapes, parts: Sequence[tuple[PartRole, str, str]]) -> tuple[str, ...]:
    """One sentence for each array that looks like images of the same size and is in no part."""
    used, size = {name for part in parts for name in part[1:]}, shapes[parts[0][1]][1:]
    return tuple(
        f"{name} ({shape[0]:,} images) is not used; name it and its labels with `keys` to use it."
        for name, shape in shapes.items()
        if name not in used and len(shape) >= 3 and shape[1:] == size
    )


def _are_images(shape: tuple[int, ...]) -> bool:
    return len(shape) in (3, 4) and shape[0] > 0


def _are_labels(shape: tuple[int, ...]) -> bool:
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _unnamed_pair(shapes: Shapes) -> tuple[str, str] | None:
    """Images and labels of a file with two unnamed arrays whose shapes are unambiguous."""
    if len(shapes) != 2 or not all(UNNAMED.fullmatch(name) for name in shapes):
        return None
    pairs = _pairs_by_shape(shapes)
    return pairs[0] if len(pairs) == 1 else None


def _pairs_by_shape(shapes: Shapes) -> list[tuple[str, str]]:
    """Every pair (images, labels) with equal numbers of rows."""
    return [
        (images, labels)
        for images, shape in shapes.items()
        for labels, others in shapes.items()
        if _are_images(shape) and _are_labels(others) and shape[0] == others[0]
    ]


def _keys_hint(shapes: Shapes, missing: str) -> str:
    """The line to write: the only arrays that fit by their shapes, or a pattern."""
    part = missing.rpartition("_")[0]
    pairs = _pairs_by_shape(shapes)
    images, labels = pairs[0] if len(pairs) == 1 else ("NAME", "NAME")
    pattern = f"{part}_images: NAME, {part}_labels: NAME" if part else f"images: {images}, labels: {labels}"
    rest = " (and `images`, `labels` of the training part)" if part else ""
    return (
        f"Name them under `data` of a study, `keys: {{{pattern}}}`{rest} (`snellen init`, `snellen predict` and "
        "`snellen data describe`: --key USE=NAME for each); those that are not named are then left out."
    )
