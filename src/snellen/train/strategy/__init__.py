"""How a pack is run: how wide, by which backend, with how many threads; by a rule or by measurement."""
