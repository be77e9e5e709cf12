"""Programs behind `make run`, `make test` and `make check`. Imports no Django."""
