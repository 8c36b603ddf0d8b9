"""Protects addressed randomness: numbers depend on seed and path alone, in every lane, whatever ran before."""

from __future__ import annotations

import numpy as np
import torch

from snellen.models.keys import Key

LIKE = torch.zeros(2, 1_000)


def test_permutations_are_permutations_and_addressed() -> None:
    key = Key((3, 4), ("order", 0))
    orders = key.permutations(500)
    np.testing.assert_array_equal(np.sort(orders, 1), np.tile(np.arange(500), (2, 1)))
    np.testing.assert_array_equal(Key((3, 4)).at("order").at(0).permutations(500), orders)
    np.testing.assert_array_equal(Key((4,), ("order", 0)).permutations(500)[0], orders[1])
    others = [Key((3, 4), ("order", 1)).permutations(500), Key((5, 6), ("order", 0)).permutations(500), orders[::-1]]
    assert not any(np.array_equal(orders, other) for other in others)


def test_masks_are_addressed_and_a_lane_is_the_same_alone() -> None:
    key = Key((3, 4), ("step", 7, "dropout_1"))
    mask = key.keep_mask((0.5, 0.5), LIKE)
    torch.rand(10)
    np.random.default_rng().random()
    torch.testing.assert_close(key.keep_mask((0.5, 0.5), LIKE), mask, rtol=0, atol=0)
    torch.testing.assert_close(Key((4,), key.path).keep_mask((0.5,), LIKE[1:])[0], mask[1], rtol=0, atol=0)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    for other in (
        mask.flip(0),
        Key((3, 4), ("step", 8, "dropout_1")).keep_mask((0.5, 0.5), LIKE),
        key.at("x").keep_mask((0.5, 0.5), LIKE),
    ):
        assert 0.4 < (mask == other).double().mean() < 0.6


def test_nothing_global_is_touched() -> None:
    before = torch.random.get_rng_state()
    Key((1,)).keep_mask((0.5,), LIKE[:1])
    Key((1,)).permutations(10)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_addresses_are_pinned() -> None:
    """Other numbers here are other weights in every study ever run: a change of format, never of refactoring."""
    assert Key((0,), ("order", 0)).permutations(8)[0].tolist() == PINNED_ORDER
    assert Key((0,), ("step", 0)).keep_mask((0.5,), torch.zeros(1, 16))[0].int().tolist() == PINNED_MASK
    assert Key((0,), ("init",)).generators()[0].uniform(size=2).tolist() == PINNED_DRAW


PINNED_ORDER = [1, 5, 0, 6, 2, 7, 3, 4]
PINNED_MASK = [0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0]
PINNED_DRAW = [0.5383677153910026, 0.2471529240019893]
