"""Log entries into a file: its lifecycle, the stream of rows, the formats."""
