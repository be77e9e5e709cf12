"""Query input: its state, completion, and the reference of the language."""
