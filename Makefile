# Everything starts here; needs make, sh and a Python 3.12 or newer. `make` alone lists the targets.
PY := .venv/bin/python
ARGS ?=
# One shell line: finds a Python (in words when there is none) and lets it bring .venv up to date.
SETUP = python=$$(sh deploy/find-python.sh) && "$$python" -m portal.runner.bootstrap

.PHONY: help run test check mutants bench format openapi lock clean setup-run setup-dev
.NOTPARALLEL:

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup-run ## the portal with its demo, at http://127.0.0.1:8000 (HOST, PORT and the README's settings apply)
	@exec $(PY) -m portal.runner.rundev

test: setup-dev ## the whole test suite (ARGS="-k name" for a part)
	@exec $(PY) -m pytest -n 2 --dist worksteal $(ARGS)

check: setup-dev ## format, lint, types, import contracts, security, pins, templates, deployment settings, migrations, OpenAPI
	@exec $(PY) -m portal.runner.checkup

mutants: setup-dev ## breaks the code one rule at a time and sees that the tests notice (ARGS="part of a name" for some)
	@exec $(PY) -m tests.mutants $(ARGS)

bench: setup-dev ## the benchmarks (ARGS are passed on)
	@exec $(PY) -m bench $(ARGS)

format: setup-dev ## formats code, imports and templates
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .
	@find templates -name '*.html' -exec .venv/bin/djade --target-version 6.1 {} + || true

openapi: setup-dev ## writes portal/api/openapi.yaml from the code
	@exec $(PY) -m portal.runner.checkup --write-openapi

lock: setup-dev ## pins requirements/*.txt anew from pyproject.toml, and writes sbom.json of what runs
	@uv=$$(command -v .venv/bin/uv || command -v uv) || { $(PY) -m pip install -qq uv && uv=.venv/bin/uv; } && \
	set -- pip compile --universal --python-version 3.12 --generate-hashes --no-header --quiet && \
	"$$uv" "$$@" --upgrade pyproject.toml -o requirements/run.txt && \
	"$$uv" "$$@" --upgrade --constraint requirements/run.txt --group dev pyproject.toml -o requirements/dev.txt && \
	"$$uv" "$$@" --upgrade --group pyproject.toml:semgrep -o requirements/semgrep.txt && \
	$(PY) -m portal.runner.pins --write-sbom

clean: ## removes .venv and caches; the data in .data stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

setup-run:
	@$(SETUP) run

setup-dev:
	@$(SETUP) dev
