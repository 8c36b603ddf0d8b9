"""Recognises errors that mean too little memory, of the machine or of its GPU."""

from __future__ import annotations

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """torch has an exception class for this on a GPU, but only a message on a CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
