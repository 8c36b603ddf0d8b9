"""Protects the promise that everything the five reference notebooks showed is shown: each table, image and display is
found in a finished report or exploration page.
"""

from __future__ import annotations

import json
from typing import Any

import backbone_cases
import html5lib
import pytest
from needs import require
from runs import run_small

from snellen.data.load import read
from snellen.evaluate.file_integrity import THUMBNAILS
from snellen.explain.augmented_images import load_augmented
from snellen.explain.thumbnails import load_thumbnails
from snellen.report.exploration import explore, render
from snellen.report.pages.model import model_pages
from snellen.study.document import open_document

TRAINING = {"learning_rate": 3e-3, "epochs": 2, "batch_size": 64}
HIDDEN = {"dense": {"units": 12, "activation": "relu"}}
MODELS: dict[str, Any] = {
    "phases": {
        "layers": [{"conv": {"filters": 4, "kernel": 3}}, "batch_norm", "flatten"],
        "train": [TRAINING, {**TRAINING, "augment": [{"shift": 0.1}]}],
    },
    "pixels": {"features": [{"top_pixels": 20}], "layers": [HIDDEN]},
    "dense": {"layers": ["flatten", HIDDEN]},
}
SEARCHED: dict[str, Any] = {
    "searched": {
        "layers": ["flatten", {"dense": {"units": {"choice": [8, 12]}, "activation": "relu"}}],
        "train": {**TRAINING, "learning_rate": {"choice": [1e-2, 1e-4]}},
        "search": {"method": "halving", "factor": 2},
    },
    "grid": {
        "layers": "linear",
        "train": {**TRAINING, "epochs": {"choice": [1, 2]}, "batch_size": {"choice": [64, 128]}},
        "search": "grid",
    },
}
"""Those of a study of its own, with folds and seeds: what is asked for once need not be for every model."""

Page = str
Place = tuple[Page, str]
"""Which page, and where on it, as ElementPath."""

MODEL = ".//details[@id='model-{model}']"
EXPLORATION: dict[str, Place] = {
    "table of values (describe)": ("exploration", ".//section[@id='pixels']//tbody/tr"),
    "missing values": ("exploration", ".//section[@id='data']//dt[.='Missing values']"),
    "duplicates": ("exploration", ".//section[@id='repeats']"),
    "sample grid": ("exploration", ".//section[@id='classes']//td[@class='row']/span[@class='picture']"),
    "mean image of each class": ("exploration", ".//section[@id='classes']//th[.='Mean']"),
    "class distribution": ("exploration", ".//section[@id='classes']//div[@data-figure='balance']"),
    "pixel histogram": ("exploration", ".//section[@id='pixels']//div[@data-figure='pixels']"),
    "heat map of pixel correlations": ("exploration", ".//figure[@id='correlation']/img"),
}
EXPLORED: dict[str, Place] = {
    "images of each class with their share": ("report", ".//section[@id='data']//tbody/tr/td[@data-value]/i"),
    "link to the exploration": ("report", ".//section[@id='data']//a[@href='pages/exploration.html']"),
    "pixel values of each role with quartiles and share of zeros": ("explored", ".//section[@id='pixels']//tbody/tr"),
    "no missing value among the run's images": ("explored", ".//section[@id='pixels']//dt[.='Missing values']"),
    "histogram of the run's pixels": ("explored", ".//section[@id='pixels']//div[@data-figure='pixels']"),
    "table of every pixel": ("explored", ".//table[@class='sortable every']/tbody/tr/td"),
    "every pixel as CSV": ("explored", ".//section[@id='every']//a[@href='pixels.csv']"),
    "correlations of all pixels and the label": ("explored", ".//div[@id='correlations']//img"),
    "how varied each class is": ("explored", ".//table[@class='sortable varied']/tbody/tr"),
}
COMPARED: dict[str, Place] = {
    "table of candidates with parameters and scores": ("report", ".//section[@id='leaderboard']//tbody/tr/th/a"),
    "drawing of the network": ("report", f"{MODEL}//div[@class='scroll drawing']/{{svg}}svg"),
    "table of layers": ("report", f"{MODEL}//table/tfoot"),
    "loss curves": ("report", f"{MODEL}//div[@data-figure='{{place}}-loss']"),
    "loss and accuracy of each epoch": ("report", ".//details[@id='epochs-{place}']//table[@class='epochs']/tbody/tr"),
    "accuracy curves": ("report", f"{MODEL}//div[@data-figure='{{place}}-accuracy']"),
    "classification report": ("report", ".//h5[@id='classes-{place}-{role}']"),
    "averages of the classification report": ("report", f"{MODEL}//div[@data-role='{{role}}']//table/tfoot/tr"),
    "confusion heat map": ("report", ".//table[@data-cells='{place}-{role}']"),
}
BESIDE: dict[str, Place] = {
    "link to the models side by side": ("report", ".//section[@id='leaderboard']//a[@href='pages/side_by_side.html']"),
    "side by side: accuracy": ("beside", ".//section[@id='scores']//td[@data-model='{model}']"),
    "side by side: confusion matrices": ("beside", ".//section[@id='matrices']//div[@data-model='{model}']//table"),
    "side by side: units": ("beside", ".//section[@id='units']//div[@data-model='{model}']"),
    "side by side: differences of confusions": ("beside", ".//section[@id='differences']//table"),
}
PAIRS: dict[str, Place] = {
    "grids of a called a, a called b, b called a, b called b": ("report", ".//h5[@id='pairs-{place}-{role}']"),
}
FIRST: dict[str, Place] = {
    "shaded table of class probabilities of the first 20 images": ("report", ".//h5[@id='examples-{place}-{role}']"),
}

SHOWN: dict[str, dict[str, Place]] = {
    "mnist-hidden-units": {
        **COMPARED,
        **BESIDE,
        **PAIRS,
        **FIRST,
        "RMSE of the predicted digit": ("report", f"{MODEL}//table[@class='scores']//th[.='RMSE of the number']"),
        "importance heat map of the forest": ("report", ".//div[@class='pixel-map heat']"),
        "chosen pixels on a digit": ("report", ".//div[@class='pixel-map tone']/i[@class='chosen']"),
    },
    "fashion-mlp": {
        **EXPLORATION,
        **EXPLORED,
        **COMPARED,
        "weighted precision": ("report", f"{MODEL}//table[@class='scores']//th[.='weighted precision']"),
        "weighted recall": ("report", f"{MODEL}//table[@class='scores']//th[.='weighted recall']"),
        "weighted F1": ("report", f"{MODEL}//table[@class='scores']//th[.='weighted F1']"),
        "ten test images with predicted and true class": FIRST[next(iter(FIRST))],
        "random images with their probabilities, and others at a click": (
            "report",
            ".//table[@id='drawn-{place}-{role}-table']/tbody[@hidden]",
        ),
        "precision and recall of one class": ("report", ".//h5[@id='classes-{place}-{role}']"),
    },
    "cifar10-cnn": {
        **COMPARED,
        "augmented images": ("report", ".//h4[@id='augmented-{phases}']"),
    },
    "svhn-ann-cnn": {**COMPARED, "which digits get confused": PAIRS[next(iter(PAIRS))]},
    "fashion-lenet-transfer": {**EXPLORATION, **EXPLORED, **COMPARED},
}
ANALYSED = ("units-dense", "units-two", "maps-dense")
OF_SEARCHES: dict[str, Place] = {
    "every trial with its values and its score": ("choosing", f"{MODEL}//table[@class='sortable trials']/tbody/tr"),
    "trials as lines": ("choosing", f"{MODEL}//div[@data-figure='{{place}}-search']"),
    "score against each hyper-parameter": ("choosing", f"{MODEL}//div[@data-figure='{{place}}-against-1']"),
    "curves of all trials": ("choosing", f"{MODEL}//div[@data-figure='{{place}}-rungs']"),
}
OF_FOLDS: dict[str, Place] = {
    "score of each fold": ("choosing", f"{MODEL}//table[@class='folds']/tbody/tr"),
    "mean over folds": ("choosing", f"{MODEL}//table[@class='folds']/tfoot/tr"),
    "spread over folds and over seeds": ("choosing", f"{MODEL}//dl[@class='counts spreads']/div[2]"),
    "loss curves of the folds": ("choosing", f"{MODEL}//div[@data-figure='{{place}}-folds-loss']"),
    "accuracy curves of the folds": ("choosing", f"{MODEL}//div[@data-figure='{{place}}-folds-accuracy']"),
    "mean loss over folds": ("choosing", f"{MODEL}//table[@class='folds']/tfoot/tr/td[4]"),
    "confusion heat map out of fold": ("choosing", ".//table[@data-cells='{place}-out_of_fold']"),
    "classification report out of fold": ("choosing", ".//h5[@id='classes-{place}-out_of_fold']"),
}
CHOSEN: dict[str, dict[str, Place]] = {
    "mnist-hidden-units": {"accuracy of each seed": ("choosing", f"{MODEL}//table[@class='seeds']/tbody/tr")},
    "fashion-mlp": {
        "table of the grid over epochs and batch size": OF_SEARCHES[next(iter(OF_SEARCHES))],
        "heat map of the grid over two keys": ("choosing", ".//table[@class='grid-map']/tbody/tr"),
        **OF_SEARCHES,
    },
    "cifar10-cnn": {},
    "svhn-ann-cnn": {"accuracy of each seed": ("choosing", f"{MODEL}//table[@class='seeds']/tbody/tr")},
    "fashion-lenet-transfer": {
        "table of the search": OF_SEARCHES[next(iter(OF_SEARCHES))],
        "table of cross-validation": OF_FOLDS[next(iter(OF_FOLDS))],
        **OF_SEARCHES,
        **OF_FOLDS,
    },
}
"""What only a study with a search, with seeds or with folds shows."""

DOSSIERS = ".//script[@id='details']"
UNITS: dict[str, tuple[str, ...]] = {
    "box plots of the activation of each unit by class, with the range of each class": ("boxes",),
    "which classes each unit responds to": ("area", "selective"),
    "the images that activate a unit most and least": ("most", "least"),
    "what is lost without a unit": ("mean", "zero", "needed"),
}
"""What each dossier of `mnist-hidden-units` holds: the page draws it when it is opened (tests/browser)."""
MAPS: dict[str, str] = {
    "scatter of two pixels": "Two pixels",
    "PCA of the pixels": "PCA of the pixels",
    "PCA of the activations": "PCA of dense_1",
    "t-SNE of the activations": "t-SNE of dense_1",
}
"""The maps on the page of `mnist-hidden-units`, by their titles."""

ANSWERING: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "precision and recall of one class with a probability threshold": (
        "fashion-mlp",
        "thresholds of frozen",
        ("8", "given by the study"),
    ),
    "table of pretrained networks": (
        "fashion-lenet-transfer",
        "pretrained networks",
        (backbone_cases.SMALL, "block2", "apache-2.0"),
    ),
}
"""The study whose notebook had it; of a run with a threshold and a frozen network the name of the table, and what its
row says."""
FITTING = ("units", "maps", "answers", "errors", "data")
"""Analyses that every reference study has."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Page, Any]:
    analyses = [{"units": {"models": ["dense", "two"]}}, {"maps": {"models": ["dense"], "rows": 200}}]
    models = {**MODELS, "two": {"layers": ["flatten", {"dense": {"units": 2, "activation": "relu"}}]}}
    run = run_small(tmp_path_factory.mktemp("displays") / "run", models=models, open_test="all", analyses=analyses)
    searched = run_small(tmp_path_factory.mktemp("choosing") / "run", models=SEARCHED, seeds=2, folds=2)
    texts = {
        "report": run.report.read_text(encoding="utf-8"),
        "choosing": searched.report.read_text(encoding="utf-8"),
        "exploration": render(explore(read("digits"))),
        "explored": (run.folder / "pages" / "exploration.html").read_text(encoding="utf-8"),
        "beside": (run.folder / "pages" / "side_by_side.html").read_text(encoding="utf-8"),
        **{name: (run.folder / "pages" / f"{name}.html").read_text(encoding="utf-8") for name in ANALYSED},
        **pages_of_models(run),
    }
    found = {page: html5lib.parse(text, namespaceHTMLElements=False) for page, text in texts.items()}
    for page in ("report", "choosing"):
        heads = [one for one in found[page].iter("details") if one.get("class") == "model"]
        found[f"order of {page}"] = [one.attrib["id"].removeprefix("model-") for one in heads]
    return found


def pages_of_models(run: Any) -> dict[Page, str]:
    """Those that the models of a report get that has no room for them."""
    content = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    thumbnails, augmented = load_thumbnails(run.folder / THUMBNAILS), load_augmented(run.folder)
    texts = model_pages(content, content["models"], thumbnails, augmented).values()
    return {f"alone {model['name']}": text for model, text in zip(content["models"], texts, strict=True)}


def elements(pages: dict[Page, Any], place: Place, model: str, role: str) -> list[Any]:
    """What stands at a place, for one model and role."""
    page, path = place
    order = pages["order of choosing" if page == "choosing" else "order of report"]
    numbers = {"place": order.index(model), "phases": order.index("phases") if "phases" in order else None}
    found: list[Any] = pages[page].findall(
        path.format(model=model, role=role, svg="{http://www.w3.org/2000/svg}", **numbers)
    )
    return found


@pytest.mark.parametrize(("study", "display"), [(study, one) for study, shown in SHOWN.items() for one in shown])
def test_every_display_is_there_for_each_model_and_role(pages: dict[Page, Any], study: str, display: str) -> None:
    for model in MODELS:
        for role in ("validation", "test"):
            assert elements(pages, SHOWN[study][display], model, role), f"{display}: {model}, {role}"


OF_MODELS = {
    display: path
    for shown in SHOWN.values()
    for display, (page, path) in shown.items()
    if page == "report" and any(key in path for key in ("{model}", "{place}", "{phases}"))
}


@pytest.mark.parametrize("display", OF_MODELS)
def test_a_model_that_the_report_has_no_room_for_shows_the_same_on_its_own_page(
    pages: dict[Page, Any], display: str
) -> None:
    assert len(OF_MODELS) >= 12
    for model in ("phases",) if "{phases}" in OF_MODELS[display] else MODELS:
        for role in ("validation", "test"):
            places = {"place": 0, "phases": 0, "svg": "{http://www.w3.org/2000/svg}"}
            path = OF_MODELS[display].format(model=model, role=role, **places)
            assert pages[f"alone {model}"].findall(path), f"{display}: {model}, {role}"


@pytest.mark.parametrize(("study", "display"), [(study, one) for study, shown in CHOSEN.items() for one in shown])
def test_every_display_of_choosing_is_there_for_each_model(pages: dict[Page, Any], study: str, display: str) -> None:
    for model in SEARCHED:
        assert elements(pages, CHOSEN[study][display], model, "validation"), f"{display}: {model}"


@pytest.mark.parametrize("model", MODELS)
def test_displays_are_those_of_their_model_and_role(pages: dict[Page, Any], model: str) -> None:
    """What went wrong in a notebook: one experiment's figure under another's name, training under test's."""
    details = pages["report"].find(MODEL.format(model=model))
    panels = {panel.get("data-role"): panel for panel in details.iter("div") if panel.get("data-role")}
    assert set(panels) == {"train", "validation", "calibration", "test"}
    for role, panel in panels.items():
        assert all(f"-{role}" in head.attrib["id"] and role in "".join(head.itertext()) for head in panel.iter("h5"))
        assert len({head.attrib["id"].split("-")[1] for head in panel.iter("h5")}) == 1
    title = next(details.iter("{http://www.w3.org/2000/svg}title"))
    assert title.text == f"Drawing of {model}"


@pytest.mark.parametrize("display", UNITS)
def test_every_dossier_holds_its_displays(pages: dict[Page, Any], display: str) -> None:
    for page, units in (("units-dense", 12), ("units-two", 2)):
        dossiers = json.loads(pages[page].find(DOSSIERS).text)["units"]
        assert sorted([one["unit"] for one in dossiers] + dead_units(pages[page])) == list(range(units))
        for dossier in dossiers:
            assert all(len(dossier[part]) for part in UNITS[display]), f"{page}: {dossier['unit']}"
        assert len(dossiers[0]["area"]) == len(dossiers[0]["mean"]) == 10


def test_units_side_by_side_are_those_that_an_analysis_has(pages: dict[Page, Any]) -> None:
    found = {
        name: pages["beside"].findall(f".//section[@id='units']//div[@data-model='{name}']//div[@class='unit']")
        for name in ("dense", "two", "phases")
    }
    assert found["dense"] and found["two"] and not found["phases"]


def dead_units(page: Any) -> list[int]:
    """Those that the page names as left out."""
    named = [
        text for note in page.iter("p") if "the same output for every image: " in (text := "".join(note.itertext()))
    ]
    return [int(number) for text in named for number in text.rpartition(": ")[2].rstrip(".").split(", ")]


def test_the_overview_shows_weights_and_what_drives_each_unit(pages: dict[Page, Any]) -> None:
    for page, units in (("units-dense", 12), ("units-two", 2)):
        for column in ("weights", "maximal"):
            cells = pages[page].findall(f".//td[@class='{column}']")
            shown = [cell.find("span[@class='picture']") is not None for cell in cells]
            noise = ["noise" in "".join(cell.itertext()) for cell in cells]
            said = any("show nothing for all" in "".join(note.itertext()) for note in pages[page].iter("p"))
            assert len(cells) == units - len(dead_units(pages[page])) or (said and not cells)
            assert [not each for each in shown] == noise, "a unit without an image says why"
        assert pages[page].findall(".//td[@class='maximal']/span[@class='picture']") or page == "units-two"


def test_two_units_are_a_scatter_by_true_and_by_predicted_class(pages: dict[Page, Any]) -> None:
    drawn = [canvas.get("data-by") for canvas in pages["units-two"].iter("canvas")]
    assert drawn == ["true", "predicted"]
    assert not list(pages["units-dense"].iter("canvas"))


@pytest.mark.parametrize("display", MAPS)
def test_every_map_is_there_with_its_trustworthiness(pages: dict[Page, Any], display: str) -> None:
    rows = {
        row.find("th").text: row.findall("td") for row in pages["maps-dense"].findall(".//section[@id='numbers']//tr")
    }
    trust, _, explained, _ = rows[MAPS[display]]
    assert 0 < float(trust.get("data-value")) <= 1
    assert (float(explained.get("data-value")) > 0) == MAPS[display].startswith("PCA")


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The report of a frozen network with a threshold for one class."""
    require("timm")
    file = tmp_path_factory.mktemp("weights") / f"{backbone_cases.SMALL}.safetensors"
    weights = backbone_cases.write(file, backbone_cases.state(), license="apache-2.0")
    backbone = {"name": backbone_cases.SMALL, "weights": str(weights), "read": "block2"}
    models = {"frozen": {"layers": [{"backbone": backbone}, "global_average_pool"], "train": TRAINING}}
    thresholds = [{"class": 8, "probability": 0.05}]
    data = {"source": "digits", "pad": 32}
    folder = tmp_path_factory.mktemp("answering") / "run"
    run = run_small(folder, data=data, models=models, thresholds=thresholds, open_test="all")
    return html5lib.parse(run.report.read_text(encoding="utf-8"), namespaceHTMLElements=False)


@pytest.mark.parametrize("display", ANSWERING)
def test_thresholds_and_pretrained_networks_are_shown(answering: Any, display: str) -> None:
    _, label, expected = ANSWERING[display]
    [row] = answering.findall(f".//div[@aria-label='{label}']//tbody/tr")
    words = " ".join(" ".join(row.itertext()).split())
    assert all(each in words for each in expected)
    if display.startswith("precision"):
        assert words.count("%") >= 3  # precision, recall and coverage


@pytest.mark.parametrize("study", SHOWN)
def test_every_reference_study_has_the_analyses_that_fit_it(study: str) -> None:
    assert SHOWN.keys() == CHOSEN.keys() and len(SHOWN) == 5
    assert {study for study, *_ in ANSWERING.values()} < SHOWN.keys()
    assert set(FITTING) <= {each.kind for each in open_document(study).study().analyses}
