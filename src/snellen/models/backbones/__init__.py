"""Pretrained networks: which there are, where their weights come from, and the layer that holds one."""
