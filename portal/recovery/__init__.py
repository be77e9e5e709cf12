"""Presentation of single and bulk re-enables."""
