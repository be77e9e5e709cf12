"""From entries to rows: one transaction that stores a batch and writes what it says of syncs, runs and customers; and
what of it leaves again when nobody keeps it any longer."""
