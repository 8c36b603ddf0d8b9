"""Protects every sentence from speaking of one network with the numbers of another: the claim, the card and where a
model fails are checked against the files of the very jobs that they name, for one network, seeds, folds, phases and
searches."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import PLAIN, SEARCH, edit_json, facts_of, plant, run_small

from snellen.api import Run
from snellen.evaluate.record import RunRecord
from snellen.findings.claims import claim
from snellen.findings.finding import Finding
from snellen.findings.rules import RULES
from snellen.run.flow import report
from snellen.train.job import Job
from snellen.train.results import JobFolder

PHASES: dict[str, Any] = {**PLAIN, "train": [{"epochs": 2}, {"epochs": 3, "augment": [{"shift": 0.1}]}]}
OWN: dict[str, dict[str, Any]] = {
    "phases": {"models": {"m": PHASES}, "seeds": 2},
    "phases and folds": {"models": {"m": PHASES}, "folds": 3, "seeds": 2},
    "folds, sealed": {"models": {"m": PLAIN}, "folds": 3, "open_test": []},
    "nested": {"models": {"m": SEARCH}, "folds": {"count": 3, "nested": True}},
}
"""Runs of this file; the others are shared."""


@pytest.fixture(scope="module")
def own_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        name: run_small(tmp_path_factory.mktemp("named") / "run", **changes).folder for name, changes in OWN.items()
    }


@pytest.fixture
def copy(
    own_runs: dict[str, Path], small_run: Run, seeds_run: Run, folds_run: Run, search_run: Run, tmp_path: Path
) -> Callable[[str], Path]:
    """A copy of the run of that name, to change at will."""
    shared = {"single": small_run, "seeds": seeds_run, "folds and seeds": folds_run, "search": search_run}
    folders = own_runs | {name: run.folder for name, run in shared.items()}
    return lambda name: Path(shutil.copytree(folders[name], tmp_path / "copy"))


ALL = ("single", "seeds", "folds and seeds", "search", *OWN)


def networks_of(folder: Path) -> list[JobFolder]:
    """The networks whose answers the claim counts, by what is stored."""
    record, facts = RunRecord.open(folder), facts_of(folder)
    model = str(facts.evaluation.chosen)
    planned = record.planned[model]
    opened = model in facts.evaluation.opened
    jobs = planned.final[-1:] if opened and planned.final else planned.seeds.values()
    return [record.folder_of(job) for job in jobs]


def chain(network: JobFolder) -> list[dict[str, Any]]:
    """result.json of every phase that led to a network, the first first."""
    found: list[Any] = []
    job: Job | None = network.read_job()
    while job is not None:
        found.append(json.loads((network.path.parent / job.id / "result.json").read_text()))
        job = job.trajectory.start
    return found[::-1]


def ends(values: list[int]) -> str:
    low, high = f"{min(values):,}", f"{max(values):,}"
    return low if low == high else f"{low} to {high}"


def fitted(networks: list[JobFolder]) -> str:
    stored = [network.read_predictions("train") for network in networks]
    return ends([len(each) for each in stored if each is not None])


def epochs(networks: list[JobFolder], which: str) -> list[str]:
    """The trained or kept epochs of each phase, over the networks."""
    return [ends(list(phase)) for phase in zip(*([one[which] for one in chain(each)] for each in networks))]


@pytest.mark.parametrize("name", ALL)
def test_the_claim_is_of_the_networks_that_it_names(name: str, copy: Callable[[str], Path]) -> None:
    folder = copy(name)
    networks, said = networks_of(folder), claim(facts_of(folder))
    who = f"{len(networks)} networks" if len(networks) > 1 else "One network"
    assert said.startswith(who) and f" on {fitted(networks)} images of digits for " in said
    assert f"for {' + '.join(epochs(networks, 'epochs'))} epochs" in said
    if networks[0].read_job().stop.keep == "best":
        kept = ", then ".join(f"epoch {each}" for each in epochs(networks, "kept_epoch"))
        assert f"({kept} kept by validation loss)" in said
    opened = "test images correctly" in said
    role = networks[0].read_predictions("test" if opened else "validation")
    assert role is not None and role.labels is not None
    shares = [
        np.mean(each.predicted == each.labels)
        for network in networks
        if (each := network.read_predictions(role.role)) is not None
    ]
    assert f"{100 * np.mean(shares):.1f} % of {len(role)} " in said


@pytest.mark.parametrize("name", ["folds and seeds", "phases and folds", "nested", "folds, sealed"])
def test_what_cross_validation_adds_is_of_the_networks_of_the_folds(name: str, copy: Callable[[str], Path]) -> None:
    folder = copy(name)
    record, said = RunRecord.open(folder), claim(facts_of(folder))
    [planned] = [record.planned[str(facts_of(folder).evaluation.chosen)]]
    networks = [record.folder_of(fold.job) for fold in planned.folds]
    held = [network.read_predictions("held_out") for network in networks]
    shares = [np.mean(each.predicted == each.labels) for each in held if each is not None]
    assert f"{len(networks)} other networks of this recipe" in said
    assert f"each trained on {fitted(networks)} images for {' + '.join(epochs(networks, 'epochs'))} epochs" in said
    kept = ", then ".join(f"epoch {each}" for each in epochs(networks, "kept_epoch"))
    images = ends([len(each) for each in held if each is not None])
    assert f"({kept} kept by validation loss), classify on average" in said
    assert f"{100 * np.mean(shares):.1f} % of the {images} images that their fold held out correctly" in said


@pytest.mark.parametrize("name", ALL)
def test_the_claim_follows_the_files_of_its_networks_and_no_others(name: str, copy: Callable[[str], Path]) -> None:
    """Other epochs in the files of a network that it names are other words; in those of any other, the same words."""
    folder = copy(name)
    record, before = RunRecord.open(folder), claim(facts_of(folder))
    [first, *_] = networks_of(folder)
    edit_json(first.path / "result.json", lambda stored: {**stored, "epochs": 7171})
    assert "7,171" in claim(facts_of(folder)) and "7,171" not in before
    edit_json(first.path / "result.json", lambda stored: {**stored, "epochs": chain_length(first)})
    model = str(facts_of(folder).evaluation.chosen)
    spoken = {phase for each in networks_of(folder) for phase in phase_ids(each)}
    spoken |= {phase for fold in record.planned[model].folds for phase in phase_ids(record.folder_of(fold.job))}
    others = [job for job in record.planned[model].seeds.values() if job not in spoken]
    assert bool(others) == (name in ("folds and seeds", "phases and folds", "nested"))
    same = claim(facts_of(folder))
    for job in others:
        edit_json(record.folder_of(job).path / "result.json", lambda stored: {**stored, "epochs": 7171})
    assert claim(facts_of(folder)) == same == before


def chain_length(network: JobFolder) -> int:
    """The epochs that a network was trained in its last phase, by its history."""
    return len(network.read_history())


def phase_ids(network: JobFolder) -> list[str]:
    found: list[Any] = []
    job: Job | None = network.read_job()
    while job is not None:
        found.append(job.id)
        job = job.trajectory.start
    return found


def test_where_the_length_of_the_final_network_comes_from(copy: Callable[[str], Path]) -> None:
    assert "(the median of the epochs that the networks of the folds kept)" in claim(facts_of(copy("phases and folds")))


def test_of_a_nested_search_the_length_comes_from_the_study_s_own_split(copy: Callable[[str], Path]) -> None:
    said = claim(facts_of(copy("nested")))
    assert "(the median of the epochs that the networks of the study's own split kept)" in said
    assert "with the search repeated in each fold" in said


def test_a_seed_that_failed_is_not_claimed(copy: Callable[[str], Path]) -> None:
    folder = copy("seeds")
    record = RunRecord.open(folder)
    job = record.planned[str(facts_of(folder).evaluation.chosen)].seeds[2]
    edit_json(record.folder_of(job).path / "result.json", lambda stored: {**stored, "status": "failed", "reason": "x"})
    for role in ("validation", "test"):
        record.folder_of(job).predictions_path(role).unlink()
    said = claim(facts_of(folder))
    assert said.startswith("2 networks (") and "seeds 0, 1)" in said


# the card


@pytest.mark.parametrize("name", ALL)
def test_the_card_is_of_the_network_beside_it(name: str, copy: Callable[[str], Path]) -> None:
    folder = copy(name)
    record = RunRecord.open(folder)
    for model in record.done:
        card = (folder / "models" / model / "card.md").read_text(encoding="utf-8")
        shipped = record.folder_of(json.loads((folder / "models" / model / "model.json").read_text())["job"])
        assert f"trained on {fitted([shipped])} images" in card
        for number, one in enumerate(chain(shipped), 1):
            line = next(each for each in card.splitlines() if "learning rate" in each and phase_of(each) == number)
            if shipped.read_job().stop.keep == "best":
                assert f"epoch {one['kept_epoch']} of {one['epochs']} epochs kept by validation loss" in line
            else:
                assert f"{one['epochs']} epochs, the median of" in line and "kept by validation" not in line
        for role, network, share in re.findall(r"^\| (\w+) \| [\d,]+ \| (.+?) \| ([\d.]+) %", card, re.MULTILINE):
            stored = shipped.read_predictions(role)
            own = (
                stored is not None
                and len(stored)
                and f"{100 * np.mean(stored.predicted == stored.labels):.1f}" == share
            )
            assert bool(own) or network != "this one", (role, network)


def phase_of(line: str) -> int:
    found = re.match(r"Phase (\d+): ", line)
    return int(found[1]) if found else 1


def test_the_card_follows_its_network(copy: Callable[[str], Path]) -> None:
    """After folds the network beside the card is the one on all rows: other epochs of the one of the study's own split
    are not in it."""
    folder = copy("folds and seeds")
    record = RunRecord.open(folder)
    planned = record.planned[str(facts_of(folder).evaluation.chosen)]
    card = folder / "models" / str(facts_of(folder).evaluation.chosen) / "card.md"
    before = card.read_text()
    (folder / "hashes.jsonl").unlink()  # else a changed file is told, and nothing is claimed
    edit_json(record.folder_of(planned.job).path / "result.json", lambda stored: {**stored, "epochs": 7171})
    report(folder)
    assert card.read_text() == before
    edit_json(record.folder_of(planned.final[-1]).path / "result.json", lambda stored: {**stored, "epochs": 72})
    report(folder)
    assert "72 epochs" in card.read_text()


# where it fails


def of_code(folder: Path, code: str) -> Finding:
    [found] = list(RULES[code](facts_of(folder)))
    return found


def of_weakest(folder: Path) -> Finding:
    """The weakest class: SNL121, or SNL007 where no class is weak."""
    [found] = [*RULES["SNL121"](facts_of(folder)), *RULES["SNL007"](facts_of(folder))]
    return found


def test_with_seeds_confusions_and_recalls_are_means_over_all_networks(copy: Callable[[str], Path]) -> None:
    folder = copy("seeds")
    record, model = RunRecord.open(folder), str(facts_of(folder).evaluation.chosen)
    wrong: Counter[tuple[int, int]] = Counter()
    recalls = []
    for job in record.planned[model].seeds.values():
        stored = record.folder_of(job).read_predictions("test")
        assert stored is not None and stored.labels is not None
        pairs = zip(stored.labels.tolist(), stored.predicted.tolist())
        wrong.update(pair for pair in pairs if pair[0] != pair[1])
        recalls.append([np.mean(stored.predicted[stored.labels == code] == code) for code in range(10)])
    worst, weakest = of_code(folder, "SNL006"), of_weakest(folder)
    most = max(wrong.values())
    assert worst.values["most"] == pytest.approx(most / 3, abs=1e-3)
    assert worst.values["mistakes"] == pytest.approx(wrong.total() / 3, abs=1e-3)
    assert set(worst.values["pairs"]) == {f"{a} called {b}" for (a, b), count in wrong.items() if count == most}
    assert weakest.values["value"] == pytest.approx(np.mean(recalls, axis=0).min())
    for each in (worst, weakest):
        assert f"the 3 networks of `{model}`" in each.sentence and each.evidence == f"all-seeds-{model}"
    stored = json.loads((folder / "report.json").read_text())
    [shown] = [one for one in stored["models"] if one["name"] == model]
    together = shown["seeds"]["test"]
    assert together["pairs"][0]["images"] == pytest.approx(most / 3)
    assert min(each["recall"]["value"] for each in together["recalls"]) == pytest.approx(weakest.values["value"])
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert f'id="all-seeds-{model}"' in html and f'href="#all-seeds-{model}"' in html


@pytest.mark.parametrize("seed", [0, 2])
def test_every_seed_bears_on_where_it_fails(seed: int, copy: Callable[[str], Path]) -> None:
    folder = copy("seeds")
    record, model = RunRecord.open(folder), str(facts_of(folder).evaluation.chosen)
    before = of_code(folder, "SNL006").sentence, of_weakest(folder).sentence
    plant(folder, record.planned[model].seeds[seed], "test", np.arange(449) % 2 == 0)
    assert of_code(folder, "SNL006").sentence != before[0] and of_weakest(folder).sentence != before[1]


@pytest.mark.parametrize(("name", "words"), [("folds and seeds", "the network trained on all rows but the test")])
def test_after_folds_the_tested_network_is_named(name: str, words: str, copy: Callable[[str], Path]) -> None:
    folder = copy(name)
    model = facts_of(folder).evaluation.chosen
    for one in (of_code(folder, "SNL002"), of_code(folder, "SNL006"), of_weakest(folder)):
        assert f"`{model}` ({words})" in one.sentence


def test_every_part_of_the_report_names_its_network(copy: Callable[[str], Path]) -> None:
    folder = copy("folds and seeds")
    record = RunRecord.open(folder)
    for model in json.loads((folder / "report.json").read_text())["models"]:
        planned = record.planned[model["name"]]
        named = {role: each["network"] for role, each in model["roles"].items()}
        assert named["validation"] == model["network"] == "the network of seed 0 of the study's own split"
        assert named["out_of_fold"] == "the networks of the folds, seed 0"
        if "test" in named:
            assert planned.final and named["test"] == "the network trained on all rows but the test"


def test_one_network_needs_no_name(copy: Callable[[str], Path]) -> None:
    folder = copy("single")
    for model in json.loads((folder / "report.json").read_text())["models"]:
        assert not model["network"] and not any(each["network"] for each in model["roles"].values())
