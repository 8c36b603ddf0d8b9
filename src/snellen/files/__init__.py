"""The only code that writes to disk: atomic files, the append-only journal, locks, tensors, hashes, the cache."""
