"""Django's PostgreSQL backend for a database that may be away: whoever asks is told so at once, and all heals by itself."""
