"""Readers: one file for each format, which finds the files of a source and decodes them into a Dataset."""
