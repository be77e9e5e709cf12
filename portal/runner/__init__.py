"""What `make run`, `make test` and `make check` start. Imports no Django."""
