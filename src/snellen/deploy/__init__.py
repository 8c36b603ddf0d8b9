"""Predictions with a trained model: pictures in, class probabilities out."""
