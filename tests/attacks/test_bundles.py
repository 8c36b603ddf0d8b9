"""Protects whoever opens a stranger's model: no code runs, no other file is opened, and nothing takes long or much."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attack_cases as cases
import children
import numpy as np
import pytest
from safetensors.numpy import save

from snellen.deploy.load_bundle import load_bundle
from snellen.errors import BundleError
from snellen.files.hashing import digest_arrays
from snellen.models.bundle import DESCRIPTION, FAMILIARITY, WEIGHTS
from snellen.models.fit_training_distance import fit_training_distance
from snellen.models.forward import resident
from snellen.models.training_distance import pack

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and resource limits")
SECONDS, BYTES = 5.0, 256 * 2**20
"""Most that loading one takes: of the processor, and of memory."""
Arrays = dict[str, np.ndarray]
MESSAGE = 1_500
"""Most characters of a refusal."""

FORBIDDEN = (
    *("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.", "socket.", "urllib."),
    *("pickle.", "marshal.", "ctypes.", "code.", "exec", "compile", "import", "shutil.", "tempfile.", "webbrowser."),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod"),
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cases.good_bundle(tmp_path_factory.mktemp("good"))


def judged(good: Path, bundles: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """What loading each bundle comes to, in a child that is watched."""
    report = good.parent / "report.json"
    report.unlink(missing_ok=True)
    child = children.start(judge_all, good, bundles, report)
    child.join(240)
    assert child.exitcode == 0
    found: dict[str, dict[str, Any]] = json.loads(report.read_text())
    return found


def judge_all(good: Path, bundles: dict[str, Path], report: Path) -> None:
    """Runs in the child: loads all bundles under an audit hook and limits, and writes what happened."""
    import resource

    warm_up(good)
    os.chdir(good.parent)
    events: list[str] = []
    watched: list[Path | None] = [None]
    sys.addaudithook(lambda event, arguments: watch(events, watched[0], event, arguments))
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if linux() else 0
    found = {}
    for name, path in bundles.items():
        if linux():
            resource.setrlimit(resource.RLIMIT_AS, (in_use + BYTES, resource.RLIM_INFINITY))
        events.clear()
        watched[0] = path
        begun = time.process_time()
        outcome = judge(path)
        watched[0] = None
        found[name] = {"outcome": outcome, "events": events[:5], "seconds": time.process_time() - begun}
    report.write_text(json.dumps(found))


def linux() -> bool:
    return sys.platform == "linux"


def warm_up(good: Path) -> None:
    """Whatever is imported late is imported now."""
    archive = good.parent / "good.zip"
    archive.write_bytes(cases.zipped([(name, (good / name).read_bytes()) for name in (DESCRIPTION, WEIGHTS)]))
    for path in (good, archive):
        assert judge(path) == judge(good) != "refused"


def watch(events: list[str], path: Path | None, event: str, arguments: tuple[Any, ...]) -> None:
    if path is None:
        return
    if event == "open":
        opened, mode = arguments[0], arguments[1] or "r"
        within = is_of(opened, path) if isinstance(opened, int) else str(opened).startswith(str(path))
        if not within or set(str(mode)) & set("wax+"):
            events.append(f"open {opened} {mode}")
    elif event.startswith(FORBIDDEN):
        events.append(f"{event} {arguments!r}"[:200])


def is_of(descriptor: int, path: Path) -> bool:
    """True for an open file of the bundle."""
    files = [file for file in (path, path / DESCRIPTION, path / WEIGHTS, path / FAMILIARITY) if file.is_file()]
    try:
        return any(os.path.samestat(os.fstat(descriptor), file.stat()) for file in files)
    except OSError:
        return False


def judge(path: Path) -> str:
    """ "refused", the digest of what the model says, or the exception that should not be."""
    try:
        return digest_arrays(load_bundle(path).predict(cases.IMAGES))
    except BundleError as error:
        is_readable = str(error).isprintable() and len(str(error)) < MESSAGE + len(str(path))
        return "refused" if is_readable else f"in words that cannot be read: {str(error)[:300]!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:300]


def assert_harmless(found: dict[str, dict[str, Any]], allowed: set[str], least: int) -> None:
    wrong = {name: each["outcome"] for name, each in found.items() if each["outcome"] not in allowed}
    assert not wrong, "\n".join(f"{name}: {outcome}" for name, outcome in wrong.items())
    assert not {name: each["events"] for name, each in found.items() if each["events"]}
    assert not {name: each["seconds"] for name, each in found.items() if each["seconds"] > SECONDS}
    assert len(found) >= least


@pytest.fixture
def make(good: Path, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Writes a bundle folder with some content replaced; no code in any may have left its mark."""

    def bundle(number: int, description: bytes | None = None, weights: bytes | None = None) -> Path:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / WEIGHTS).write_bytes((good / WEIGHTS).read_bytes() if weights is None else weights)
        (folder / DESCRIPTION).write_bytes(resealed(good, weights) if description is None else description)
        return folder

    yield bundle
    assert not [*good.parent.rglob(cases.MARK), *tmp_path.rglob(cases.MARK), *Path.cwd().glob(cases.MARK)]


def values(good: Path) -> cases.Values:
    stored: cases.Values = json.loads((good / DESCRIPTION).read_bytes())
    return {name: value for name, value in stored.items() if name != "sha256"}


def resealed(good: Path, weights: bytes | None) -> bytes:
    """model.json that names these weights."""
    content = (good / WEIGHTS).read_bytes() if weights is None else weights
    return cases.sealed({**values(good), "weights_sha256": hashlib.sha256(content).hexdigest()})


def test_a_field_that_may_be_missing_changes_no_answer(good: Path, make: Callable[..., Path]) -> None:
    stored = values(good)
    assert stored.keys() >= cases.OPTIONAL
    without = {name: value for name, value in stored.items() if name not in cases.OPTIONAL}
    models = [load_bundle(path) for path in (good, make(0, cases.sealed(without)))]
    shape = (2, *models[0].network.input_shape)
    images = (np.arange(np.prod(shape)) % 17).astype(np.uint8).reshape(shape)
    whole, optional = (model.predict(images) for model in models)
    np.testing.assert_array_equal(whole, optional)


def test_bad_descriptions(good: Path, make: Callable[..., Path]) -> None:
    attacks = dict(cases.description_attacks(values(good)))
    bundles = {name: make(number, content) for number, (name, content) in enumerate(attacks.items())}
    assert_harmless(judged(good, bundles), {"refused"}, 70)


def familiarity_attacks(section: dict[str, Any], arrays: Arrays) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """Sections and arrays that fit their hashes: what they say is what is wrong."""
    content = save(arrays)
    changes: dict[str, dict[str, Any]] = {
        "another layer": {"layer": "dense_99"},
        "a layer that is a number": {"layer": 1},
        "no layer, but its limit": {"layer": None},
        "a layer of a path": {"layer": "../../etc/passwd"},
        "a layer of control characters": {"layer": "\x1b[31m" + "x" * 100},
        "a limit that is text": {"pixel_limit": "1"},
        "a limit that is NaN": {"pixel_limit": float("nan")},
        "a limit below nothing": {"pixel_limit": -1.0},
        "an endless limit": {"layer_limit": 1e400},
        "a rate of everything": {"rate": 1.0},
        "a rate of nothing": {"rate": 0},
        "images that are no number": {"images": "many"},
        "images below nothing": {"images": -5},
        "images without end": {"images": 10**30},
        "another role": {"role": "test"},
        "a key of later": {"kernel": "rbf"},
        "a hash that is none": {"arrays_sha256": "zz"},
    }
    for name, change in changes.items():
        yield name, {**section, **change}, content
    for name, changed in {
        "means that are no numbers": {"pixels.means": np.full_like(arrays["pixels.means"], np.nan)},
        "whitening without end": {"pixels.whitening": np.full_like(arrays["pixels.whitening"], np.inf)},
        "whitening that is not square": {"outputs.whitening": arrays["outputs.whitening"][:-1]},
        "whitening of one number": {"pixels.whitening": np.ones(1, np.float32)},
        "whitening of another size": {"pixels.whitening": np.eye(2_000, dtype=np.float32)},
        "whitening of integers": {"pixels.whitening": arrays["pixels.whitening"].astype(np.int32)},
        "means of doubles": {"pixels.means": arrays["pixels.means"].astype(np.float64)},
        "means of no class": {"outputs.means": arrays["outputs.means"][:0]},
        "means of many classes": {"outputs.means": np.repeat(arrays["outputs.means"], 500, 0)},
        "text": {"pixels.means": np.frombuffer(b"x" * 64, np.uint8)},
    }.items():
        yield name, section, save({**arrays, **changed})
    for number, header in enumerate((2**63, 2**40, 10**6, len(content))):
        yield f"a header of {header} bytes", section, header.to_bytes(8, "little") + content[8:]
        yield f"cut at {number}", section, content[: number * len(content) // 5]
    huge = b'{"pixels.means":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'
    yield "a huge shape", section, len(huge).to_bytes(8, "little") + huge
    deep = b'{"a":' * 2_000 + b"1" + b"}" * 2_000
    yield "a deep header", section, len(deep).to_bytes(8, "little") + deep


def with_familiarity(folder: Path, section: dict[str, Any], content: bytes) -> None:
    """Writes the section and its arrays, whose hash is right where it is not the attack."""
    (folder / FAMILIARITY).write_bytes(content)
    if section.get("arrays_sha256") != "zz":
        section = {**section, "arrays_sha256": hashlib.sha256(content).hexdigest()}
    described = {**values(folder), "version": 2, "sections": {"familiarity": section}}
    (folder / DESCRIPTION).write_bytes(cases.sealed(described))


def fitted(good: Path) -> tuple[dict[str, Any], Arrays]:
    """A section and arrays as a run would give the good bundle."""
    model = load_bundle(good)
    shape, classes = model.network.input_shape, len(model.classes)
    images = np.random.default_rng(0).integers(0, 17, (200, *shape), dtype=np.uint8)
    rows, labels = np.arange(200), np.arange(200) % classes
    parts = (
        model.network,
        model.parameters,
        model.state,
        resident(images),
        labels,
        model.description.input.pixel_range,
    )
    found = fit_training_distance(*parts, rows[:100], rows[100:])
    assert found is not None and found.outputs is not None
    section = {
        "pixel_limit": found.pixels.limit,
        "layer": found.layer,
        "layer_limit": found.outputs.limit,
        "rate": found.rate,
        "role": "validation",
        "images": found.images,
    }
    return section, pack(found)


def test_bad_measures_of_unlike_images(good: Path, make: Callable[..., Path]) -> None:
    section, arrays = fitted(good)
    sound = make(0)
    with_familiarity(sound, section, save(arrays))
    assert load_bundle(sound).training_distance(cases.IMAGES).shape == (len(cases.IMAGES),)
    bundles = {}
    for number, (name, changed, content) in enumerate(familiarity_attacks(section, arrays), 1):
        bundles[name] = make(number)
        with_familiarity(bundles[name], changed, content)
    assert_harmless(judged(good, bundles), {"refused"}, 35)


def test_covariances_that_none_can_have_give_numbers(good: Path, make: Callable[..., Path]) -> None:
    """The file holds W with W W' = the inverse of the covariance, so any W is one of some covariance, or of a limit of
    such: no distance is NaN, and the answers stay."""
    section, arrays = fitted(good)
    size = len(arrays["pixels.whitening"])
    for number, whitening in enumerate((np.zeros((size, size)), -np.eye(size), np.full((size, size), 3e38))):
        folder = make(number)
        with_familiarity(folder, section, save({**arrays, "pixels.whitening": whitening.astype(np.float32)}))
        model = load_bundle(folder)
        probabilities, distances = model.answers(cases.IMAGES)
        np.testing.assert_array_equal(probabilities, load_bundle(good).probabilities(cases.IMAGES))
        assert distances is not None and not np.isnan(distances).any()


def test_bad_weights(good: Path, make: Callable[..., Path]) -> None:
    attacks = dict(cases.weights_attacks((good / WEIGHTS).read_bytes()))
    bundles = {name: make(number, None, content) for number, (name, content) in enumerate(attacks.items())}
    assert_harmless(judged(good, bundles), {"refused"}, 35)


def test_bad_zips(good: Path, tmp_path: Path) -> None:
    attacks = dict(cases.zip_attacks((good / DESCRIPTION).read_bytes(), (good / WEIGHTS).read_bytes()))
    bundles = {name: tmp_path / f"{number}.zip" for number, name in enumerate(attacks)}
    for name, path in bundles.items():
        path.write_bytes(attacks[name])
    assert_harmless(judged(good, bundles), {"refused"}, 20)


def test_zips_that_lie(good: Path, tmp_path: Path) -> None:
    attacks = cases.lying_zips((good / DESCRIPTION).read_bytes(), (good / WEIGHTS).read_bytes())
    bundles = {}
    for number, (name, content) in enumerate(attacks):
        bundles[name] = tmp_path / f"{number}.zip"
        bundles[name].write_bytes(content)
    found = judged(good, bundles)
    assert found.pop("a comment that is a zip")["outcome"] in ("refused", judge(good))
    assert_harmless(found, {"refused"}, 9)


def test_bundles_that_are_not_files(good: Path, tmp_path: Path) -> None:
    assert_harmless(judged(good, dict(cases.folder_attacks(good, tmp_path))), {"refused"}, 20)


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_seeded_damage(good: Path, make: Callable[..., Path], tmp_path: Path, number: int) -> None:
    """Refused, or harmless: the predictions are those of the good bundle, bit for bit."""
    description, weights = (good / DESCRIPTION).read_bytes(), (good / WEIGHTS).read_bytes()
    header = 8 + int.from_bytes(weights[:8], "little")
    archive = cases.zipped([(DESCRIPTION, description), (WEIGHTS, weights)])
    bundles = {f"description {n}": make(n, content) for n, content in enumerate(cases.mutants(description, number, 1))}
    for n, content in enumerate(cases.mutants(weights, number, 2)):
        bundles[f"weights {n}"] = make(number + n, description, content)
    for n, content in enumerate(cases.mutants(weights, number, 3, header)):
        bundles[f"header {n}"] = make(2 * number + n, None, content)
    for n, content in enumerate(cases.mutants(archive, number, 4)):
        bundles[f"zip {n}"] = tmp_path / f"mutant-{n}.zip"
        bundles[f"zip {n}"].write_bytes(content)
    found = judged(good, bundles)
    assert_harmless(found, {"refused", judge(good)}, 4 * number)
    assert sum(each["outcome"] == "refused" for each in found.values()) > 3 * number


def test_the_watcher_sees_what_it_is_there_for(good: Path, tmp_path: Path) -> None:
    events: list[str] = []
    watch(events, tmp_path, "open", (str(tmp_path / "model.json"), "r", 0))
    assert not events
    for event, arguments in (
        ("open", ("/etc/passwd", "r", 0)),
        ("open", (str(tmp_path / "model.json"), "wb", 0)),
        ("open", (3, "r", 0)),
        ("os.system", ("true",)),
        ("subprocess.Popen", ()),
        ("socket.connect", ()),
        ("pickle.find_class", ("os", "system")),
        ("import", ("antigravity",)),
    ):
        watch(events, tmp_path, event, arguments)
    assert len(events) == 8
