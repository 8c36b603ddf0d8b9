"""What was measured is kept at once, so that a bench that is interrupted goes on where it was."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Values = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """A folder of JSON files, one a measurement. conditions: what they were measured under; other ones are not seen."""

    folder: Path
    conditions: Values

    def once(self, name: str, measure: Callable[[], Values]) -> Values:
        """What was measured under this name, now or earlier; with its date, and the seconds that measuring took."""
        found = self.find(name)
        if found is not None:
            return found
        began = time.perf_counter()
        value = measure()
        took = round(time.perf_counter() - began, 1)
        value = {**value, "took_seconds": took, "date": datetime.now(UTC).isoformat(timespec="seconds")}
        self.folder.mkdir(parents=True, exist_ok=True)
        path, partial = self._path(name), self.folder / f"{name}.partial"
        partial.write_text(json.dumps({"conditions": self.conditions, "value": value}, indent=1) + "\n", "utf-8")
        os.replace(partial, path)
        return value

    def find(self, name: str) -> Values | None:
        """The same, without measuring."""
        if not self._path(name).exists():
            return None
        stored = json.loads(self._path(name).read_text("utf-8"))
        return dict(stored["value"]) if stored["conditions"] == self.conditions else None

    def all(self) -> list[Values]:
        """Every measurement under these conditions."""
        found = (self.find(path.stem) for path in sorted(self.folder.glob("*.json")))
        return [value for value in found if value is not None]

    def forget(self, part: str) -> None:
        """All that a part measured: `<part>.json`, `<part>-*.json`."""
        for path in [*self.folder.glob(f"{part}-*.json"), *self.folder.glob(f"{part}.json")]:
            path.unlink()

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
