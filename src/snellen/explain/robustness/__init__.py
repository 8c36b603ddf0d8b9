"""How accuracy falls when images are corrupted."""
