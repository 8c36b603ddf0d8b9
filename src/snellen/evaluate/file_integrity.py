"""The stored files that a report and a run that goes on depend on, and which of them were changed or removed after they
were written. Files that a report writes for other programs, report.json and the bundles, are checked when they are
read, and all files by `snellen verify`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from snellen.errors import IdentityError
from snellen.evaluate.record import RunRecord
from snellen.evaluate.reviews_effect import unreviewed_jobs
from snellen.files import hashes
from snellen.files.hashes import Change
from snellen.train.results import JobFolder

EVALUATION = "evaluation.json"
THUMBNAILS = "figures/thumbnails.safetensors"
WRITTEN_BY_RUNS = (
    "resolved.yaml",
    "environment.json",
    "data.json",
    "reviews.csv",
    "reviewed.json",
    "plan.json",
    "floors.json",
    "test-labels.safetensors",
    EVALUATION,
    THUMBNAILS,
    "figures/augmented.safetensors",
)
"""Files that every run of a study writes again, from the study and the images."""
CONTINUED = ("search", "packs", "strategies.json", "costs.json")
"""Files that a later run continues from."""
KEPT = ("jobs", "floors", "analyses", "familiarity")
"""Folders whose finished contents no run changes."""
WRITTEN_BY_REPORTS = ("report.json", "models", "scores.parquet", "epochs.csv", "findings.json", "report.html", "pages")
"""Files that a report writes again without reading them."""
KEPT_FOR_READERS = ("study.yaml", "history")
"""Files that no report and no run reads."""
WEIGHTS = "weights.safetensors"
"""No sentence depends on the weights of a finished job, so a run may be copied without them."""


def covered(run: Path) -> list[Path]:
    """The files that have a hash once a run is finished."""
    there = [run / name for name in (*WRITTEN_BY_RUNS, *CONTINUED)]
    return [*there, *hashes.below(*(run / folder for folder in (*CONTINUED, *KEPT)))]


def release_rewritten(run: Path) -> None:
    """Called before a run: drops the hashes of the files that it may write again. A file that it continues from and
    that was changed keeps its hash, so that the report says so."""
    held = hashes.hashes(run)
    stopped = {folder for folder in (run / "jobs").glob("*") if _was_stopped(folder)}
    continued = {
        name: sha256
        for name, sha256 in held.items()
        if name.split("/")[0] in CONTINUED or (run / name).parent in stopped
    }
    changed = {name for name, change in hashes.changes(run, continued).items() if change == "changed"}
    hashes.release(run, [run / name for name in sorted({*WRITTEN_BY_RUNS, *continued} - changed)])


def _was_stopped(folder: Path) -> bool:
    result = JobFolder(folder).read_result()
    return result is not None and result.status == "stopped"


@dataclass(frozen=True, eq=False)
class StoredFiles:
    """The files of a run that its report depends on, by their path in the run."""

    record: RunRecord

    @cached_property
    def expected(self) -> dict[str, str]:
        """The SHA-256 of each file, from the results, else from hashes.jsonl."""
        known = hashes.hashes(self.record.folder) | self._named_by_results()
        return {name: sha256 for name, sha256 in known.items() if self._is_read(name)}

    @cached_property
    def changes(self) -> dict[str, Change]:
        """The files that were changed or removed. Missing weights, records of packs and measured strategies do not
        count: no sentence depends on them."""
        found = hashes.changes(self.record.folder, self.expected)
        return {name: change for name, change in found.items() if change == "changed" or not _can_be_missed(name)}

    @cached_property
    def without_weights(self) -> list[str]:
        """The weights that were stored and are now missing."""
        named = (name for name in self.expected if name.endswith(f"/{WEIGHTS}"))
        return sorted(name for name in named if not (self.record.folder / name).exists())

    @cached_property
    def uncovered(self) -> list[str]:
        """The files without a hash, in a run that was made before hashes were stored."""
        run = self.record.folder
        names = (path.relative_to(run).as_posix() for path in covered(run) if path.is_file())
        return sorted(name for name in names if name not in self.expected and self._is_read(name))

    @cached_property
    def _folders(self) -> dict[str, JobFolder]:
        """The folders of jobs and baselines, by path."""
        unreviewed = {job for jobs in unreviewed_jobs(self.record).values() for job in jobs.values()}
        jobs = {f"jobs/{job}": self.record.folder_of(job) for job in sorted(self.record.jobs | unreviewed)}
        return jobs | {f"floors/{each.path.name}": each.job for each in self.record.baselines.values()}

    def _named_by_results(self) -> dict[str, str]:
        run, found = self.record.folder, dict[str, str]()
        baselines = {f"floors/{each.path.name}": each.read_result() for each in self.record.baselines.values()}
        for name, folder in self._folders.items():
            result = baselines[name] if name in baselines else folder.read_result()
            for file, sha256 in (folder.digests_of(result) if result is not None else {}).items():
                if not (folder.path / file).resolve().is_relative_to(run.resolve()):
                    where = str(folder.result_path)
                    raise IdentityError("a name that leaves its folder", found=repr(file)[:100], where=where)
                found[f"{name}/{file}"] = sha256
        return found

    def _is_read(self, name: str) -> bool:
        """Whether the report depends on the file: not on files of earlier studies in the directory, nor on files
        written for other programs."""
        parts = name.split("/")
        if parts[0] in WRITTEN_BY_REPORTS + KEPT_FOR_READERS:
            return False
        return parts[0] not in ("jobs", "floors") or "/".join(parts[:2]) in self._folders


def _can_be_missed(name: str) -> bool:
    return name.endswith(f"/{WEIGHTS}") or name.split("/")[0] in ("packs", "strategies.json")
