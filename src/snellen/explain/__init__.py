"""Analyses of trained models: their errors, units, curves, maps, and explanations of single predictions."""
