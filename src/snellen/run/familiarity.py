"""Fits, before the report, the distance from the training images of each network that becomes a bundle."""

from __future__ import annotations

from snellen.data.splits.split_data import SplitData
from snellen.evaluate.familiarity import familiarity_path, save_familiarity
from snellen.evaluate.record import RunRecord
from snellen.models.fit_training_distance import fit_training_distance
from snellen.train.run_context import RunContext


def fit_familiarity(record: RunRecord, data: SplitData, context: RunContext) -> None:
    """Fits the distance to the training and validation rows of the study's split, and stores it, unless it is stored
    already. There is none if there are too few validation rows. A network on all rows was trained on the validation
    rows too.
    """
    material, rows = context.material, data.roles.rows
    for model in record.done:
        planned = record.planned[model]
        folder = record.folder_of(planned.shipped)
        result = folder.read_result()
        if (
            familiarity_path(record.folder, planned.shipped).exists()
            or result is None
            or result.status != "done"
            or not folder.has_weights(result)
        ):
            continue
        trajectory = folder.read_job().trajectory
        network, parameters, state = folder.load_network(str(material.images.device))
        fitted = fit_training_distance(
            network,
            parameters,
            state,
            material.images,
            data.sealed.labels,
            trajectory.pixel_range,
            rows["train"],
            rows["validation"],
            held_out=planned.shipped not in planned.final,
        )
        if fitted is not None:
            save_familiarity(record.folder, planned.shipped, fitted)
