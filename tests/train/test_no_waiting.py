"""Protects training on a GPU, on machines without one: all tensors of a step lie on one device, the same weights come
out, and from the first step of an epoch to its last the host waits for nothing and copies nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from device_cases import CASES, Strict, elsewhere, pack
from pretend_device import Elsewhere, PretendDevice, held
from training_cases import material, start, training

from snellen.train.batches import ResidentData
from snellen.train.lane import Lane
from snellen.train.snapshot import Snapshot
from snellen.train.watcher import Silent

every_case = pytest.mark.parametrize("changes", CASES.values(), ids=list(CASES))


def trained(lanes: list[Lane], images: ResidentData, epochs: int = 2) -> Snapshot:
    now, whole = start(*lanes, images=images), training(*lanes, images=images)
    for _ in range(epochs):
        now = whole.epoch(now, Silent())
    return now


@every_case
def test_the_device_gives_what_the_cpu_gives(changes: list[dict[str, Any]]) -> None:
    """Whole epochs with validation, and lanes that have fewer rows than others."""
    lanes = pack(changes, uneven=len(changes) > 1)
    expected = trained(lanes, material())
    with PretendDevice().in_use():
        found = trained(lanes, elsewhere(material()))
        assert isinstance(found.theta, Elsewhere)
    torch.testing.assert_close(held(found.theta), expected.theta, rtol=1e-4, atol=1e-5)
    for name, value in expected.state.items():
        torch.testing.assert_close(held(found.state[name]), value, rtol=1e-4, atol=1e-5)
    for own, theirs in zip(found.lanes, expected.lanes, strict=True):
        assert [each["loss"] for each in own.history] == pytest.approx(
            [each["loss"] for each in theirs.history], rel=1e-4
        )
        assert [each["accuracy"] for each in own.history] == [each["accuracy"] for each in theirs.history]


@every_case
def test_within_an_epoch_the_host_waits_for_nothing(changes: list[dict[str, Any]]) -> None:
    lanes, device = pack(changes, uneven=len(changes) > 1), PretendDevice()
    with device.in_use():
        images = elsewhere(material())
        now, whole, watcher = start(*lanes, images=images), training(*lanes, images=images), Strict(device)
        whole.run_steps(now, watcher)
    assert watcher.seen == 8 == lanes[0].steps


def test_what_an_epoch_copies_is_copied_at_once() -> None:
    """Tables of the whole epoch, for all lanes: more lanes and more steps are not more copies. Two tables come back."""
    copies = []
    for count, size in ((1, 20), (3, 4)):
        lanes = pack([{**CASES["flipped"][0], "seed": seed, "batch_size": size} for seed in range(count)])
        with PretendDevice().in_use() as device:
            images = elsewhere(material())
            now, whole = start(*lanes, images=images), training(*lanes, images=images)
            device.waits.clear()
            whole.run_steps(now, Silent())
        copies.append(dict(device.waits))
    assert copies[0] == copies[1] == {"a copy to the device": 6, "a copy from the device": 2}
