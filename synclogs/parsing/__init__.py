"""From bytes to entries: limits, compression, JSON, the fields of an entry, identifiers, search words. No database."""
