"""Accuracy against one value of a model: number of pixels, units, training images."""
