"""The sentences about maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.explain.maps.facts import MapJson, MapsFacts, ShareJson
from snellen.explain.maps.quality import Pair, stands_out
from snellen.phrases import fraction, percent, percent_interval

TITLES = {"pca_layer": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def sentences(facts: MapsFacts, classes: Sequence[str]) -> list[str]:
    """All sentences that apply, most important first."""
    maps = {one["name"]: one for one in facts["maps"]}
    return [
        *_closest(facts, classes),
        *_trusted(facts, [maps[name] for name in ("tsne", "umap", "pca_layer") if name in maps]),
        *_distances(maps),
        *_explained(maps),
        *_pixels(maps),
    ]


def _closest(facts: MapsFacts, classes: Sequence[str]) -> Iterator[str]:
    layer, model = facts["layer"], facts["model"]
    if not facts["told_apart"]:
        yield f"`{layer}` of `{model}` has the same output for every image: there is nothing to map."
    pairs = [Pair(**pair) for pair in facts["closest"]]
    if not pairs:
        return
    where = f"Measured in all {facts['width']:,} values of the layer, not on a map, over {facts['judged']:,} images."
    if pairs[0].share == 0:
        yield f"In `{layer}` of `{model}` all {facts['nearest']} nearest images of an image are of its class. {where}"
        return
    names = [f"`{classes[pair.first]}` and `{classes[pair.second]}`" for pair in pairs[:2]]
    share = f"{_percent(pairs[0])} of the {facts['nearest']} nearest neighbours of an image of one are of the other"
    if len(pairs) == 1:
        yield f"In `{layer}` of `{model}`, of the classes {names[0]}, {share}. {where}"
    elif stands_out(pairs):
        yield f"In `{layer}` of `{model}`, {names[0]} lie closest: {share}; next are {names[1]}. {where}"
    else:
        yield (
            f"In `{layer}` of `{model}`, {names[0]} are among the classes that lie closest, with no pair that stands "
            f"out: {share}, and {_percent(pairs[1])} between {names[1]}. {where}"
        )


def _percent(pair: Pair) -> str:
    return _share({"value": pair.share, "low": pair.low, "high": pair.high})


def _trusted(facts: MapsFacts, maps: list[MapJson]) -> Iterator[str]:
    """How well the first map keeps neighbours, and the last one in comparison."""
    if not maps:
        return
    first, last = maps[0], maps[-1]
    beside = f", the {TITLES[last['name']]} map {_kept(last)}" if last is not first else ""
    yield (
        f"The {TITLES[first['name']]} map of `{first['of']}` keeps {_kept(first)} of the {facts['nearest']} nearest "
        f"neighbours of an image{beside}; its trustworthiness is {_number(first['trustworthiness'])}, where 1 means "
        "that no image on the map is beside one that is far from it in the layer."
    )


def _kept(described: MapJson) -> str:
    return _share(described["kept"])


def _share(estimate: ShareJson) -> str:
    return percent_interval(estimate["value"], estimate["low"], estimate["high"])


def _number(estimate: ShareJson) -> str:
    return f"{fraction(estimate['value'])} ({fraction(estimate['low'])} to {fraction(estimate['high'])})"


def _distances(maps: dict[str, MapJson]) -> Iterator[str]:
    found = [TITLES[name] for name in ("tsne", "umap") if name in maps]
    if found:
        yield (
            f"On the {' and the '.join(found)} map only which images are neighbours counts: how far apart two clusters "
            "are, and how large they are, means little."
        )


def _explained(maps: dict[str, MapJson]) -> Iterator[str]:
    parts = [
        f"of {'the pixels' if one['of'] == 'pixels' else '`' + one['of'] + '`'} "
        f"{' + '.join(map(percent, one['explained']))}"
        for one in maps.values()
        if "explained" in one
    ]
    if parts:
        yield f"Variance explained by the first principal components: {', '.join(parts)}."


def _pixels(maps: dict[str, MapJson]) -> Iterator[str]:
    one = maps.get("pixels")
    if one is not None and "bits" in one:
        first, second = (f"row {row}, column {column}" for row, column in one["pixels"])
        yield (
            f"The two pixels that together have the most information about the class are {first} and {second}: "
            f"{one['bits']:.2f} of {one['of_bits']:.2f} bits."
        )
