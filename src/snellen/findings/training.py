"""Findings about how training went: jobs that failed, training that ended too early or went on too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from snellen.evaluate.pairs import paired_mean
from snellen.findings.finding import Facts, Finding, plural
from snellen.train.last import Losses
from snellen.train.results import Result
from snellen.train.schedules import Constant


def failed_jobs(facts: Facts) -> Iterator[Finding]:
    """SNL101: a model, or some of its networks, that was not trained to the end."""
    for model, result in facts.record.results.items():
        if result.status == "failed":
            yield Finding(
                "SNL101",
                "warning",
                f"`{model}` failed: {result.reason}",
                {"model": model, "last_good_epoch": result.epochs},
                f"model-{model}",
            )
            continue
        planned = facts.record.planned[model]
        yield from _some_failed(facts, model, "seeds", list(planned.seeds.values()))
        yield from _some_failed(facts, model, "folds", [fold.job for fold in planned.folds])


def _some_failed(facts: Facts, model: str, what: str, jobs: Sequence[str]) -> Iterator[Finding]:
    results = [facts.record.folder_of(job).read_result() for job in jobs]
    failed: list[Result] = [result for result in results if result is not None and result.status == "failed"]
    if failed:
        yield Finding(
            "SNL101",
            "warning",
            f"Of {plural(len(jobs), 'network')} of `{model}` over its {what}, {len(failed)} failed, the first with: "
            f"{failed[0].reason}. Means are over those that ended well, which flatters the recipe.",
            {"model": model, "networks": len(jobs), "failed": len(failed)},
            f"model-{model}",
        )


def under_trained(facts: Facts) -> Iterator[Finding]:
    """SNL102: the kept epoch is the last, under a constant rate; never under one that falls, which ends by design."""
    for model in facts.record.done:
        phases = facts.record.model(model).train
        result, train = facts.record.results[model], phases[-1]
        if result.kept_epoch == train.epochs and isinstance(train.schedule, Constant):
            place = f"train.{len(phases) - 1}" if len(phases) > 1 else "train"
            yield Finding(
                "SNL102",
                "notice",
                f"`{model}` was still improving: the kept epoch is the last of {train.epochs}.",
                {"model": model, "epochs": train.epochs},
                f"model-{model}",
                f"Train longer: --set models.{model}.{place}.epochs={2 * train.epochs}",
            )


def over_fitting(facts: Facts) -> Iterator[Finding]:
    """SNL115: from the kept to the last epoch validation loss rose (paired, lower limit above 0) while training loss,
    in evaluation mode and without augmentation, fell. A gap between the two alone is normal.

    Silent where the losses of the last epoch were not stored, as in old runs: without them nobody knows.
    """
    for model in facts.record.done:
        folder = facts.record.job(model)
        if not folder.losses.exists():
            continue
        losses, result = Losses.load(folder.losses), facts.record.results[model]
        before, after = (float(each["train"].mean(dtype=np.float64)) for each in (losses.kept, losses.last))
        rise = paired_mean(losses.last["validation"], losses.kept["validation"])
        if rise.low is not None and rise.low > 0 and after < before:
            yield Finding(
                "SNL115",
                "notice",
                f"`{model}` over-fitted after epoch {result.kept_epoch}: up to epoch "
                f"{result.epochs} the validation loss rose by {rise.value:.4f} ({rise.low:.4f} to {rise.high:.4f}) "
                f"while the training loss fell from {before:.4f} to {after:.4f}. The weights of epoch "
                f"{result.kept_epoch} were kept.",
                {
                    "model": model,
                    "kept_epoch": result.kept_epoch,
                    "epochs": result.epochs,
                    "rise": rise.value,
                    "train_kept": before,
                    "train_last": after,
                },
                f"model-{model}",
                "More data, augmentation, dropout or weight decay let it learn longer; `patience` saves the time.",
            )


def one_class_only(facts: Facts) -> Iterator[Finding]:
    """SNL107: a network that says the same of every image."""
    for model in facts.record.done:
        predictions = facts.record.predictions(model, "validation")
        if predictions is not None and len(np.unique(predictions.predicted)) == 1 and len(predictions) > 1:
            name = facts.record.classes[int(predictions.predicted[0])]
            yield Finding(
                "SNL107",
                "warning",
                f"`{model}` calls every validation image {name}: it learned nothing that tells classes apart.",
                {"model": model, "class": name},
                f"model-{model}",
                "Try a smaller learning_rate or another initializer.",
            )
