"""CSV files with a picture in each row: the reader `pixel_csv`, and what it is made of."""
