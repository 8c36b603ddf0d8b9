"""Pretrained networks: which there are, where their weights come from, and how they are the first layer of a model."""
