"""Access: people and keys as actors, API keys, refusals, and the audit log."""
