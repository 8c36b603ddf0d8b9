"""Findings of severity error: numbers of the report that cannot be believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from snellen.evaluate.held_out import HELD_OUT
from snellen.evaluate.record import RunRecord
from snellen.findings.finding import Facts, Finding, plural
from snellen.train.results import JobFolder, Result

ROLES = ("train", "validation", "calibration", HELD_OUT, "test")


@dataclass(frozen=True)
class Stored:
    """A network that the report speaks of. name: what to call it."""

    model: str
    name: str
    job: str
    folder: JobFolder
    result: Result


def stored(record: RunRecord) -> Iterator[Stored]:
    """Every network that the report speaks of and that is over, each job once."""
    seen: set[str] = set()
    for model, planned in record.planned.items():
        named = [(f"`{model}`", planned.job)]
        named += [(f"`{model}`, seed {seed}", job) for seed, job in planned.seeds.items()]
        named += [(f"`{model}`, fold {each.fold}, seed {each.seed}", each.job) for each in planned.folds]
        named += [(f"`{model}`, on all rows", job) for job in planned.final[-1:]]
        for name, job in named:
            result = record.folder_of(job).read_result() if job not in seen else None
            seen.add(job)
            if result is not None:
                yield Stored(model, name, job, record.folder_of(job), result)


def not_reproduced(facts: Facts) -> Iterator[Finding]:
    """SNL901: the stored weights do not give the score that was logged when they were kept."""
    for each in stored(facts.record):
        result = each.result
        logged = (result.logged_loss, result.logged_accuracy)
        reloaded = (result.reloaded_loss, result.reloaded_accuracy)
        if result.status == "done" and logged != reloaded:
            yield Finding(
                "SNL901",
                "error",
                f"The stored weights of {each.name} do not reproduce the validation score logged at epoch "
                f"{result.kept_epoch}: loss {logged[0]} when logged, {reloaded[0]} from the file.",
                {"model": each.model, "logged_loss": logged[0], "reloaded_loss": reloaded[0]},
                f"model-{each.model}",
                "Do not use these weights; please report it.",
            )


def changed_files(facts: Facts) -> Iterator[Finding]:
    """SNL902: stored weights or predictions that are not what was written."""
    for each in stored(facts.record):
        changed = each.folder.changed_files(each.result)
        if changed:
            yield Finding(
                "SNL902",
                "error",
                f"Stored files of {each.name} were changed or removed after they were written: {', '.join(changed)}.",
                {"model": each.model, "files": changed},
                f"model-{each.model}",
                f"Remove jobs/{each.job} and run the study again.",
            )
    yield from _changed_floors(facts)


def _changed_floors(facts: Facts) -> Iterator[Finding]:
    for name, result in facts.record.floor_results.items():
        folder = facts.record.floors[name]
        changed = folder.job.changed_files(result)
        if changed:
            yield Finding(
                "SNL902",
                "error",
                f"Stored files of the floor `{name}` were changed or removed after they were written: "
                f"{', '.join(changed)}.",
                {"floor": name, "files": changed},
                "leaderboard",
                f"Remove floors/{folder.path.name} and run the study again.",
            )


def shared_rows(facts: Facts) -> Iterator[Finding]:
    """SNL903: images with two roles in one network, by the ids in the stored predictions."""
    for each in stored(facts.record):
        if each.result.status != "done":
            continue
        found = {role: each.folder.read_predictions(role) for role in ROLES}
        ids = {role: set(one.ids.tolist()) for role, one in found.items() if one is not None}
        for one, other in combinations(ids, 2):
            shared = ids[one] & ids[other]
            if shared:
                yield Finding(
                    "SNL903",
                    "error",
                    f"Both in {_words(one)} and in {_words(other)} of {each.name}: {plural(len(shared), 'image')}.",
                    {"model": each.model, "roles": [one, other], "count": len(shared)},
                    "roles",
                    "Remove the run directory and run the study again.",
                )


def _words(role: str) -> str:
    return role.replace("_", " ")
