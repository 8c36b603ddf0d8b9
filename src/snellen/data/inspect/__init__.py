"""Properties of a data set before training: counts, class means, pixel statistics, near-duplicates."""
