"""The analysis `wrong_labels`: suspected wrong labels, listed for review."""
