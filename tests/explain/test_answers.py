"""Protects `answers` and `errors` as a whole on trained networks: the right images are explained, what is said is
what the network does, sealed labels stay unseen, bad use gets the clear error, findings are made of what was found, and
the pages are whole, small and ask for nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import html5lib
import numpy as np
import pytest
import torch
from PIL import Image
from runs import facts_of, findings_of, run_small, small_study
from torch import Tensor

from snellen.api import Run
from snellen.errors import StudyError, UnknownName
from snellen.explain.analyses import PlannedAnalysis, networks_of, planned_analyses, stored_results
from snellen.explain.analysis_result import AnalysisResult
from snellen.explain.answers import analysis as answers
from snellen.explain.answers.chosen_images import MISTAKE, NARROW, SURE, requested_images
from snellen.explain.answers.foreground_sensitivity import foreground_sensitivity
from snellen.explain.answers.gradcam_layer import gradcam_layer, misfit
from snellen.explain.errors import analysis as failures
from snellen.findings.finding import Facts
from snellen.findings.slices import weak_slice, what_it_looks_at
from snellen.limits import REPORT_BYTES
from snellen.models.build import build
from snellen.report.figures.attribution_colours import AGAINST, FOR, diverging, sequential
from snellen.run.analyses import scene_of
from snellen.run.flow import report
from snellen.study.analyses import Answers, Errors

CONV = [
    {"conv": {"filters": 4, "kernel": 3}},
    "batch_norm",
    "relu",
    "flatten",
    {"dense": {"units": 12, "activation": "relu"}},
]
MODELS: dict[str, Any] = {
    "conv": {"layers": CONV},
    "pca": {"layers": [{"dense": {"units": 8, "activation": "relu"}}], "features": [{"pca": 10}]},
    "linear": {"layers": "linear"},
}
ANALYSES: list[Any] = [{"answers": {"images": 6, "cells": 2}}, "errors"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_small(tmp_path_factory.mktemp("answers") / "run", models=MODELS, analyses=ANALYSES, open_test=["conv"])


@pytest.fixture(scope="module")
def outcomes(run: Run) -> dict[str, AnalysisResult]:
    return {one.title: outcome for one, outcome in stored_results(run.record).items()}


def test_the_telling_images_are_explained(run: Run, outcomes: Mapping[str, AnalysisResult]) -> None:
    part = run.predictions("conv", "validation")
    assert part is not None and part.labels is not None
    sure, right = part.probabilities.max(1), part.predicted == part.labels
    by_why = {
        why: [one["row"] for one in outcomes["answers of conv"].facts["images"] if one["why"] == why]
        for why in (MISTAKE, NARROW, SURE)
    }
    assert set(by_why[MISTAKE]) == set(part.rows[~right][np.argsort(-sure[~right], kind="stable")[:3]])
    assert set(by_why[NARROW]) == set(part.rows[right][np.argsort(sure[right], kind="stable")[:3]])
    surest = {
        int(part.rows[own][sure[own].argmax()]) for code in range(10) if (own := right & (part.labels == code)).any()
    }
    assert set(by_why[SURE]) == surest - set(by_why[NARROW])


@pytest.mark.parametrize("model", MODELS)
def test_what_is_said_of_a_image_is_what_the_network_does(
    run: Run, outcomes: Mapping[str, AnalysisResult], model: str
) -> None:
    outcome, part = outcomes[f"answers of {model}"], run.predictions(model, "validation")
    assert part is not None and part.labels is not None
    for at, one in enumerate(outcome.facts["images"]):
        place = int(np.flatnonzero(part.rows == one["row"])[0])
        shares = part.probabilities[place].astype(float)
        assert one["answer"] == shares.argmax() and one["label"] == part.labels[place]
        assert one["rival"] == (
            one["label"] if one["answer"] != one["label"] else np.argsort(-shares, kind="stable")[1]
        )
        margin = np.log(shares[one["answer"]] / shares[one["rival"]])  # the margin is the logarithm of the odds
        if model != "linear":
            assert one["margin"] == pytest.approx(margin, abs=1e-3)
        assert one["integrated"]["complete"]
        total = outcome.arrays["integrated_gradients"][at].sum()
        assert total == pytest.approx(
            one["integrated"]["change"], abs=1.1e-3 * max(1, abs(one["integrated"]["change"]))
        )
        assert len(one["neighbours"]) == 5


def test_ways_that_do_not_fit_are_left_out_in_words(outcomes: Mapping[str, AnalysisResult]) -> None:
    linear, conv = outcomes["answers of linear"], outcomes["answers of conv"]
    assert conv.facts["camera"] == "relu_1" and conv.facts["left_out"] == [] and "grad_cam" in conv.arrays
    assert "grad_cam" not in linear.arrays and len(linear.facts["left_out"]) == 2
    assert all("units" not in one for one in linear.facts["images"])
    assert (conv.arrays["grad_cam"] >= 0).all() and conv.arrays["grad_cam"].max() > 0


@pytest.mark.parametrize(
    ("options", "layers", "words"),
    [
        ({"methods": ["grad_cam"]}, "linear", "needs a convolution"),
        ({"methods": ["units"]}, "linear", "needs a hidden layer"),
        ({"layer": "conv_9"}, CONV, "does not exist.*conv_1, batch_norm_1, relu_1"),
        ({"layer": "dense_1"}, CONV, "has no feature maps"),
    ],
)
def test_what_a_network_does_not_allow(options: dict[str, Any], layers: Any, words: str) -> None:
    assert re.search(words, misfit(build(layers, (8, 8, 1), 10), Answers(**options)) or "")
    with pytest.raises(StudyError, match=words):
        small_study(models={"one": {"layers": layers}}, analyses=[{"answers": options}]).check()


def test_grad_cam_reads_the_last_convolution_and_what_belongs_to_it() -> None:
    skip = {"skip": [{"conv": {"filters": 1, "kernel": 3, "padding": "same"}}]}
    assert (
        gradcam_layer(build([{"conv": {"filters": 2, "kernel": 3}}, {"max_pool": 2}, "flatten"], (8, 8, 1), 3), None)
        == "conv_1"
    )
    assert gradcam_layer(build([skip, "gelu", "global_average_pool"], (8, 8, 1), 3), None) == "gelu_1"
    behind = ["prelu", {"spatial_dropout": 0.1}, "unit_norm", "mish", "global_average_pool"]
    assert gradcam_layer(build([skip, *behind], (8, 8, 1), 3), None) == "mish_1"
    assert gradcam_layer(build(CONV, (8, 8, 1), 3), "conv_1") == "conv_1"
    branches = {"concatenate": [[], [skip]]}
    assert gradcam_layer(build([branches, "global_average_pool"], (8, 8, 1), 3), None) == "concatenate_1"
    assert gradcam_layer(build([{"add": [[], ["relu"]]}, "flatten"], (8, 8, 1), 3), None) is None
    assert gradcam_layer(build("linear", (8, 8, 1), 3), None) is None


def test_given_rows_and_ids_and_none_whose_label_is_sealed(run: Run) -> None:
    scene = scene_of(run.record, None)
    linear, train = scene.trained_models["linear"], scene.trained_models["linear"].predictions["train"]
    options = Answers(rows=(int(train.rows[3]),), ids=(str(train.ids[5]),), methods=("occlusion",), patch=3, cells=0)
    found = answers.make(linear, options)
    assert [one["row"] for one in found.facts["images"]] == train.rows[[3, 5]].tolist()
    assert set(found.arrays) == {"occlusion", "rows", "pictures", "means", "differences"} and found.facts["patch"] == 3
    sealed = np.setdiff1d(
        np.arange(len(scene.dataset)), np.concatenate([part.rows for part in linear.predictions.values()])
    )
    for wrong in (Answers(rows=(int(sealed[0]),)), Answers(ids=("nobody",)), Answers(rows=(10**6,))):
        with pytest.raises(StudyError, match="no such image with a known label"):
            answers.make(linear, wrong)


def test_sealed_predictions_hold_no_given_image(run: Run) -> None:
    part = run.predictions("conv", "test")
    assert part is not None
    assert [one.row for one in requested_images({"test": part}, part.rows[:1].tolist(), ())] == [part.rows[0]]
    with pytest.raises(StudyError, match="known label"):
        requested_images({"test": replace(part, labels=None)}, part.rows[:1].tolist(), ())


def test_errors_are_of_validation_and_of_the_test_that_was_opened(
    run: Run, outcomes: Mapping[str, AnalysisResult]
) -> None:
    facts, table = outcomes["errors"].facts, outcomes["errors"].tables["mistakes"]
    assert list(facts["roles"]) == ["validation", "test"] and list(facts["roles"]["test"]["models"]) == ["conv"]
    parts = {model: run.predictions(model, "validation") for model in MODELS}
    wrong = {model: part.predicted != part.labels for model, part in parts.items() if part is not None}
    assert facts["roles"]["validation"]["wrong_for_all"] == int(np.logical_and.reduce(list(wrong.values())).sum())
    for model, own in wrong.items():
        assert facts["roles"]["validation"]["models"][model]["mistakes"] == own.sum()
        assert len(table.filter((table["model"] == model) & (table["role"] == "validation"))) == own.sum()
    compared = outcomes["errors"].tables["slices"]
    assert len(compared) == facts["compared"] == 3 * len(facts["slices"])
    assert {one["measure"] for one in facts["slices"]} >= {"brightness", "contrast", "position", "size"}


def test_errors_of_chosen_models(run: Run) -> None:
    scene = scene_of(run.record, None)
    found = failures.make(scene, Errors(models=("pca", "linear"))).facts
    assert found["models"] == ["pca", "linear"] and "test" not in found["roles"]
    with pytest.raises(UnknownName, match="'nobody'"):
        failures.make(scene, Errors(models=("nobody",)))


@pytest.mark.parametrize("page", ["answers-conv", "answers-pca", "answers-linear", "errors"])
def test_pages_are_whole_small_and_ask_for_nothing(run: Run, page: str) -> None:
    text = (run.folder / "pages" / f"{page}.html").read_text(encoding="utf-8")
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree = parser.parse(text)
    assert len(text.encode()) < REPORT_BYTES
    addresses = [value for each in tree.iter() for name, value in each.items() if name in ("src", "href")]
    assert all(address.startswith(("#", "data:", "../report.html")) for address in addresses)
    assert not re.search(r"url\((?![\"']?data:)", text)
    identities = [each.get("id") for each in tree.iter() if each.get("id")]
    assert len(identities) == len(set(identities))
    anchors = {address[1:] for address in addresses if address.startswith("#")}
    assert anchors <= set(identities)
    assert "None" not in " ".join(tree.find("body").find("main").itertext())


def test_every_explained_image_stands_on_its_page(run: Run, outcomes: Mapping[str, AnalysisResult]) -> None:
    text = (run.folder / "pages" / "answers-conv.html").read_text(encoding="utf-8")
    for one in outcomes["answers of conv"].facts["images"]:
        assert f'id="row-{one["row"]}"' in text
    for sentence in outcomes["answers of conv"].sentences + outcomes["errors"].sentences:
        assert len(sentence) > 20 and sentence.endswith(".")


def test_maps_are_coloured_by_sign_and_strength() -> None:
    maps = np.array([[[2.0, -1.0], [0.0, 0.5]], [[0.0, 0.0], [0.0, 0.0]]])
    drawn = diverging(maps)
    assert drawn.shape == (2, 2, 2, 4) and drawn.dtype == np.uint8
    assert tuple(drawn[0, 0, 0, :3]) == FOR and tuple(drawn[0, 0, 1, :3]) == AGAINST
    assert drawn[0, 0, 0, 3] == 255 > drawn[0, 0, 1, 3] > drawn[0, 1, 1, 3] > drawn[0, 1, 0, 3] == 0
    assert not drawn[1, ..., 3].any() and not sequential(maps[1:])[..., 3].any()
    luma = np.asarray(
        Image.fromarray(sequential(np.linspace(0, 1, 50).reshape(1, 1, 50))[0, ..., :3]).convert("L"), int
    )[0]
    assert (np.diff(luma) >= 0).all()


def test_what_it_looks_at_is_where_its_weights_are() -> None:
    """A linear function of the middle alone, and one of the border alone; figures stand in the middle."""
    images = np.zeros((60, 8, 8, 1), np.uint8)
    images[:, 3:5, 3:5] = np.random.default_rng(0).integers(200, 256, (60, 2, 2, 1))

    def logits_where(inside: bool) -> Any:
        def logits(x: Tensor) -> Tensor:
            part = x[:, 3:5, 3:5] if inside else x[:, :2]
            total = part.sum((1, 2, 3))
            return (total[:, None] * total.new_tensor([[1.0, -1.0]])) + total.new_tensor([[0.1, 0.0]])

        return logits

    def inputs(places: np.ndarray) -> Tensor:
        return torch.from_numpy(images[places] / np.float32(255))

    inside, outside = (foreground_sensitivity(logits_where(each), inputs, images, (0, 255)) for each in (True, False))
    assert inside is not None and outside is not None
    assert (inside.on_figure, outside.on_figure, inside.covered) == (1, 0, 4 / 64)
    noise = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    assert foreground_sensitivity(logits_where(True), inputs, noise, (0, 255)) is None


@pytest.fixture(scope="module")
def told(run: Run) -> Any:
    """The findings of a rule where the outcomes are given and conv was chosen."""
    of_run = facts_of(run.folder)
    evaluation = replace(of_run.evaluation, ranked=("conv",))

    def found(rule: Any, options: Any, model: str, facts: dict[str, Any]) -> list[Any]:
        given = Facts(of_run.record, evaluation)
        given.__dict__["outcomes"] = {PlannedAnalysis(options.name, options, model): AnalysisResult(facts)}
        return list(rule(given))

    return found


SEEN = {"images": 100, "on_figure": 0.4, "covered": 0.1, "low": 0.2, "high": 0.4}


def test_snl017_is_of_the_chosen_model_and_of_a_difference(told: Any) -> None:
    [finding] = told(what_it_looks_at, Answers(), "conv", {"looks": SEEN})
    assert finding.severity == "result" and "more sensitive" in finding.sentence and "40 %" in finding.sentence
    assert (
        "less sensitive"
        in told(what_it_looks_at, Answers(), "conv", {"looks": {**SEEN, "low": -0.3, "high": -0.2}})[0].sentence
    )
    assert told(what_it_looks_at, Answers(), "pca", {"looks": SEEN}) == []
    assert told(what_it_looks_at, Answers(), "conv", {"looks": {**SEEN, "low": 0.04}}) == []
    assert told(what_it_looks_at, Answers(), "conv", {"looks": None}) == []


def weak(**changes: Any) -> dict[str, Any]:
    share = {"value": 0.85, "low": 0.8, "high": 0.9, "n": 250}
    return {
        **{"model": "conv", "name": "stroke, highest quarter", "measure": "stroke", "part": "highest quarter"},
        **{
            "inside": share,
            "outside": {**share, "value": 0.95},
            "adjusted_p": 0.001,
            "by_classes": 0.93,
            "within": True,
        },
        "difference": {"value": -0.1, "low": -0.15, "high": -0.05},
        **changes,
    }


def test_snl116_is_of_the_chosen_model_beyond_its_classes(told: Any) -> None:
    [finding] = told(weak_slice, Errors(), "study", {"weak": [weak()]})
    assert finding.severity == "warning" and "with the thickest strokes (highest quarter)" in finding.sentence
    assert "85.0 % of 250" in finding.sentence and "10.0 points less (5.0 to 15.0)" in finding.sentence
    slight = weak(difference={"value": -0.03, "low": -0.05, "high": -0.01})
    [finding] = told(weak_slice, Errors(), "study", {"weak": [slight, slight, slight]})
    assert finding.severity == "notice" and "2 other kinds of images are too." in finding.sentence
    assert told(weak_slice, Errors(), "study", {"weak": [weak(within=False), weak(model="pca")]}) == []


def test_a_run_with_analyses_is_judged(run: Run) -> None:
    codes = {finding.code for finding in findings_of(run.folder)}
    seen = next(
        outcome.facts["looks"]
        for one, outcome in stored_results(run.record).items()
        if one.model == run.evaluation.chosen
    )
    assert ("SNL017" in codes) == (seen["low"] > 0.05 or seen["high"] < -0.05)


def test_costs_are_foreseen(run: Run) -> None:
    networks = networks_of(run.record)
    for one in planned_analyses(run.record.study, networks):
        if one.model in networks:
            assert 0 < one.method.seconds(networks[one.model], 1797) < 10


def test_pages_are_drawn_of_what_is_stored(run: Run) -> None:
    page = run.folder / "pages" / "errors.html"
    page.unlink()
    report(run.folder)
    assert "Weak slices" in page.read_text(encoding="utf-8")
