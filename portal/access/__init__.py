"""Access to pages: projects and roles, concurrent reads, cross-site requests."""

from portal.access.projects import Members

__all__ = ["Members"]  # every session names it by this path, so a new path would sign everybody out
