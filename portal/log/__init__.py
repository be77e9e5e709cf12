"""Presentation of the log list and of one entry."""
