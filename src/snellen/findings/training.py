"""Findings about how training went: jobs that failed, training that ended too early or went on too long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from snellen.evaluate.trained_networks import own_split_networks
from snellen.findings.finding import Facts, Finding, Step
from snellen.findings.naming import one_network
from snellen.phrases import loss, loss_limits, p_value, plural
from snellen.statistics.mean_intervals import paired_mean
from snellen.statistics.results import Difference
from snellen.statistics.still_improving import Curve, Improving, still_improving
from snellen.train.overfitting import Losses
from snellen.train.results import JobFolder, Result
from snellen.train.schedules import Constant

NAMED = 3
"""Networks whose numbers are given in one sentence; further ones are only counted."""


def failed_jobs(facts: Facts) -> Iterator[Finding]:
    """SNL101: a model, or some of its networks, whose training failed."""
    for model, planned in facts.record.planned.items():
        if len(planned.seeds) > 1:
            yield from _some_failed(facts, model, "with different seeds", list(planned.seeds.values()))
        else:
            yield from _one_failed(facts, model, planned.job, f"`{model}`")
        yield from _some_failed(facts, model, "in cross-validation", [fold.job for fold in planned.folds])
        for job in planned.final[-1:]:
            yield from _one_failed(facts, model, job, f"The network of `{model}` trained on all rows but the test")


def _one_failed(facts: Facts, model: str, job: str, name: str) -> Iterator[Finding]:
    result = facts.record.folder_of(job).read_result()
    if result is not None and result.status == "failed":
        yield Finding(
            "SNL101",
            "warning",
            f"{name}: training failed: {result.reason}",
            {"model": model, "last_good_epoch": result.epochs},
            f"model-{model}",
        )


def _some_failed(facts: Facts, model: str, what: str, jobs: Sequence[str]) -> Iterator[Finding]:
    results = [facts.record.folder_of(job).read_result() for job in jobs]
    failed: list[Result] = [result for result in results if result is not None and result.status == "failed"]
    if not failed:
        return
    first = facts.record.planned[model].job in jobs and model not in facts.record.done
    follows = (
        f"The network that represents `{model}` is among them, so the model is not ranked."
        if first
        else "Means are over the others, which makes the recipe look better."
    )
    yield Finding(
        "SNL101",
        "warning",
        f"Training failed for {len(failed)} of {plural(len(jobs), 'network')} of `{model}` {what}, the first with: "
        f"{failed[0].reason}. {follows}",
        {"model": model, "networks": len(jobs), "failed": len(failed)},
        f"model-{model}",
    )


def under_trained(facts: Facts) -> Iterator[Finding]:
    """SNL102: training ended while the networks of a model were still improving, see `still_improving`; only under a
    constant learning rate, because a falling one ends by design."""
    for model in facts.record.done:
        phases = facts.record.model(model).train
        train = phases[-1]
        if not isinstance(train.schedule, Constant):
            continue
        folders = [facts.record.folder_of(job) for job in own_split_networks(facts.record, model).values()]
        curves = [curve for folder in folders if (curve := _curve(folder, train.measure, train.epochs)) is not None]
        trend = still_improving(curves) if curves else None
        if trend is not None:
            place = f"train.{len(phases) - 1}" if len(phases) > 1 else "train"
            yield Finding(
                "SNL102",
                "notice",
                _improved(model, trend, curves, train.measure),
                {
                    "model": model,
                    "networks": trend.networks,
                    "last": trend.last,
                    "epochs": len(curves[0].measured),
                }
                | {"better": trend.better, "steps": trend.steps},
                f"model-{model}",
                steps=(Step("longer", f"Train longer: --set models.{model}.{place}.epochs={2 * train.epochs}"),),
            )


def _curve(folder: JobFolder, measure: str, epochs: int) -> Curve | None:
    """The validation measures of a network after each epoch; None without validation images.

    A network that stopped early had stopped improving, or improved by less than the study's `min_delta`: whichever
    epoch it kept, it does not count as one that was still improving at its end.
    """
    predictions, result, history = folder.read_predictions("validation"), folder.read_result(), folder.read_history()
    if predictions is None or predictions.labels is None or not len(predictions) or result is None or not history:
        return None
    losses = np.array([each["validation_loss"] for each in history], float)
    accuracies = np.array([each["validation_accuracy"] for each in history], float)
    right = np.rint(accuracies * len(predictions)).astype(int)
    kept = result.kept_epoch if result.epochs == epochs else 0
    most = int(np.bincount(predictions.labels).max())
    return Curve(losses if measure == "loss" else -accuracies, right, len(predictions), most, kept)


def _improved(model: str, trend: Improving, curves: Sequence[Curve], measure: str) -> str:
    """The result of the test, over all networks of a model."""
    epochs, moved = len(curves[0].measured), "fell" if measure == "loss" else "rose"
    kept, over = f"Of `{model}` the kept epoch is the last of {epochs}", ""
    if trend.networks > 1:
        kept = f"In {trend.last} of {trend.networks} networks of `{model}` the kept epoch is the last of {epochs}"
        over = f"over all {trend.networks} "
    rose = " while accuracy rose by more than chance" if trend.test != "sign test" else ""
    return (
        f"{kept}, and {over}validation {measure} {moved} {trend.better} of the last {trend.steps} times from one "
        f"epoch to the next{rose} ({trend.test}, {p_value(trend.p_value)}): training ended while validation {measure} "
        f"still {moved}."
    )


@dataclass(frozen=True)
class OverFitted:
    """A network that over-fitted from the kept to the last epoch. rise: of validation loss, paired; before, after: its
    training loss, in evaluation mode and without augmentation."""

    kept_epoch: int
    epochs: int
    rise: Difference
    before: float
    after: float


def over_fitting(facts: Facts) -> Iterator[Finding]:
    """SNL115: from the kept to the last epoch validation loss rose (paired, lower limit above 0) while training loss,
    in evaluation mode and without augmentation, fell; in so many of the networks of a model. A gap between the two
    alone is normal.

    A network that kept its last epoch did not over-fit. Networks whose losses after the last epoch were not stored, as
    in old runs, are not counted.
    """
    for model in facts.record.done:
        networks = {
            seed: _over_fitted(folder, result)
            for seed, job in own_split_networks(facts.record, model).items()
            if (result := (folder := facts.record.folder_of(job)).read_result()) is not None
            and (folder.losses.exists() or result.kept_epoch == result.epochs)
        }
        over_fitted = {seed: one for seed, one in networks.items() if one is not None}
        if over_fitted:
            one = next(iter(over_fitted.values()))
            yield Finding(
                "SNL115",
                "notice",
                _rose(model, over_fitted, len(networks), len(facts.record.planned[model].seeds) > 1),
                {
                    "model": model,
                    "kept_epoch": one.kept_epoch,
                    "epochs": one.epochs,
                    "rise": one.rise.value,
                    "train_kept": one.before,
                    "train_last": one.after,
                    "over_fitted": len(over_fitted),
                    "networks": len(networks),
                },
                f"model-{model}",
                steps=(
                    Step("regularise", "More data, augmentation, dropout or weight decay let it train longer."),
                    Step("stop earlier", "`patience` stops earlier and saves time."),
                ),
            )


def _over_fitted(folder: JobFolder, result: Result) -> OverFitted | None:
    """How one network over-fitted; None where it did not."""
    if not folder.losses.exists():
        return None
    losses = Losses.load(folder.losses)
    before, after = (float(each["train"].mean(dtype=np.float64)) for each in (losses.kept, losses.last))
    rise = paired_mean(losses.last["validation"], losses.kept["validation"])
    if rise.low is None or rise.low <= 0 or after >= before:
        return None
    return OverFitted(result.kept_epoch, result.epochs, rise, before, after)


def _rose(model: str, over_fitted: Mapping[int, OverFitted], networks: int, by_seed: bool) -> str:
    """How the networks over-fitted, with the numbers of the first ones."""
    first = list(over_fitted.items())[:NAMED]
    if not by_seed:
        one = first[0][1]
        return f"`{model}` over-fitted after epoch {one.kept_epoch}: {_numbers(one)}. {_kept(one)}"
    numbers = "; ".join(f"that of seed {seed} after epoch {each.kept_epoch}: {_numbers(each)}" for seed, each in first)
    more = f"; and {len(over_fitted) - NAMED} more" if len(over_fitted) > NAMED else ""
    return (
        f"{len(over_fitted)} of {plural(networks, 'network')} of `{model}` over-fitted, {numbers}{more}. The weights "
        "of the earlier epoch were kept for each."
    )


def _numbers(one: OverFitted) -> str:
    return (
        f"up to epoch {one.epochs} the validation loss rose by {loss(one.rise.value)} "
        f"({loss_limits(one.rise.low, one.rise.high)}) while the training loss fell from {loss(one.before)} to "
        f"{loss(one.after)}"
    )


def _kept(one: OverFitted) -> str:
    return f"The weights of epoch {one.kept_epoch} were kept."


def one_class_only(facts: Facts) -> Iterator[Finding]:
    """SNL107: networks that predict the same class for every image: of the study's split, of the folds, and the one
    trained on all rows."""
    for model in facts.record.done:
        planned = facts.record.planned[model]
        yield from _one_class(facts, model, "validation", "", list(own_split_networks(facts.record, model).values()))
        yield from _one_class(facts, model, "held_out", " in cross-validation", [fold.job for fold in planned.folds])
        yield from _one_class(facts, model, "train", " trained on all rows but the test", list(planned.final[-1:]))


def _one_class(facts: Facts, model: str, role: str, which: str, jobs: Sequence[str]) -> Iterator[Finding]:
    """Networks of one kind that predict a single class on a role."""
    known = [stored for job in jobs if (stored := facts.record.folder_of(job).read_predictions(role)) is not None]
    answers = [np.unique(each.predicted) for each in known if len(each) > 1]
    constant = [facts.record.classes[int(each[0])] for each in answers if len(each) == 1]
    if not constant:
        return
    names = ", ".join(dict.fromkeys(constant))
    words = role.replace("_", "-")
    if len(answers) == 1:
        one = f"The network of `{model}`{which}" if which else one_network(facts, model)
        sentence = f"{one} predicts {names} for every {words} image: it did not learn to tell the classes apart."
    else:
        sentence = (
            f"Of {len(answers)} networks of `{model}`{which}, {len(constant)} predict a single class for every {words} "
            f"image ({names}): they did not learn to tell the classes apart."
        )
    yield Finding(
        "SNL107",
        "warning",
        sentence,
        {"model": model, "class": constant[0]}
        | ({"constant": len(constant), "networks": len(answers)} if len(answers) > 1 else {}),
        f"model-{model}",
        steps=(Step("tune", "Try a smaller learning_rate or another initializer."),),
    )
