"""Which pretrained networks there are: those that are documented, known without timm, and any other that timm lists.

A network is read at `block1`, `block2`, ...: where timm's `feature_info` says that a stage ends (of VGG after its
pooling, as in Keras), in the order of computation; for networks of convolutions these are the places from which the map
is smaller. `last` is what the network gives to its classifier, before the mean over places. It is always there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from snellen.errors import StudyError, UnknownName, shown
from snellen.models.backbones.networks import (
    INSTALL,
    LAST,
    MEASURED_SIDES,
    ReadPoint,
    expect_timm,
    has_timm,
    least_running_side,
    measured_points,
    meta_network,
    pretrained,
)

NAME = re.compile(r"[A-Za-z0-9_]{1,80}(\.[A-Za-z0-9_]{1,80})?")
"""Of a network of timm, with the tag of its weights after a dot. No address of a hub, URL or path has this form."""
ALMOST = re.compile(r"[\w. -]{1,80}")
NEAREST = 3
KERAS = {
    "resnet50v2": "resnetv2_50",
    "resnet101v2": "resnetv2_101",
    "resnet152v2": "resnetv2_152",
    "mobilenet": "mobilenetv1_100",
    "mobilenetv2": "mobilenetv2_100",
    "mobilenetv3small": "mobilenetv3_small_100",
    "mobilenetv3large": "mobilenetv3_large_100",
    "efficientnetb0": "efficientnet_b0",
    "inceptionv3": "inception_v3",
    "inceptionresnetv2": "inception_resnet_v2",
    "nasnetlarge": "nasnetalarge",
}
"""Names in Keras, in small letters, that are not like those in timm."""


@dataclass(frozen=True)
class Entry:
    """A pretrained network.

    name: in a study. timm_name: in timm, without a tag. tag: which of the weights that timm knows `imagenet` means;
    None where it knows none. least_side: pixels; with less the network does not run, or its last map has no whole
    place (a side below its stride), or its first implementation refuses. fixed_side: the only side that it takes, None
    for any from least_side on. reads: in the order of computation. default_read: the name of one of them. licence: of
    the weights, as timm states it. paper: authors, year and arXiv number, or where it appeared. heads: how the names
    of tensors behind `last` begin: a file of weights need not have them. alike: other networks of timm whose tensors
    have the same names and shapes, but which compute something else with them, and of which weights are published;
    None where that was not looked into.
    """

    name: str
    timm_name: str
    tag: str | None
    least_side: int
    reads: tuple[ReadPoint, ...]
    default_read: str
    licence: str | None
    paper: str
    heads: tuple[str, ...]
    alike: tuple[str, ...] | None = ()
    fixed_side: int | None = None

    @property
    def full_name(self) -> str:
        """timm's name of the network with its tag: `vgg16.tv_in1k`."""
        return f"{self.timm_name}.{self.tag}" if self.tag else self.timm_name


def _points(*channels: int, last: int | None = None, first_stride: int = 2) -> tuple[ReadPoint, ...]:
    """Blocks with these numbers of channels, each of twice the stride of the one before; last: channels, where they are
    not those of the last block."""
    blocks = [ReadPoint(f"block{at + 1}", width, first_stride * 2**at) for at, width in enumerate(channels)]
    return (*blocks, ReadPoint(LAST, last or channels[-1], blocks[-1].stride))


RESNET = "He et al. 2016 (arXiv:1512.03385)"
RESNET_V2 = "He et al. 2016 (arXiv:1603.05027)"

DOCUMENTED = {
    each.name: each
    for each in (
        Entry(
            *("vgg16", "vgg16", "tv_in1k", 32, _points(64, 128, 256, 512, 512), "block4", "bsd-3-clause"),
            paper="Simonyan, Zisserman 2015 (arXiv:1409.1556)",
            heads=("pre_logits.", "head.", "classifier."),
        ),
        Entry(
            *("resnet18", "resnet18", "tv_in1k", 32, _points(64, 64, 128, 256, 512), LAST, "bsd-3-clause", RESNET),
            heads=("fc.",),
        ),
        Entry(
            *("resnet50", "resnet50", "tv_in1k", 32, _points(64, 256, 512, 1024, 2048), LAST, "bsd-3-clause", RESNET),
            heads=("fc.",),
            alike=("resnetaa50", "resnetblur50"),
        ),
        Entry(
            *("resnetv2_50", "resnetv2_50", "a1h_in1k", 32, _points(64, 256, 512, 1024, 2048), LAST, "apache-2.0"),
            paper=RESNET_V2,
            heads=("head.fc.",),
        ),
        Entry(
            *("resnetv2_152", "resnetv2_152", None, 32, _points(64, 256, 512, 1024, 2048), LAST, None, RESNET_V2),
            heads=("head.fc.",),
        ),
        Entry(
            *("xception", "legacy_xception", "tf_in1k", 71, _points(64, 128, 256, 728, 2048), LAST, "apache-2.0"),
            paper="Chollet 2017 (arXiv:1610.02357)",
            heads=("fc.",),
        ),
        Entry(
            *("densenet121", "densenet121", "tv_in1k", 32, _points(64, 256, 512, 1024, 1024), LAST, "apache-2.0"),
            paper="Huang et al. 2017 (arXiv:1608.06993)",
            heads=("classifier.",),
        ),
        Entry(
            *("mobilenetv2_100", "mobilenetv2_100", "ra_in1k", 32, _points(16, 24, 32, 96, 320, last=1280), LAST),
            licence="apache-2.0",
            paper="Sandler et al. 2018 (arXiv:1801.04381)",
            heads=("classifier.",),
        ),
        Entry(
            *("mobilenetv3_small_100", "mobilenetv3_small_100", "lamb_in1k", 32, _points(16, 16, 24, 48, 576), LAST),
            licence="apache-2.0",
            paper="Howard et al. 2019 (arXiv:1905.02244)",
            heads=("conv_head.", "classifier."),
            alike=("tf_mobilenetv3_small_100",),
        ),
        Entry(
            *("efficientnet_b0", "efficientnet_b0", "ra_in1k", 32, _points(16, 24, 40, 112, 320, last=1280), LAST),
            licence="apache-2.0",
            paper="Tan, Le 2019 (arXiv:1905.11946)",
            heads=("classifier.",),
            alike=("tf_efficientnet_b0",),
        ),
        Entry(
            *("tf_efficientnet_lite0", "tf_efficientnet_lite0", "in1k", 32),
            reads=_points(16, 24, 40, 112, 320, last=1280),
            default_read=LAST,
            licence="apache-2.0",
            paper="Tan, Le 2019 (arXiv:1905.11946); Lite: Google 2020",
            heads=("classifier.",),
            alike=("efficientnet_lite0",),
        ),
        Entry(
            *("convnext_atto", "convnext_atto", "d2_in1k", 32, _points(40, 80, 160, 320, first_stride=4), LAST),
            licence="apache-2.0",
            paper="Liu et al. 2022 (arXiv:2201.03545)",
            heads=("head.",),
        ),
    )
}
"""The tags of ResNet and DenseNet are those of plain training: weights of stronger recipes (label smoothing, mixup)
have better ImageNet accuracy and worse frozen features (Kornblith et al. 2019, arXiv:1805.08974)."""


def entry(name: str) -> Entry:
    """The network of this name: a documented one, or one made for any other name that timm lists; `NAME.TAG` names the
    weights, too.

    Raises UnknownName with the nearest names; StudyError for an address or a path, and where timm is missing for a
    network that is not documented.
    """
    if not NAME.fullmatch(name):
        if ALMOST.fullmatch(name):
            raise _unknown("backbone", name, [*DOCUMENTED])
        hint = "Networks are named as timm lists them; weights of your own: `weights: path/to/file.safetensors`."
        expected = f"a name such as {', '.join([*DOCUMENTED][:3])}: letters, digits and _"
        raise StudyError("not the name of a backbone", found=shown(name), expected=expected, hint=hint)
    if name in DOCUMENTED:
        return DOCUMENTED[name]
    plain, _, tag = name.partition(".")
    known = DOCUMENTED.get(plain) or _made(plain)
    return _with_tag(known, tag) if tag else known


def read_points(name: str) -> tuple[ReadPoint, ...]:
    """Where the network of this name can be read, in the order of computation. Raises as `entry`."""
    return entry(name).reads


def _with_tag(known: Entry, tag: str) -> Entry:
    """The same network with other weights. Raises UnknownName for a tag that timm does not know."""
    of = pretrained(known.timm_name)
    if tag not in of:
        raise _unknown("weights", f"{known.name}.{tag}", [f"{known.name}.{each}" for each in of if each])
    return replace(known, name=f"{known.name}.{tag}", tag=tag, licence=of[tag].license)


def _made(name: str) -> Entry:
    """The entry of a network that is not documented, from what timm says of it and from running it without tensors."""
    if not has_timm():
        hint = f"Only {', '.join(DOCUMENTED)} are known without it. {INSTALL}"
        raise StudyError(f"the backbone {shown(name)} needs timm", hint=hint)
    known = expect_timm().list_models()
    if name not in known:
        raise _unknown("backbone", name, [*DOCUMENTED, *(each for each in known if each not in DOCUMENTED)])
    return _measured(name)


@lru_cache(maxsize=64)
def _measured(name: str) -> Entry:
    cfg, of = expect_timm().models.get_pretrained_cfg(name), pretrained(name)
    network = meta_network(name)
    side, fixed = (cfg.input_size[-1], cfg.fixed_input_size) if cfg is not None else (224, False)
    reads = measured_points(name, network, (side,) if fixed else MEASURED_SIDES)
    least = side if fixed else max(least_running_side(network, side), reads[-1].stride)
    chosen = next(iter(of), None)
    return Entry(
        *(name, name, chosen or None, least, reads, LAST),
        licence=of[chosen].license if chosen is not None else None,
        paper=_paper(cfg),
        heads=("pre_logits.", *(f"{each}." for each in _classifiers(cfg))),
        alike=None,
        fixed_side=side if fixed else None,
    )


def _paper(cfg: Any) -> str:
    ids = cfg.paper_ids if cfg is not None else None
    listed = (ids,) if isinstance(ids, str) else tuple(ids or ())
    return ", ".join(listed) or (cfg.origin_url if cfg is not None else None) or ""


def _classifiers(cfg: Any) -> tuple[str, ...]:
    named = cfg.classifier if cfg is not None else None
    return (named,) if isinstance(named, str) else tuple(named or ())


def nearest_names(name: str, known: Iterable[str], number: int) -> list[str]:
    """The known names that are most like this one, at most so many; of equally like ones the first of the alphabet."""
    close = difflib.get_close_matches(name, known, 4 * number, 0.5)
    return sorted(close, key=lambda each: (-difflib.SequenceMatcher(None, each, name).ratio(), each))[:number]


def _unknown(what: str, name: str, known: list[str]) -> UnknownName:
    """The error for a name that is none of these, with the nearest; capital letters make no difference."""
    plain = {each.lower(): each for each in reversed(known)}
    near = [plain[each] for each in nearest_names(name.lower(), plain, NEAREST)]
    if KERAS.get(name.lower()) in known:
        near = [KERAS[name.lower()]]
    hint = f"Did you mean {' or '.join(near)}?" if near else "`timm.list_models()` lists all."
    return UnknownName(f"unknown {what} {shown(name)}", expected="a documented name or one of timm's", hint=hint)
