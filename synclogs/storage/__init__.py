"""Database access, whatever the rows are: partitions, connections with their time limits, several statements in one round trip."""
