"""The statement about what looks wrong: the most severe finding in one short sentence, and how many more there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from snellen.findings.data import MANY_NEAR
from snellen.findings.finding import WORST_FIRST, Finding
from snellen.findings.first_screen.statement import MOST_WORDS, Part, Statement, num_words, short
from snellen.phrases import percent, plural, points

Brief = Callable[[Sequence[Finding]], str]
"""The findings of one code and severity, in one sentence."""

SPARED = ("SNL117", "SNL904", "SNL905")
"""Findings that say how data and files are, not that something looks wrong: only counted here."""
BASELINE = "SNL110"
MOST_NAMED = 2
"""Models or classes that are named in a sentence."""


def _counted(one: str, several: str) -> Brief:
    """A sentence about one image, or about a count of images: {images} is filled."""

    def brief(found: Sequence[Finding]) -> str:
        count = sum(int(each.values["count"]) for each in found)
        return (one if count == 1 else several).format(images=plural(count, "image"))

    return brief


def _of_models(one: str, several: str) -> Brief:
    """A sentence about one model, or about several: {models} is filled."""
    return lambda found: (one if len(_models(found)) == 1 else several).format(models=_names(_models(found)))


def _models(found: Sequence[Finding]) -> list[str]:
    """The models that findings are about, each once."""
    named = [one.values.get("model") or one.values.get("floor") for one in found]
    return list(dict.fromkeys(str(each) for each in named if each))


def _names(models: Sequence[str]) -> str:
    if len(models) > MOST_NAMED:
        return f"{len(models)} models"
    return " and ".join(f"`{short(each)}`" for each in models)


def _unscaled(found: Sequence[Finding]) -> str:
    if _models(found):
        see = "see" if len(_models(found)) > 1 else "sees"
        return f"{_names(_models(found))} {see} pixel values far above 1: values near 1 train faster and more surely."
    return "The pixels do not fit their `pixel_range`: networks see values that are far too large or all but black."


def _almost_copies(found: Sequence[Finding]) -> str:
    count, fewest = found[0].values["count"], found[0].values["fewest"]
    many = "so scores may be a little high" if count >= MANY_NEAR * fewest else "too few to change a score"
    repeat = "repeats" if count == 1 else "repeat"
    return f"{plural(count, 'image')} nearly {repeat} across training, validation and test, {many}."


def _few_test_images(found: Sequence[Finding]) -> str:
    few: Mapping[str, int] = found[0].values["classes"]
    if "no test images" in found[0].sentence:
        return "There are no test images: how good the model is on new images is not known."
    names = [short(name) for name in few]
    whom = " and ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} classes"
    return f"{whom} {'has' if len(names) == 1 else 'have'} so few test images that their scores say little."


def _slice(found: Sequence[Finding]) -> str:
    values = found[0].values
    gap = abs(values["difference"]["value"])
    return f"It is weaker on one kind of images ({short(values['name'])}), by {points(gap)}."


def _too_sure(found: Sequence[Finding]) -> str:
    gap = points(found[0].values["gap"])
    return f"It overstates its confidence: the probabilities that it gives are {gap} too high on average."


def _brittle(found: Sequence[Finding]) -> str:
    names = [name.replace("_", " ") for name in found[0].values["corruptions"]]
    whom = " and ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} kinds of corruption"
    return f"Images changed by {whom} cost it more accuracy than other changes do."


def _disagrees(found: Sequence[Finding]) -> str:
    values = found[0].values
    return (
        f"Cross-validation ({percent(values['folds'])}) and {values['role']} images ({percent(values['value'])}) "
        "disagree by more than chance: look for copies, another kind of images, or fewer training images."
    )


def _suspected(found: Sequence[Finding]) -> str:
    values = found[0].values
    return f"{values['suspected']:,} of {plural(values['images'], 'label')} look wrong: review them on their page."


def _edge(found: Sequence[Finding]) -> str:
    path = str(found[0].values["path"]).rpartition(".")[2]
    return f"The best `{path}` is at the end of the range that was searched: a better one may lie beyond."


def _changed(found: Sequence[Finding]) -> str:
    files = sum(len(one.values["files"]) for one in found)
    have = "was" if files == 1 else "were"
    return f"{plural(files, 'stored file')} {have} changed or removed: do not rely on this report."


def _test_as_validation(found: Sequence[Finding]) -> str:
    if found[0].severity == "error":
        return "The test images also chose the model: the test score is too good."
    return "The validation images are a part named test: no score on them is a test score."


def _both_ways(found: Sequence[Finding]) -> str:
    a, b = (short(name) for name in found[0].values["classes"])
    return f"It confuses {a} and {b} both ways: are these two classes clearly different?"


def _imbalance(found: Sequence[Finding]) -> str:
    largest, smallest = (short(name) for name in found[0].values["classes"])
    ratio = f"{found[0].values['ratio']:.1f}"
    return f"{largest} has {ratio} times the training images of {smallest}: look at recalls, not only at accuracy."


def _dead_units(found: Sequence[Finding]) -> str:
    values = found[0].values
    are = "is" if values["dead"] == 1 else "are"
    return f"{values['dead']:,} of {values['units']:,} hidden units of `{short(values['model'])}` {are} dead."


def _worse_than_baseline(found: Sequence[Finding]) -> str:
    names, are = _names(_models(found)), "are" if len(_models(found)) > 1 else "is"
    if found[0].severity == "warning":
        it = "them" if are == "are" else "it"
        return f"{names} {are} worse than the best baseline: change the settings, or leave {it} out."
    return f"{names} {are} not shown to be better than the best baseline."


BRIEFS: Mapping[str, Brief] = {
    "SNL903": _counted(
        "One image had two roles at once, such as training and test: do not believe the scores.",
        "{images} had two roles at once, such as training and test: do not believe the scores.",
    ),
    "SNL902": _changed,
    "SNL901": _of_models(
        "The stored weights of {models} do not give the score that was logged: do not use them.",
        "The stored weights of {models} do not give the scores that were logged: do not use them.",
    ),
    "SNL126": _test_as_validation,
    "SNL130": _unscaled,
    "SNL105": _counted(
        "One image has the same pixels as another but a different label: correct the labels.",
        "{images} have the same pixels as another but a different label: correct the labels.",
    ),
    "SNL140": _suspected,
    "SNL114": _disagrees,
    "SNL119": lambda found: "Calibration and test images do not look alike, so certified thresholds need not hold.",
    "SNL107": _of_models(
        "{models} gives the same answer for every image: it learned nothing. Try a smaller learning rate.",
        "{models} give the same answer for every image: they learned nothing. Try a smaller learning rate.",
    ),
    "SNL101": _of_models("Training of {models} failed.", "Training failed: {models}."),
    "SNL127": lambda found: f"The {found[0].values['role']} part has another mix of classes than the training images.",
    "SNL125": lambda found: "A validation part is not used: it repeats the images of other parts.",
    "SNL131": _counted("One image could not be read and is left out.", "{images} could not be read and are left out."),
    "SNL109": _almost_copies,
    "SNL106": _few_test_images,
    "SNL118": _too_sure,
    "SNL120": _brittle,
    "SNL116": _slice,
    "SNL108": lambda found: (
        "The test images were used in earlier runs: if anything was changed after seeing those results, the score is "
        "too high."
    ),
    "SNL112": _of_models(
        "The search of {models} never stopped a trial early: give it more epochs or trials.",
        "The searches of {models} never stopped a trial early: give them more epochs or trials.",
    ),
    "SNL122": _both_ways,
    "SNL123": _imbalance,
    "SNL129": _of_models(
        "{models} takes far longer than a baseline, and is not shown to be better.",
        "{models} take far longer than a baseline, and are not shown to be better.",
    ),
    "SNL171": _of_models(
        "{models} predicts far slower than another model, and is not shown to be better.",
        "{models} predict far slower than another model, and are not shown to be better.",
    ),
    "SNL128": _dead_units,
    "SNL124": _counted(
        "One image is of one colour only: look whether its file is damaged.",
        "{images} are of one colour only: look whether the files are damaged.",
    ),
    "SNL110": _worse_than_baseline,
    "SNL115": _of_models(
        "{models} over-fitted after its best epoch; the weights of that epoch were kept.",
        "{models} over-fitted after their best epochs; the weights of those epochs were kept.",
    ),
    "SNL102": _of_models(
        "Training of {models} ended while it still improved: train it longer.",
        "Training of {models} ended while they still improved: train them longer.",
    ),
    "SNL111": _edge,
    "SNL113": lambda found: "Models that differ in one setting cannot be compared fairly here: see what is missing.",
    "SNL103": _counted(
        "One image outside an official part of the data was an exact copy of one in it, and is left out.",
        "{images} outside an official part of the data were exact copies of images in it, and are left out.",
    ),
    "SNL104": _counted(
        "One image is an exact copy of an earlier one; both were kept in the same part.",
        "{images} are exact copies of an earlier image; copies were kept in the same part.",
    ),
}
"""One sentence for the findings of a code, of equally severe ones the most important first: those about whether the
numbers can be believed, then about the chosen model, then about others. A code without one is said in the first
sentence of its first finding, and stands before these."""


def what_looks_wrong(others: Sequence[Finding], chosen: str | None, num_checks: int) -> Statement:
    """The statement about the most severe findings, in short, but for those that the study acknowledges. chosen: the
    model of the other statements, which have said how it compares with the baseline. num_checks: rules that looked."""
    said = [one for one in others if one.code == BASELINE] if _models_of(BASELINE, others) == [chosen] else []
    known = {one.code for one in others if one.acknowledged is not None}
    open_ones = [one for one in others if one.code not in SPARED and one not in said and one.acknowledged is None]
    severe = sorted(open_ones, key=_importance)
    if not severe and known:
        them = "one finding" if len(known) == 1 else f"{len(known)} findings"
        return Statement("look at", f"Nothing else looks wrong; the study acknowledges {them}.", tuple(sorted(known)))
    if not severe and said:
        return Statement("look at", "Nothing looks wrong beside the comparison with the baseline.", (BASELINE,))
    if not severe and others:
        return Statement("look at", f"None of {num_checks} checks found anything wrong; notes stand below.", ())
    if not severe:
        return Statement("look at", f"Nothing looks wrong: none of {num_checks} checks found anything.", ())
    first = [one for one in severe if (one.code, one.severity) == (severe[0].code, severe[0].severity)]
    return _statement("look at", first, len({one.code for one in severe}) - 1)


def _models_of(code: str, others: Sequence[Finding]) -> list[str]:
    return _models([one for one in others if one.code == code])


def _importance(one: Finding) -> tuple[int, int]:
    """Smaller for what should be read first."""
    return WORST_FIRST[one.severity], list(BRIEFS).index(one.code) if one.code in BRIEFS else -1


def errors(others: Sequence[Finding]) -> list[Statement]:
    """One statement for each code of severity error: they come before everything else."""
    found: dict[str, list[Finding]] = {}
    for one in others:
        if one.severity == "error":
            found.setdefault(one.code, []).append(one)
    return [_statement("error", each) for each in found.values()]


def _statement(part: Part, found: Sequence[Finding], more: int = 0) -> Statement:
    values = {"severity": found[0].severity, "findings": len(found), "more": more}
    return Statement(part, brief(found), (found[0].code,), values)


def brief(found: Sequence[Finding]) -> str:
    """Findings of one code and severity in one sentence of at most MOST_WORDS words."""
    known = BRIEFS.get(found[0].code)
    text = known(found) if known else found[0].sentence.partition(". ")[0].rstrip(".") + "."
    if num_words(text) > MOST_WORDS:
        text = " ".join(text.split()[: MOST_WORDS - 1]) + " …"
    return text
