"""The only code that writes to disk: atomic files, the append-only journal, locks, tensors, hashes, the cache. And the
one way to run Python in a child process."""
