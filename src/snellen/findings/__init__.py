"""Findings: numbered sentences, each printed only if its predicate holds on the stored values."""
