"""Protects the search for garbage: paused for imports, and afterwards as it was."""

from __future__ import annotations

import gc

import pytest

from snellen.garbage import garbage_collection_paused


def test_paused_in_the_block_alone() -> None:
    with pytest.raises(ImportError), garbage_collection_paused():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_stays_off_where_it_was() -> None:
    gc.disable()
    try:
        with garbage_collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
