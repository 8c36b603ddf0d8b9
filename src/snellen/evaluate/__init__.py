"""Scores, rankings and comparisons of the models of a run, from its stored predictions and nothing else."""
