"""Changes to training pictures, and only to those: addressed by seed, epoch and picture, vectorised over a batch."""
