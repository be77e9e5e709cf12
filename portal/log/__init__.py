"""The log list and one entry, made ready for their pages."""
