"""Django admin: one file for each group of models, the site (site.py) and the registrations (registered.py)."""
