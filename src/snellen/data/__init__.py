"""Files to a Dataset: readers, the decoded cache, roles, the vault of test labels, duplicates, first looks."""
