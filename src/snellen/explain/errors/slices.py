"""Weak slices: kinds of images, by a measured property, that a model gets wrong more often than the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snellen.explain.foreground import brightness_of, foreground_masks, has_even_background, offsets, sizes, thicknesses
from snellen.statistics.holm import holm
from snellen.statistics.independent_proportions import difference_limits, difference_p_value
from snellen.statistics.levels import SIGNIFICANT
from snellen.statistics.mantel_haenszel import weaker_within_classes
from snellen.statistics.wilson_interval import wilson_limits

FEWEST = 20
"""Fewest images of a slice, and of the rest."""

QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")

MEANINGS = {
    "brightness": "mean of the pixels, 0 black and 1 white",
    "contrast": "standard deviation of the pixels, at most 0.5",
    "position": "pixels from the middle of the image to the centre of mass of the difference from the background, "
    "which is the median of the border",
    "size": "share of foreground pixels: those that differ from the background by more than half of the largest "
    "difference",
    "stroke": "thickness of the foreground in pixels: four times the mean distance to the nearest background "
    "pixel, minus two",
    "near-duplicates": "whether the data contain a near-duplicate, by perceptual hash and correlation",
}
"""What each measure is, by name."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Images of one kind. low, high: range of the measure, None if it is no number. members: (N,) bool."""

    measure: str
    part: str
    low: float | None
    high: float | None
    members: np.ndarray

    @property
    def name(self) -> str:
        """As in "brightness, lowest quarter"."""
        return f"{self.measure}, {self.part}"


@dataclass(frozen=True)
class Share:
    """An accuracy, `right` of `images`, with its Wilson interval."""

    right: int
    images: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The accuracy."""
        return self.right / self.images


@dataclass(frozen=True)
class Weakness:
    """One model on one slice. low, high: interval of the difference, accuracy on the slice minus accuracy on the rest.

    adjusted_p: two-sided, of the test that agrees with this interval (see `difference_limits`), after a Holm correction
    over all slices and models. by_classes: the accuracy that the slice would have if each class had the same accuracy
    there as on all images. adjusted_within: p-value of a test within classes (Cochran-Mantel-Haenszel, one-sided),
    after the same correction.
    """

    model: str
    slice: int
    inside: Share
    outside: Share
    low: float
    high: float
    adjusted_p: float
    by_classes: float
    adjusted_within: float

    @property
    def difference(self) -> float:
        """Accuracy on the slice minus accuracy on the rest; negative if the slice is weaker."""
        return self.inside.value - self.outside.value

    @property
    def is_weak(self) -> bool:
        """Whether the slice is significantly weaker."""
        return self.adjusted_p < SIGNIFICANT and self.high < 0

    @property
    def is_weak_within(self) -> bool:
        """Whether the slice is also significantly weaker than its mix of classes explains."""
        return self.is_weak and self.adjusted_within < SIGNIFICANT and self.inside.value < self.by_classes


def measures(images: np.ndarray, pixel_range: tuple[float, float]) -> dict[str, np.ndarray]:
    """The measures of MEANINGS by name, (N,) each, of stored images (N, H, W, C); those of the foreground only for
    images with a uniform background."""
    brightness = brightness_of(images, pixel_range)
    values = {
        "brightness": brightness.mean((1, 2)),
        "contrast": brightness.std((1, 2)),
        "position": offsets(brightness),
    }
    if has_even_background(brightness):
        masks = foreground_masks(brightness)
        values |= {"size": sizes(masks), "stroke": thicknesses(masks)}
    return values


def quarters(measure: str, values: np.ndarray) -> list[Slice]:
    """The four quarters of (N,) values, each without its low end and with its high end; NaN is in none.

    Fewer if equal values make some too small.
    """
    ends = np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1])
    place = np.searchsorted(ends[1:4], values)
    found = [
        Slice(measure, part, float(ends[at]), float(ends[at + 1]), (place == at) & ~np.isnan(values))
        for at, part in enumerate(QUARTERS)
    ]
    return [each for each in found if is_large_enough(each)]


def is_large_enough(piece: Slice) -> bool:
    """Whether it and the rest have FEWEST images."""
    inside = int(piece.members.sum())
    return min(inside, len(piece.members) - inside) >= FEWEST


def weaknesses(slices: Sequence[Slice], right: Mapping[str, np.ndarray], labels: np.ndarray) -> list[Weakness]:
    """Tests every slice of every model, ordered by model. right: (N,) bool by model. labels: (N,)."""
    members = np.stack([each.members for each in slices])
    inside = members.sum(1)
    found, p_values, within = list[Weakness](), list[np.ndarray](), list[np.ndarray]()
    for model, hits in right.items():
        rights = (members & hits).sum(1)
        expected = members @ _class_accuracies(hits, labels)[labels] / inside
        rest = hits.sum() - rights, len(hits) - inside
        p_values.append(np.array([difference_p_value(*map(int, counts)) for counts in zip(rights, inside, *rest)]))
        within.append(weaker_within_classes(members, hits, labels))
        found += [
            _weakness(model, at, share(int(rights[at]), int(inside[at])), hits, float(expected[at]))
            for at in range(len(slices))
        ]
    adjusted = zip(holm(np.concatenate(p_values)), holm(np.concatenate(within)), strict=True)
    return [
        replace(one, adjusted_p=float(whole), adjusted_within=float(part))
        for one, (whole, part) in zip(found, adjusted, strict=True)
    ]


def _class_accuracies(hits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(K,) accuracy on each class; 0 for classes that do not occur."""
    totals = np.bincount(labels)
    return np.asarray(np.bincount(labels, hits) / np.maximum(totals, 1))


def _weakness(model: str, at: int, inside: Share, hits: np.ndarray, expected: float) -> Weakness:
    outside = share(int(hits.sum()) - inside.right, len(hits) - inside.images)
    limits = difference_limits(inside.right, inside.images, outside.right, outside.images)
    return Weakness(model, at, inside, outside, *limits, 1.0, expected, 1.0)


def share(right: int, images: int) -> Share:
    """An accuracy with its interval; images >= 1."""
    return Share(right, images, *wilson_limits(right, images))
