"""Data sets that are known by name: the one that comes with Snellen, and those expected in a data folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from snellen.data.arrays import Part, assemble
from snellen.data.dataset import Dataset, fingerprint
from snellen.data.source import Options
from snellen.errors import DataError


def digits(options: Options) -> Dataset:
    """scikit-learn's digits: 1,797 real handwritten digits, 8x8 pixels with 17 grey levels, no official test.

    From E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    part = Part(bunch.images, bunch.target, "digits", "digits labels")
    return assemble([part], options.class_names, options.pixel_range or (0, 16), "digits")


BUNDLED: dict[str, Callable[[Options], Dataset]] = {"digits": digits}


@dataclass(frozen=True)
class Published:
    """A data set as its publisher fixed it. kind: its reader. The rest is what that reads without options."""

    kind: str
    classes: tuple[str, ...]
    pixel_range: tuple[float, float]
    fingerprint: str

    def check(self, dataset: Dataset) -> None:
        """Raises DataError when other content stands under the name, whatever the options it was read with."""
        found = fingerprint(dataset.images, dataset.labels, self.classes, dataset.official_test, self.pixel_range)
        if found != self.fingerprint:
            raise DataError(
                f"these are not the published {dataset.name} data",
                found=f"fingerprint {found[:12]}",
                expected=self.fingerprint[:12],
                hint="To use them as they are, give their path instead of the name.",
            )


PUBLISHED = {
    "mnist": Published(
        "idx", tuple("0123456789"), (0.0, 255.0), "867be04653cd39f836011fcb944c4e532207a64fb5693bc0d018afa81eac10cc"
    ),
}

NAMES = (*BUNDLED, *PUBLISHED)
