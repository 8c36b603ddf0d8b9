"""Scores with intervals, from stored predictions and nothing else."""
