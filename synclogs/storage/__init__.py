"""The database itself, whatever its rows are: partitions, connections with their time limits, statements in one round trip."""
