"""Who does something and may they: people and keys as actors, API keys, refusals, and the audit."""
