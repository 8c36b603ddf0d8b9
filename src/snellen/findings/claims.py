"""The paragraph to copy: what may be claimed, with every condition."""

from __future__ import annotations

from snellen.evaluate.record import RunRecord
from snellen.evaluate.scores import Estimate
from snellen.findings.comparisons import largest_detectable, no_evidence
from snellen.findings.conclusions import opened_words
from snellen.findings.finding import Facts, percent
from snellen.findings.words import listed


def claim(facts: Facts) -> str:
    """What may be claimed of the chosen model."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return "No model was trained to the end, so nothing may be claimed."
    opened = model in evaluation.opened
    estimate = evaluation.standing(model, "test" if opened else "validation")
    if estimate is None or estimate.value is None:
        return "The chosen model has no scores, so nothing may be claimed."
    where = "held-out test images" if opened else "validation images, which also chose the epoch"
    tail = opened_words(evaluation.openings) if opened else "The test was not opened."
    parts = [
        f"{_who(facts, model, opened, estimate)} {percent(estimate.value)} of {estimate.n:,} {where} correctly "
        f"({_covered(estimate)}).",
        *_folds(facts, model),
        *_ties(facts, model),
        tail,
    ]
    return " ".join(parts)


def _who(facts: Facts, model: str, opened: bool, estimate: Estimate) -> str:
    """Which networks, trained on what."""
    record = facts.record
    data, roles, planned = record.data["data"], record.data["roles"]["counts"], record.planned[model]
    if estimate.networks > 1:
        return (
            f"{estimate.networks} networks (`{model}`, seeds {', '.join(map(str, planned.seeds))}), each trained on "
            f"{roles['train']:,} images of {data['name']}, classify on average"
        )
    final = record.folder_of(planned.final[-1]).read_result() if opened and planned.final else None
    if final is not None:
        count = roles["train"] + roles["validation"]
        return (
            f"One network (`{model}`), trained once on {count:,} images of {data['name']} for {final.epochs} epochs (a "
            "number set by cross-validation), classifies"
        )
    return (
        f"One network (`{model}`), trained once on {roles['train']:,} images of {data['name']} for "
        f"{_length(record, model)}, classifies"
    )


def _length(record: RunRecord, model: str) -> str:
    """10 epochs (epoch 9 kept by validation loss); of several phases those of each, and what the last kept."""
    results = [record.folder_of(job).read_result() for job in record.planned[model].phases]
    epochs = " + ".join(str(result.epochs) for result in results if result)
    kept, measure = record.results[model].kept_epoch, record.model(model).last_phase.measure
    if len(results) == 1:
        return f"{epochs} epochs (epoch {kept} kept by validation {measure})"
    return f"{epochs} epochs in {len(results)} phases (epoch {kept} of the last kept by validation {measure})"


def _covered(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "without an interval, for nothing varied"
    limits = f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"
    if estimate.networks > 1:
        return f"95 % interval {limits}, over images and retraining with other seeds"
    return f"95 % Wilson interval {limits}, over images; retraining is not covered"


def _folds(facts: Facts, model: str) -> list[str]:
    """What cross-validation adds: that of the recipe."""
    folds = facts.evaluation.over_folds(model)
    if folds is None or folds.value is None or folds.low is None or folds.high is None:
        return []
    searched = " whose values were searched, in each fold anew, and that were" if facts.record.nested(model) else ""
    return [
        f"Cross-validated, networks{searched} trained in this way classify {percent(folds.value)} of held-out images "
        "correctly "
        f"(95 % interval {100 * folds.low:.1f} to {100 * folds.high:.1f} %, Nadeau and Bengio, over images and "
        "retraining on other rows)."
    ]


def _ties(facts: Facts, model: str) -> list[str]:
    """What may not be claimed of others."""
    pairs = facts.evaluation.comparisons
    level = [one for other in pairs.like(model) if (one := pairs.between(model, other)) is not None]
    judged, apart = [one for one in level if one.kind != "selected"], [one for one in level if one.kind == "selected"]
    said = []
    if judged:
        unknown = [one for one in judged if not one.verdict.equivalent]
        shown = f" {no_evidence(unknown, len(pairs.all))}" if largest_detectable(unknown) is not None else ""
        said.append(f"It was not told apart from {listed([one.b for one in judged])}.{shown}")
    if apart:
        said.append(f"It was not compared with {listed([one.b for one in apart])}: a search chose by the same images.")
    return said
