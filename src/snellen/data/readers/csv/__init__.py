"""CSV files with an image in each row: the reader `pixel_csv` and its parts."""
