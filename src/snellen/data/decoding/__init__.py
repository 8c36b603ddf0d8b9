"""Decodes image files to pixels: the decoder, its limits, and forms that Pillow does not read exactly."""

from snellen.data.decoding.decoder import decode as decode
