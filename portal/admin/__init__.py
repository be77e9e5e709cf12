"""The administration: one file a group of models, their site (site.py) and what registers them (registered.py)."""
