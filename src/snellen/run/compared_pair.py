"""Two sides of `snellen compare` on the images of a role, or over the folds, that both have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from snellen.data.splits import vault
from snellen.evaluate.class_differences import ClassDifference, class_differences
from snellen.evaluate.cross_validation import HELD_OUT, HeldOut
from snellen.evaluate.networks import Networks
from snellen.evaluate.pair_differences import PairDifference, Side, difference, of_folds
from snellen.evaluate.rank_flips import MeasureDifference, measured, measured_over_folds
from snellen.run.compared_side import ComparedSide, Contents
from snellen.study.search_results import Split


@dataclass(frozen=True, eq=False)
class ComparedPair:
    """reason: why there is no verdict. relabelled: shared images left out because their labels differ. opened: whether
    this was a new use of test labels. sides: the compared answers; None if there was no comparison."""

    a: ComparedSide
    b: ComparedSide
    role: str
    images: int = 0
    relabelled: int = 0
    reason: str | None = None
    opened: bool = False
    difference: PairDifference | None = None
    sides: tuple[Networks, Networks] | tuple[HeldOut, HeldOut] | None = None

    @property
    def is_judged(self) -> bool:
        """Whether it has a verdict."""
        return self.difference is not None and self.reason is None

    @property
    def networks(self) -> tuple[int, int] | None:
        """The number of networks of each side on these images; None if there was no comparison."""
        if self.sides is None:
            return None
        a, b = (side if isinstance(side, Networks) else next(iter(side.splits.values())) for side in self.sides)
        return len(a.seeds), len(b.seeds)

    @property
    def is_identical(self) -> bool:
        """Whether both give the same probabilities: all networks for recipes, else the first."""
        if self.sides is None or not isinstance(self.sides[0], Networks) or not isinstance(self.sides[1], Networks):
            return False
        recipes = self.difference is not None and self.difference.kind == "recipes"
        a, b = (side.all if recipes else side.all[:1] for side in self.sides)
        return len(a) == len(b) and all(
            np.array_equal(one.probabilities, other.probabilities) for one, other in zip(a, b, strict=True)
        )

    def measures(self, confidence: float) -> dict[str, MeasureDifference]:
        """The differences by measure; without intervals for a side that was chosen by these images."""
        if self.sides is None:
            return {}
        a, b = self.sides
        if isinstance(a, HeldOut) and isinstance(b, HeldOut):
            return measured_over_folds(a, b, self.is_judged, confidence)
        assert isinstance(a, Networks) and isinstance(b, Networks)  # both sides are of the same kind
        return measured(a, b, self.is_judged, confidence)

    def classes(self) -> list[ClassDifference]:
        """The recall of each class that occurs; empty over folds."""
        if self.sides is None or self.role == HELD_OUT:
            return []
        a, b = self.sides
        assert isinstance(a, Networks) and isinstance(b, Networks)  # not over folds
        return list(class_differences(a, b, self.a.record.classes))


def compared_pair(a: ComparedSide, b: ComparedSide, role: str, images: tuple[Contents, Contents]) -> ComparedPair:
    """Compares two sides on the images that both have in the role, with equal labels."""
    pair = ComparedPair(a, b, role)
    if role == HELD_OUT:
        return _over_folds(pair, images)
    there = {key: place for place, key in enumerate(images[1].by_role.get(role, ()))}
    found = [(place, there[key]) for place, key in enumerate(images[0].by_role.get(role, ())) if key in there]
    places = np.array(found, np.int64).reshape(-1, 2).T
    pair = replace(pair, images=len(found))
    return _on_images(pair, places) if found else replace(pair, reason=f"they share no {role} image")


def _on_images(pair: ComparedPair, places: np.ndarray) -> ComparedPair:
    networks = [side.networks(pair.role) for side in (pair.a, pair.b)]
    for side, own in zip((pair.a, pair.b), networks, strict=True):
        if own is None and pair.role == "test":
            reason = f"the test was not opened for {side.name}; `open_test` in its study opens it"
            return replace(pair, reason=reason)
        if own is None:
            return replace(pair, reason=f"{side.name} has no labelled {pair.role} predictions of its own")
    one, other = (each for each in networks if each is not None)
    if pair.a.record.classes != pair.b.record.classes:
        return replace(pair, reason="their classes differ")
    opened = pair.role == "test" and _record_opening(pair)
    equal = one.labels[places[0]] == other.labels[places[1]]
    pair = replace(pair, opened=opened, relabelled=int((~equal).sum()), images=int(equal.sum()))
    if not equal.any():
        return replace(pair, reason="no shared image has the same label in both")
    one, other = (own.at(own_places) for own, own_places in zip((one, other), places[:, equal], strict=True))
    selected = [side.why_selected(pair.role) for side in (pair.a, pair.b)]
    sides = [
        Side(own.per_image("accuracy").astype(bool), selected=why is not None)
        for own, why in zip((one, other), selected, strict=True)
    ]
    return replace(pair, difference=difference(*sides), sides=(one, other), reason=_joined(selected))


def _over_folds(pair: ComparedPair, images: tuple[Contents, Contents]) -> ComparedPair:
    found = []
    for side in (pair.a, pair.b):
        if side.folds is None:
            return replace(pair, reason=f"{side.name} has no folds")
        found.append(side.folds)
    if pair.a.record.classes != pair.b.record.classes:
        return replace(pair, reason="their classes differ")
    a, b = found
    splits = same_splits(a, b, images)
    if len(splits) < 2:
        reason = "their folds hold out different images: give both studies the same data, `seed` of `split` and `folds`"
        return replace(pair, reason=reason)
    trained, held = (a.num_train + b.num_train) / 2, (a.num_held_out + b.num_held_out) / 2
    a = HeldOut({one: a.splits[one] for one, _ in splits}, trained, held)
    b = HeldOut({one: b.splits[other] for one, other in splits}, trained, held)
    pair = replace(pair, images=len(a.pooled()))
    relabelled = sum(_relabelled(a.splits[split], b.splits[split], images) for split in a.splits)
    if relabelled:
        return replace(pair, relabelled=relabelled, reason="images that their folds hold out have different labels")
    selected = [side.why_selected(HELD_OUT) for side in (pair.a, pair.b)]
    return replace(pair, difference=of_folds(a, b, selected=any(selected)), sides=(a, b), reason=_joined(selected))


def same_splits(a: HeldOut, b: HeldOut, images: tuple[Contents, Contents]) -> list[tuple[Split, Split]]:
    """Pairs of splits, one from each side, that hold out the same images."""
    of_b = {_held(networks, images[1]): split for split, networks in b.splits.items()}
    known = [(split, of_b.get(_held(networks, images[0]))) for split, networks in a.splits.items()]
    return [(split, other) for split, other in known if other is not None]


def _held(networks: Networks, images: Contents) -> frozenset[tuple[object, int]]:
    """The images of a fold by content, with their frequencies."""
    return frozenset(Counter(images.of_row(row) for row in networks.rows.tolist()).items())


def _relabelled(a: Networks, b: Networks, images: tuple[Contents, Contents]) -> int:
    """The number of identical images whose labels differ."""
    one, other = (
        Counter(zip(map(own.of_row, side.rows.tolist()), side.labels.tolist(), strict=True))
        for own, side in zip(images, (a, b), strict=True)
    )
    return (one - other).total()


def _record_opening(pair: ComparedPair) -> bool:
    """Records, in the user's log of each test part, that its labels served one more comparison."""
    new = False
    for side, other in ((pair.a, pair.b), (pair.b, pair.a)):
        job = side.record.planned[side.model].tested[0]
        against = other.record.planned[other.model].tested[0]
        new |= vault.record_comparison(
            vault.stored_fingerprint(side.record.folder),
            study=side.record.study.study,
            job=job,
            model=side.model,
            reason=f"compare with job {against}",
        )
    return new


def _joined(reasons: list[str | None]) -> str | None:
    return "; ".join(why for why in reasons if why) or None
