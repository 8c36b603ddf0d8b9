"""Explanations of single predictions: attribution maps, nearest training images, contributions of units."""
