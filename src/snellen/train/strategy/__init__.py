"""How a pack is run, in the order in which it is decided.

rule.py: a `Strategy` (backend, width, batch shards, threads) from sizes and multiply-adds alone
measurement.py: times each candidate on random images; cache.py: keeps the times, in the run and for the user
packs.py: lanes -> packs of that width
record.py: packs/<id>/pack.json, written before training, read whenever the pack goes on
estimate.py: what a training will cost, for `snellen check`
"""
