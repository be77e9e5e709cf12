"""Re-enables and bulks of them, made ready for their pages."""
