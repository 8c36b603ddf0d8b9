"""Trained models at work: pictures in, class probabilities out."""
