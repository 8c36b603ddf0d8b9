"""Which folders of a data set are parts (train, test) and which are classes. Unclear layouts are errors."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from snellen.data.dataset import PART_ROLES, PartRole
from snellen.data.readers.image_files.combined_names import combined_names, lines_that_move
from snellen.data.readers.image_files.folder_tree import FolderTree, name_of
from snellen.data.readers.image_files.walk import KEY_HINT
from snellen.data.readers.role_names import role_of, role_of_folder
from snellen.errors import SHOWN_ITEMS, DataError, StudyError, unknown
from snellen.phrases import some

USUAL_NAMES = ("train", "training", "validation", "valid", "val", "test", "testing")
"""Names of parts, in lower case, that need no remark."""

PLAIN = re.compile(r"[.A-Za-z][\w./-]*")
"""Paths that need no quotes in YAML."""

NAMED_FOLDERS = 5
"""Folders that one sentence names."""


class NoClassFolders(DataError):
    """Images that are not in folders of classes; a table may give their classes."""


@dataclass(frozen=True)
class Layout:
    """classes: the path of each class folder, with its part. remarks: sentences on what is not obvious from the
    folders' names. parts_below: whether each path is that of a part in a class folder, `cats/train`. names: the class
    of each path whose name contains class and part, `cat_train`."""

    classes: Mapping[str, PartRole]
    remarks: tuple[str, ...] = ()
    parts_below: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


def lay_out(tree: FolderTree, keys: Mapping[str, str], depth_is_given: bool = False) -> Layout:
    """The class folders of a tree. keys: the folder of each part, from the study. depth_is_given: whether the study
    names classes or groups, so that folders in class folders are no classes. Raises DataError, with the folders and the
    line to write, if that is not clear."""
    if keys:
        return _as_given(tree, keys)
    top = ""
    while True:
        if combined := combined_names(tree, tree.folders(top)):
            return _of_combined(tree, top, combined)
        if (parts := _parts(tree, top)) is not None or not (below := tree.only_folder(top)):
            break
        top = below
    layout = _of_classes(tree, top) if parts is None else _of_parts(tree, top, parts)
    if layout.parts_below or depth_is_given:
        return layout
    train = [folder for folder, role in layout.classes.items() if role == "train"]
    _check_classes_are_not_below(tree, train, parts or {})
    return replace(layout, remarks=(*layout.remarks, *_said_of_depth(tree, train)))


def _of_combined(tree: FolderTree, top: str, said: Mapping[str, tuple[str, PartRole]]) -> Layout:
    _check_no_loose_images(tree, top, {})
    named = [f"{name_of(folder)} is {role} of {label}" for folder, (label, role) in said.items()]
    remark = f"The names of the folders say class and part: {_listed(named)}."
    roles = {folder: role for folder, (_, role) in said.items()}
    return Layout(roles, (remark,), names={folder: label for folder, (label, _) in said.items()})


def _check_classes_are_not_below(tree: FolderTree, folders: Sequence[str], parts: Mapping[str, PartRole]) -> None:
    """Raises DataError if several folders hold mostly folders with the same names: these may be the classes, and the
    folders above them sources, forms of the images or parts of the data (color/cat and segmented/cat)."""
    holders = Counter(name for folder in folders for name in tree.names(folder))
    shared = sorted(name for name, number in holders.items() if number > 1)
    if len(shared) < 2 or 2 * len(shared) < len(holders):
        return
    above = folders[0].rpartition("/")[0]
    line, one = keys_line(_by_role(parts) or {"train": above or "."}), keys_line({"train": folders[0]})
    raise DataError(
        "which folders are the classes is not clear",
        found=", ".join(_counted(tree, each) for each in folders[:SHOWN_ITEMS]),
        expected="one folder for each class",
        where=above or None,
        hint=f"If {_listed([name_of(each) for each in folders])} are the classes: {line} under `data`. If "
        f"{_listed(shared)} are: put all images of a class into one folder, or use one set, {one}. {KEY_HINT}",
    )


def _said_of_depth(tree: FolderTree, folders: Sequence[str]) -> Iterator[str]:
    inner = [each for folder in folders for each in tree.folders(folder)]
    if inner:
        yield f"Images in folders inside a class folder are of that class: {_listed(inner)}."


def _as_given(tree: FolderTree, keys: Mapping[str, str]) -> Layout:
    for use in keys:
        if use not in PART_ROLES:
            raise unknown("key", use, PART_ROLES, where="data: keys")
    parts = {_given_folder(tree, role, keys[role]): role for role in PART_ROLES if role in keys}
    if "train" not in keys:
        raise StudyError(
            "`keys` without a training part", found=", ".join(keys), expected="train: FOLDER", where="data"
        )
    if len(parts) < len(keys):
        raise StudyError("two parts in one folder", found=", ".join(keys.values()), where="data: keys")
    classes: dict[str, PartRole] = {}
    for part, role in parts.items():
        _check_no_loose_images(tree, part, parts)
        classes |= {each: role for each in tree.folders(part) if not any(_is_in(other, each) for other in parts)}
    return Layout(classes, tuple(_unused(tree, classes)))


def _given_folder(tree: FolderTree, use: str, folder: str) -> str:
    path = "/".join(name for name in folder.replace("\\", "/").split("/") if name not in ("", "."))
    if not tree.below[path]:
        found = "no such folder" if path not in tree.all else "no images in it"
        some = ", ".join(tree.names("")[:SHOWN_ITEMS])
        raise DataError(f"`{folder}` cannot be the {use} part", found=found, expected=some, where=f"data: keys: {use}")
    return path


def _is_in(folder: str, above: str) -> bool:
    return folder == above or folder.startswith(f"{above}/")


def _of_parts(tree: FolderTree, top: str, parts: Mapping[str, PartRole]) -> Layout:
    (train,) = (part for part, role in parts.items() if role == "train")
    known = tree.names(tree.innermost(train))
    classes: dict[str, PartRole] = {}
    remarks, inner = list[str](), dict[str, str]()
    for part in sorted(parts, key=lambda part: PART_ROLES.index(parts[part])):
        inner[part] = tree.innermost(part, () if part == train else known)
        if part != train and not _is_labelled(tree, inner[part], known):
            number = tree.below[part]
            remarks.append(
                f"{part} is not used: its {number:,} images are not in folders of classes. `snellen predict` can "
                "answer them."
            )
            continue
        _check_no_loose_images(tree, inner[part], parts)
        classes |= dict.fromkeys(tree.folders(inner[part]), parts[part])
    if top or any(part != inner[part] or name_of(part).lower() not in USUAL_NAMES for part in parts):
        used = _folders_above(classes)
        named = [f"{parts[part]} from {inner[part]}" for part in inner if inner[part] in used]
        remarks.append(f"Parts of the data: {', '.join(named)}.")
    return Layout(classes, (*remarks, *_unused(tree, classes, {part for part in parts if part not in classes})))


def _folders_above(classes: Mapping[str, PartRole]) -> set[str]:
    return {folder.rpartition("/")[0] for folder in classes}


def _is_labelled(tree: FolderTree, part: str, known: Sequence[str]) -> bool:
    """False for images directly in the part, or all in one folder that is not a class of the training part."""
    below = tree.folders(part)
    return len(below) > 1 or (len(below) == 1 and (bool(tree.loose[part]) or name_of(below[0]) in known))


def _of_classes(tree: FolderTree, top: str) -> Layout:
    _check_no_loose_images(tree, top, {})
    folders = tree.folders(top)
    remarks = [f"All images are below {top}: the folders in it are the classes."] if top else []
    for name in tree.names(top):
        if role_of(name):
            remarks.append(f"`{name}` is read as a class, not as a part of the data.")
    inner = [tree.names(folder) for folder in folders]
    if any(_has_parts(names) for names in inner):
        remarks.append("Each class folder holds the parts of the data.")
        return Layout(_parts_below_classes(tree, folders), tuple(remarks), parts_below=True)
    return Layout(dict.fromkeys(folders, "train"), tuple(remarks))


def _has_parts(names: Sequence[str]) -> bool:
    roles = {role_of(name) for name in names}
    return "train" in roles and len(roles - {None}) > 1


def _parts_below_classes(tree: FolderTree, folders: Sequence[str]) -> dict[str, PartRole]:
    """`cats/train`, `cats/test`, `dogs/train`, ... Raises DataError unless all class folders are like that."""
    classes: dict[str, PartRole] = {}
    for folder in folders:
        roles = {each: role_of(name_of(each)) for each in tree.folders(folder)}
        known = {each: role for each, role in roles.items() if role}
        if len(known) < len(roles) or len(set(known.values())) < len(known) or tree.loose[folder] or not known:
            found = f"{folder} with {_listed(tree.names(folder)) or 'images alone'}"
            expected = "train, and maybe validation and test, in every class folder"
            raise DataError("class folders with parts in some of them", found=found, expected=expected)
        classes |= known
    return classes


def _parts(tree: FolderTree, top: str) -> dict[str, PartRole] | None:
    """The folders in `top` that are parts; None if they are classes, or the data may be deeper. They are parts if there
    is one for training, and every other folder with images is a part too, or holds images without classes. Raises
    DataError if they may be either.
    """
    folders = tree.folders(top)
    named = {folder: role for folder in folders if (role := role_of_folder(name_of(folder)))}
    exact = {folder for folder in named if role_of(name_of(folder))}
    others = [folder for folder in folders if folder not in named]
    if "train" not in named.values():
        _check_without_training(tree, top, exact, others)
        return None
    if others and not _are_beside_parts(tree, top, named, exact, others):
        return None
    if not exact and len(set(named.values())) == 1 and not any(map(tree.folders, named)):
        return None  # steam_train and bullet_train
    if len(named) == 1 and len(_parts(tree, folders[0]) or ()) > 1:
        return None  # a folder called train that holds the parts
    _check_once(tree, named)
    return named


def _check_without_training(tree: FolderTree, top: str, exact: set[str], others: Sequence[str]) -> None:
    """Raises DataError if there is no part for training."""
    if not exact:
        return
    if not others and len(exact) == len(tree.folders(top)):
        if len(exact) == 1 and _parts(tree, min(exact)):
            return
        raise DataError(
            "no training images",
            found=f"{sum(tree.below[each] for each in exact):,} images of other parts, in {_listed(sorted(exact))}",
            expected="a folder such as train",
            hint=f"To train with one of them, name it under `data`: {keys_line({'train': min(exact)})}.",
        )
    siblings = {name_of(each) for each in others}
    if any(siblings & {*tree.names(tree.innermost(each))} for each in exact):
        raise _cannot_tell(tree, top, {"train": top or ".", **_by_role(exact)})


def _are_beside_parts(
    tree: FolderTree, top: str, named: Mapping[str, PartRole], exact: set[str], others: Sequence[str]
) -> bool:
    """Whether there are folders beside the parts that hold images without classes. Raises DataError if that is not
    certain."""
    trains, parts = [each for each in named if named[each] == "train"], _by_role(named)
    if not any(tree.folders(each) for each in trains) or (len(parts) == 1 and not exact):
        if len({named[each] for each in exact}) > 1:
            raise _cannot_tell(tree, top, parts)
        return False
    known = {name for each in trains for name in tree.names(tree.innermost(each))}
    with_classes = (
        name_of(each) in known or len(inner := tree.names(tree.innermost(each))) > 1 or {*inner} & known
        for each in others
    )
    if len(parts) == 1 or any(with_classes):
        raise _cannot_tell(tree, top, parts)
    return True


def _check_once(tree: FolderTree, named: Mapping[str, PartRole]) -> None:
    for role in PART_ROLES:
        found = [folder for folder in named if named[folder] == role]
        if len(found) > 1:
            counted = " and ".join(_counted(tree, each) for each in found)
            hint = f"Say under `data` which to use: {keys_line(_by_role(named))}. {KEY_HINT}"
            if moves := lines_that_move(tree, named):
                hint = f"If the names say class and part, move the folders: {moves}"
            raise DataError(f"two folders for the {role} part", found=counted, expected="one", hint=hint)


def _by_role(folders: Mapping[str, PartRole] | set[str]) -> dict[str, str]:
    """Role to the first folder of that role."""
    listed = folders.items() if isinstance(folders, Mapping) else ((each, role_of(name_of(each))) for each in folders)
    found: dict[str, str] = {}
    for folder, role in sorted(listed):
        found.setdefault(role or "", folder)
    return {role: found[role] for role in PART_ROLES if role in found}


def _cannot_tell(tree: FolderTree, top: str, parts: Mapping[str, str]) -> DataError:
    found = ", ".join(_counted(tree, each) for each in tree.folders(top)[:SHOWN_ITEMS])
    return DataError(
        "cannot tell whether these folders are parts of the data or classes",
        found=found,
        expected="train, validation and test alone, or a folder for each class",
        where=top or None,
        hint=f"Say under `data` which folder is which part: {keys_line(parts)}; or, if every folder is a class: "
        f"{keys_line({'train': top or '.'})}. {KEY_HINT}",
    )


def _counted(tree: FolderTree, folder: str) -> str:
    inner = tree.names(folder)
    below = f" in {_listed(inner)}" if inner else ""
    return f"{folder} ({tree.below[folder]:,} images{below})"


def keys_line(parts: Mapping[str, str]) -> str:
    """The line of a study that names the folder of each part."""
    quoted = {role: path if PLAIN.fullmatch(path) else json.dumps(path) for role, path in parts.items()}
    return f"`keys: {{{', '.join(f'{role}: {path}' for role, path in quoted.items())}}}`"


def _listed(names: Sequence[str]) -> str:
    return some(names, NAMED_FOLDERS)


def _unused(tree: FolderTree, classes: Mapping[str, PartRole], said: Iterable[str] = ()) -> Iterator[str]:
    """A sentence on the images in folders that are neither class folders nor in nor above them, nor in `said`."""
    used = [*classes, *said]
    around = {"", *(folder for each in used for folder in _above(each))}
    left = [folder for above in sorted(around) for folder in tree.folders(above) if folder not in around | {*used}]
    if left:
        number = sum(tree.below[folder] for folder in left)
        yield f"Not used: {number:,} images in {_listed(left)}, which are no part of the data."


def _above(folder: str) -> Iterator[str]:
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _check_no_loose_images(tree: FolderTree, part: str, parts: Mapping[str, PartRole]) -> None:
    if not tree.loose[part]:
        return
    number = f"{tree.loose[part]:,} directly in {part or 'the folder'}"
    hint = "If a table says which class each image has, give that file as the source."
    if parts and tree.folders("") and not tree.folders(part):
        hint += f" If the folders are classes: {keys_line({'train': part.rpartition('/')[0] or '.'})}."
    where, expected = tree.first_loose[part], "each image in the folder of its class"
    raise NoClassFolders("an image outside the class folders", found=number, expected=expected, where=where, hint=hint)
