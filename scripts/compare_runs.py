"""Do two versions of Snellen find the same in the same studies, bit for bit?

    python scripts/compare_runs.py make FOLDER          runs the studies of compared_studies.py into FOLDER
    python scripts/compare_runs.py compare ONE OTHER    compares two such folders, or any two run directories

Compares every stored file but journals and clocks: weights, histories, predictions, baselines, searches, plans, scores,
findings, the report's numbers, the data of its figures, what each analysis stored. A text that has a space in it is
wording; all else is a value. Exits 1 where a value differs, and says by how much, so that rounding can be told from a
mistake. Wording that differs is listed apart and changes the exit code only with --words; but a short phrase, such as a
verdict, must become the same new phrase everywhere, or it counts as a value.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from ruamel.yaml import YAML
from safetensors import safe_open
from safetensors.numpy import load_file

from snellen.study.analyses import Curves
from snellen.study.curves import A_CLASS
from snellen.study.schema import StudyFile

IGNORED_FILES = ("environment.json", "journal.jsonl", "hashes.jsonl", "study.yaml")
IGNORED_FOLDERS = ("history", ".records")
CLOCKS = ("seconds", "time", "made", "step_ms")
MACHINE = ("snellen", "environment", "torch", "processor", "kernels")
CHECKSUMS = ("sha256",)
IGNORED_KEYS = frozenset(CLOCKS + MACHINE + CHECKSUMS)
"""Checksums are of files that are compared themselves."""
SHORT_PHRASE = 40
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
SECONDS = re.compile(r"\d[\d,.]*\s(s|seconds?)\b")
EMBEDDED = re.compile(r'<script type="application/json" id="(\w+)">(.*?)</script>', re.DOTALL)
DATA_SET = re.compile(r"data-[0-9a-f]{32}")
MISSING = "only in one of the two"


def make(folder: Path) -> None:
    """Runs the studies into folder/<study>, and writes the plans of the shipped studies to folder/plans.json."""
    from compared_studies import SHARED, STUDIES

    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty, and what is finished would not run again; name a new folder.")
    os.environ["SNELLEN_RECORDS"] = str(folder / ".records")  # the report counts how often a test was opened before
    import snellen

    for name, sections in STUDIES.items():
        study = snellen.Study(name, data="digits", **{**SHARED, **sections})
        study.run(out=folder / name, device="cpu", threads=1, progress=False)
    (folder / "plans.json").write_text(json.dumps(_shipped_plans(), indent=1) + "\n", encoding="utf-8")


def _shipped_plans() -> dict[str, Any]:
    """The ids of all jobs of each shipped study, planned for random images of the size of its data."""
    from compared_studies import SHIPPED

    import snellen
    from snellen.study.curves import with_curves
    from snellen.study.data_settings import split_of_study
    from snellen.study.plan import plan

    plans = {}
    for name, (side, channels) in SHIPPED.items():
        study = snellen.Study.load(name, _of_few_images(snellen.Study.load(name).file)).file
        images = np.random.default_rng(0).integers(0, 256, (600, side, side, channels), dtype=np.uint8)
        dataset = snellen.from_arrays(
            images, np.arange(600) % 10, class_names=_class_names(study), pixel_range=(0, 255)
        )
        data = split_of_study(study, dataset)
        planned = with_curves(plan(study, data), study, data)
        models = {model: asdict(each) for model, each in planned.models.items()}
        plans[name] = {"models": models, "jobs": [sorted(lane.ids) for lane in planned.lanes]}
    return plans


def _of_few_images(study: StudyFile) -> list[str]:
    """What makes a study fit 600 images: those of the file are more than there are here."""
    shares = {"test": 0.2, "validation": 0.2}
    shares |= {role: 0.2 for role in ("train", "calibration") if getattr(study.split, role) is not None}
    return [
        *(f"split.{role}={share}" for role, share in shares.items()),
        *(
            f"analyses.{place}.curves.values=[1, 2]"
            for place, one in enumerate(study.analyses)
            if isinstance(one, Curves) and one.over == A_CLASS
        ),
    ]


def _class_names(study: StudyFile) -> list[str]:
    """Ten names, those that the study names among them."""
    named = [*(study.data.classes or ()), *(one.class_ for one in study.thresholds if one.class_ is not None)]
    return list(dict.fromkeys([*named, *(f"class {letter}" for letter in "abcdefghij")]))[:10]


@dataclass
class Comparison:
    """What differs. phrases: what each short phrase of a key became, those that stayed too."""

    values: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    phrases: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add_value(self, where: str, what: str) -> None:
        """One difference of a value."""
        self.values.append(f"{where}: {what}")

    def text(self, where: str, key: str, one: str, other: str) -> None:
        """Compares two texts. key: the innermost name of their place."""
        if " " not in one and " " not in other:
            if one != other:
                self.add_value(where, f"{one!r} against {other!r}")
            return
        if len(one) <= SHORT_PHRASE:
            self.phrases[key, one].add(other)
        one, other = (SECONDS.sub("some seconds", each) for each in (one, other))
        if one != other:
            numbers = [sorted(NUMBER.findall(each)) for each in (one, other)]
            note = "" if numbers[0] == numbers[1] else " [OTHER NUMBERS]"
            self.words.append(f"{where}{note}\n    - {one}\n    + {other}")

    def json(self, where: str, key: str, one: Any, other: Any) -> None:
        """Compares two values of JSON: the structure, numbers bit for bit, texts."""
        if isinstance(one, dict) and isinstance(other, dict):
            for name, of_other in self._same_keys(where, one, other):
                self.json(f"{where}/{name}", name, one[name], other[of_other])
        elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
            if len(one) != len(other):
                self.add_value(where, f"{len(one)} against {len(other)} items")
            for place, pair in enumerate(zip(one, other)):
                self.json(f"{where}/{place}", key, *pair)
        elif isinstance(one, str) and isinstance(other, str):
            self.text(where, key, one, other)
        elif type(one) is not type(other) or repr(one) != repr(other):
            self.add_value(where, f"{one!r} against {other!r}")

    def _same_keys(self, where: str, one: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Pairs of the keys of both; keys that are phrases may have another wording in the same place."""
        keys, others = ([name for name in each if name not in IGNORED_KEYS] for each in (one, other))
        if len(keys) == len(others):
            pairs = list(zip(keys, others))
            if all(a == b or (" " in a and " " in b and a not in other and b not in one) for a, b in pairs):
                for a, b in pairs:
                    self.text(f"{where} (a key)", "key", a, b)
                yield from pairs
                return
        for name in [*keys, *others]:
            if (name in one) != (name in other):
                self.add_value(f"{where}/{name}", MISSING)
        yield from ((name, name) for name in keys if name in other)

    def arrays(self, where: str, one: Path, other: Path) -> None:
        """Compares two files of tensors, bit for bit."""
        self.json(f"{where}, metadata", "", _metadata(one), _metadata(other))
        ones, others = load_file(one), load_file(other)
        for key in sorted(ones.keys() | others.keys()):
            a, b = ones.get(key), others.get(key)
            if a is None or b is None:
                self.add_value(f"{where}, {key}", MISSING)
            elif (a.shape, a.dtype) != (b.shape, b.dtype):
                self.add_value(f"{where}, {key}", f"{a.dtype}{a.shape} against {b.dtype}{b.shape}")
            elif a.tobytes() != b.tobytes():
                self.add_value(f"{where}, {key}", _distance(a, b))

    def tables(self, where: str, one: Path, other: Path) -> None:
        """Compares two tables: the columns with their types, then every cell."""
        ones, others = pl.read_parquet(one), pl.read_parquet(other)
        types = [{name: str(kind) for name, kind in each.schema.items()} for each in (ones, others)]
        self.json(f"{where}, types", "type", *types)
        self.json(where, "", ones.to_dict(as_series=False), others.to_dict(as_series=False))

    def inconsistent_phrases(self) -> None:
        """A phrase that became several, or two that became one, is more than another wording."""
        before = defaultdict(set)
        for (key, phrase), others in self.phrases.items():
            if len(others) > 1:
                self.add_value(key, f"{phrase!r} became each of {sorted(others)}")
            for other in others:
                before[key, other].add(phrase)
        for (key, other), phrases in before.items():
            if len(phrases) > 1:
                self.add_value(key, f"each of {sorted(phrases)} became {other!r}")


def compare(one: Path, other: Path) -> Comparison:
    """Compares all files of two folders."""
    found = Comparison()
    names, others = _files(one), _files(other)
    for name in sorted(names ^ others):
        found.add_value(name, MISSING)
    for name in sorted(names & others):
        _compare_files(found, name, one / name, other / name)
    found.inconsistent_phrases()
    return found


def _files(folder: Path) -> set[str]:
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix()
        for name in paths
        if name.name not in IGNORED_FILES and name.suffix != ".lock" and not set(name.parts) & set(IGNORED_FOLDERS)
    }


def _compare_files(found: Comparison, name: str, one: Path, other: Path) -> None:
    if one.suffix == ".safetensors":
        found.arrays(name, one, other)
    elif one.suffix == ".parquet":
        found.tables(name, one, other)
    elif one.suffix in READERS:
        read = READERS[one.suffix]
        found.json(name, "", read(one.read_text("utf-8")), read(other.read_text("utf-8")))
    elif one.read_bytes() != other.read_bytes():
        found.add_value(name, "other bytes")


def _embedded(html: str) -> dict[str, Any]:
    """The data of a page's figures; its sentences stand in report.json too. Vega-Lite names data sets by their hash."""
    names: dict[str, str] = {}
    html = DATA_SET.sub(lambda found: names.setdefault(found[0], f"data-{len(names)}"), html)
    return {name: json.loads(text) for name, text in EMBEDDED.findall(html)}


READERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".yaml": YAML(typ="safe").load,
    ".html": _embedded,
    ".md": str.splitlines,
}


def _metadata(path: Path) -> dict[str, Any]:
    with safe_open(path, "np") as file:
        return dict(file.metadata() or {})


def _distance(one: np.ndarray, other: np.ndarray) -> str:
    if one.dtype.kind != "f":
        return f"{(one != other).sum()} of {one.size} values"
    size = max(float(np.abs(one).max()), 1e-30)
    return f"at most {float(np.abs(one - other).max()) / size:.1e} of the largest value"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("make").add_argument("folder", type=Path)
    both = verbs.add_parser("compare")
    both.add_argument("one", type=Path)
    both.add_argument("other", type=Path)
    both.add_argument("--words", action="store_true", help="wording that differs makes exit code 1 too")
    given = parser.parse_args()
    if given.verb == "make":
        make(given.folder)
        return
    found = compare(given.one, given.other)
    print(*(f"words: {line}" for line in found.words), *found.values, sep="\n")
    both_have = len(_files(given.one) & _files(given.other))
    print(f"{both_have} files in both, {len(found.values)} differences, {len(found.words)} of wording")
    if found.values or not both_have or (given.words and found.words):
        sys.exit(1)


if __name__ == "__main__":
    main()
