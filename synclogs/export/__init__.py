"""Export of log entries to files: lifecycle, stream of rows, formats."""
