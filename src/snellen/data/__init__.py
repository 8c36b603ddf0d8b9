"""From files to a Dataset: readers, the cache of decoded data, roles, the vault of test labels, duplicates,
descriptions."""
