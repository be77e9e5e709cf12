"""Django's PostgreSQL backend for a database that may be away: fails at once and recovers by itself."""
