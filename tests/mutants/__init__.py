"""Single changes of the code, each of which breaks one rule: `python -m tests.mutants` sees that the tests notice each."""
