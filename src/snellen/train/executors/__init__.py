"""Who performs the packs. All executors do the same work and store the same bytes."""
