"""The paragraph "What you may claim", with every condition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from snellen.evaluate.networks import Networks, networks_on
from snellen.evaluate.scores import Estimate
from snellen.evaluate.trained_networks import TrainedNetwork, fitted_images, trained
from snellen.findings.chosen_model import test_uses
from snellen.findings.comparisons import largest_detectable, no_evidence
from snellen.findings.finding import Facts
from snellen.findings.naming import what_validation_chose
from snellen.phrases import percent, percent_limits, quoted


def claim(facts: Facts) -> str:
    """What may be claimed about the chosen model and the networks whose predictions are counted."""
    evaluation, model = facts.evaluation, facts.evaluation.chosen
    if model is None:
        return "No training succeeded, so nothing may be claimed."
    opened = model in evaluation.opened
    role = "test" if opened else "validation"
    estimate, networks = evaluation.standing(model, role), networks_on(facts.record, model, role)
    if estimate is None or estimate.value is None or networks is None:
        return "The chosen model has no scores, so nothing may be claimed."
    where = (
        "held-out test images"
        if opened
        else f"validation images, which also chose {what_validation_chose(facts, model)},"
    )
    tail = test_uses(evaluation.openings) if opened else "It was not evaluated on test images."
    parts = [
        f"{_who(facts, model, networks)} {percent(estimate.value)} of {estimate.n:,} {where} correctly "
        f"({_covered(estimate)}).",
        *_divided_test(facts, opened),
        *_folds(facts, model),
        *_ties(facts, model),
        tail,
    ]
    return " ".join(parts)


def _divided_test(facts: Facts, opened: bool) -> list[str]:
    """Whose images the test are, where the validation images are of the official test too."""
    roles = facts.record.data["roles"]
    if "divided_test" not in roles or not opened:
        return []
    counts = roles["counts"]
    taken = counts["validation"] + counts.get("calibration", 0)
    return [
        f"They are one part of the official test of {taken + counts['test']:,} images: the other {taken:,} were the "
        "validation images, so this is no score of the whole official test."
    ]


def _who(facts: Facts, model: str, networks: Networks) -> str:
    """Which networks, trained on what and for how long."""
    record, data = facts.record, facts.record.data["data"]
    each = [one for job in networks.jobs if (one := trained(record, job)) is not None]
    fitted = [count for job in networks.jobs if (count := fitted_images(record, job)) is not None]
    images = f"{_numbers(fitted)} images of {data['name']}"
    several = len(record.planned[model].seeds) > 1 and networks.jobs[0] in record.planned[model].seeds.values()
    if len(networks.jobs) > 1:
        seeds = ", ".join(map(str, networks.seeds))
        return (
            f"{len(networks.jobs)} networks (`{model}`, seeds {seeds}), each trained on {images} for {lengths(each)}, "
            "classify on average"
        )
    name = f"`{model}`, seed {networks.seeds[0]}" if several else f"`{model}`"
    length = lengths(each)
    if networks.jobs[0] in record.planned[model].final:
        judges = "of the study's own split" if record.nested(model) else "of the folds"
        length += f" (the median of the epochs that the networks {judges} kept)"
    return f"One network ({name}), trained once on {images} for {length}, classifies"


def lengths(networks: Sequence[TrainedNetwork]) -> str:
    """10 epochs (epoch 9 kept by validation loss); for several phases those of each, for several networks their
    range."""
    phases = list(zip(*(one.epochs for one in networks), strict=True))
    epochs = " + ".join(_numbers(each) for each in phases)
    unit = "epoch" if epochs == "1" else "epochs"
    whole = f"{epochs} {unit}" + (f" in {len(phases)} phases" if len(phases) > 1 else "")
    by = networks[0].by
    if not any(by):
        return whole
    kept = [f"epoch {_numbers(each)}" for each in zip(*(one.kept for one in networks), strict=True)]
    measures = [f"by validation {measure}" for measure in by]
    if len(set(measures)) == 1:
        return f"{whole} ({', then '.join(kept)} kept {measures[0]})"
    return f"{whole} ({', then '.join(f'{one} kept {measure}' for one, measure in zip(kept, measures))})"


def _numbers(counts: Iterable[int]) -> str:
    """1,078, or 1,077 to 1,079."""
    ends = sorted({*counts})
    return " to ".join(f"{each:,}" for each in dict.fromkeys((ends[0], ends[-1]))) if ends else "an unknown number of"


def _covered(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "without an interval"
    limits = f"{percent_limits(estimate.low, estimate.high)} %"
    if estimate.networks > 1:
        return f"95 % interval {limits}, over images and retraining with other seeds"
    return f"95 % Wilson interval {limits}, over images; retraining is not covered"


def _folds(facts: Facts, model: str) -> list[str]:
    """The result of cross-validation: other networks of the same recipe."""
    folds, estimate = facts.evaluation.folds.get(model), facts.evaluation.over_folds(model)
    if folds is None or estimate is None or estimate.value is None:
        return []
    jobs = [fold for fold in facts.record.planned[model].folds if (fold.repeat, fold.fold) in folds.splits]
    networks = [one for fold in jobs if (one := trained(facts.record, fold.job)) is not None]
    searched = ", with the search repeated in each fold" if facts.record.nested(model) else ""
    seeds = f" with {folds.seeds} seeds each" if folds.seeds > 1 else ""
    limits = "without an interval"
    if estimate.low is not None and estimate.high is not None:
        limits = f"95 % interval {percent_limits(estimate.low, estimate.high)} %, Nadeau and Bengio"
    return [
        f"Cross-validated over {len(folds.splits)} folds{seeds}, {len(jobs)} other networks of this recipe{searched}, "
        f"each trained on {_numbers(fold.num_train for fold in jobs)} images for {lengths(networks)}, classify on "
        f"average {percent(estimate.value)} of the {_numbers(fold.num_held_out for fold in jobs)} images that their "
        f"fold held out correctly ({limits}, over images and retraining on other rows)."
    ]


def _ties(facts: Facts, model: str) -> list[str]:
    """The models that it was not told apart from, as the first screen names them, or not compared with."""
    pairs = facts.evaluation.comparisons
    level = [one for other in pairs.same_letter(model) if (one := pairs.between(model, other)) is not None]
    comparable = [one for one in level if one.kind != "selected"]
    apart = [one for one in level if one.kind == "selected"]
    said = []
    if comparable:
        unknown = [one for one in comparable if not one.verdict.equivalent]
        shown = f" {no_evidence(unknown, len(pairs.all))}" if largest_detectable(unknown) is not None else ""
        said.append(f"It was not told apart from {quoted(one.b for one in comparable)}.{shown}")
    if apart:
        said.append(f"It was not compared with {quoted(one.b for one in apart)}: a search chose by the same images.")
    return said
