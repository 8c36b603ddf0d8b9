"""The time, as it is recorded."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Now, in UTC, to the second: 2026-11-22T14:00:00+00:00."""
    return datetime.now(UTC).isoformat(timespec="seconds")
