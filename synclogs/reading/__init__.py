"""Reads of the log: pages, counts, the histogram, the live tail, the timeline of a run, saved views."""
