"""The variation within each class: the root mean square distance of images from the mean image of their class."""

from __future__ import annotations

import numpy as np

from snellen.data.dataset import Dataset
from snellen.data.inspect.class_images import mean_images
from snellen.data.slices import image_slices


def squared_distances(dataset: Dataset, rows: np.ndarray) -> list[np.ndarray]:
    """For each class the (n,) mean squared differences of the pixels of its images from the mean image of the class,
    where black is 0 and white 1; times n / (n - 1), so that their mean is unbiased. Empty for fewer than two images.

    Their mean is the trace of the covariance of the pixels over their number, the dispersion around a centroid that is
    compared between groups in Anderson, Biometrics 62 (2006) 245-253. That the mean image is estimated changes it only
    to second order, so an interval for the mean of these values is one for it.
    """
    labels, (low, high) = dataset.unsealed_labels(rows), dataset.pixel_range
    num_pixels = int(np.prod(dataset.shape))
    means = mean_images(dataset, rows).reshape(-1, num_pixels).astype(np.float64)
    found = []
    for code, mean in enumerate(means):
        own = rows[labels == code]
        squares = np.zeros(len(own) if len(own) > 1 else 0)
        for part, images in image_slices(dataset.images, own) if len(squares) else ():
            differences = images.reshape(len(images), num_pixels) - mean
            squares[part] = np.einsum("np,np->n", differences, differences)
        found.append(squares / (num_pixels * (high - low) ** 2) * len(own) / max(1, len(own) - 1))
    return found
