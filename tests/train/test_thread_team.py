"""Protects threads that share a batch: whose rows are whose, what they exchange, and that no error leaves one
waiting."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from snellen.models.batch_shard import BatchShard
from snellen.train.thread_team import ThreadTeam

PARTS = 3


def test_every_row_is_in_one_part() -> None:
    def rows(_: int, share: BatchShard | None) -> list[int]:
        assert share is not None
        return list(range(share.total))[share.rows]

    with ThreadTeam(PARTS) as team:
        assert team.share(rows, 11) == [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9, 10]]
        assert team.share(rows, 2) == [[0], [1]], "no part without rows"


def test_one_row_and_one_part_are_not_shared() -> None:
    with ThreadTeam(PARTS) as several, ThreadTeam(1) as one:
        assert several.share(lambda number, share: (number, share), 1) == [(0, None)]
        assert one.share(lambda number, share: (number, share), 11) == [(0, None)]


def test_all_get_what_all_bring_each_time() -> None:
    """In the order of the rows, from threads of their own, as often as they meet."""
    names = set()

    def meet(number: int, share: BatchShard | None) -> list[list[float]]:
        assert share is not None
        names.add(threading.get_ident())
        return [[float(each) for each in share.exchange(torch.tensor(10.0 * turn + number))] for turn in range(50)]

    with ThreadTeam(PARTS) as team:
        found = team.share(meet, 9)
    assert found == [[[10.0 * turn + number for number in range(PARTS)] for turn in range(50)]] * PARTS
    assert len(names) == PARTS


@pytest.mark.parametrize("guilty", range(PARTS))
def test_an_error_ends_the_others_and_passes(guilty: int) -> None:
    """Those that wait for it too; the team goes on afterwards."""

    def fail(number: int, share: BatchShard | None) -> int:
        assert share is not None
        if number == guilty:
            raise MemoryError("no room")
        share.exchange(torch.zeros(1))
        return number

    with ThreadTeam(PARTS) as team, ThreadPoolExecutor(1) as waiting:
        with pytest.raises(MemoryError, match="no room"):
            team.share(fail, 9)
        assert waiting.submit(team.share, lambda number, _: number, 9).result(10) == [0, 1, 2]


def test_torch_has_one_thread_inside_and_as_many_as_before_outside() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadTeam(PARTS) as team:
            assert team.share(lambda *_: torch.get_num_threads(), 9) == [1] * PARTS
        assert torch.get_num_threads() == 2
        with ThreadTeam(1) as alone:
            assert alone.share(lambda *_: torch.get_num_threads(), 9) == [2]
    finally:
        torch.set_num_threads(before)
