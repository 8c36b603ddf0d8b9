"""Readers of image files: a folder for each class, a zip archive of such folders, a manifest."""
