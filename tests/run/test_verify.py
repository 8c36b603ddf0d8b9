"""Protects `snellen verify`: a changed byte in any stored file is found, numbers are computed again by a second road,
weights and training are repeated to the bit, and what cannot be checked is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from runs import LINEAR, PLAIN, blobs, edit_json, plant, run_small, set_in_json
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from snellen.api import Run
from snellen.cli import app
from snellen.errors import RunError, UnknownName
from snellen.files import hashes
from snellen.files.hashing import digest_file
from snellen.run.verify import JOURNALS, stored_files, verify

CHANGES = 200


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with analyses in a folder that held another study before, so that all kinds of files are there."""
    folder = tmp_path_factory.mktemp("analysed") / "run"
    run_small(folder, models={"linear": LINEAR}, analyses=["errors"])
    run_small(folder, models={"dense": PLAIN}, analyses=["errors", "data"])
    assert (folder / "history/1/report.json").is_file()
    return folder


def outcomes(folder: Path, **options: object) -> dict[str, str]:
    return {check.name: check.outcome for check in verify(folder, **options)}  # type: ignore[arg-type]


def renewed(folder: Path, *names: str) -> None:
    """As somebody would who knows of the hashes: these files get new ones."""
    hashes.note(folder, [folder / name for name in names])


def test_a_run_is_what_was_computed_and_stays_as_it_is(small_run: Run) -> None:
    before = {path: digest_file(path) for path in small_run.folder.rglob("*") if path.is_file()}
    assert set(outcomes(small_run.folder, draw=True).values()) == {"equal"}
    assert {path: digest_file(path) for path in small_run.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("kind", ["seeds_run", "folds_run", "search_run"])
def test_seeds_folds_and_searches_are_what_was_computed(kind: str, request: pytest.FixtureRequest) -> None:
    assert set(outcomes(request.getfixturevalue(kind).folder, draw=True).values()) == {"equal"}


def test_every_stored_file_has_a_hash_or_checksums(analysed: Path) -> None:
    names = {path.relative_to(analysed).as_posix() for path in analysed.rglob("*") if path.stat().st_size}
    files = {name for name in names if (analysed / name).is_file()}
    assert files == {*hashes.hashes(analysed), *JOURNALS}
    assert [(check.outcome, check.details) for check in stored_files(analysed)] == [("equal", ())] * 2


def test_a_changed_byte_in_any_stored_file_is_found(analysed: Path, tmp_path: Path) -> None:
    """Every file at least once; the lock files are empty, so that they have no byte."""
    folder = Path(shutil.copytree(analysed, tmp_path / "run"))
    random = np.random.default_rng(5)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    assert len(files) <= CHANGES
    drawn = [*files, *(files[i] for i in random.integers(len(files), size=CHANGES - len(files)))]
    missed = []
    for path in drawn:
        content = path.read_bytes()
        place, change = int(random.integers(len(content))), int(random.integers(1, 256))
        path.write_bytes(content[:place] + bytes([content[place] ^ change]) + content[place + 1 :])
        if all(check.outcome == "equal" for check in stored_files(folder)):
            missed.append((path, place, change))
        path.write_bytes(content)
    assert not missed
    assert all(check.outcome == "equal" for check in stored_files(folder))


@pytest.mark.parametrize("name", JOURNALS)
def test_a_changed_byte_anywhere_in_a_journal_is_found(name: str, run_copy: Path) -> None:
    path, random = run_copy / name, np.random.default_rng(7)
    content = path.read_bytes()
    last = content[:-1].rfind(b"\n") + 1
    places = {*range(len(content) - 3, len(content)), *random.integers(last, len(content), 20), *range(40)}
    for place in map(int, places):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert any(check.outcome == "differs" for check in stored_files(run_copy)), place
    path.write_bytes(content[:-1])
    assert stored_files(run_copy)[1].outcome == "differs"


def test_a_removed_file_is_found(run_copy: Path) -> None:
    (run_copy / "findings.json").unlink()
    [files] = [check for check in verify(run_copy) if check.name == "stored files"]
    assert files.outcome == "differs" and files.details == ("findings.json: missing",)


def test_a_changed_number_with_a_new_hash_is_found_by_computing_it(run_copy: Path) -> None:
    edit_json(run_copy / "report.json", lambda stored: {**stored, "by": "folds"})
    renewed(run_copy, "report.json")
    found = outcomes(run_copy)
    assert found.pop("report") == "differs"
    assert set(found.values()) == {"equal"}


def test_changed_scores_are_found_by_both_roads(run_copy: Path) -> None:
    import polars as pl

    table = pl.read_parquet(run_copy / "scores.parquet")
    table.with_columns(pl.col("value") + 1e-6).write_parquet(run_copy / "scores.parquet")
    renewed(run_copy, "scores.parquet")
    found = outcomes(run_copy)
    assert (found["stored files"], found["scores"], found["scores by other code"]) == ("equal", "differs", "differs")


def test_predictions_of_other_weights_are_found_with_the_data(run_copy: Path, small_run: Run) -> None:
    job = small_run.record.models["linear"]
    stored = small_run.record.folder_of(job).read_predictions("validation")
    assert stored is not None
    plant(run_copy, job, "validation", np.ones(len(stored), bool))
    found = {check.name: check for check in verify(run_copy)}
    assert found["predictions"].outcome == "differs"
    assert any(detail.startswith(f"jobs/{job}/predictions/validation") for detail in found["predictions"].details)


def rounded(folder: Path, job: str, torch: str | None) -> None:
    """Weights whose last bits differ, with their hash, in a run that names this version of torch."""
    path = folder / f"jobs/{job}/weights.safetensors"
    from safetensors import safe_open

    with safe_open(path, "np") as opened:
        metadata = opened.metadata()
    arrays = {name: array * np.float32(1 + 1e-6) for name, array in load_file(path).items()}
    save_file(arrays, path, metadata)
    result = folder / f"jobs/{job}/result.json"
    sha256 = json.loads(result.read_text(encoding="utf-8"))["sha256"]
    set_in_json(result, sha256={**sha256, "weights.safetensors": digest_file(path)})
    if torch:
        set_in_json(folder / "environment.json", torch=torch)
    renewed(folder, path.relative_to(folder).as_posix(), f"jobs/{job}/result.json", "environment.json")


@pytest.mark.parametrize(("torch", "outcome"), [(None, "differs"), ("2.0.0", "not checked")])
def test_other_bits_are_a_difference_unless_the_machine_is_another(
    torch: str | None, outcome: str, run_copy: Path, small_run: Run
) -> None:
    rounded(run_copy, small_run.record.models["linear"], torch)
    [check] = [check for check in verify(run_copy) if check.name == "predictions"]
    assert check.outcome == outcome
    assert torch is None or "torch 2.0.0 there" in check.details[0]


def test_weights_that_training_does_not_give_are_found(run_copy: Path, small_run: Run) -> None:
    job = small_run.record.models["linear"]
    rounded(run_copy, job, None)
    [check] = [check for check in verify(run_copy, job=job) if check.name == "training"]
    assert check.outcome == "differs" and "weights.safetensors: other bytes" in check.details


def test_without_the_data_the_rest_is_checked(run_copy: Path) -> None:
    text = (run_copy / "resolved.yaml").read_text(encoding="utf-8")
    (run_copy / "resolved.yaml").write_text(text.replace("source: digits", "source: nowhere.npz"), encoding="utf-8")
    found = {check.name: check for check in verify(run_copy, draw=True)}
    assert [found[name].outcome for name in ("data", "predictions", "training")] == ["not checked"] * 3
    assert found["stored files"].outcome == "differs" and found["scores"].outcome == "equal"


def test_images_that_were_in_memory_are_not_looked_for(tmp_path: Path) -> None:
    import snellen

    data = snellen.from_arrays(*blobs(120))
    run_small(tmp_path / "run", data=data, models={"linear": LINEAR}, split={"test": 0.3, "validation": 0.3})
    [check] = [check for check in verify(tmp_path / "run") if check.name == "data"]
    assert (check.outcome, check.details) == (
        "not checked",
        ("the images were given in memory, and no file holds them",),
    )


def test_wrong_use_is_an_error(small_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no finished run"):
        verify(tmp_path)
    with pytest.raises(UnknownName, match="job of this run"):
        verify(small_run.folder, job="../x")


def test_the_exit_code_tells(run_copy: Path) -> None:
    run = CliRunner().invoke
    done = run(app, ["verify", str(run_copy)])
    assert done.exit_code == 0 and "Nothing differs." in done.output
    with open(run_copy / "report.html", "ab") as page:
        page.write(b" ")
    done = run(app, ["verify", str(run_copy), "--json"])
    stored = json.loads(done.output)
    assert done.exit_code == 1 and stored["equal"] is False
    assert stored["checks"][0]["details"] == ["report.html: changed"]
