"""The strategy of a pack: by a rule, unless something else was measured to be much faster on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from snellen.models.branches import Branching
from snellen.models.conv import Conv, DepthwiseConv, SeparableConv
from snellen.train.backend.choose import COMPILED, TORCH, backends_for
from snellen.train.job import Trajectory
from snellen.train.lane import Lane

DENSE_WIDTH = 10
"""Lanes of networks without convolutions, whose matrix products are batched. CPU time per lane of 784-128-10 at batch
32: 0.7 times that of a lane alone, in 5 lanes and in 10; of 784-512-512-10: the same as alone."""
CONV_WIDTHS = ((100_000, 8), (1_500_000, 4))
"""(multiply-adds of one image, lanes): networks with convolutions and fewer multiply-adds have so many lanes; larger
ones have one.

CPU time per lane, as a share of one lane alone (docs/log.md): 4.6 thousand multiply-adds 0.17 in 8 lanes; LeNet-5, 0.48
million, 0.6 in 4 and no less in 8; 0.7 million 0.67 in 4 and 0.81 in 8; 5 million 1.35 in 2; 13, 22 and 41 million 1.0
to 1.08 in 2.
"""
DEVICE_WIDTH = 64
"""Lanes on a GPU, of networks that have several on a CPU: one leaves nearly all of it idle. Not measured; a pack that
does not fit in its memory is halved."""
KERNEL_PARAMETERS = 400_000
"""Trainable parameters of all lanes of a pack that the kernels compute one lane after another: with more, nothing of a
lane is left in the cache when its turn comes again. CPU microseconds per step and lane in 1, 3 and 10 lanes (2 cores
with 1 MB each, 32 MB shared with others): 25 thousand parameters 110, 89 and 62; 102 thousand 190, 211 and 226; 243
thousand 354, 422 and 510; LeNet-5, whose convolutions take longer, 703, 744 and 698."""
FLOP_PER_THREAD = 400e6
"""With less work per thread, a step is slower with more threads: waking them costs more than they save. Measured on 2
cores: LeNet-5 at batch 32 (92 MFLOP a step) gains nothing from the second."""
FLOP_PER_SHARD = {TORCH: 45e6, COMPILED: 90e6}
"""With less work per shard, the batches of a lane are not sharded. On 2 idle cores two shards of LeNet-5 at batch 32
took 0.76 of the time of one, of vgg-small (7.8 GFLOP a step) 0.6, and of 784-128-10 (20 MFLOP) 1.5 times as long.
Handing a shard to a thread costs 0.11 to 0.17 ms of CPU time a step; the kernels take 0.6 ms for a pass of LeNet-5."""
MIN_ROWS_PER_SHARD = 8
MUCH_FASTER = 0.85
"""A measured strategy replaces the rule's only below this share of its time: a smaller gain can be chance on a shared
machine, and each new cache would then change the bits of results."""
BUSY = 1.2
"""Wall time of one thread over its core time above which others are using the machine: how long several threads wait
for each other then says nothing about another day."""
WINDOWED = (Conv, DepthwiseConv, SeparableConv, Branching)


@dataclass(frozen=True)
class Strategy:
    """backend: computes a step. width: most lanes in a pack. batch_shards: parts of each batch, computed by a thread
    each. threads: of torch, or of the shards where there are several."""

    backend: str
    width: int
    batch_shards: int
    threads: int


@dataclass(frozen=True)
class Timing:
    """Seconds per step and lane. wall: elapsed; core: summed over all cores."""

    wall: float
    core: float


Timings = Mapping[Strategy, Timing]
"""What was measured for lanes of one kind on this machine."""
UNMEASURED: Timings = MappingProxyType({})


def strategy_by_rule(lane: Lane, num_lanes: int, max_threads: int, device: str = "cpu") -> Strategy:
    """The strategy of a pack of so many lanes like this one, without measurements."""
    trajectory, backend = lane.trajectory, backends_for(lane.trajectory, device)[0]
    shards = shards_by_rule(trajectory, num_lanes, max_threads, backend) if device == "cpu" else 1
    threads = shards if shards > 1 else threads_by_rule(trajectory, num_lanes, max_threads)
    return Strategy(backend, width_by_rule(lane, backend, device), shards, threads)


def width_by_rule(lane: Lane, backend: str = TORCH, device: str = "cpu") -> int:
    """The most lanes like this one in a pack."""
    network = lane.trajectory.trained
    if backend == COMPILED:
        return min(DENSE_WIDTH, max(1, KERNEL_PARAMETERS // network.trainable_count))
    width = DENSE_WIDTH
    if _has_convolutions(lane):
        width = next((width for limit, width in CONV_WIDTHS if network.multiply_adds < limit), 1)
    return DEVICE_WIDTH if device != "cpu" and width > 1 else width


def threads_by_rule(trajectory: Trajectory, num_lanes: int, max_threads: int) -> int:
    """As many threads as a training step of so many lanes has work for."""
    return min(max_threads, max(1, round(_step_flop(trajectory) * num_lanes / FLOP_PER_THREAD)))


def shards_by_rule(trajectory: Trajectory, num_lanes: int, max_threads: int, backend: str = TORCH) -> int:
    """Shards of each batch of a pack on the CPU. 1 for several lanes, and where torch alone would use more threads than
    there would be shards."""
    by_work, by_rows = round(_step_flop(trajectory) / FLOP_PER_SHARD[backend]), _most_shards(trajectory)
    shards = min(max_threads, by_work, by_rows)
    return shards if num_lanes == 1 and 1 < shards >= threads_by_rule(trajectory, 1, max_threads) else 1


def choose_for_pack(
    lanes: Sequence[Lane], max_threads: int, device: str = "cpu", timings: Timings = UNMEASURED
) -> Strategy:
    """How this pack is run. timings: of lanes of this kind on this machine."""
    rule = strategy_by_rule(lanes[0], len(lanes), max_threads, device)
    if len(lanes) > 1:
        return replace(choose_side_by_side(lanes[0], device, timings), batch_shards=1, threads=rule.threads)
    alone, usable = replace(rule, width=1), _usable(timings, lanes[0], device)
    fitting = {each: timing for each, timing in usable.items() if each.width == 1 and each.threads <= max_threads}
    if max_threads > 1 and not _was_busy(fitting):
        return _fastest(fitting, alone, lambda timing: timing.wall)
    same = {each: timing for each, timing in fitting.items() if each.threads == alone.threads}
    return _fastest(same, alone, lambda timing: timing.core)


def choose_side_by_side(lane: Lane, device: str = "cpu", timings: Timings = UNMEASURED) -> Strategy:
    """The width and the backend of packs of lanes like this one, each run by one thread: other packs have the other
    cores."""
    backend = backends_for(lane.trajectory, device)[0]
    rule = Strategy(backend, width_by_rule(lane, backend, device), 1, 1)
    usable = _usable(timings, lane, device)
    single = {each: timing for each, timing in usable.items() if each.threads == 1}
    return _fastest(single, rule, lambda timing: timing.core)


def candidates(lane: Lane, max_threads: int, device: str = "cpu") -> list[Strategy]:
    """What is worth measuring. For each backend: by one thread, one lane and half, once and twice the lanes of the
    rule; by several threads, one lane."""
    backends = backends_for(lane.trajectory, device)
    single = [Strategy(backend, each, 1, 1) for backend in backends for each in _widths(width_by_rule(lane, backend))]
    shards = _shard_counts(lane.trajectory, max_threads)
    several = [Strategy(backend, 1, count, count) for backend in backends for count in shards]
    rule = replace(strategy_by_rule(lane, 1, max_threads, device), width=1)
    return list(dict.fromkeys([*single, *several, rule]))


def describe(lanes: Sequence[Lane], strategy: Strategy) -> str:
    """How the lanes of a pack are computed, in words."""
    if len(lanes) == 1:
        shards = strategy.batch_shards
        return f"one lane, batches in {shards} parts" if shards > 1 else "one lane"
    if strategy.backend == COMPILED:
        return "one lane after another in each step"
    return "grouped convolution in channels_last" if _has_convolutions(lanes[0]) else "batched matmul"


def _has_convolutions(lane: Lane) -> bool:
    """Whether a convolution's output is an image (not a vector)."""
    layers = lane.trajectory.trained.layers
    return any(len(placed.output_shape) == 3 for placed in layers if isinstance(placed.layer, WINDOWED))


def _step_flop(trajectory: Trajectory) -> int:
    return 6 * trajectory.trained.multiply_adds * trajectory.batch_size


def _most_shards(trajectory: Trajectory) -> int:
    return trajectory.batch_size // MIN_ROWS_PER_SHARD


def _widths(width: int) -> list[int]:
    return sorted({1, -(-width // 2), width, 2 * width})


def _shard_counts(trajectory: Trajectory, max_threads: int) -> list[int]:
    """2, 4, 8 and so on, and the most that there can be."""
    most = min(max_threads, _most_shards(trajectory))
    return sorted({*(2**power for power in range(1, most.bit_length())), most} - {0, 1}) if most > 1 else []


def _usable(timings: Timings, lane: Lane, device: str) -> Timings:
    """Those of backends that are there: a run may go on where the kernels are missing."""
    backends = backends_for(lane.trajectory, device)
    return {each: timing for each, timing in timings.items() if each.backend in backends}


def _was_busy(timings: Timings) -> bool:
    """Whether one thread had to wait for its core during the measurement."""
    return any(timing.wall > BUSY * timing.core for each, timing in timings.items() if each.threads == 1)


def _fastest(timings: Timings, rule: Strategy, seconds: Callable[[Timing], float]) -> Strategy:
    """The rule's strategy, unless the fastest of the measured ones is much faster."""
    if rule not in timings:
        return rule
    best = min(timings, key=lambda each: seconds(timings[each]))
    return best if seconds(timings[best]) < MUCH_FASTER * seconds(timings[rule]) else rule
