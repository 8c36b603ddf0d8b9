"""One image file becomes pixels: the decoder, its limits, and what Pillow does not read exactly."""

from snellen.data.decoding.decoder import decode as decode
