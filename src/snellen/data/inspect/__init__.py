"""What a data set holds, before anything is trained: counts, class means, pixel statistics, near-duplicates."""
