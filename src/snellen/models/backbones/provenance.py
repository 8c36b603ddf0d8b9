"""Which of the weights that timm knows a file holds, and so how images are scaled for them.

Tensors do not say it: the same names and shapes fit networks of other padding (EfficientNet-Lite0 of timm and that of
TensorFlow) and weights that were trained with other means. What decides, in this order:

1. the study: `preprocessing: NAME.TAG`, `preprocessing: {mean: ..., deviation: ...}`, or a tag in the backbone's name;
2. the file: `architecture` and `tag` in its metadata; the config.json that the hub keeps beside model.safetensors; the
   folder of the hub's cache that it lies in; its name, where that is a name of timm, as of
   tf_efficientnet_lite0.safetensors, vgg16_features.safetensors and resnet18.tv_in1k.safetensors;
3. that there is no choice: no other network of timm has these tensors, and all weights that timm knows of this one are
   scaled alike.

Where none of them decides, the file is refused with the lines that would. That a study names a backbone is not enough:
it says what the user wants, not what the file is. A file that says it is of another network is refused whatever the
study says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snellen.errors import IdentityError, StudyError, printable, shown
from snellen.files.stored import read_json
from snellen.models.backbones.catalogue import DOCUMENTED, Entry, nearest_names
from snellen.models.backbones.networks import expect_timm, network_shapes, pretrained

CHANNELS = 3
NEAR_NAMES = 12
CONFIG, HUB_FILE = "config.json", "model.safetensors"
HUB_FOLDER = re.compile(r"models--[\w.-]{1,80}?--([A-Za-z0-9_]{1,80})(?:\.([A-Za-z0-9_]{1,80}))?")
FILE_NAME = re.compile(r"([A-Za-z0-9_]{1,80}?)(?:\.([A-Za-z0-9_]{1,80}?))?(?:_features)?\.safetensors")
MEANS = "{mean: [R, G, B], deviation: [R, G, B]}"
UNKNOWN_LICENCES = ("unknown", "other", "")


@dataclass(frozen=True)
class Scaling:
    """How the values of images, from 0 to 1, are scaled: minus mean, divided by deviation, for each channel."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, values in (("mean", self.mean), ("deviation", self.deviation)):
            if len(values) != CHANNELS or not all(math.isfinite(value) for value in values):
                raise StudyError(f"`{name}` of `preprocessing` needs three numbers", found=shown(tuple(values)))
        if min(self.deviation) <= 0:
            raise StudyError("`deviation` of `preprocessing` must be above 0", found=shown(self.deviation))

    def __str__(self) -> str:
        mean, deviation = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.deviation))
        return f"mean ({mean}), deviation ({deviation})"


@dataclass(frozen=True)
class Statement:
    """What a file says of itself. by: where it says so. architecture, tag: in timm."""

    by: str = ""
    architecture: str | None = None
    tag: str | None = None
    licence: str | None = None
    scaling: Scaling | None = None


@dataclass(frozen=True)
class Provenance:
    """What was decided. licence: None where it is not known. why: what decided the scaling, in one clause.
    interpolation, side: of the training."""

    scaling: Scaling
    interpolation: str
    side: int
    licence: str | None
    why: str


def statement(path: Path, metadata: Mapping[str, str]) -> Statement:
    """What the file at `path` says of itself; nothing where it says nothing that is understood."""
    known = _of_mapping(_parsed(metadata), "the metadata of the file")
    if known.architecture is None and path.name == HUB_FILE and (path.parent / CONFIG).is_file():
        known = _merged(known, _of_config(path.parent / CONFIG))
    for name, pattern, by in (
        (path.parent.parent.parent.name, HUB_FOLDER, "the folder of the file"),
        (path.name, FILE_NAME, "the name of the file"),
    ):
        found = pattern.fullmatch(name)
        if known.architecture is None and found and (architecture := _architecture(found[1])):
            known = _merged(known, Statement(by, architecture, found[2]))
    return known


def decide(entry: Entry, said: Statement, preprocessing: str | Scaling | None) -> Provenance:
    """How images are scaled for weights of this network. preprocessing: of the study.

    Raises StudyError where the file is of another network, the study contradicts it, or nothing decides.
    """
    if said.architecture not in (None, entry.timm_name):
        hint = f"Write `name: {_study_name(said)}`, or name weights of {entry.name}."
        raise StudyError(
            f"weights of another network than {entry.name}", found=f"{said.architecture}, as {said.by} says", hint=hint
        )
    options, named_tag = pretrained(entry.timm_name), _named_tag(entry, preprocessing)
    if named_tag and said.tag and named_tag != said.tag and not isinstance(preprocessing, Scaling):
        found = f"{said.tag}, as {said.by} says"
        raise StudyError(f"other weights of {entry.timm_name} than {named_tag}", found=found)
    tag = named_tag or (said.tag if said.tag in options else None)
    scaling, why = _scaling(entry, said, preprocessing, tag, named_tag is not None, options)
    about = options.get(tag or entry.tag or "") or expect_timm().models.get_pretrained_cfg(entry.timm_name)
    licence = said.licence or (_licence(options, tag) if said.architecture or named_tag else None)
    return Provenance(scaling, about.interpolation, about.input_size[-1], licence, why)


def _scaling(
    entry: Entry,
    said: Statement,
    preprocessing: str | Scaling | None,
    tag: str | None,
    is_named: bool,
    options: Mapping[str, Any],
) -> tuple[Scaling, str]:
    """What decides, and in what words."""
    if isinstance(preprocessing, Scaling):
        return preprocessing, "that of the study's `preprocessing`"
    if said.scaling is not None and not is_named:
        return said.scaling, f"as {said.by} says"
    if tag is not None and (is_named or said.architecture):
        return _of_cfg(
            options[tag]
        ), f"that of timm's {entry.timm_name}.{tag}, as {'the study' if is_named else said.by} says"
    scalings = {each: _of_cfg(cfg) for each, cfg in options.items()}
    alike = entry.alike if said.architecture is None and not isinstance(preprocessing, str) else ()
    if alike is None or alike or len(set(scalings.values())) != 1:
        raise _undecided(entry, alike, scalings)
    by = said.by or ("the study" if isinstance(preprocessing, str) else "")
    return next(
        iter(scalings.values())
    ), f"that of timm's {entry.timm_name}, {f'as {by} says' if by else 'the only one that fits'}"


def _undecided(entry: Entry, alike: Sequence[str] | None, scalings: Mapping[str, Scaling]) -> StudyError:
    """The error that asks, with what fits and the lines that would decide."""
    alike = _near_twins(entry) if alike is None else alike
    names = {scaling: f"{entry.timm_name}.{tag}" if tag else entry.timm_name for tag, scaling in scalings.items()}
    if len(names) == 1:
        names = dict.fromkeys(names, entry.timm_name)
    fits = [f"{name}: {scaling}" for scaling, name in names.items()]
    fits += [f"{name}: {_of_cfg(cfg)}" for name in alike for cfg in [*pretrained(name).values()][:1]]
    lines = [f"`preprocessing: {name}`" for name in names.values()]
    lines.append(f"`preprocessing: {MEANS}` (of values from 0 to 1)")
    others = f"; or, if they are of {alike[0]}, write `name: {alike[0]}`" if alike else ""
    return StudyError(
        f"nothing says which network and scaling of images these weights are for, {entry.name} or another",
        found=f"tensors that fit {'; '.join(fits)}" if fits else "no weights of it that timm knows",
        expected="metadata, a file name or a line of the study that says it",
        hint=f"Add to the backbone {' or '.join(lines)}{others}.",
    )


def _near_twins(entry: Entry) -> tuple[str, ...]:
    """Networks of a like name with the same tensors, of which weights are published: for a message only."""
    own, known = network_shapes(entry.timm_name), expect_timm().list_models()
    near = [each for each in nearest_names(entry.timm_name, known, NEAR_NAMES) if each != entry.timm_name]
    return tuple(each for each in near if pretrained(each) and network_shapes(each) == own)


def _named_tag(entry: Entry, preprocessing: str | Scaling | None) -> str | None:
    """The tag that the study names; None where it names none. Raises StudyError for a tag of another network."""
    options = pretrained(entry.timm_name)
    if isinstance(preprocessing, str):
        name, _, tag = preprocessing.partition(".")
        if name not in (entry.timm_name, entry.name.partition(".")[0]):
            if name not in DOCUMENTED and name not in expect_timm().list_models():
                hint = f"Or write `preprocessing: {MEANS}`, of values from 0 to 1."
                raise StudyError("`preprocessing` names no network", found=shown(name), expected=entry.name, hint=hint)
            hint = f"A network of other tensors, padding or name needs its own line: `name: {printable(name, 80)}`."
            raise StudyError("`preprocessing` names another network", found=shown(name), expected=entry.name, hint=hint)
        if tag and tag not in options:
            raise StudyError("`preprocessing` names unknown weights", found=shown(tag), expected=", ".join(options))
        if tag:
            return tag
    return entry.tag if "." in entry.name else None


def _study_name(said: Statement) -> str:
    return next(
        (name for name, each in DOCUMENTED.items() if each.timm_name == said.architecture), said.architecture or ""
    )


def _architecture(name: str) -> str | None:
    """timm's name of a network that a text names by Snellen's or timm's name; None for other texts."""
    if name in DOCUMENTED:
        return DOCUMENTED[name].timm_name
    return name if name in expect_timm().list_models() else None


def _parsed(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Metadata, whose values are texts, with lists of numbers as lists; other JSON texts stay texts."""
    found: dict[str, Any] = dict(metadata)
    for name in ("mean", "std", "deviation"):
        if name in found:
            try:
                found[name] = json.loads(found[name])
            except ValueError:
                del found[name]
    return found


def _of_config(path: Path) -> Statement:
    """Of a config.json as timm writes it; nothing where it is something else."""
    try:
        config = read_json(path)
    except (IdentityError, OSError):
        return Statement()
    if not isinstance(config, dict):
        return Statement()
    inner = config.get("pretrained_cfg")
    values = {**config, **(inner if isinstance(inner, dict) else {}), "architecture": config.get("architecture")}
    return _of_mapping(values, f"the {CONFIG} beside it")


def _of_mapping(values: Mapping[str, Any], by: str) -> Statement:
    named = next((values[key] for key in ("architecture", "timm_name", "model") if values.get(key)), None)
    name, _, tag = named.partition(".") if isinstance(named, str) else ("", "", "")
    architecture = _architecture(name)
    licence = next((values[key] for key in ("license", "licence") if isinstance(values.get(key), str)), None)
    tag = tag or next((values[key] for key in ("tag", "pretrained_tag") if isinstance(values.get(key), str)), "")
    scaling = _of_lists(values.get("mean"), values.get("std", values.get("deviation")))
    known = architecture or licence or scaling
    return Statement(by if known else "", architecture, tag or None, normal_licence(licence), scaling)


def _of_lists(mean: Any, deviation: Any) -> Scaling | None:
    try:
        return Scaling(tuple(map(float, mean)), tuple(map(float, deviation)))
    except (TypeError, ValueError, OverflowError):  # StudyError is a ValueError
        return None


def _merged(first: Statement, second: Statement) -> Statement:
    """What either says; the first where both do."""
    return replace(
        first,
        by=first.by or second.by,
        architecture=first.architecture or second.architecture,
        tag=first.tag or second.tag,
        licence=first.licence or second.licence,
        scaling=first.scaling or second.scaling,
    )


def _of_cfg(cfg: Any) -> Scaling:
    return Scaling(tuple(cfg.mean), tuple(cfg.std))


def _licence(options: Mapping[str, Any], tag: str | None) -> str | None:
    """Of the weights of a tag, else of all that timm knows where they have the same one."""
    licences = {normal_licence(cfg.license) for each, cfg in options.items() if tag in (None, each)}
    return licences.pop() if len(licences) == 1 else None


def normal_licence(text: str | None) -> str | None:
    """A licence as it is written, None where that says nothing."""
    plain = printable((text or "").strip(), 200)
    return None if plain.lower() in UNKNOWN_LICENCES else plain
