"""Fixtures that every test may use. The database server comes from tests/database.py."""
