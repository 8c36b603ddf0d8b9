"""Where the weights of a backbone come from: a file of the study's, a folder of this machine, or the hub of timm.

`weights: imagenet` is looked for in `weights/` of the data folders (--data-dir, SNELLEN_DATA, the user's cache), then
in the hub's cache, then on the hub. `weights: path/to/file.safetensors` is that file. Either is a safetensors file
whose tensors are those of the network (weights_file.py), and it is known how images are scaled (provenance.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from snellen.data.streams import exists, open_data, reachable
from snellen.errors import StudyError, WeightsNotFound, located, shown
from snellen.files.cache import cache_folder
from snellen.files.hashing import digest_stream
from snellen.models.backbones import hub
from snellen.models.backbones.catalogue import Entry, entry
from snellen.models.backbones.networks import expect_timm, pretrained
from snellen.models.backbones.provenance import (
    Provenance,
    Scaling,
    Statement,
    decide,
    normal_licence,
    statement,
)
from snellen.models.backbones.weights_file import expect_finite, expect_tensors, read_header, read_tensors
from snellen.phrases import megabytes

__all__ = ["IMAGENET", "Scaling", "Weights", "find_weights", "read_tensors", "weights_to_download"]

IMAGENET, EXTENSION, FOLDER = "imagenet", ".safetensors", "weights"
IMAGENET_TAGS = ("in1k", "in12k", "in21k", "in22k", "imagenet")
"""A tag of timm's that has one of these is of a network that has seen ImageNet."""
FREE_LICENCES = (
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "unlicense"),
)
"""Licences that permit any use. Weights of another, such as cc-by-nc-4.0, are used only where the study names it."""


@dataclass(frozen=True)
class Weights:
    """A file of weights that fits its network.

    path: a safetensors file on this disk. sha256: of the file. mean, deviation: of each channel, for values of images
    from 0 to 1. interpolation: of the resizing with which they were trained ("bilinear", "bicubic"). side: of their
    training images, in pixels. licence: as an SPDX name or in words; None where it is not known. origin: where they
    come from and what decided how images are scaled, in one sentence. download_bytes: of a file that is still to be
    downloaded (`weights_to_download`): path is then where the hub keeps such files, and sha256 stands for its name.
    """

    path: Path
    sha256: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    interpolation: str
    side: int
    licence: str | None
    origin: str
    download_bytes: int | None = None


def find_weights(
    name: str,
    written: str,
    data_folder: Path | None = None,
    accept: str | None = None,
    preprocessing: str | Scaling | None = None,
    *,
    may_download: bool = True,
) -> Weights:
    """The weights of the backbone `name`. written: `imagenet`, or the path of a .safetensors file, which is looked for
    as data are: as it is, then in the data folders.

    accept: the licence that the study accepts beside those that permit any use. preprocessing: what the study says of
    the scaling (provenance.py). may_download: from the hub, where the weights are not on this disk.

    The header decides before any tensor is read; then all numbers must be finite. Raises WeightsNotFound with every
    place that was looked at and how to get the file; DataError for a file that is not safetensors or has other tensors;
    StudyError where nothing says how images are scaled, or the licence must be named; UnknownName for the backbone.
    """
    known = entry(name)
    expect_timm()
    if written == IMAGENET:
        path, published = _imagenet(known, data_folder, accept, may_download)
    else:
        path, published = _own_file(written, data_folder), None
    header = read_header(path)
    on_hub = Statement("the hub", known.timm_name, known.tag)
    said = on_hub if published else statement(path, header.metadata)
    is_other = said.architecture not in (None, known.timm_name)
    hint = (
        f"The file is of {said.architecture}, as {said.by} says: write `name: {said.architecture}`."
        if is_other
        else None
    )
    with located(str(path)):
        expect_tensors(header, known.timm_name, known.heads, hint)
        decided = decide(known, said, preprocessing)
        _expect_accepted(decided.licence, accept)
        sha256 = _digest(path)
    expect_finite(path)
    if published:
        hub.expect_published(path, sha256)
    scaling, origin = decided.scaling, _origin(path, published, sha256, decided)
    return Weights(
        *(path, sha256, scaling.mean, scaling.deviation, decided.interpolation, decided.side, decided.licence, origin)
    )


def weights_to_download(
    name: str, data_folder: Path | None = None, accept: str | None = None, preprocessing: str | Scaling | None = None
) -> Weights:
    """What is known of the weights `imagenet` of the backbone `name` before `find_weights` downloads them; the hub is
    asked for their size alone. Raises what `find_weights` would."""
    known = entry(name)
    expect_timm()
    repository, file = _published(known, data_folder, accept)
    try:
        size = hub.published_bytes(repository, file)
    except hub.NotOnHub as error:
        raise _not_on_hub(known, data_folder, error, (repository, file)) from error
    decided = decide(known, Statement("the hub", known.timm_name, known.tag), preprocessing)
    _expect_accepted(decided.licence, accept)
    scaling, stand_in = decided.scaling, hashlib.sha256(f"{repository}/{file}".encode()).hexdigest()
    origin = f"`snellen run` will download the weights, {megabytes(size)}, from {repository} on the hub; scaling: "
    origin += f"{decided.why}: {scaling}."
    return Weights(
        *(hub.cache_folder(), stand_in, scaling.mean, scaling.deviation, decided.interpolation, decided.side),
        *(decided.licence, origin, size),
    )


def _imagenet(
    known: Entry, data_folder: Path | None, accept: str | None, may_download: bool
) -> tuple[Path, str | None]:
    """The file, and its repository where it is from the hub. The licence is asked for before anything is downloaded."""
    places = [folder / FOLDER / name for folder in _folders(data_folder) for name in _file_names(known)]
    for place in places:
        if exists(place):
            return place, None
    repository, file = _published(known, data_folder, accept)
    try:
        path = hub.cached(repository, file)
        if path is None and not may_download:
            raise hub.NotOnHub("not in its cache, and nothing was downloaded")
        return path or hub.download(repository, file), repository
    except hub.NotOnHub as error:
        raise _not_on_hub(known, data_folder, error, (repository, file)) from error


def _published(known: Entry, data_folder: Path | None, accept: str | None) -> tuple[str, str]:
    """The repository and the file from which timm takes the weights; the licence is asked for."""
    cfg = pretrained(known.timm_name).get(known.tag or "")
    if cfg is None:
        raise _not_found(known, data_folder, "timm knows no weights of this network")
    _expect_imagenet(known)
    _expect_accepted(cfg.license, accept)
    repository, file = hub.repository(cfg), hub.file_name(cfg)
    if repository is None:
        reason = f"timm names no safetensors file of {known.full_name}, only {cfg.url}, which may contain code"
        raise _not_found(known, data_folder, reason)
    return repository, file


def _not_on_hub(
    known: Entry, data_folder: Path | None, error: hub.NotOnHub, on_hub: tuple[str, str]
) -> WeightsNotFound:
    return _not_found(known, data_folder, f"{on_hub[0]} on the hub: {error}", on_hub)


def _expect_imagenet(known: Entry) -> None:
    """Raises StudyError where timm's default weights are of other images: then the study says which it means."""
    is_imagenet = any(each in (known.tag or "") for each in IMAGENET_TAGS)
    if not is_imagenet and "." not in known.name:
        tags = [f"{known.timm_name}.{tag}" for tag in pretrained(known.timm_name) if tag]
        hint = f"Write the name with the tag, such as `name: {tags[0]}`." if tags else None
        found = ", ".join(tags[:10]) or None
        raise StudyError(f"which weights of {known.name}? Those by default are not of ImageNet", found=found, hint=hint)


def _own_file(written: str, data_folder: Path | None) -> Path:
    """The file of the study's. Raises StudyError for what is no path of a safetensors file."""
    if "://" in written or not written.lower().endswith(EXTENSION):
        expected = f"`{IMAGENET}`, or the path of a {EXTENSION} file"
        hint = "Other files may contain code; how to convert them: docs/backbones.md."
        raise StudyError("not weights of a backbone", found=shown(written), expected=expected, hint=hint)
    path = Path(written).expanduser()
    places = [path] if path.is_absolute() else [path, *(folder / path for folder in _folders(data_folder))]
    for place in places:
        if exists(place):
            return place
    listed = ", ".join(map(str, places))
    raise WeightsNotFound(f"no such file of weights: {written}", found=f"nothing at {listed}")


def _folders(data_folder: Path | None) -> Iterator[Path]:
    given = os.environ.get("SNELLEN_DATA")
    yield from (folder for folder in (data_folder, Path(given) if given else None) if folder)
    yield cache_folder() / "datasets"


def _file_names(known: Entry) -> list[str]:
    """What the file may be called, best first; `_features`: without the classifier."""
    plain = (known.full_name, known.timm_name, known.name)
    names = (known.full_name,) if "." in known.name else plain
    return [f"{name}{end}{EXTENSION}" for name in dict.fromkeys(names) for end in ("", "_features")]


def _not_found(
    known: Entry, data_folder: Path | None, reason: str, on_hub: tuple[str, str] | None = None
) -> WeightsNotFound:
    folders, names = [folder / FOLDER for folder in _folders(data_folder)], _file_names(known)
    best = folders[0] / names[0]
    expected = f"a file of them at {best}"
    hint = f"Convert one and name it: `weights: path/to/file{EXTENSION}` (docs/backbones.md)."
    if on_hub:
        expected = f"{hub.url(*on_hub)} at {best}"
        hint = f"With network: `hf download {' '.join(on_hub)}` (docs/backbones.md)."
    found = f"no {' or '.join(names)} in {' or '.join(map(str, folders))}, nothing in {hub.cache_folder()}; {reason}"
    problem = f"no weights of the backbone {known.name} on this machine"
    return WeightsNotFound(problem, found=found, expected=expected, hint=hint)


def _expect_accepted(licence: str | None, accept: str | None) -> None:
    """Raises StudyError for a licence that the study must name and does not."""
    licence = normal_licence(licence)
    if licence is None or licence.lower() in FREE_LICENCES or licence == accept:
        return
    is_commercial = "nc" not in licence.lower().split("-") and "noncommercial" not in licence.lower()
    kind = "terms of their own" if is_commercial else "a non-commercial licence"
    raise StudyError(
        f"weights with {kind}, which the study does not name",
        found=licence,
        expected=accept and f"`accept: {accept}`",
        hint=f"If it permits your use, add to the backbone `accept: {licence}`.",
    )


def _digest(path: Path) -> str:
    with reachable(), open_data(path) as file:
        return digest_stream(file)


def _origin(path: Path, repository: str | None, sha256: str, decided: Provenance) -> str:
    place = f"{repository} on the hub" if repository else f"the file {path.name}"
    return f"Weights from {place} (SHA-256 {sha256[:12]}); scaling: {decided.why}: {decided.scaling}."
