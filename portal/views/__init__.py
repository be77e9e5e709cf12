"""Pages: one module a group of addresses. A view imports no other view."""
