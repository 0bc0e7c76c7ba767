# `make` alone lists what can be done. ARGS are passed on: make test ARGS="-k halt", make lock ARGS=--upgrade.
# Programs of ours must not believe they were started by the make of somebody else's project.
ALONE := unset MAKEFLAGS MFLAGS MAKELEVEL MAKE_TERMOUT MAKE_TERMERR;
PYTHON_HERE := .venv/bin/python
COMPILE := .venv/bin/uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-header --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help demo test check bench lock format snapshots clean ready-to-run ready-to-develop

help: ## list what make can do here
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: ready-to-run ## set up (network the first time only), then watch the build loop at work; needs no key
	@$(ALONE) exec .venv/bin/quarterdeck demo $(ARGS)

test: ready-to-develop ## set up, then run every test
	@$(ALONE) exec $(PYTHON_HERE) -m pytest $(ARGS)

check: ready-to-develop ## format, lint, types and import contracts; changes nothing
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/pyright --warnings
	.venv/bin/lint-imports

bench: ready-to-develop ## measure start, log, fold and engine, and report
	@$(ALONE) for file in tests/bench/bench_*.py; do $(PYTHON_HERE) "$$file" $(ARGS) || exit 1; done

lock: ready-to-develop ## compile requirements/*.txt from pyproject.toml, keeping versions that still fit
	$(COMPILE) --extra api --group dev $(ARGS) --output-file requirements/dev.txt
	$(COMPILE) --group build --constraint requirements/dev.txt $(ARGS) --output-file requirements/run.txt

format: ready-to-develop ## format the code and mend what ruff can mend
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

snapshots: ready-to-develop ## take the pictures of the screens anew; look at each change before keeping it
	@$(ALONE) exec $(PYTHON_HERE) -m pytest --snapshot-update $$(grep -rl --include='test_*.py' snap_compare tests) $(ARGS)

clean: ## remove everything make has made: .venv, caches, built packages
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

ready-to-run:
	@scripts/setup run

# After the other one: both work on the same .venv.
ready-to-develop:
	@scripts/setup dev
