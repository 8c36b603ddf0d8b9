"""Readers: one file a format. Each finds the files of a source and decodes them into a Dataset."""
