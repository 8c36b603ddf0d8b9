"""Checks before training that the bundles of a study's models can be loaded."""

from __future__ import annotations

from pydantic import ValidationError

from snellen.data.dataset import Dataset
from snellen.data.inspect.polarity import Polarity
from snellen.errors import StudyError, located
from snellen.models.bundle import Description
from snellen.study.data_settings import input_of
from snellen.study.plan import Plan
from snellen.study.schema import StudyFile


def expect_loadable(study: StudyFile, dataset: Dataset, planned: Plan) -> None:
    """Raises ShapeError, StudyError or BundleError, naming the model, if `load_bundle` would refuse its bundle."""
    layers = {job: lane.trajectory.layers for lane in planned.lanes for job in lane.ids}
    for name, model in planned.models.items():
        with located(f"model {name}"):
            try:
                description = Description(
                    name=name,
                    study=study.study,
                    job=model.job,
                    input=input_of(study, dataset.shape, dataset.pixel_range),
                    classes=dataset.classes,
                    layers=layers[model.job],
                    weights_sha256=dataset.fingerprint,  # any hash: only its length counts
                    tone=Polarity(border=1 / 3, mean=1 / 3),
                    data_sha256=dataset.fingerprint,
                )
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                key = ".".join(map(str, first["loc"])) or None
                raise StudyError(f"a model of it could not be loaded: {first['msg']}", where=key) from None
            description.text()
            description.network()
