"""Signing in: passwords, how often one may try, browsers known from before, sessions."""
