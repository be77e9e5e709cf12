"""From entries to rows: one transaction that stores a batch and writes what it says about syncs, runs and customers."""
