"""Which trials next: search methods as pure functions of what has happened."""
