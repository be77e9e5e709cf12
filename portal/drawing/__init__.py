"""Formatting of values, marks and charts on pages."""
