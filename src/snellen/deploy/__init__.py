"""Predictions with a trained model: images in, class probabilities out."""
