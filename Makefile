# `make` alone lists all targets. Every target installs its requirements first.

VENV := .venv
PYTHON := $(VENV)/bin/python
RUN := $(VENV)/bin/
# Repeat the set-up when requirements change.
STATE := $(shell cat requirements-dev.txt pyproject.toml tools/set-up.sh | cksum | cut -d' ' -f1)
BUILD_STATE := $(shell cat requirements-build.txt | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(STATE)
READY_TO_BUILD := $(VENV)/.ready-to-build-$(STATE)-$(BUILD_STATE)

NAME := demo
# A longer run is interrupted, and prints its results so far.
E2E_SECONDS := 7200
# The Kubernetes version of the end-to-end tests, if not the default.
KUBERNETES :=
e2e e2e-smoke e2e-vm: export EDGEADM_KUBERNETES := $(KUBERNETES)
# The Debian release of the smoke tier's bare nodes, if not the default image.
IMAGE :=
e2e-smoke: export E2E_IMAGE := $(IMAGE)
# tests/e2e/plan.toml contains the tiers and the order of the files.
USUAL := e2e and not tier_smoke and not tier_all and not tier_vm
POWER_CYCLES := 4
WORKERS := 4
# The minutes of each file, as JSON.
E2E_REPORT := build/e2e-minutes.json
e2e e2e-smoke e2e-vm: export E2E_REPORT := $(E2E_REPORT)
e2e: export E2E_POWER_CYCLES := $(POWER_CYCLES)
AS_ROOT = test "$$(id -u)" = 0 || { echo "error: make $@ boots sandboxes and needs root" >&2; exit 1; }
WITHIN = timeout --foreground --signal=INT --kill-after=60 $$(( end > $$(date +%s) ? end - $$(date +%s) : 1 ))

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit lint types layers e2e e2e-smoke e2e-vm e2e-all outdated checkov docs dist release bench bench-start bench-fleet lock format clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv with all development requirements

$(READY): requirements-dev.txt pyproject.toml tools/set-up.sh
	@bash tools/set-up.sh requirements-dev.txt
	@touch $@

$(READY_TO_BUILD): $(READY) requirements-build.txt
	@bash tools/set-up.sh requirements-build.txt
	@touch $@

demo: $(READY_TO_BUILD) ## run a control plane in a sandbox on this host (root)
	@bash tools/demo.sh $(NAME)

test: $(READY) ## everything that requires neither root nor Go
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit lint types layers

unit: $(READY) ## only the tests
	$(RUN)pytest -m "not e2e" -n 2 --dist worksteal

lint: $(READY) ## ruff, and the word list: tools/words.toml
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(PYTHON) tools/words.py

types: $(READY) ## mypy, strict
	$(RUN)mypy

layers: $(READY) ## the import rules
	$(RUN)lint-imports

format: $(READY) ## format the sources for `make lint`
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

e2e: $(READY_TO_BUILD) ## end-to-end tests in real sandboxes; KUBERNETES=v1.36.3 names another version (root)
	@$(AS_ROOT)
	@mkdir -p $(dir $(E2E_REPORT)); rm -f $(E2E_REPORT)
	@end=$$(( $$(date +%s) + $(E2E_SECONDS) )); failed=0; \
	$(WITHIN) $(RUN)pytest tests/e2e -v -m "$(USUAL) and alone" || failed=1; \
	$(WITHIN) $(RUN)pytest tests/e2e -v -m "$(USUAL) and not alone" -n $(WORKERS) --dist loadfile --durations=15 || failed=1; \
	[ ! -f $(E2E_REPORT) ] || $(PYTHON) -m tests.e2e.minutes $(E2E_REPORT); exit $$failed

e2e-smoke: $(READY_TO_BUILD) ## from bare nodes to uninstall, in six minutes; IMAGE=debian-13 selects a Debian release (root)
	@$(AS_ROOT)
	@mkdir -p $(dir $(E2E_REPORT))
	@$(RUN)pytest tests/e2e -v -m "e2e and tier_smoke"

e2e-vm: $(READY_TO_BUILD) ## an edge node as a virtual machine: offline boots, power cuts, 1970, reset; an hour (root)
	@$(AS_ROOT)
	@mkdir -p $(dir $(E2E_REPORT))
	@$(RUN)pytest tests/e2e -v -s -m "e2e and tier_vm"

e2e-all: $(READY_TO_BUILD) ## `e2e` with ten power cycles, every supported Kubernetes version, benchmarks (root)
	@$(AS_ROOT)
	@failed=0; \
	$(MAKE) --no-print-directory e2e POWER_CYCLES=10 || failed=1; \
	PYTHONPATH=. $(PYTHON) tools/version_table.py || failed=1; \
	E2E_BARE_IMAGES="debian-13 debian-12" $(RUN)pytest tests/e2e -v -m "e2e and tier_all" || failed=1; \
	$(MAKE) --no-print-directory bench || failed=1; exit $$failed

outdated: $(READY_TO_BUILD) ## every pinned version against the registries, and its end of support
	PYTHONPATH=. $(PYTHON) tools/outdated.py

checkov: $(READY) ## run checkov on every manifest; installs it in the cache
	@$(PYTHON) tools/checkov.py

docs: $(READY) ## the documentation, with warnings as errors, in docs/_build/html
	$(RUN)sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

dist: $(READY_TO_BUILD) ## wheel, sdist and the self-contained executable, in dist/
	$(PYTHON) tools/dist.py

release: $(READY_TO_BUILD) ## build the artifacts of the release at the current tag, in dist/
	tools/release.sh build

bench: $(READY_TO_BUILD) ## edgeadm compared with the manual steps: init, then join, as JSON (root)
	@$(PYTHON) tools/bench_init.py
	@$(PYTHON) tools/bench_join.py

bench-start: $(READY_TO_BUILD) ## the duration of `edgeadm version`, as JSON
	@$(PYTHON) tools/bench_start.py

bench-fleet: $(READY) ## 1,000 SSH hosts on loopback: edgeadm, pyinfra and ansible-core; requires sshd
	@PYTHONPATH=. $(PYTHON) tools/bench_fleet.py

lock: $(READY) ## update the requirements: requirements-*.txt
	@bash tools/lock.sh

clean: ## remove build results; the set-up and external caches are kept
	rm -rf build dist docs/_build docs/reference/generated .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
