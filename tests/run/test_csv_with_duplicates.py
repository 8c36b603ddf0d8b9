"""A CSV as Kaggle's of Fashion-MNIST with 43 copies of earlier images: counted, said, and left out where asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from runs import PLAIN, facts_of, findings_of, run_small
from typer.testing import CliRunner

from snellen.cli import app
from snellen.evaluate.record import RunRecord

COPIES = 43


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 digits and copies of the first 43, `label,pixel1..pixel64`."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels, labels = digits.data.astype(int), digits.target
    unique = np.sort(np.unique(pixels, axis=0, return_index=True)[1])[:600]
    rows = np.concatenate([unique, unique[:COPIES]])
    header = ",".join(["label", *(f"pixel{number}" for number in range(1, 65))])
    path = tmp_path_factory.mktemp("kaggle") / "train.csv"
    lines = [",".join(map(str, [labels[row], *pixels[row]])) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("dropped", [True, False])
def test_a_run_says_how_many_copies_there_are(kaggle: Path, tmp_path: Path, dropped: bool) -> None:
    data = {"source": str(kaggle), **({"drop_duplicates": "exact"} if dropped else {})}
    split = {"test": 0.2, "validation": 0.2}
    folder = run_small(tmp_path / "run", data=data, split=split, models={"dense": PLAIN}).folder
    [found] = [one for one in findings_of(folder) if one.code == "SNL104"]
    assert found.values["count"] == COPIES and f"{COPIES} images" in found.sentence
    assert ("the first is used" in found.sentence) is dropped
    record: RunRecord = facts_of(folder).record
    used = 0
    for role in ("train", "validation", "test"):
        predictions = record.predictions("dense", role)
        assert predictions is not None
        used += len(predictions)
    assert used == 600 + (0 if dropped else COPIES)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Exact copies of an earlier image" in page


def test_describe_and_check_say_it_too(kaggle: Path, tmp_path: Path) -> None:
    described = CliRunner().invoke(app, ["data", "describe", str(kaggle)])
    assert described.exit_code == 0 and str(COPIES) in described.output and "copies" in described.output.lower()
