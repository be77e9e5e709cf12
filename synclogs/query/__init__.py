"""What somebody looks for: the query language, its fields, and the conditions on log entries that they become."""
