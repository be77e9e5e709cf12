"""Error responses: problem documents for machines, pages for people."""
