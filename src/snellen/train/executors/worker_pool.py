"""Trains packs in a pool of processes on this machine, one pack each, when several are worth it.

The bits do not depend on the number of workers: the plan and the records fix packs, their threads, and the place of
each lane.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType

from snellen import errors
from snellen.child_process import ChildProcess
from snellen.files.atomic import remove_leftovers
from snellen.files.scratch import discard_scratch, scratch
from snellen.train.executors.sequential import PackWatcher, is_for_workers, packs_of, train_packs
from snellen.train.executors.worker import Message
from snellen.train.executors.worker_messages import share_context, share_pack
from snellen.train.lane import Lane
from snellen.train.run_context import RunContext
from snellen.train.store_results import fail_pack, remove_checkpoints

Pack = Sequence[Lane]
WORKER = "snellen.train.executors.worker"
SAVE_SECONDS = 3.0
"""For workers to save and end once they are told to, or their parent has ended: the user waits for 5 s at most. Those
that have not ended by then are killed, and their last checkpoint counts."""
END_SECONDS = 0.5
"""For a process that has saved to end."""
POLL_SECONDS = 0.5
"""Between two checks whether the user wants to stop, on systems where waiting cannot be interrupted."""
ATTEMPTS = 2
"""How often a pack is begun by a worker that dies of it."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Local:
    """Trains packs of one run. Workers start when they are first worth it, and stay until the end of the block: the
    rounds of a search do not start them anew."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.resources = ExitStack()
        self.pool: Pool | None = None

    def __enter__(self) -> Local:
        discard_scratch(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resources.close()

    def train_lanes(self, lanes: Sequence[Lane], watcher: PackWatcher, until: int | None = None) -> None:
        """Trains every lane that has no result yet (or, with `until`, has not reached that epoch), in packs: by workers
        where several are allowed and worth it, else one after another in this process."""
        context = self.context
        packs = packs_of(lanes, context, until)
        if context.workers == 1 or context.material.device != "cpu" or not is_for_workers(packs, context, until):
            train_packs(packs, context, watcher, until)
            return
        context.extract(pack[0].trajectory for pack in packs)
        if self.pool is None:
            self.pool = Pool(context, self.resources.enter_context(scratch(self._folder)))
            self.resources.callback(self.pool.stop)
        self.pool.run(packs, watcher, until)

    @property
    def _folder(self) -> Path:
        return self.context.run / ".workers"


def train_lanes(lanes: Sequence[Lane], context: RunContext, watcher: PackWatcher, until: int | None = None) -> None:
    """The same once, with workers that end with it."""
    with Local(context) as local:
        local.train_lanes(lanes, watcher, until)


class Worker:
    """A process, and the pack that it trains. has_started: only then does it notice a request to stop."""

    def __init__(self, events: SimpleQueue[tuple[Worker, Message | None]]) -> None:
        self.process = ChildProcess(WORKER, str(SAVE_SECONDS), environment=ENVIRONMENT)
        self.pack: Pack | None = None
        self.has_started = False
        self._reader = Thread(target=self._read, args=(events,), daemon=True)
        self._reader.start()

    def end(self, seconds: float | None = None) -> str:
        """Waits for its end, at most so long, else kills it. Returns how it ended, in words, with its last error."""
        code, text = self.process.wait(seconds)
        self._reader.join()
        self.process.close()
        ended, lines = f"signal {-code}" if code < 0 else f"exit code {code}", text.splitlines()
        return f"{ended}: {lines[-1].rstrip()}" if lines and code > 0 else ended

    def _read(self, events: SimpleQueue[tuple[Worker, Message | None]]) -> None:
        """Passes its messages on, and None when it has ended."""
        while (line := self.process.read_line()) is not None:
            if self.has_started:
                events.put((self, json.loads(line)))
            self.has_started = True  # its first line says no more than that
        events.put((self, None))


class Pool:
    """Workers that share packs. folder: for the arrays that all of them read."""

    def __init__(self, context: RunContext, folder: Path) -> None:
        self.context, self.folder = context, folder
        self.shared = share_context(context, folder)
        self.workers: list[Worker] = []
        self.events: SimpleQueue[tuple[Worker, Message | None]] = SimpleQueue()

    def run(self, packs: Sequence[Pack], watcher: PackWatcher, until: int | None) -> None:
        """Until every pack is over. Raises what a worker raised that the user can do something about."""
        self.waiting, self.watcher, self.until = deque(packs), watcher, until
        self.deaths: Counter[int] = Counter()
        for number in range(min(self.context.workers, len(packs))):
            self._give_pack(self.workers[number] if number < len(self.workers) else self._start_worker())
        while any(worker.pack for worker in self.workers):
            with suppress(Empty):
                worker, message = self.events.get(timeout=POLL_SECONDS)
                if message is None:
                    self._on_worker_exit(worker)
                elif worker.pack is not None:
                    self._on_message(worker, worker.pack, message)

    def stop(self) -> None:
        """Ends all workers; those that are training save first, those that are still starting have nothing to save."""
        for worker in self.workers:
            worker.process.close_input()
            if not worker.has_started:
                worker.process.kill()
        until = time.monotonic() + SAVE_SECONDS + END_SECONDS
        for worker in self.workers:
            worker.end(max(0.0, until - time.monotonic()))

    def _start_worker(self) -> Worker:
        worker = Worker(self.events)
        worker.process.send(self.shared)
        self.workers.append(worker)
        return worker

    def _give_pack(self, worker: Worker) -> None:
        """The next pack in the order of the plan, if one is left."""
        worker.pack = self.waiting.popleft() if self.waiting else None
        if worker.pack is not None:
            self.watcher.began(worker.pack)
            worker.process.send(share_pack(worker.pack, self.context, self.folder, self.until))

    def _on_message(self, worker: Worker, pack: Pack, message: Message) -> None:
        if "error" in message:
            raise getattr(errors, message["error"])(message["text"])
        if "ended" in message:
            self.watcher.ended(pack)
            self._give_pack(worker)
            return
        self.watcher.switched_to(pack)
        if "stepped" in message:
            self.watcher.stepped(*message["stepped"])
        else:
            self.watcher.trained(*message["trained"])

    def _on_worker_exit(self, worker: Worker) -> None:
        """Its pack is run again, or fails; another worker takes its place."""
        pack, worker.pack = worker.pack, None
        self.workers.remove(worker)
        ended = worker.end()
        if pack is None:  # while it waited
            return
        jobs = (self.context.folder(job).path for lane in pack for job in lane.ids)
        for folder in (self.context.pack_folder(pack), *jobs):
            remove_leftovers(folder)
        self.deaths[id(pack)] += 1
        if self.deaths[id(pack)] < ATTEMPTS:
            self.waiting.appendleft(pack)
        else:
            fail_pack(pack, f"the process that trained it died {ATTEMPTS} times ({ended})", self.context)
            remove_checkpoints(pack, self.context)
            self.watcher.ended(pack)
        if self.waiting:
            self._give_pack(self._start_worker())
