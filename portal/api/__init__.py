"""REST API: ingest, reading, re-enables, its document."""
