"""Where a layer puts the pictures."""
