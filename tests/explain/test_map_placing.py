"""Protects where maps put images: right components, the same places for the same seed, nothing imported unasked."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from snellen import limits
from snellen.errors import StudyError
from snellen.explain.maps import projections


def digits(rows: int = 600) -> np.ndarray:
    """(rows, 64) float32."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data[:rows] / 16, np.float32)


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_components_are_those_of_scikit_learn(shift: float) -> None:
    """Also far from zero, where float32 would lose what distinguishes rows."""
    from sklearn.decomposition import PCA

    values = digits()
    expected = PCA(3, svd_solver="full").fit(values.astype(np.float64))
    places, explained = projections.pca(values + np.float32(shift), 3)
    np.testing.assert_allclose(explained, expected.explained_variance_ratio_, rtol=1e-3)
    np.testing.assert_allclose(np.abs(places), np.abs(expected.transform(values)), atol=5e-3)


def test_components_of_wide_values_explain_as_much() -> None:
    from sklearn.decomposition import PCA

    values = digits(300) @ np.random.default_rng(0).normal(size=(64, projections.WIDE + 1)).astype(np.float32)
    _, explained = projections.pca(values, 2)
    np.testing.assert_allclose(explained, PCA(2, svd_solver="full").fit(values).explained_variance_ratio_, rtol=1e-3)


@pytest.mark.parametrize("rows", [300, 1_100])
def test_tsne_keeps_neighbours_and_gives_the_same_again(rows: int) -> None:
    """Below 1,000 rows neighbours are searched exactly, beyond with an index of trees."""
    from sklearn.manifold import trustworthiness

    values = digits(rows)
    places = projections.tsne(values, 3, 30, 300, 1)
    assert places.shape == (rows, 2) and places.dtype == np.float32
    assert (
        trustworthiness(values, places, n_neighbors=10) > 0.97 > trustworthiness(values, projections.pca(values, 2)[0])
    )
    assert np.array_equal(places, projections.tsne(values, 3, 30, 300, 1))


def test_two_threads_give_the_same_every_time() -> None:
    values = digits(1_100)
    first, second = (projections.tsne(values, 0, 20, 260, 2) for _ in range(2))
    assert np.array_equal(first, second)


def test_so_few_rows_that_the_perplexity_must_fall() -> None:
    assert projections.tsne(digits(60), 0, 40, 260, 1).shape == (60, 2)


def test_the_rows_that_memory_takes_follow_the_stated_formula() -> None:
    row_bytes = limits.MAP_BYTES_A_VALUE * 128 + limits.MAP_BYTES_A_NEIGHBOUR * 120 + limits.MAP_BYTES_A_ROW
    most = projections.most_rows(128, 120)
    assert most * row_bytes <= limits.MAP_MEMORY_BYTES < (most + 1) * row_bytes
    assert most > 3 * limits.MAP_ROWS


def test_without_umap_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"pip install 'snellen\[embed\]'"):
        projections.umap(digits(60), 0, 5)


def test_numba_is_not_imported_unless_umap_is_asked_for() -> None:
    """It takes seconds to load, and t-SNE does not need it."""
    script = (
        "import sys, numpy as np; from snellen.explain import analyses; from snellen.explain.maps import projections; "
        "values = np.random.default_rng(0).normal(size=(1_100, 5)).astype('float32'); "
        "projections.tsne(values, 0, 5, 250, 1); print('numba' in sys.modules, 'umap' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
