"""Changes to training images, and only to those: addressed by seed, epoch and image, vectorised over a batch."""
