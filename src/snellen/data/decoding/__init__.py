"""One picture file becomes pixels: the decoder, its limits, and what Pillow does not read exactly."""

from snellen.data.pictures.decoder import decode as decode
