"""URLs: paths, query strings, links that narrow a list."""
