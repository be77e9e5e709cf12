"""The database itself: partitions, retention, connections and their time limits."""
