"""How the networks of the two sides of a comparison differ: in settings, training rows and training steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snellen.evaluate.chosen_by_search import chosen_by_search, unranked
from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.cross_validation import HELD_OUT, shared
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.trained_networks import phases_of
from snellen.study.assignments import apply_assignment
from snellen.study.differences import Differing, differences
from snellen.study.schema import Model
from snellen.study.search_results import Split

MAIN: Split = (0, 0)
"""The study's own split; those of cross-validation count from 1."""


@dataclass(frozen=True)
class SideDifferences:
    """keys: the settings that differ, by split. equal_rows: whether both sides were trained, and their epochs chosen,
    on the same rows. equal_steps: whether each phase of every network trained for the same epochs and batch size.
    """

    keys: tuple[tuple[Differing, ...], ...]
    equal_rows: bool
    equal_steps: bool

    @property
    def only_key(self) -> Differing | None:
        """The only setting that differs, with the same two values in every split; None if there is no such setting."""
        first = self.keys[0] if self.keys else ()
        return first[0] if len(first) == 1 and all(each == first for each in self.keys) else None


def side_differences(record: RunRecord, comparison: Comparison, ranked: Sequence[str]) -> SideDifferences:
    """The differences between the two sides of a comparison of models.

    ranked: all models that were compared over the same folds.
    """
    a, b = (
        {split: list(jobs) for split, jobs in _jobs(record, comparison, ranked, model)}
        for model in (comparison.a, comparison.b)
    )
    pairs = [(a[split], b[split]) for split in a if split in b]
    keys = tuple(
        tuple(differences(*(_model(record, model, split) for model in (comparison.a, comparison.b))))
        for split in a
        if split in b
    )
    return SideDifferences(
        keys,
        all(len({_rows(record, job) for job in (*of_a, *of_b)}) == 1 for of_a, of_b in pairs),
        len({_steps(record, job) for of_a, of_b in pairs for job in (*of_a, *of_b)}) == 1,
    )


def _jobs(
    record: RunRecord, one: Comparison, ranked: Sequence[str], model: str
) -> Iterator[tuple[Split, Sequence[str]]]:
    """The jobs of one side that were compared, by split: of the folds that all models have; else of the seeds that no
    search ranked by these images, all of them or the first, on test those evaluated there."""
    if one.role == HELD_OUT:
        yield from ((split, networks.jobs) for split, networks in shared(record, ranked)[model].splits.items())
        return
    networks = networks_on(record, model, one.role)
    if networks is not None:
        chosen = chosen_by_search(record, [model]).get(model) if one.role == "validation" else None
        jobs = [networks.jobs[place] for place in unranked(networks.seeds, chosen) or [0]]
        yield MAIN, jobs if one.kind == "recipes" else jobs[:1]


def _model(record: RunRecord, model: str, split: Split) -> Model:
    """A model as it was trained in a split: with the values found by the search inside that split, if there was one."""
    found = record.found.splits.get(model, {}).get(split)
    return apply_assignment(record.study.models[model], found) if found else record.model(model)


def _rows(record: RunRecord, job: str) -> tuple[str, str]:
    """The digests of the rows that a network was trained on and of those that chose its epoch."""
    stored = record.folder_of(job).read_job()
    return stored.trajectory.rows, stored.stop.validation_rows


def _steps(record: RunRecord, job: str) -> tuple[tuple[int, int], ...]:
    """Epochs and batch size of each training phase of a network."""
    folders = [record.folder_of(phase) for phase in phases_of(record, job)]
    results = [folder.read_result() for folder in folders]
    batches = [folder.read_job().trajectory.batch_size for folder in folders]
    return tuple((result.epochs if result else 0, batch) for result, batch in zip(results, batches, strict=True))
