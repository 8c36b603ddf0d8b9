"""Converts labels of various forms to class numbers and class names."""
