"""One map: python tsne_fit.py TOOL VECTORS.npy MAP.npy THREADS ITERATIONS, in JSON the seconds that it took."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

PERPLEXITY, SEED = 40, 0


def scikit_learn(vectors: np.ndarray, threads: int, iterations: int) -> np.ndarray:
    """(N, 2)."""
    from sklearn.manifold import TSNE

    how = {"init": "pca", "max_iter": iterations, "n_jobs": threads, "random_state": SEED}
    return np.asarray(TSNE(perplexity=PERPLEXITY, **how).fit_transform(vectors))


def ours(vectors: np.ndarray, threads: int, iterations: int) -> np.ndarray:
    """(N, 2)."""
    from snellen.explain.maps.projections import tsne

    return tsne(vectors, SEED, PERPLEXITY, iterations, threads)


TOOLS = {"scikit-learn": scikit_learn, "ours": ours}


if __name__ == "__main__":
    tool, source, target, threads, iterations = sys.argv[1:]
    vectors = np.load(source)
    began = time.perf_counter()
    placed = TOOLS[tool](vectors, int(threads), int(iterations))
    seconds = time.perf_counter() - began
    np.save(target, placed)
    print(json.dumps({"seconds": seconds}))
