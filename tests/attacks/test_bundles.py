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

from snellen.deploy.bundle import load_bundle
from snellen.errors import BundleError
from snellen.files.hashing import digest_arrays
from snellen.models.bundle import DESCRIPTION, FAMILIARITY, WEIGHTS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and resource limits")
SECONDS, BYTES = 5.0, 256 * 2**20
"""Most that loading one takes: of the processor, and of memory."""
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
