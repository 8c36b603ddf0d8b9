"""Protects the contract of augmentations, for every kind and several arguments each: the same image in the same epoch
is changed alike whatever its batch and its neighbours in the pack; strength 0 changes nothing; values stay in range."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from snellen.models.keys import Key
from snellen.train.augment.augmentation import Augmentation, Mixing, Recolouring
from snellen.train.augment.epoch import EpochAugmentation
from snellen.train.augment.mixing import Mixed
from snellen.train.augment.registry import AUGMENTATIONS, Augmentations

LISTS = TypeAdapter(Augmentations)
SHAPE = (9, 12, 3)
SEEDS = (4, 1, 8)
ROWS = tuple(torch.arange(first, first + 2 * count, 2) for first, count in ((3, 40), (0, 33), (5, 40)))
"""Training rows of each lane, of a data set of 100 images."""
RANDOM = torch.Generator().manual_seed(6)
IMAGES = torch.rand((100, *SHAPE), generator=RANDOM)
LABELS = torch.randint(0, 10, (100,), generator=RANDOM)

CASES: list[tuple[Any, Any]] = [
    ({"shift": 0.2}, {"shift": 0}),
    ({"shift": {"amount": 0.3, "interpolation": "nearest"}}, {"shift": {"amount": 0, "interpolation": "nearest"}}),
    ({"shift": {"amount": 0.3, "fill": "zero"}}, {"shift": {"amount": 0, "fill": "zero"}}),
    ("flip", {"flip": {"probability": 0}}),
    ({"flip": "both"}, {"flip": {"direction": "both", "probability": 0}}),
    ({"crop": 3}, {"crop": 0}),
    ({"rotate": 40}, {"rotate": 0}),
    ({"rotate": {"degrees": 40, "fill": "zero", "interpolation": "nearest"}}, {"rotate": 0}),
    ({"scale": [0.7, 1.4]}, {"scale": 0}),
    ({"brightness": 0.4}, {"brightness": 0}),
    ({"contrast": 0.6}, {"contrast": 0}),
    ({"cutout": 5}, {"cutout": 0}),
    ({"cutout": {"size": 2, "value": 0.5}}, {"cutout": 0}),
    ({"mixup": 0.4}, {"mixup": 0}),
    ({"mixup": {"alpha": 1, "probability": 0.5}}, {"mixup": {"alpha": 1, "probability": 0}}),
    ({"cutmix": 1.0}, {"cutmix": 0}),
]
every_case = pytest.mark.parametrize(("written", "nothing"), CASES, ids=[json.dumps(case[0]) for case in CASES])
WHOLE = ["flip", {"crop": 2}, {"shift": 0.1}, {"rotate": 9}, {"scale": 0.1}, {"contrast": 0.2}, {"cutout": 3}]


def parsed(*written: Any) -> tuple[Augmentation, ...]:
    return LISTS.validate_python(list(written))


def epoch(steps: tuple[Augmentation, ...], lanes: tuple[int, ...] = (0,), number: int = 0) -> EpochAugmentation:
    key = Key(tuple(SEEDS[lane] for lane in lanes), ("augment", number))
    return EpochAugmentation.draw([steps] * len(lanes), [ROWS[lane] for lane in lanes], SHAPE, key)


def applied(drawn: EpochAugmentation, rows: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Mixed | None]:
    """rows: (L, N)."""
    return on(drawn, IMAGES, rows, weights)


def on(
    drawn: EpochAugmentation, images: Tensor, rows: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Mixed | None]:
    """The same of other images of the same number."""
    width = rows.shape[1]
    counts = [width] * len(rows) if weights is None else weights.count_nonzero(1).tolist()
    return drawn.mix(drawn.change(images[rows], rows), LABELS[rows], rows, drawn.partners(counts, width))


def test_every_kind_has_a_case() -> None:
    assert {parsed(written)[0].name for written, _ in CASES} == set(AUGMENTATIONS)


@every_case
def test_strength_zero_changes_nothing(written: Any, nothing: Any) -> None:
    """And any other strength changes something, but never the images themselves."""
    before, rows = IMAGES.clone(), ROWS[0][None]
    same, mixed = applied(epoch(parsed(nothing)), rows)
    torch.testing.assert_close(same, IMAGES[rows], rtol=0, atol=1e-5)
    assert mixed is None or bool((mixed.share == 1).all())
    changed, _ = applied(epoch(parsed(written)), rows)
    assert ((changed - IMAGES[rows]).abs().amax((2, 3, 4)) > 0.01).double().mean() > 0.3
    torch.testing.assert_close(IMAGES, before, rtol=0, atol=0)


@every_case
def test_values_stay_between_black_and_white(written: Any, nothing: Any) -> None:
    extreme = IMAGES.round()
    rows = ROWS[0][None]
    changed, _ = on(epoch(parsed(written)), extreme, rows)
    assert changed.min() >= -1e-6 and changed.max() <= 1 + 1e-6
    assert changed.shape == (1, 40, *SHAPE) and changed.dtype == torch.float32


@every_case
def test_another_epoch_and_another_seed_change_otherwise(written: Any, nothing: Any) -> None:
    rows = ROWS[0][None]
    steps = parsed(written)
    first, again, later = (applied(epoch(steps, number=number), rows)[0] for number in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, later)
    key = Key((99,), ("augment", 0))
    other = EpochAugmentation.draw([steps], ROWS[:1], SHAPE, key)
    assert not torch.equal(first, applied(other, rows)[0])


@every_case
def test_a_image_is_changed_alike_in_every_batch(written: Any, nothing: Any) -> None:
    """Whatever stands beside it and where. The partner in a mixed image is of the batch; its share is not."""
    drawn, rows = epoch(parsed(written)), ROWS[0][None]
    whole, mixed = applied(drawn, rows)
    backwards = rows.flip(1)
    parts = [applied(drawn, part) for part in backwards.split(7, 1)]
    if mixed is None:
        torch.testing.assert_close(torch.cat([x for x, _ in parts], 1).flip(1), whole, rtol=0, atol=0)
    else:
        shares = torch.cat([part.share for _, part in parts if part is not None], 1)
        torch.testing.assert_close(shares.flip(1), mixed.share, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("written", [[case[0]] for case in CASES] + [WHOLE, [*WHOLE, {"mixup": 1.0}]], ids=json.dumps)
def test_a_lane_in_a_pack_is_the_lane_alone(written: list[Any], dtype: torch.dtype) -> None:
    """With rows of its own, also where its last batch is filled up because others have more."""
    steps = parsed(*written)
    pack = epoch(steps, (0, 1, 2))
    rows = torch.stack([torch.nn.functional.pad(each, (0, 40 - len(each)), value=int(each[0])) for each in ROWS])
    weights = (torch.arange(40) < torch.tensor([[len(each)] for each in ROWS])).float()
    x, mixed = on(pack, IMAGES.to(dtype), rows, weights)
    for lane, own in enumerate(ROWS):
        alone = epoch(steps, (lane,))
        expected, own_mixed = on(alone, IMAGES.to(dtype), own[None])
        torch.testing.assert_close(x[lane : lane + 1, : len(own)], expected, rtol=0, atol=0)
        if mixed is not None and own_mixed is not None:
            torch.testing.assert_close(mixed.share[lane : lane + 1, : len(own)], own_mixed.share, rtol=0, atol=0)
            assert torch.equal(mixed.labels[lane : lane + 1, : len(own)], own_mixed.labels)


def test_lanes_may_differ_in_strength() -> None:
    weak, strong = parsed({"shift": 0.05}, {"contrast": 0.1}), parsed({"shift": 0.4}, {"contrast": 0.9})
    rows = ROWS[0].repeat(2, 1)
    key = Key((4, 4), ("augment", 0))
    both, _ = applied(EpochAugmentation.draw([weak, strong], [ROWS[0]] * 2, SHAPE, key), rows)
    for lane, steps in enumerate((weak, strong)):
        torch.testing.assert_close(both[lane : lane + 1], applied(epoch(steps), rows[:1])[0], rtol=0, atol=0)


def test_the_same_kind_twice_draws_twice() -> None:
    rows = ROWS[0][None]
    once, _ = applied(epoch(parsed({"brightness": 0.1})), rows)
    twice, _ = applied(epoch(parsed({"brightness": 0.1}, {"brightness": 0.1})), rows)
    first = (once - IMAGES[rows]).mean((2, 3, 4))
    second = (twice - once).mean((2, 3, 4))
    assert torch.corrcoef(torch.cat([first, second]))[0, 1].abs() < 0.5


@every_case
def test_a_form_in_json_gives_the_same_steps(written: Any, nothing: Any) -> None:
    steps = parsed(written)
    assert LISTS.validate_json(LISTS.dump_json(steps)) == steps


def test_order_in_the_list_is_the_order_in_which_steps_are_done() -> None:
    rows = ROWS[0][None]
    ends = {}
    for written in ([{"brightness": 0.9}, {"cutout": 6}], [{"cutout": 6}, {"brightness": 0.9}]):
        ends[str(written)] = applied(epoch(parsed(*written)), rows)[0]
    covered_last, covered_first = ends.values()
    assert ((covered_last == 0).all(-1).sum((2, 3)) > 8).all()
    assert ((covered_first == 0).all(-1).sum((2, 3)) < 4).any()


def test_kinds_are_what_their_base_says() -> None:
    for name, kind in AUGMENTATIONS.items():
        assert issubclass(kind, Mixing) == (name in {"mixup", "cutmix"})
        assert issubclass(kind, Recolouring) == (name in {"brightness", "contrast", "cutout"})
