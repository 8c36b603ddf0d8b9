"""What one value of a model is worth."""
