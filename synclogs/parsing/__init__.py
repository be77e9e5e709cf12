"""Parsing of log entries: limits, compression, JSON, fields, identifiers, search words. No database."""
