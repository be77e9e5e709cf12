"""Presentation of syncs and runs: rows, charts, comparisons."""
