"""Model bundles as a stranger might send them: each case changes a good bundle and makes its hashes fit again."""

from __future__ import annotations

import copy
import functools
import hashlib
import io
import json
import os
import pickle
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from snellen.files.hashing import identity
from snellen.models.build import build, parse_layers
from snellen.models.bundle import DESCRIPTION, WEIGHTS, Description, Input, save_bundle
from snellen.models.layers import Dense
from snellen.models.weights import save_weights

LAYERS = [{"conv": {"filters": 2, "kernel": 3}}, "batch_norm", {"skip": ["relu"]}, "flatten", {"dropout": 0.5}]
IMAGES = np.random.default_rng(1).integers(0, 17, (9, 8, 8, 1), dtype=np.uint8)
MARK = "was-here"
"""The file that code in a bundle would make."""


def good_bundle(folder: Path) -> Path:
    network = build(LAYERS, (8, 8, 1), 3)
    save_weights(folder / "w", *network.init((7,)), {"job": "j"})
    weights = (folder / "w").read_bytes()
    description = Description(
        name="m",
        study="s",
        job="j",
        input=Input(height=8, width=8, channels=1, pixel_range=(0, 16)),
        classes=("cat", "dög", "3"),
        layers=(*parse_layers(LAYERS), Dense(units=3)),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    save_bundle(folder / "good", description, weights, "# m\n")
    return folder / "good"


Values = dict[str, Any]


def sealed(values: Values) -> bytes:
    """model.json of these values with the right hash, where they can have one."""
    rest = {name: value for name, value in values.items() if name != "sha256"}
    try:
        return json.dumps({**rest, "sha256": identity(rest)}).encode()
    except ValueError:
        return json.dumps({**rest, "sha256": "0" * 64}).encode()


def at(values: Values, path: str, value: Any) -> Values:
    """A copy with the value at a path such as "input.height" replaced."""
    changed = copy.deepcopy(values)
    node: Any = changed
    *way, last = path.split(".")
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node[step]
    node[int(last) if isinstance(node, list) else last] = value
    return changed


CODE = "__import__('os').system('touch was-here')"
LAYER_ATTACKS: tuple[Any, ...] = (
    CODE,
    {CODE: {}},
    {"lambda": {"code": CODE}},
    {"torch.nn.Linear": {"in_features": 1}},
    {"__class__": "os.system"},
    {"dense": {"units": 3, "kind": "conv"}},
    {"dense": {"units": CODE}},
    {"dense": {"units": -1}},
    {"dense": {"units": 65_536, "initializer": CODE}},
    {"conv": {"filters": 65_536, "kernel": 512, "padding": "same"}},
    {"conv": {"filters": 10**30, "kernel": 1}},
    {"max_pool": {"size": 0}},
    {"skip": []},
    {"skip": None},
    {"dropout": 2},
    {"batch_norm": {"epsilon": 0}},
    {"leaky_relu": True, "relu": {}},
    [],
    None,
    7,
)
FIELD_ATTACKS: tuple[tuple[str, Any], ...] = (
    ("format", "pickle"),
    ("version", 2),
    ("version", "1; drop"),
    ("input.height", 10**9),
    ("input.height", 0),
    ("input.channels", 5),
    ("input.pixel_range", [0, 0]),
    ("input.pixel_range", [16, 0]),
    ("input.pixel_range", [0, float("nan")]),
    ("input.pixel_range", [0, 1e999]),
    ("input.pixel_range", [0]),
    ("classes", []),
    ("classes", ["a", "a", "b"]),
    ("classes", [f"{n}" for n in range(100_000)]),
    ("classes", {"a": 1}),
    ("classes", [1, 2, 3]),
    ("layers", []),
    ("layers", CODE),
    ("layers", [{"dense": 65_536}] * 1_001),
    ("layers", ["flatten", {"dense": 65_536}, {"dense": 65_536}, {"dense": 3}]),
    ("layers", ["flatten", *[{"dense": 30_000}] * 900, {"dense": 3}]),
    ("layers", ["flatten", {"dense": 4}]),
    ("weights_sha256", "0" * 64),
    ("weights_sha256", "../../etc/passwd"),
    ("weights", "/etc/passwd"),
    ("loader", "torch.load"),
    ("name", "x" * 300),
    ("job", None),
)


def deeper(inside: Any, _: int) -> Any:
    """A layer list one skip deeper."""
    return {"skip": [{"skip": ["relu"]}, inside]}


GROWING: dict[str, list[Any]] = {
    "filters": [{"conv": {"filters": 65_536, "kernel": 1}}],
    "few filters on few": [{"conv": {"filters": 64, "kernel": 1}}] * 2,
    "padding": [{"zero_pad": 512}] * 40,
    "padding inside": [{"skip": {"layers": [{"zero_pad": 512}] * 40, "shortcut": [{"zero_pad": 512}] * 40}}],
    "multipliers": [{"depthwise_conv": {"kernel": 1, "depth_multiplier": 512}}] * 900,
    "multipliers inside": [
        {"skip": [{"separable_conv": {"filters": 1, "kernel": 1, "depth_multiplier": 512}}] * 2},
    ],
    "wide pools": [{"max_pool": {"size": 511, "strides": 1, "padding": "same"}}],
    "many wide means": [{"average_pool": {"size": 40, "strides": 1, "padding": "same"}}] * 100,
    "wide window": [{"conv": {"filters": 1, "kernel": 201, "padding": "same"}}],
    "wide depthwise": [{"depthwise_conv": {"kernel": 255, "padding": "same"}}],
    "work": [{"conv": {"filters": 30, "kernel": 3, "padding": "same"}}] * 100,
    "views of work": [{"views": ["flip", "shift"]}, *[{"conv": {"filters": 16, "kernel": 3, "padding": "same"}}] * 20],
    "layers": ["relu"] * 999,
    "layers inside": [{"skip": ["relu"] * 600}] * 2,
    "deep": [functools.reduce(deeper, range(15), "relu")] * 40,
    "whitening": ["whiten"],
    "components": [{"pca": 65_536}],
    "patches": [{"whiten_patches": {"kernel": 512, "keep": 65_536}}],
    "unknown inside": [{"skip": [f"{n:05}"]} for n in range(999)],
    "unknown, many inside": [{"skip": ["re-lu"] * 1_000}] * 100,
}
"""Layers in front of a network for images of 512x512 that would take memory or time without end."""


OPTIONAL = {"tone", "data_sha256"}
"""Fields that a whole model.json may lack."""


def description_attacks(values: Values) -> Iterator[tuple[str, bytes]]:
    """Names and contents of bad model.json files."""
    for number, layer in enumerate(LAYER_ATTACKS):
        yield f"layer {number}", sealed(at(values, "layers.1", layer))
    for number, (path, value) in enumerate(FIELD_ATTACKS):
        changed = at(values, path, value)
        yield f"field {number} {path}", sealed(changed)
    large = at(at(values, "input.height", 512), "input.width", 512)
    for name, layers in GROWING.items():
        yield f"growing {name}", sealed({**large, "layers": [*layers, "flatten", {"dense": 3}]})
    for name in values.keys() - OPTIONAL:
        yield f"no {name}", sealed({key: value for key, value in values.items() if key != name})
    good = sealed(values)
    yield "deep list", b"[" * 300_000
    yield "deep object", b'{"a":' * 150_000
    yield "deep skip", good.replace(b'"flatten"', b'{"skip": [' * 400 + b'"relu"' + b"]}" * 400)
    for depth in (17, 100, 300):
        yield f"skip {depth} deep", sealed(at(values, "layers.2", nested_skip(depth)))
    yield "wide skip", sealed(at(values, "layers.2", {"skip": {"layers": ["relu"] * 90_000}}))
    yield "large", b" " * 2_000_000 + good
    yield "many keys", json.dumps({str(n): n for n in range(90_000)}).encode()
    yield "digits", good.replace(b'"version": 1', b'"version": ' + b"1" * 100_000)
    yield "twice a key", good.replace(b'{"format"', b'{"version": 2, "format"', 1)[:-1] + b', "version": 2}'
    yield "another range, not sealed", good.replace(b"16.0", b"17.0")
    yield "another class, not sealed", good.replace(b'"cat"', b'"dog"')
    yield "pickle", payload()
    yield "yaml", b"!!python/object/apply:os.system ['touch was-here']"
    yield "not UTF-8", good.replace(b'"m"', b'"\xff"')
    for name, text in (("long", "x" * 900_000), ("obeyed by terminals", "\x1b[2J\x1b]0;x\x07")):
        yield f"{name} layer", sealed(at(values, "layers.1", text))
        yield f"{name} layers", sealed(at(values, "layers.1", [text]))
        yield f"{name} argument", sealed(at(values, "layers.1", {"dropout": {text: 1}}))
        yield f"{name} key", sealed({**values, text: 1})
        yield f"{name} format", sealed({**values, "format": text})
    yield "lone surrogate", good.replace(b'"m"', b'"\\ud800"')
    yield "NaN", good.replace(b"16.0", b"NaN")
    yield "empty", b""
    yield "null", b"null"


def nested_skip(depth: int) -> Any:
    layer: Any = "relu"
    for _ in range(depth):
        layer = {"skip": {"layers": [layer]}}
    return layer


class Payload:
    """Unpickling it makes the mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {MARK}",)


def payload(protocol: int = 2) -> bytes:
    return pickle.dumps(Payload(), protocol)


def written(save: Callable[[io.BytesIO], Any]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def weights_attacks(weights: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of bad model.safetensors files."""
    size = int.from_bytes(weights[:8], "little")
    header, data = json.loads(weights[8 : 8 + size]), weights[8 + size :]

    def packed(changed: Any, body: bytes = data) -> bytes:
        text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        return len(text).to_bytes(8, "little") + text + body

    for protocol in range(6):
        yield f"pickle {protocol}", payload(protocol)
    yield "torch.save", written(lambda stream: torch.save({"w": torch.zeros(2)}, stream))
    yield "npz with objects", written(lambda stream: np.savez(stream, w=np.array([Payload()], object)))
    yield "pickle after header", packed({}, payload())
    yield "empty", b""
    yield "cut", weights[:-1]
    yield "trailing", weights + b"\0"
    for length in (0, 7, size - 1, size + 1, 2**31, 2**40, 2**63, 2**64 - 1):
        yield f"header of {length}", struct.pack("<Q", length) + weights[8:]
    yield "deep header", packed(b"[" * 100_000)
    yield "header is a list", packed([])
    first = next(name for name in header if name != "__metadata__")
    for key, value in (
        ("shape", [2**62, 2**62]),
        ("shape", [-1]),
        ("shape", []),
        ("dtype", "F64"),
        ("dtype", "BF16"),
        ("dtype", "O"),
        ("data_offsets", [0, 2**60]),
        ("data_offsets", [8, 0]),
        ("data_offsets", [-8, 0]),
    ):
        yield f"{key} {value}", packed({**header, first: {**header[first], key: value}})
    yield "extra", packed({**header, "evil": {"dtype": "F32", "shape": [0], "data_offsets": [len(data)] * 2}})
    yield "renamed", packed(json.dumps(header).replace(first, "../../" + first).encode())
    yield "none", packed({}, b"")
    for name, number in (("nan", np.nan), ("inf", -np.inf)):
        yield name, weights[:-4] + np.float32(number).tobytes()


def zip_attacks(description: bytes, weights: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of bad archives."""
    pair = [(DESCRIPTION, description), (WEIGHTS, weights)]
    yield "description twice", zipped([*pair, (DESCRIPTION, description)])
    yield "weights twice", zipped([*pair, (WEIGHTS, payload())])
    for prefix in ("../", "/", "..\\", "C:\\", "folder/", "./"):
        yield f"members under {prefix!r}", zipped([(prefix + name, content) for name, content in pair])
    yield "pickle as weights", zipped([pair[0], (WEIGHTS, payload())])
    yield "bomb of weights", zipped([pair[0], (WEIGHTS, bytes(200 * 2**20))])
    yield "bomb of description", zipped([(DESCRIPTION, b" " * 100 * 2**20), pair[1]])
    good = zipped(pair)
    yield "cut", good[: len(good) // 2]
    yield "end only", good[-22:]
    for name, offset, value in (
        ("encrypted", 8, 1),
        ("unknown method", 10, 97),
        ("method 12", 10, 12),
        ("version", 6, 99),
    ):
        start = good.index(b"PK\1\2")
        yield name, good[: start + offset] + struct.pack("<H", value) + good[start + offset + 2 :]
    start = good.rindex(b"PK\1\2")
    for size in (0, 1, 2**31, 2**32 - 1):
        yield f"declares {size}", good[: start + 24] + struct.pack("<I", size) + good[start + 28 :]


def lying_zips(description: bytes, weights: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of archives that declare less than they hold, or make the reader hold much."""
    pair = [(DESCRIPTION, description), (WEIGHTS, weights)]
    for number, name in enumerate((DESCRIPTION, WEIGHTS)):
        bomb = zipped([(each, bytes(600 * 2**20) if each == name else content) for each, content in pair])
        place, declared = -1, len(pair[number][1])
        for _ in range(number + 1):
            place = bomb.index(b"PK\1\2", place + 1)
        yield f"{name} unpacks to more than it declares", _declaring(bomb, place, declared)
    for name, method in (("lzma", zipfile.ZIP_LZMA), ("bzip2", zipfile.ZIP_BZIP2)):
        packed = zipped(pair, method)
        yield name, packed
        if method == zipfile.ZIP_LZMA:  # the size of the dictionary stands behind two versions, a length and a byte
            begin = 30 + len(DESCRIPTION) + 5
            yield "a dictionary of 4 GiB", packed[:begin] + b"\xff" * 4 + packed[begin + 4 :]
    yield "many members", zipped([*pair, *((f"{n}", b"") for n in range(60_000))])
    ended = zipped(pair)
    place = ended.rindex(b"PK\5\6")
    for size in (2**31, 2**32 - 2):
        yield f"a list of {size} bytes", ended[: place + 12] + struct.pack("<I", size) + ended[place + 16 :]
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 2**60, 2**60, 2**62, 0)
    yield "zip64 of 2**62 bytes", ended[:place] + record + locator + ended[place:]
    yield "a comment that is a zip", ended[:-2] + struct.pack("<H", len(ended)) + ended


def _declaring(archive: bytes, place: int, size: int) -> bytes:
    """The archive with the unpacked size of one member of its list changed, here and in front of the member."""
    (offset,) = struct.unpack_from("<I", archive, place + 42)
    changed = bytearray(archive)
    struct.pack_into("<I", changed, place + 24, size)
    struct.pack_into("<I", changed, offset + 22, size)
    return bytes(changed)


def folder_attacks(good: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and paths of bundles that are not made of files alone."""
    number = 0

    def whole() -> Path:
        nonlocal number
        number += 1
        return Path(shutil.copytree(good, folder / f"b{number}"))

    outside = folder / "outside"
    outside.mkdir()
    for name in (DESCRIPTION, WEIGHTS):
        shutil.copy(good / name, outside / name)
        for what, put in (
            ("a named pipe", lambda path: os.mkfifo(path)),
            ("a folder", lambda path: path.mkdir()),
            ("a link out of the bundle", lambda path: path.symlink_to(outside / path.name)),
            ("a link to itself", lambda path: path.symlink_to(path)),
            ("a link to nothing", lambda path: path.symlink_to(folder / "nothing")),
            ("a link to a device", lambda path: path.symlink_to("/dev/zero")),
            ("a file of a terabyte", lambda path: _sparse(path, 2**40)),
            ("a file that is longer", lambda path: _sparse(path, 2**21)),
        ):
            bundle = whole()
            (bundle / name).unlink()
            put(bundle / name)
            yield f"{name} is {what}", bundle
    os.mkfifo(folder / "pipe.zip")
    yield "a named pipe", folder / "pipe.zip"
    yield "a device", Path("/dev/zero")
    yield "a long path", folder / ("x" * 5_000)
    yield "a NUL", folder / "a\0b"
    yield "a lone surrogate", folder / "\ud800"
    (folder / "loop").symlink_to(folder / "loop")
    yield "a link to itself", folder / "loop"
    _sparse(folder / "sparse.zip", 2**40)
    yield "a zip of a terabyte of zeros", folder / "sparse.zip"


def _sparse(path: Path, size: int) -> None:
    with open(path, "wb") as file:
        file.truncate(size)


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name twice
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def mutants(content: bytes, number: int, seed: int, end: int | None = None) -> Iterator[bytes]:
    """Seeded damage before `end`: a bit, a byte, a run of zeros, a cut, a repeat."""
    random = np.random.default_rng(seed)
    for index in range(number):
        place = int(random.integers(end or len(content)))
        size = int(random.integers(1, 20))
        damage: list[Callable[[int, int], bytes]] = [
            lambda p, _: content[:p] + bytes([content[p] ^ 1 << int(random.integers(8))]) + content[p + 1 :],
            lambda p, _: content[:p] + bytes([int(random.integers(256))]) + content[p + 1 :],
            lambda p, n: content[:p] + bytes(n) + content[p + n :],
            lambda p, n: content[:p] + content[p + n :],
            lambda p, n: content[: p + n] + content[p:],
        ]
        yield damage[index % 5](place, size)
