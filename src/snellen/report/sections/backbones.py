"""What report.json says of the pretrained networks of a run; nothing where there are none."""

from __future__ import annotations

from snellen.evaluate.record import RunRecord
from snellen.models.backbones.layer import Backbone, Preprocessing
from snellen.report.types import BackboneJson, BackbonesJson


def backbones_section(record: RunRecord) -> BackbonesJson | None:
    """The section; None without backbones."""
    stored = record.backbones
    if stored is None:
        return None
    found: list[BackboneJson] = []
    for model in record.done:
        network = record.job(model).read_job().trajectory.network
        placed = network.layers[0]
        layer = placed.layer
        if not isinstance(layer, Backbone):
            continue
        scaling = layer.preprocessing if isinstance(layer.preprocessing, Preprocessing) else None
        about = stored["weights"].get(layer.sha256 or "")
        found.append(
            {
                "model": model,
                "name": layer.architecture,
                "read": layer.place,
                "train": layer.train,
                "output": list(placed.output_shape),
                "resize": layer.resize,
                "mean": list(scaling.mean) if scaling else None,
                "deviation": list(scaling.deviation) if scaling else None,
                "sha256": layer.sha256,
                "origin": about["origin"] if about else None,
                "licence": about["licence"] if about else None,
                "trained_side": about["side"] if about else None,
            }
        )
    return {"models": found, "skipped": stored["skipped"]}
