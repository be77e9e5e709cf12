"""Queries on log entries: the query language, its fields, and the SQL conditions made from them."""
