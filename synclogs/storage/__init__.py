"""Storage: partitions, retention, database connections and their time limits."""
