"""The data set as the chosen network sees it: near classes, near-duplicates, outliers, suspected wrong labels."""
