"""Findings about stored files: changed, missing or contradicting ones, after which numbers cannot be believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from snellen.evaluate.cross_validation import HELD_OUT
from snellen.evaluate.record import RunRecord
from snellen.explain.analyses import asked, folder_of, networks_of
from snellen.findings.finding import Facts, Finding
from snellen.phrases import plural
from snellen.train.results import JobFolder, Result

ROLES = ("train", "validation", "calibration", HELD_OUT, "test")
LISTED = 3
"""Files without a hash that are named; all are counted."""


@dataclass(frozen=True)
class StoredNetwork:
    """A network in the report. name: what to call it."""

    model: str
    name: str
    job: str
    folder: JobFolder
    result: Result


def stored_networks(record: RunRecord) -> Iterator[StoredNetwork]:
    """Every finished network in the report, each job once."""
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
                yield StoredNetwork(model, name, job, record.folder_of(job), result)


def not_reproduced(facts: Facts) -> Iterator[Finding]:
    """SNL901: the stored weights do not reproduce the score that was logged when they were kept."""
    for each in stored_networks(facts.record):
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
    """SNL902: stored files that were changed or removed: one finding for each network, baseline and analysis, and one
    for the files of the run itself."""
    places: dict[str, list[str]] = {}
    record = facts.record
    of_study = asked(record.study, networks_of(record))
    analyses = {folder_of(record, one).relative_to(record.folder).as_posix() for one in of_study}
    for name, change in facts.stored.changes.items():
        place = _place(name)
        if change == "changed" or not place.startswith("analyses/") or place in analyses:
            places.setdefault(place, []).append(name.removeprefix(f"{place}/"))
    names = {f"jobs/{each.job}": each for each in stored_networks(record)}
    baselines = {f"floors/{folder.path.name}": name for name, folder in record.baselines.items()}
    for place, files in places.items():
        of, values, evidence = "the run", dict[str, object](), "data"
        if place in names:
            of, values, evidence = names[place].name, {"model": names[place].model}, f"model-{names[place].model}"
        elif place in baselines:
            of, values, evidence = f"the baseline `{baselines[place]}`", {"floor": baselines[place]}, "leaderboard"
        elif place:
            of = place
        yield Finding(
            "SNL902",
            "error",
            f"Stored files of {of} were changed or removed after they were written: {', '.join(files)}.",
            {**values, "files": files},
            evidence,
            f"Remove {place or 'the changed files'} and run the study again.",
        )


def _place(name: str) -> str:
    """The folder of the network, baseline, pack or analysis that a file belongs to; empty for other files."""
    parts = name.split("/")
    if parts[0] in ("jobs", "floors", "packs"):
        return "/".join(parts[:2])
    return "/".join(parts[:3]) if parts[0] == "analyses" else ""


def not_covered(facts: Facts) -> Iterator[Finding]:
    """SNL904: stored files without a hash, in a run that was made before there were any."""
    files = facts.stored.uncovered
    if files:
        some = ", ".join(files[:LISTED]) + (", ..." if len(files) > LISTED else "")
        yield Finding(
            "SNL904",
            "notice",
            f"{plural(len(files), 'stored file')} of this run {_have(files)} no hash, as in runs of earlier versions: "
            f"a change would not be noticed ({some}).",
            {"count": len(files)},
            "data",
            "Run the study again: the present files get a hash.",
        )


def without_weights(facts: Facts) -> Iterator[Finding]:
    """SNL905: weights that were removed; the report does not need them, model files do."""
    files = facts.stored.without_weights
    if files:
        yield Finding(
            "SNL905",
            "notice",
            f"The weights of {plural(len(files), 'network')} are no longer stored with this run. The numbers here were "
            "computed with them and remain valid, but model files cannot be written from them again.",
            {"count": len(files)},
            "leaderboard",
            "To train them again, remove their folders in jobs and run the study.",
        )


def _have(files: Sequence[str]) -> str:
    return "has" if len(files) == 1 else "have"


def shared_rows(facts: Facts) -> Iterator[Finding]:
    """SNL903: images with two roles in one network, by the ids in the stored predictions."""
    for each in stored_networks(facts.record):
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
                    f"In both {_words(one)} and {_words(other)} of {each.name}: {plural(len(shared), 'image')}.",
                    {"model": each.model, "roles": [one, other], "count": len(shared)},
                    "roles",
                    "Remove the run directory and run the study again.",
                )


def _words(role: str) -> str:
    return role.replace("_", " ")
