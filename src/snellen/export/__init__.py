"""Trained models and finished runs in the formats of other tools."""
