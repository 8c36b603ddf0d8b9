"""Numbers of (labels, probabilities): used by training to stop, by evaluation to report."""
