"""Benchmarks: ratios within one run, the program beside its limit, never absolute times alone (`make bench`)."""
