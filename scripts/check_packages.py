"""Do the source and the built distribution install and work, with and without a compiler?

    python scripts/check_packages.py

Needs the package `build`; takes about five minutes and 6 GB, which are removed after it. The sdist must have every file
that git tracks; the wheel must have no C++ source. In a bare environment, outside the checkout, each of these is
installed and `snellen run digits` is run: the wheel with its kernels, the sdist with the compiler, the sdist with a
compiler that fails, the sdist with none on PATH. The kernels must be there in the first two and not in the last two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOT_SHIPPED = (".github/",)
"""What git tracks and no distribution needs."""
HAS_KERNELS = "import sys; from snellen.kernels.library import library; sys.exit(library() is None)"


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel, built into a folder."""
    # From a copy of what git tracks: an old build/ in the checkout would put files into the wheel that are gone.
    checkout = folder / "checkout"
    subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder / "dist", checkout], check=True)
    return next((folder / "dist").glob("*.tar.gz")), next((folder / "dist").glob("*.whl"))


def faults(sdist: Path, wheel: Path) -> list[str]:
    """What lacks in the sdist, and what should not be in the wheel."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in listed.stdout.splitlines() if not name.startswith(NOT_SHIPPED)}
    with tarfile.open(sdist) as archive:
        shipped = {name.partition("/")[2] for name in archive.getnames()}
    names = zipfile.ZipFile(wheel).namelist()
    package = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    sources = {name for name in package if name.endswith((".cpp", ".h", ".inc"))}
    return [
        *(f"the sdist lacks {name}" for name in sorted(tracked - shipped)),
        *(f"the wheel lacks {name}" for name in sorted(package - sources - set(names))),
        *(f"the wheel has {name}" for name in sorted(sources & set(names))),
        *(f"the wheel has {name}" for name in names if not name.startswith(("snellen/", "snellen-"))),
    ]


def works(name: str, package: Path, folder: Path, environment: dict[str, str], *, kernels: bool) -> bool:
    """Whether a package, installed anew over its predecessor, trains the digits, with or without kernels."""
    binaries = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    options = ["--quiet", "--force-reinstall", "--no-deps", "--no-cache-dir"]
    steps: list[list[str | Path]] = [
        [binaries / "python", "-m", "pip", "install", *options, package],
        [binaries / "snellen", "run", "digits", "--out", folder / name],
    ]
    environment = {**environment, "SNELLEN_CACHE": f"{folder}/{name}-cache", "SNELLEN_RECORDS": f"{folder}/records"}
    ran = all(subprocess.run(step, cwd=folder, env=environment, check=False).returncode == 0 for step in steps)
    there = subprocess.run([binaries / "python", "-c", HAS_KERNELS], cwd=folder, env=environment, check=False)
    return ran and (there.returncode == 0) == kernels


def main() -> None:
    """Builds and tries all; exits 1 with the faults."""
    with tempfile.TemporaryDirectory(prefix="snellen-packages-") as name:
        folder = Path(name)
        sdist, wheel = build(folder)
        found = faults(sdist, wheel)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        binaries = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        usual = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run([binaries / "pip", "install", "--quiet", wheel], env=usual, check=True)
        no_compiler = {**usual, "PATH": str(binaries)}
        false = shutil.which("false") or "false"
        cases = {
            "wheel": (wheel, usual, True),
            "sdist": (sdist, usual, True),
            "sdist-failing-compiler": (sdist, {**usual, "CC": false, "CXX": false}, False),
            "sdist-no-compiler": (sdist, no_compiler, False),
        }
        for case, (package, environment, kernels) in cases.items():
            if not works(case, package, folder, environment, kernels=kernels):
                found.append(f"{case}: does not install, run, or have its kernels as it should")
    print("\n".join(found) or f"{sdist.name} and {wheel.name}: complete, and work with and without a compiler")
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main()
