"""The box that a query is typed into: its state, completion, the reference of the language."""
