"""Lists of small tables: filters, tabs, pages."""
