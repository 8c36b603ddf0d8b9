"""Protects how packs are computed: by the rule unless something measures much faster, and always as written down."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import blobs
from training_cases import job, lane, material

import snellen
from snellen.errors import IdentityError, UnknownName
from snellen.files import atomic
from snellen.files.atomic import write_json
from snellen.files.stored import read_json
from snellen.models.zoo import ZOO
from snellen.train.environment import PackEnvironment
from snellen.train.executors import sequential, worker_pool
from snellen.train.executors.sequential import packs_of
from snellen.train.lane import Lane
from snellen.train.loop import train
from snellen.train.run_context import RunContext
from snellen.train.strategy import cache, measurement, packs, rule
from snellen.train.strategy.cache import from_rows, to_rows
from snellen.train.strategy.packs import cost_key
from snellen.train.strategy.rule import (
    Strategy,
    Timing,
    Timings,
    candidates,
    choose_for_pack,
    choose_side_by_side,
    strategy_by_rule,
)
from snellen.train.train_pack import train_pack
from snellen.train.watcher import Silent

LENET: dict[str, Any] = {"layers": ZOO["lenet-5"], "input_shape": (32, 32, 1), "classes": 10, "batch_size": 64}
ONE = lane()
RULE = Strategy("torch", 10, 1, 1)
MACHINE: PackEnvironment = {"device": "cpu", "threads": 1, "processor": "one"}


@pytest.fixture(autouse=True)
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is no compiler: the rule is the same on every machine."""
    monkeypatch.setenv("SNELLEN_KERNELS", "off")


def timings(*rows: tuple[Strategy, float]) -> Timings:
    """Times of an idle machine."""
    return {each: Timing(cost, cost * each.threads) for each, cost in rows}


def test_the_rules_width_stays_unless_another_is_much_faster() -> None:
    """15 per cent: a share of 0.86 of the rule's time is not enough, 0.84 is."""
    assert choose_side_by_side(ONE) == RULE
    for share, width in ((0.86, 10), (0.84, 5)):
        known = timings((RULE, 1.0), (replace(RULE, width=5), share), (replace(RULE, width=20), 0.9))
        assert choose_side_by_side(ONE, timings=known).width == width
        assert choose_for_pack([ONE] * 3, 1, timings=known).width == width
    assert choose_side_by_side(ONE, timings=timings((replace(RULE, width=5), 0.1))) == RULE, "nothing to compare with"


def test_another_way_is_chosen_like_another_width_where_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may go on where there are no kernels."""
    other = replace(RULE, backend="kernels", width=1)
    known = timings((RULE, 1.0), (replace(RULE, width=1), 1.0), (other, 0.5))
    assert choose_side_by_side(ONE, timings=known) == RULE and choose_for_pack([ONE], 1, timings=known) == replace(
        RULE, width=1
    )
    monkeypatch.setattr(rule, "backends_for", lambda *_: ("torch", "kernels"))
    assert choose_side_by_side(ONE, timings=known) == other == choose_for_pack([ONE], 1, timings=known)


def test_side_by_side_counts_the_time_of_all_cores() -> None:
    """Where others use the machine, the clock says nothing."""
    known = {
        RULE: Timing(1.0, 1.0),
        replace(RULE, width=5): Timing(9.0, 0.5),
        replace(RULE, width=20): Timing(0.1, 2.0),
    }
    assert choose_side_by_side(ONE, timings=known).width == 5


def alone(parts: int) -> Strategy:
    return Strategy("torch", 1, parts, parts)


@pytest.mark.parametrize(
    ("one", "two", "core", "most", "parts"),
    [
        (1.0, 0.9, 1.0, 2, 2),
        (1.0, 1.1, 1.0, 2, 2),
        (1.0, 1.3, 1.0, 2, 1),
        (1.0, 0.5, 1.0, 1, 1),
        (2.0, 9.0, 1.0, 2, 2),
    ],
    ids=["faster", "hardly slower", "slower", "one thread allowed", "busy"],
)
def test_parts_of_a_batch(one: float, two: float, core: float, most: int, parts: int) -> None:
    """The rule says two for LeNet-5 and two threads; on a busy machine nothing is said against it."""
    assert strategy_by_rule(lane(**LENET), 1, 2).batch_shards == 2
    known = {alone(1): Timing(one, core), alone(2): Timing(two, 2 * two)}
    assert choose_for_pack([lane(**LENET)], most, timings=known) == alone(parts)


def test_on_a_busy_machine_only_the_way_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among those with as many threads as the rule has."""
    monkeypatch.setattr(rule, "backends_for", lambda *_: ("torch", "kernels"))
    other = replace(alone(2), backend="kernels")
    known = {alone(1): Timing(3.0, 0.1), alone(2): Timing(4.0, 1.0), other: Timing(5.0, 0.5)}
    assert choose_for_pack([lane(**LENET)], 2, timings=known) == other


def test_a_pack_of_several_has_the_threads_of_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "FLOP_PER_THREAD", 1.0)
    known = timings((RULE, 1.0), (replace(RULE, width=5), 0.5))
    assert choose_for_pack([ONE] * 2, 8, timings=known) == replace(RULE, width=5, threads=8)


def test_candidates_are_the_rules_own_and_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(one: Lane, most: int) -> list[tuple[int, int]]:
        return [(each.width, each.batch_shards) for each in candidates(one, most)]

    assert found(ONE, 1) == [(1, 1), (5, 1), (10, 1), (20, 1)]
    assert found(lane(**LENET), 2) == [(1, 1), (2, 1), (4, 1), (8, 1), (1, 2)]
    assert found(lane(**LENET | {"batch_size": 128}), 6)[4:] == [(1, 2), (1, 4), (1, 6)]
    assert found(lane(batch_size=15), 8) == [(1, 1), (5, 1), (10, 1), (20, 1)], "no part of less than 8 rows"
    monkeypatch.setattr(rule, "FLOP_PER_THREAD", 1.0)
    assert replace(strategy_by_rule(ONE, 1, 3), width=1) in candidates(ONE, 3)


def test_every_way_is_a_candidate_with_its_own_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "backends_for", lambda *_: ("kernels", "torch"))
    monkeypatch.setattr(rule, "width_by_rule", lambda _, backend, *device: {"kernels": 3, "torch": 10}[backend])
    assert strategy_by_rule(ONE, 1, 1) == choose_side_by_side(ONE) == Strategy("kernels", 3, 1, 1)
    found = [(each.backend, each.width) for each in candidates(ONE, 1)]
    assert found == [*(("kernels", wide) for wide in (1, 2, 3, 6)), *(("torch", wide) for wide in (1, 5, 10, 20))]


def test_a_table_survives_json() -> None:
    known = {RULE: Timing(1.5, 2.5), alone(2): Timing(0.1, 0.2)}
    assert from_rows(to_rows(known)) == known


class Machine:
    """Blocks that take as long as is told, on a clock of their own."""

    def __init__(self, costs: dict[Strategy, Iterator[float] | float]) -> None:
        self.now, self.called = 0.0, list[Strategy]()
        self.costs = costs

    def block(self, each: Strategy) -> Callable[[], Timing]:
        def run() -> Timing:
            cost = self.costs[each]
            taken = cost if isinstance(cost, float) else next(cost)
            self.now += taken
            self.called.append(each)
            return Timing(taken, taken)

        return run

    def timed(self) -> Timings:
        return measurement.time_in_rounds({each: self.block(each) for each in self.costs}, lambda: self.now)


def test_rounds_are_interleaved_and_their_median_counts() -> None:
    """The first round warms up; one block of another that was disturbed changes nothing."""
    slow = replace(RULE, width=5)
    machine = Machine({RULE: iter([9.0, 0.1, 0.1, 7.0, *[0.1] * 6]), slow: 0.2})
    assert machine.timed() == {RULE: Timing(0.1, 0.1), slow: Timing(0.2, 0.2)}
    assert machine.called[:6] == [RULE, slow] * 3
    assert len(machine.called) == 2 * (1 + measurement.MIN_ROUNDS), "the clock has run out"


def test_rounds_end() -> None:
    quick = Machine({RULE: 0.001})
    quick.timed()
    assert len(quick.called) == 1 + measurement.MAX_ROUNDS


def test_what_is_hopeless_is_timed_once() -> None:
    hopeless = replace(RULE, backend="hopeless")
    machine = Machine({RULE: 0.01, hopeless: 0.04})
    assert machine.timed()[hopeless] == Timing(0.04, 0.04)
    assert machine.called.count(hopeless) == 2


def test_a_measurement_leaves_everything_as_it_was() -> None:
    before, global_random = torch.get_num_threads(), torch.get_rng_state()
    found = {**measurement.measure(ONE, [replace(RULE, width=2)]), **measurement.measure(ONE, [alone(2)])}
    assert all(timing.wall > 0 < timing.core for timing in found.values()) and len(found) == 2
    assert torch.get_num_threads() == before and torch.equal(torch.get_rng_state(), global_random)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[Strategy]]:
    """Whatever is trained is measured, in an empty cache: pairs are much faster than the rule. Notes every
    measurement."""
    noted: list[list[Strategy]] = []

    def pretend(one: Lane, offered: list[Strategy]) -> Timings:
        noted.append(offered)
        return timings((RULE, 1.0), (replace(RULE, width=2), 0.5), (replace(RULE, width=1), 2.0))

    monkeypatch.setattr(cache, "measure", pretend)
    monkeypatch.setenv("SNELLEN_STRATEGY", "always")
    monkeypatch.setenv("SNELLEN_CACHE", str(tmp_path / "cache"))
    return noted


def test_the_cache_spares_the_measurement(measured: list[list[Strategy]], tmp_path: Path) -> None:
    first = cache.settle_timings(tmp_path / "a", [ONE, lane(seed=5)], MACHINE)
    assert measured == [candidates(ONE, 1)] and list(first) == [cost_key(ONE)]
    assert cache.settle_timings(tmp_path / "b", [ONE], MACHINE) == first and len(measured) == 1
    assert cache.read_timings(tmp_path / "b", "cpu") == first and cache.read_timings(tmp_path / "b", "cuda") == {}
    cache.settle_timings(tmp_path / "b", [lane(batch_size=15)], MACHINE)
    assert len(measured) == 2 and len(cache.read_timings(tmp_path / "b", "cpu")) == 2


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("processor", "another"),
        ("threads", 2),
        ("torch.__version__", "3"),
        ("torch.backends.cpu.get_cpu_capability", lambda: "SOME"),
        ("os.cpu_count", lambda: 999),
        ("snellen.train.strategy.cache.__version__", "9"),
        ("snellen.train.strategy.cache._library_digest", lambda: "0"),
    ],
)
def test_another_machine_is_measured_again(
    measured: list[list[Strategy]], tmp_path: Path, what: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.settle_timings(tmp_path / "a", [ONE], MACHINE)
    if what not in MACHINE:
        monkeypatch.setattr(what, value)
    machine: Any = {**MACHINE, **({what: value} if what in MACHINE else {})}
    cache.settle_timings(tmp_path / "b", [ONE], machine)
    assert len(measured) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"machine": 1}', '{"machine": {}, "kind": "", "table": []}'])
def test_a_damaged_cache_counts_as_none(measured: list[list[Strategy]], tmp_path: Path, content: str) -> None:
    first = cache.settle_timings(tmp_path / "a", [ONE], MACHINE)
    [path] = (tmp_path / "cache/strategies").iterdir()
    path.write_text(content)
    assert cache.settle_timings(tmp_path / "b", [ONE], MACHINE) == first and len(measured) == 2
    assert cache.settle_timings(tmp_path / "c", [ONE], MACHINE) == first and len(measured) == 2


def test_a_cache_that_cannot_be_written_is_done_without(measured: list[list[Strategy]], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert cache.settle_timings(tmp_path / "run", [ONE], MACHINE)
    assert cache.read_timings(tmp_path / "run", "cpu")


def test_when_nothing_is_measured(
    measured: list[list[Strategy]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU, where it is switched off, and where all lanes of a kind together are not worth it."""
    long = [lane(epochs=80_000), lane(seed=1, epochs=80_000)]
    cache.settle_timings(tmp_path, [ONE], MACHINE | {"device": "cuda"})
    monkeypatch.setenv("SNELLEN_STRATEGY", "rule")
    cache.settle_timings(tmp_path, [ONE], MACHINE)
    monkeypatch.setenv("SNELLEN_STRATEGY", "")
    cache.settle_timings(tmp_path, [ONE, long[0], lane(batch_size=15, epochs=80_000)], MACHINE)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "MANY_STEPS", 8 * 80_000 + 1)
        cache.settle_timings(tmp_path, long, MACHINE)
    assert not measured and not list(tmp_path.iterdir())
    cache.settle_timings(tmp_path, long, MACHINE)
    assert len(measured) == 1
    monkeypatch.setenv("SNELLEN_STRATEGY", "guess")
    with pytest.raises(UnknownName, match="SNELLEN_STRATEGY: unknown strategy 'guess'"):
        cache.settle_timings(tmp_path, [ONE], MACHINE)


def test_check_reads_the_cache_and_measures_nothing(measured: list[list[Strategy]], tmp_path: Path) -> None:
    assert cache.cached_timings([ONE], MACHINE) == {cost_key(ONE): {}}
    known = cache.settle_timings(tmp_path, [ONE], MACHINE)
    assert cache.cached_timings([ONE], MACHINE) == known and len(measured) == 1


def place(folder: Path, workers: int = 1) -> RunContext:
    dataset = snellen.from_arrays(*blobs(90), pixel_range=(0, 255))
    return RunContext(folder, dataset, material(), {"threads": 1}, workers)


def lanes(count: int = 5) -> list[Lane]:
    return [lane(seed=seed) for seed in range(count)]


class Quiet(Silent):
    """A watcher of packs that says nothing."""

    def began(self, lanes: Any) -> None: ...

    def ended(self, lanes: Any) -> None: ...

    def switched_to(self, lanes: Any) -> None: ...


def weights(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("jobs/*/weights.safetensors")}


def test_what_was_measured_is_written_down_before_training(measured: list[list[Strategy]], tmp_path: Path) -> None:
    here = place(tmp_path)
    formed = packs_of(lanes(), here, None)
    assert [len(pack) for pack in formed] == [2, 2, 1]
    assert list(read_json(tmp_path / "strategies.json")) == [cost_key(ONE)]
    for pack, step_ms in zip(formed, (500.0, 500.0, 2000.0)):
        record = read_json(here.pack_folder(pack) / "pack.json")
        assert record["kind"] == cost_key(ONE)
        strategy = record["strategy"]
        assert (strategy["chosen_by"], strategy["step_ms"], strategy["way"]) == ("measurement", step_ms, RULE.backend)


def test_a_rule_is_written_down_as_one(tmp_path: Path) -> None:
    here = place(tmp_path)
    [pack] = packs_of(lanes(), here, None)
    strategy = read_json(here.pack_folder(pack) / "pack.json")["strategy"]
    assert (strategy["chosen_by"], strategy["step_ms"], strategy["width"]) == ("rule", None, 10)
    assert not (tmp_path / "strategies.json").exists()


def test_workers_change_no_bit(measured: list[list[Strategy]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "WORTH_SECONDS", 0.0)
    for workers in (1, 2):
        worker_pool.train_lanes(lanes(), place(tmp_path / str(workers), workers), Quiet())
    one, two = weights(tmp_path / "1"), weights(tmp_path / "2")
    assert one == two and len(one) == 5 and len(measured) == 1
    assert {len(read_json(path)["lanes"]) for path in tmp_path.glob("2/packs/*/pack.json")} == {1, 2}


@pytest.mark.parametrize("lost", ["cache", "setting"])
def test_a_run_holds_on_to_what_it_was_begun_with(
    measured: list[list[Strategy]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """The next rung of a search, on a day when the measurement would say otherwise or is switched off."""
    for name in ("straight", "resumed"):
        sequential.train_lanes(lanes(6), place(tmp_path / name), Quiet(), until=2)
        if name == "resumed" and lost == "cache":
            for path in (tmp_path / "cache/strategies").iterdir():
                content = read_json(path)
                write_json(path, content | {"table": to_rows(timings((RULE, 0.1)))})
        if name == "resumed" and lost == "setting":
            monkeypatch.setenv("SNELLEN_STRATEGY", "rule")
        promoted = lanes(6)[::2]
        assert [len(pack) for pack in packs_of(promoted, place(tmp_path / name), None)] == [2, 1]
        sequential.train_lanes(promoted, place(tmp_path / name), Quiet())
    assert weights(tmp_path / "straight") == weights(tmp_path / "resumed") != {}


def test_a_pack_goes_on_in_the_way_of_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One from before there were ways was computed by torch."""
    used: list[Any] = []

    def pretend(*given: Any) -> None:
        arguments = inspect.signature(train).bind(*given).arguments
        used.append((arguments["shards"], arguments["backend"]))
        raise ZeroDivisionError

    monkeypatch.setattr("snellen.train.train_pack.train", pretend)
    for number, changes in enumerate(({}, {"way": "torch", "parts": 3})):
        here = place(tmp_path / str(number))
        strategy = {"threads": 1, "name": "one lane"} | changes
        write_json(here.pack_folder([ONE]) / "pack.json", {"lanes": [list(ONE.ids)], "strategy": strategy})
        with pytest.raises(ZeroDivisionError):
            train_pack([ONE], here, Silent())
    assert used == [(1, "torch"), (3, "torch")]


def test_a_damaged_record_of_a_run_is_refused(tmp_path: Path) -> None:
    """To measure anew would change what a run that is under way computes."""
    for content in ("[]", '{"kind": [{}]}', '{"kind": 1}'):
        atomic.write_text(tmp_path / "strategies.json", content)
        with pytest.raises(IdentityError, match="not a record of measured strategies"):
            cache.read_timings(tmp_path, "cpu")


def test_the_steps_of_an_epoch_do_not_make_another_kind() -> None:
    """Folds and splits of other sizes share a measurement; what changes the cost of a step does not."""
    assert cost_key(ONE) == "3e23fb19cc02782fe57be4b2eed08eb27181ae47438d5a65bef3d9b2d5a35b3a", "of stored records"
    assert cost_key(Lane((job(),), {"train": torch.arange(5).numpy()})) == cost_key(ONE) == cost_key(lane(seed=3))
    assert (
        len({cost_key(each) for each in (ONE, lane(batch_size=15), lane(optimizer="sgd"), lane(layers=["flatten"]))})
        == 4
    )
