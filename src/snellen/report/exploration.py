"""The exploration page: a data set shown before anything is trained on it, in one HTML file like the report."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image

from snellen import __version__
from snellen.data.dataset import Dataset
from snellen.data.duplicates import duplicate_groups
from snellen.data.inspect.class_images import (
    class_images,
    nearest_classes,
    random_rows,
    sample_rows,
)
from snellen.data.inspect.describe import describe
from snellen.data.inspect.duplicate_sets import exact_duplicate_sets, near_duplicate_rows, near_duplicate_summary
from snellen.data.inspect.image_headers import ImageHeader, header_counts
from snellen.data.inspect.pixel_statistics import (
    PixelCorrelation,
    brightness_and_contrast,
    channel_histograms,
    channel_moments,
    correlation,
)
from snellen.explain.thumbnails import Thumbnails, draw, to_uint8, variation
from snellen.limits import SHEET_BYTES
from snellen.report.figures.charts import class_balance, histogram
from snellen.report.figures.sprites import build_sheet
from snellen.report.figures.vega_lite import Specification
from snellen.report.page import filled

SAMPLES_A_CLASS = 8
REPEATED_IMAGES = 12
EXTREME_IMAGES = 8
CORRELATED_IMAGES = 10_000
SEED = 0

TONE_BINS = 40
"""Most bins of the histograms of brightness and contrast."""

TALLIED = 8
"""Most sizes of files that are listed one by one."""

DISTANCE_CLASSES = 30
"""Most classes for which the table of all distances is shown."""

CHANNELS = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
PARTS = {"outside the test": "var(--train)", "official test": "var(--test)", "images": "var(--accent)"}

POSITIVE, NEGATIVE, CONSTANT = (74, 134, 208), (208, 70, 104), (128, 128, 128, 50)
"""Colours of correlations 1 and -1, transparent at 0, and of constant pixels; for light and dark pages."""

Content = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Exploration:
    """The content of the page. looks: (2K, H, W, C) uint8, the mean image of each class, then the variation of
    each."""

    content: Content
    thumbnails: Thumbnails
    looks: np.ndarray


def explore(
    dataset: Dataset,
    headers: Sequence[ImageHeader] = (),
    leaks: Sequence[str] = (),
    description: Content | None = None,
    near: np.ndarray | None = None,
) -> Exploration:
    """The content of the page: rows outside the official test, which is only counted and searched for copies.

    headers: of the image files, if any. leaks: sentences on arrays that repeat others. description: from `describe`,
    if it was called already. near: (N,) groups of near-duplicates, None when there are too many images to compare.
    """
    description = description or describe(dataset)
    test = np.zeros(len(dataset), bool) if dataset.official_test is None else dataset.official_test
    rows = np.flatnonzero(~test)
    means, deviations = class_images(dataset, rows)
    copies = duplicate_groups(dataset.images)
    content: Content = {
        "snellen": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "described": description,
        "looked_at": len(rows),
        "unions": list(leaks),
        "data": {
            "classes": list(dataset.classes),
            "samples": [drawn[drawn >= 0].tolist() for drawn in sample_rows(dataset, rows, SAMPLES_A_CLASS, SEED)],
        },
        "counts": [_count(each, bool(test.any())) for each in description["classes"]],
        "pixels": _pixels(dataset, rows),
        "correlation": _correlation(correlation(dataset, random_rows(dataset, rows, CORRELATED_IMAGES, SEED))),
        "tones": _tones(dataset, rows),
        "photographs": _photographs(headers),
        "nearest": _nearest(dataset, means),
        "repeated": _repeated(dataset, copies, test),
        "near": None if near is None else near_duplicate_summary(dataset, near, copies, _parts(test), ["test"]),
    }
    content["sentences"] = _sentences(content)
    looks = np.concatenate([_toned(means, dataset.pixel_range), variation(deviations)])
    return Exploration(content, draw(dataset, np.fromiter(_rows_in_view(content), np.int64)), looks)


def render(exploration: Exploration) -> str:
    """The whole page, under the report's content policy: no request, no script but its own."""
    content = exploration.content
    sheet = build_sheet(exploration.thumbnails, _rows_in_view(content), SHEET_BYTES, exploration.looks)
    return filled("exploration.html.j2", content, _figures(content), {}, sheet=sheet)


def _rows_in_view(content: Content) -> list[int]:
    """Rows that the page draws, the most important first."""
    rows = [each["rows"][0] for each in content["repeated"]] + near_duplicate_rows(content["near"])
    rows += [row for extreme in content["tones"]["extremes"] for row in extreme["rows"]]
    samples = content["data"]["samples"]
    return rows + [drawn[place] for place in range(SAMPLES_A_CLASS) for drawn in samples if place < len(drawn)]


def _sentences(content: Content) -> list[str]:
    """The main findings, in sentences."""
    return [
        *content["unions"],
        *_on_balance(content["counts"]),
        *_on_repeats(content),
        *_on_near(content["near"]),
        *_on_likeness(content),
    ]


def _name(text: str) -> str:
    """A name in a sentence: in back-quotes, without any of its own."""
    return f"`{text.replace('`', ' ')}`"


def _on_balance(counts: Sequence[dict[str, Any]]) -> list[str]:
    sizes = {row["class"]: next(number for key, number in row.items() if key != "class") for row in counts}
    least, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if sizes[least] == sizes[most]:
        return [f"Every class has {sizes[most]:,} images."]
    if not sizes[least]:
        return [f"{_name(least)} has no image outside the test."]
    ratio = sizes[most] / sizes[least]
    return [f"The largest class, {_name(most)}, has {ratio:.2g} times as many images as the smallest, {_name(least)}."]


def _on_likeness(content: Content) -> list[str]:
    names, rows = content["data"]["classes"], content["nearest"]["rows"]
    if not rows:
        return []
    least = min(rows, key=lambda row: row["distance"])
    return [f"{_name(names[least['class']])} and {_name(names[least['nearest']])} look most alike on average."]


def _on_repeats(content: Content) -> list[str]:
    described = content["described"]
    numbers = {
        "Exact copies of earlier images": described["duplicates"]["copies"],
        "Images outside the test that are also in it": described["duplicates"]["in_official_test"],
        "Images with contradicting labels": described["conflicting"],
    }
    found = " ".join(f"{what}: {number:,}." for what, number in numbers.items() if number)
    return [found or "No image occurs twice."]


def _on_near(near: Content | None) -> list[str]:
    if not near or not near["sets"]:
        return []
    parted = f" Of these sets {near['parted']:,} include images of the test." if near["parted"] else ""
    return [f"Images almost the same as another: {near['images']:,}, in {near['sets']:,} sets.{parted}"]


def _parts(test: np.ndarray) -> np.ndarray:
    """(N,) text: train or test."""
    return np.where(test, "test", "train")


def _count(each: dict[str, Any], tested: bool) -> dict[str, Any]:
    if not tested:
        return {"class": each["class"], "images": each["images"]}
    return {"class": each["class"], "outside the test": each["images"], "official test": each["official_test"]}


def _pixels(dataset: Dataset, rows: np.ndarray) -> Content:
    moments = channel_moments(dataset, rows)
    histograms = channel_histograms(dataset, rows, float(moments.least.min()), float(moments.greatest.max()))
    columns = (moments.least, moments.greatest, moments.means, moments.deviations)
    (low, high), names = dataset.pixel_range, CHANNELS[dataset.shape[2]]
    shares = histograms.counts / histograms.counts.sum(axis=1, keepdims=True)
    return {
        "channels": [
            {
                "channel": name,
                **dict(zip(("least", "greatest", "mean", "deviation"), map(float, values), strict=True)),
                "scaled_mean": float((values[2] - low) / (high - low)),
                "scaled_deviation": float(values[3] / (high - low)),
            }
            for name, *values in zip(names, *columns, strict=True)
        ],
        "edges": histograms.edges.tolist(),
        "shares": dict(zip(names, shares.tolist(), strict=True)),
    }


def _correlation(found: PixelCorrelation) -> Content:
    down, across = found.blocks
    grid = np.arange(down * across).reshape(down, across)
    beside = [found.matrix[grid[:, :-1], grid[:, 1:]].ravel(), found.matrix[grid[:-1], grid[1:]].ravel()]
    touching = np.concatenate(beside)
    touching = touching[~np.isnan(touching)]
    return {
        "picture": _png_uri(_diverging(found.matrix)),
        "blocks": [down, across],
        "block_pixels": found.block_pixels,
        "images": found.images,
        "constant": int(np.isnan(found.matrix.diagonal()).sum()),
        "touching": float(touching.mean()) if len(touching) else None,
    }


def _diverging(matrix: np.ndarray) -> np.ndarray:
    """(n, n, 4) uint8 of (n, n) numbers from -1 to 1, more transparent towards 0."""
    strength = np.nan_to_num(matrix)
    colours = np.where(strength[..., None] < 0, NEGATIVE, POSITIVE)
    drawn = np.concatenate([colours, np.abs(strength)[..., None] * 255], axis=2).round().astype(np.uint8)
    drawn[np.isnan(matrix)] = CONSTANT
    return drawn


def _png_uri(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _tones(dataset: Dataset, rows: np.ndarray) -> Content:
    """Histograms of brightness and contrast, and the most extreme images."""
    found = dict(zip(("brightness", "contrast"), brightness_and_contrast(dataset, rows), strict=True))
    ends = {"darkest": found["brightness"], "brightest": -found["brightness"], "least contrast": found["contrast"]}
    return {
        "histograms": {name: _histogram(values) for name, values in found.items()},
        "extremes": [_extreme(dataset, rows, name, values) for name, values in ends.items()],
    }


def _histogram(values: np.ndarray) -> Content:
    counts, edges = np.histogram(values, min(TONE_BINS, math.ceil(2 * len(values) ** (1 / 3))))  # the Rice rule
    return {"edges": edges.tolist(), "shares": (counts / len(values)).tolist(), "median": float(np.median(values))}


def _extreme(dataset: Dataset, rows: np.ndarray, name: str, values: np.ndarray) -> Content:
    first = np.argsort(values, kind="stable")[:EXTREME_IMAGES]
    labels = [dataset.classes[label] for label in dataset.labels[rows[first]]]
    return {"name": name, "rows": rows[first].tolist(), "labels": labels, "shares": np.abs(values[first]).tolist()}


def _photographs(headers: Sequence[ImageHeader]) -> Content | None:
    if not headers:
        return None
    found = header_counts(headers)
    listed = {name: _with_rest(counts) for name, counts in found.items()}
    return {"files": len(headers), "tallies": listed, "distinct_sizes": len(found["sizes"])}


def _with_rest(counts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    rest = counts[TALLIED:]
    return counts[:TALLIED] + ([(f"{len(rest):,} others", sum(number for _, number in rest))] if rest else [])


def _nearest(dataset: Dataset, means: np.ndarray) -> Content:
    """Each class with its nearest; all distances when there are few classes."""
    distances, nearest = nearest_classes(means, dataset.pixel_range)
    rows = [
        {"class": code, "nearest": int(other), "distance": float(distances[code, other])}
        for code, other in enumerate(nearest)
        if other >= 0
    ]
    few = len(distances) <= DISTANCE_CLASSES
    return {"rows": rows, "distances": np.where(np.isnan(distances), -1, distances).tolist() if few else None}


def _repeated(dataset: Dataset, groups: np.ndarray, test: np.ndarray) -> list[Content]:
    """Images that occur more than once outside the test, with their rows and labels."""
    seen = np.isin(groups, groups[~test])
    own = np.where(seen, groups, np.arange(len(groups)))
    return [
        {
            "rows": rows.tolist(),
            "ids": dataset.ids[rows].tolist(),
            "labels": [dataset.classes[label] for label in np.unique(dataset.labels[rows])],
            "in_test": int(test[rows].sum()),
        }
        for rows in exact_duplicate_sets(own, dataset.labels, REPEATED_IMAGES)
    ]


def _toned(means: np.ndarray, pixel_range: tuple[float, float]) -> np.ndarray:
    return to_uint8(np.nan_to_num(means, nan=pixel_range[0]), pixel_range)


def _figures(content: Content) -> dict[str, Specification]:
    pixels, tones_ = content["pixels"], content["tones"]["histograms"]
    return {
        "balance": class_balance(content["counts"], PARTS),
        "pixels": histogram(pixels["edges"], pixels["shares"], "value of a pixel", "sqrt"),
        **{name: histogram(one["edges"], {"grey": one["shares"]}, name) for name, one in tones_.items()},
    }
