"""Does Snellen work with every Python it promises, and with the lowest versions that pyproject.toml allows?

    python scripts/try_versions.py                              Python 3.11, 3.12, 3.13; then the lowest versions
    python scripts/try_versions.py 3.12                         one Python
    python scripts/try_versions.py lowest                       the lowest versions, on the lowest Python
    python scripts/try_versions.py lowest --keep torch==2.14.1  but this one of these packages

Each trial is a fresh virtual environment: `pip install '.[test]'`, a sample of the tests, `snellen run digits`. A
trial takes about six minutes and 6 GB, which are removed after it. A Python is looked for on PATH, then by `uv`, then
among those of pyenv; one that is nowhere is named, and is no failure. Exits 1 where a trial failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
LOWEST = "lowest"
SAMPLE = ("test_house.py", "test_api.py", "test_cli.py", "data", "files", "search", "report", "conformance")
"""Tests of every library: tables, images, HDF5 and MAT files, networks, searches, figures, the command line."""


def python(version: str) -> Path | None:
    """An interpreter of that version, which answers; None where there is none."""
    return next((path for path in _candidates(version) if _version(path) == version), None)


def _candidates(version: str) -> Iterator[Path]:
    for name in (f"python{version}", "python3", "python"):
        if found := shutil.which(name):
            yield Path(found)
    if uv := shutil.which("uv"):
        done = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        yield Path(done.stdout.strip())
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)


def _version(path: Path) -> str | None:
    """Of an interpreter; None where it does not start, as a shim for a version that is not installed."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def lowest(kept: list[str]) -> list[str]:
    """`name==version` of every lower bound of the dependencies and the extra `test`, but for packages in `kept`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bounds = dict(each.split(">=") for each in [*project["dependencies"], *project["optional-dependencies"]["test"]])
    bounds |= dict(each.split("==") for each in kept)
    return [f"{name}=={version}" for name, version in bounds.items()]


def trial(interpreter: Path, constraints: list[str], tests: list[str]) -> bool:
    """Whether installation, tests and a run pass in a fresh environment; without constraints, the newest versions."""
    with tempfile.TemporaryDirectory(prefix="snellen-versions-") as folder:
        scratch = Path(folder)
        (scratch / "constraints.txt").write_text("\n".join(constraints), encoding="utf-8")
        binaries = scratch / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        environment = {**os.environ, "SNELLEN_CACHE": f"{scratch}/cache", "SNELLEN_RECORDS": f"{scratch}/records"}
        environment.pop("PYTHONPATH", None)
        # Old libraries warn on a new Python; that is no fault of ours, and theirs no more.
        warnings = ["-W", "default"] if constraints else []
        steps: list[list[str | Path]] = [
            [interpreter, "-m", "venv", scratch / "venv"],
            [binaries / "pip", "install", "-q", "-c", scratch / "constraints.txt", f"{ROOT}[test]"],
            [binaries / "snellen", "run", "digits", "--out", scratch / "run"],
            [binaries / "python", "-m", "pytest", "-p", "no:cacheprovider", *warnings, *tests],
        ]
        return all(_done(step, environment) for step in steps)


def _done(command: list[str | Path], environment: dict[str, str]) -> bool:
    print("$", *command, flush=True)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=f"{', '.join(PYTHONS)} or {LOWEST}; all of them")
    parser.add_argument("--keep", nargs="*", default=[], metavar="NAME==VERSION", help="in place of a lowest version")
    parser.add_argument("--tests", nargs="*", default=[f"tests/{name}" for name in SAMPLE], help="the sample")
    given = parser.parse_args()
    outcomes = {}
    for name in given.trials or [*PYTHONS, LOWEST]:
        version, constraints = (PYTHONS[0], lowest(given.keep)) if name == LOWEST else (name, [])
        interpreter = python(version)
        if interpreter is None:
            outcomes[name] = f"no Python {version} found on PATH, by uv or pyenv"
        else:
            outcomes[name] = "passed" if trial(interpreter, constraints, given.tests) else "FAILED"
    for name, outcome in outcomes.items():
        print(f"{name}: {outcome}")
    if "FAILED" in outcomes.values():
        sys.exit(1)


if __name__ == "__main__":
    main()
