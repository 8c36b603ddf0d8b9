"""How ours computed, in words, from the record that a pack has of it. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def words_of(strategy: Mapping[str, Any], instructions: str) -> str:
    """strategy: of the record of a pack. instructions: those of the compiled library, `off` where there is none; the
    way of torch calls single functions of it."""
    way = "kernels" if strategy["way"] == "kernels" else "torch and single kernels"
    way = "torch" if instructions == "off" else f"{way} ({instructions})"
    chosen = ", measured" if strategy["chosen_by"] == "measurement" else ""
    return f"{strategy['name']}, {way}{chosen}"
