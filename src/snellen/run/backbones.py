"""The pretrained weights of a run: a copy of each file, and their source and licence in backbones.json."""

from __future__ import annotations

from pathlib import Path

from snellen.evaluate.backbones_file import BACKBONES, BackbonesFile, WeightsFacts
from snellen.files import hashes
from snellen.files.atomic import write_bytes, write_json
from snellen.models.pretrained import FOLDER, backbone_path
from snellen.study.backbones import FoundBackbones


def keep_backbones(folder: Path, backbones: FoundBackbones) -> None:
    """Copies the files into the run, and writes backbones.json, if the study has a backbone."""
    if not backbones.weights and not backbones.skipped:
        return
    copies = {backbone_path(folder / FOLDER, sha256): each.path for sha256, each in backbones.weights.items()}
    missing = {path: source for path, source in copies.items() if not path.exists()}
    with hashes.rewriting(folder, [*missing, folder / BACKBONES]):
        for path, source in missing.items():
            write_bytes(path, source.read_bytes())
        write_json(folder / BACKBONES, as_json(backbones))


def as_json(backbones: FoundBackbones) -> BackbonesFile:
    """The content of backbones.json."""
    weights = {
        sha256: WeightsFacts(
            name=backbones.names[sha256],
            origin=each.origin,
            licence=each.licence,
            side=each.side,
            mean=list(each.mean),
            deviation=list(each.deviation),
        )
        for sha256, each in backbones.weights.items()
    }
    return {"weights": weights, "skipped": dict(backbones.skipped)}
