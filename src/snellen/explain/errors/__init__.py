"""Which pictures networks get wrong, and where they are weak."""
