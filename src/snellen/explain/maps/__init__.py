"""Maps of images: projections of their pixels or of the outputs of a layer to two or three dimensions."""
