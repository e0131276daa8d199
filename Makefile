# `make` alone prints what there is. Every target sets up what it needs first.

VENV := .venv
PYTHON := $(VENV)/bin/python
RUN := $(VENV)/bin/
# Set up anew whenever what is installed would differ.
STATE := $(shell cat requirements-dev.txt pyproject.toml tools/set-up.sh | cksum | cut -d' ' -f1)
BUILD_STATE := $(shell cat requirements-build.txt | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(STATE)
READY_TO_BUILD := $(VENV)/.ready-to-build-$(STATE)-$(BUILD_STATE)

NAME := demo
# Journeys that look at the whole machine, or time what it does: nothing runs beside them.
ALONE := $(addprefix tests/e2e/,test_sandbox.py test_executable.py test_tools.py test_go_programs.py test_kubeadm_config.py)
# What has not ended after this long is interrupted, and tells what it found so far.
E2E_SECONDS := 7200
# The Kubernetes version of the journeys, if not the default.
KUBERNETES :=
e2e: export EDGEADM_KUBERNETES := $(KUBERNETES)
WITHIN = timeout --foreground --signal=INT --kill-after=60 $$(( end > $$(date +%s) ? end - $$(date +%s) : 1 ))

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit lint types layers e2e outdated checkov docs dist bench bench-start lock format clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that development needs

$(READY): requirements-dev.txt pyproject.toml tools/set-up.sh
	@bash tools/set-up.sh requirements-dev.txt
	@touch $@

$(READY_TO_BUILD): $(READY) requirements-build.txt
	@bash tools/set-up.sh requirements-build.txt
	@touch $@

demo: $(READY_TO_BUILD) ## a control plane on this machine, in a sandbox of its own (root)
	@bash tools/demo.sh $(NAME)

test: $(READY) ## everything that needs neither root nor Go
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit lint types layers

unit: $(READY) ## the tests alone
	$(RUN)pytest -m "not e2e" -n 2 --dist worksteal

lint: $(READY) ## ruff: rules and layout
	$(RUN)ruff check .
	$(RUN)ruff format --check .

types: $(READY) ## mypy, strict
	$(RUN)mypy

layers: $(READY) ## who may import whom
	$(RUN)lint-imports

format: $(READY) ## lay the sources out as `make lint` wants them
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

e2e: $(READY_TO_BUILD) ## journeys in real sandboxes; KUBERNETES=v1.36.3 names another version (root)
	@test "$$(id -u)" = 0 || { echo "error: make e2e boots sandboxes and needs root" >&2; exit 1; }
	@end=$$(( $$(date +%s) + $(E2E_SECONDS) )); journeys=0; \
	$(WITHIN) $(RUN)pytest $(ALONE) -v -m e2e --durations=5 || journeys=1; \
	$(WITHIN) $(RUN)pytest tests/e2e -v -m e2e -n 2 --dist loadfile --durations=15 $(ALONE:%=--ignore=%) \
	&& exit $$journeys

outdated: $(READY_TO_BUILD) ## every pin against the registries, and until when it is supported
	PYTHONPATH=. $(PYTHON) tools/outdated.py

checkov: $(READY) ## checkov over every manifest; installs it apart, into the cache
	@$(PYTHON) tools/checkov.py

docs: $(READY) ## the documentation, a warning being an error, into docs/_build/html
	$(RUN)sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

dist: $(READY_TO_BUILD) ## wheel, sdist and the self-contained executable, into dist/
	$(PYTHON) tools/dist.py

bench: $(READY_TO_BUILD) ## edgeadm against the same by hand: init, then join, as JSON (root)
	@$(PYTHON) tools/bench_init.py
	@$(PYTHON) tools/bench_join.py

bench-start: $(READY_TO_BUILD) ## how long `edgeadm version` takes, as JSON
	@$(PYTHON) tools/bench_start.py

lock: $(READY) ## resolve the requirements anew: requirements-*.txt
	@bash tools/lock.sh

clean: ## remove what was built; the set-up and the caches outside stay
	rm -rf build dist docs/_build docs/reference/generated .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
