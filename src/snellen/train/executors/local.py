"""Performs packs in a pool of processes on this machine, one pack each, when several are worth it.

Not `multiprocessing`: it would import the user's script again in each worker, and run it where it has no main guard.
The bits do not depend on the number of workers: packs, their threads and their places stand in the plan and the record.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, Any, cast

from snellen import errors
from snellen.files.atomic import remove_leftovers
from snellen.files.scratch import discard_scratch, scratch
from snellen.train.executors.in_turn import PackWatcher, is_for_workers, packs_of, perform_packs
from snellen.train.executors.shared import share_pack, share_place
from snellen.train.lane import Lane
from snellen.train.perform import RunContext, fail, tidy

Pack = Sequence[Lane]
WORKER = "snellen.train.executors.worker"
STOP_SECONDS = 3.5
"""For workers to save and end; those that have not by then are killed, and their last checkpoint counts."""
POLL_SECONDS = 0.5
"""Between two looks whether the user wants to stop, on systems where waiting cannot be interrupted."""
TRIALS = 2
"""How often a pack is begun by a worker that dies of it."""
LAST_LINES = 20
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Local:
    """Performs packs of one place. Its workers begin when they are first worth it, and stay until the end of the block:
    the rounds of a search need not begin them anew."""

    def __init__(self, place: RunContext) -> None:
        self.place = place
        self.kept = ExitStack()
        self.pool: Pool | None = None

    def __enter__(self) -> Local:
        discard_scratch(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kept.close()

    def perform_all(self, lanes: Sequence[Lane], watcher: PackWatcher, until: int | None = None) -> None:
        """Every lane that has no result yet (or, with `until`, has not come so far), in packs: by workers where there
        may be several and the packs are worth them, else one after another in this process."""
        packs, place = packs_of(lanes, self.place, until), self.place
        if place.workers == 1 or place.material.device != "cpu" or not is_for_workers(packs, place, until):
            perform_packs(packs, place, watcher, until)
            return
        if self.pool is None:
            self.pool = Pool(place, self.kept.enter_context(scratch(self._folder)))
            self.kept.callback(self.pool.stop)
        self.pool.run(packs, watcher, until)

    @property
    def _folder(self) -> Path:
        return self.place.run / ".workers"


def perform_all(lanes: Sequence[Lane], place: RunContext, watcher: PackWatcher, until: int | None = None) -> None:
    """The same once, with workers that end with it."""
    with Local(place) as local:
        local.perform_all(lanes, watcher, until)


@dataclass(eq=False)
class Worker:
    """A process, and what it is training. ready: to be told to stop, once it has started. last: of what it complained
    about."""

    process: subprocess.Popen[str]
    pack: Pack | None = None
    ready: bool = False
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    readers: tuple[Thread, ...] = ()

    def tell(self, value: Any) -> None:
        """One line; it may be dead."""
        with suppress(OSError, ValueError):
            stdin = cast(IO[str], self.process.stdin)
            stdin.write(json.dumps(value) + "\n")
            stdin.flush()

    def how_it_ended(self) -> str:
        """In words, with the last that it said."""
        code = self.process.wait()
        self.close()
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"{ended}: {self.last[-1]}" if self.last and code > 0 else ended

    def end(self, seconds: float) -> None:
        """Waits that long for it to save and end, its input being closed; else it is killed."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.close()

    def close(self) -> None:
        """What it said, it has said."""
        for reader in self.readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                cast(IO[str], pipe).close()


class Pool:
    """Workers, and the packs that they share. folder: for what all of them read."""

    def __init__(self, place: RunContext, folder: Path) -> None:
        self.place, self.folder = place, folder
        self.told = share_place(place, folder)
        self.workers: list[Worker] = []
        self.events: SimpleQueue[tuple[Worker, dict[str, Any] | None]] = SimpleQueue()

    def run(self, packs: Sequence[Pack], watcher: PackWatcher, until: int | None) -> None:
        """Until every pack is over. Raises what a worker raised for which the user can do something."""
        self.waiting, self.watcher, self.until = deque(packs), watcher, until
        self.deaths: Counter[int] = Counter()
        for number in range(min(self.place.workers, len(packs))):
            self._give(self.workers[number] if number < len(self.workers) else self._start())
        while any(worker.pack for worker in self.workers):
            with suppress(Empty):
                worker, said = self.events.get(timeout=POLL_SECONDS)
                self._hear(worker, said)

    def stop(self) -> None:
        """Ends all workers; those that are training save first, those that are still starting have nothing to save."""
        for worker in self.workers:
            with suppress(OSError):
                cast(IO[str], worker.process.stdin).close()
            if not worker.ready:
                worker.process.kill()
        until = time.monotonic() + STOP_SECONDS
        for worker in self.workers:
            worker.end(max(0.0, until - time.monotonic()))

    def _start(self) -> Worker:
        command = [sys.executable, "-P", "-X", "utf8", "-m", WORKER]
        environment = os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipe, group = subprocess.PIPE, getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is for this process, which tells them
            creationflags=group,
        )
        worker = Worker(process)
        complaints = Thread(target=_collect, args=(process.stderr, worker.last), daemon=True)
        worker.readers = (complaints, Thread(target=self._forward, args=(worker,), daemon=True))
        for reader in worker.readers:
            reader.start()
        worker.tell(self.told)
        self.workers.append(worker)
        return worker

    def _forward(self, worker: Worker) -> None:
        """What a worker says, and None when it has ended, to the one who waits."""
        with suppress(OSError, ValueError):
            for line in cast(IO[str], worker.process.stdout):
                if worker.ready:
                    self.events.put((worker, json.loads(line)))
                worker.ready = True  # its first line says no more than that
        self.events.put((worker, None))

    def _give(self, worker: Worker) -> None:
        """The next pack in the order of the plan, if one is left."""
        worker.pack = self.waiting.popleft() if self.waiting else None
        if worker.pack is None:
            return
        self.watcher.began(worker.pack)
        worker.tell({"lanes": share_pack(worker.pack, self.place, self.folder), "until": self.until})

    def _hear(self, worker: Worker, said: dict[str, Any] | None) -> None:
        if worker.pack is None:
            if said is None:
                self.workers.remove(worker)  # while it waited
            return
        if said is None:
            self._bury(worker, worker.pack)
        elif "error" in said:
            raise getattr(errors, said["error"])(said["said"])
        elif "ended" in said:
            self.watcher.ended(worker.pack)
            self._give(worker)
        else:
            self._pass_on(worker.pack, said)

    def _pass_on(self, pack: Pack, said: dict[str, Any]) -> None:
        self.watcher.turned(pack)
        if "stepped" in said:
            self.watcher.stepped(*said["stepped"])
        else:
            self.watcher.trained(*said["trained"])

    def _bury(self, worker: Worker, pack: Pack) -> None:
        """A worker died: its pack is run again, or fails; another takes its place."""
        ended = worker.how_it_ended()
        jobs = (self.place.folder(job).path for lane in pack for job in lane.ids)
        for folder in (self.place.pack_folder(pack), *jobs):
            remove_leftovers(folder)
        worker.pack = None
        self.workers.remove(worker)
        self.deaths[id(pack)] += 1
        if self.deaths[id(pack)] < TRIALS:
            self.waiting.appendleft(pack)
        else:
            fail(pack, f"the process that trained it died {TRIALS} times ({ended})", self.place)
            tidy(pack, self.place)
            self.watcher.ended(pack)
        if self.waiting:
            self._give(self._start())


def _collect(source: IO[str], last: deque[str]) -> None:
    with suppress(OSError, ValueError):
        last.extend(line.rstrip() for line in source)
