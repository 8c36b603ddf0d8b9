"""The arrow to explanations: the analyses that a study asks for, of networks that are trained."""

from __future__ import annotations

import time

from snellen.explain.analyses import asked, make, networks_of, stored
from snellen.explain.subject import Scene
from snellen.files import journal
from snellen.files.clock import now
from snellen.run.watcher import RunWatcher


def analyse(scene: Scene, watcher: RunWatcher) -> None:
    """Makes every analysis without an outcome."""
    for one in asked(scene.record.study, networks_of(scene.record)):
        if stored(scene.record, one) is not None:
            continue
        watcher.analysing(one.title)
        began = time.perf_counter()
        make(scene, one)
        seconds = round(time.perf_counter() - began, 2)
        event = {"event": "analysed", "what": one.title, "seconds": seconds, "time": now()}
        journal.append(scene.record.folder / "journal.jsonl", event)
