"""The very networks behind a comparison, and how those of its two sides differ: in settings, rows and steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snellen.evaluate.comparisons import Comparison
from snellen.evaluate.held_out import HELD_OUT, shared
from snellen.evaluate.networks import networks_on
from snellen.evaluate.record import RunRecord
from snellen.evaluate.searched import chosen_by_search, unranked
from snellen.evaluate.trained import phases_of
from snellen.study.assignments import apply_assignment
from snellen.study.differences import Differing, differences
from snellen.study.schema import Model
from snellen.study.search_results import Split

MAIN: Split = (0, 0)
"""Stands for the study's own split among those of cross-validation, which count from 1."""


@dataclass(frozen=True)
class Compared:
    """What one comparison is of. keys: in which the two sides differ, by split; equal where the same key has the same
    two values in all of them. equal_rows: whether both sides were fitted to the same rows and judged by the same ones.
    equal_steps: whether every phase of every network of both sides trained as many epochs in batches of one size.
    """

    keys: tuple[tuple[Differing, ...], ...]
    equal_rows: bool
    equal_steps: bool

    @property
    def only_key(self) -> Differing | None:
        """The one key in which the two sides differ, everywhere the same; None where there is no such."""
        first = self.keys[0] if self.keys else ()
        return first[0] if len(first) == 1 and all(each == first for each in self.keys) else None


def compared(record: RunRecord, one: Comparison, ranked: Sequence[str]) -> Compared:
    """Of a comparison of two models. ranked: the models of the report, which share the folds of comparisons."""
    a, b = ({split: list(jobs) for split, jobs in _jobs(record, one, ranked, model)} for model in (one.a, one.b))
    pairs = [(a[split], b[split]) for split in a if split in b]
    keys = tuple(
        tuple(differences(*(_model(record, model, split) for model in (one.a, one.b)))) for split in a if split in b
    )
    return Compared(
        keys,
        all(len({_rows(record, job) for job in (*of_a, *of_b)}) == 1 for of_a, of_b in pairs),
        len({_steps(record, job) for of_a, of_b in pairs for job in (*of_a, *of_b)}) == 1,
    )


def _jobs(
    record: RunRecord, one: Comparison, ranked: Sequence[str], model: str
) -> Iterator[tuple[Split, Sequence[str]]]:
    """The networks of one side, by split: those of the folds that all models have; of all seeds that ended well and
    that no search ranked by these images; or the first of these; on test those that it was opened for."""
    if one.role == HELD_OUT:
        yield from ((split, networks.jobs) for split, networks in shared(record, ranked)[model].splits.items())
        return
    networks = networks_on(record, model, one.role)
    if networks is not None:
        chosen = chosen_by_search(record, [model]).get(model) if one.role == "validation" else None
        jobs = [networks.jobs[place] for place in unranked(networks.seeds, chosen) or [0]]
        yield MAIN, jobs if one.kind == "recipes" else jobs[:1]


def _model(record: RunRecord, model: str, split: Split) -> Model:
    """A model as it was trained in a split: with the values that the search inside it found, where there was one."""
    found = record.found.splits.get(model, {}).get(split)
    return apply_assignment(record.study.models[model], found) if found else record.model(model)


def _rows(record: RunRecord, job: str) -> tuple[str, str]:
    """The digests of the rows that a network was fitted to and that chose its epoch."""
    stored = record.folder_of(job).read_job()
    return stored.trajectory.rows, stored.stop.validation_rows


def _steps(record: RunRecord, job: str) -> tuple[tuple[int, int], ...]:
    """Epochs trained and size of a batch, of each phase that led to a network."""
    folders = [record.folder_of(phase) for phase in phases_of(record, job)]
    results = [folder.read_result() for folder in folders]
    batches = [folder.read_job().trajectory.batch_size for folder in folders]
    return tuple((result.epochs if result else 0, batch) for result, batch in zip(results, batches, strict=True))
