"""Which images models predict wrongly, and on which kinds of images they are weak."""
