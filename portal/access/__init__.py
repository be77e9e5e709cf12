"""Access to pages: projects and roles, concurrent reads, cross-site requests."""
