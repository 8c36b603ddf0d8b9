"""Which trials are trained next: search methods as pure functions of the rounds so far."""
