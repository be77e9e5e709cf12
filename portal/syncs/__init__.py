"""Syncs and their runs, made ready for pages: cards, charts, comparisons."""
