"""Scores, rankings and comparisons of the models of a run, computed only from its stored predictions."""
