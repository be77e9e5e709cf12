"""Reads of the log: pages, counts, histogram, live tail, timeline of a run, saved views."""
