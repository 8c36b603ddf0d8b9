"""Snellen trains, compares and explains classifiers of small images."""

__version__ = "0.1.0"
