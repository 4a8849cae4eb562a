# Everything goes through `./slipway` and `scripts/bootstrap`; a target is a name for one or two commands.
SHELL := bash
.SHELLFLAGS := -Eeuo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON := .venv/bin/python
BIN := .venv/bin
STACK ?= dev
BLUEPRINT ?=
ENGINE ?= auto
ROOMS := settings components engine review operate cli testing

common = --stack $(STACK) --engine $(ENGINE)
truthy = $(filter-out 0 no false,$(1))

.PHONY: help
help: ## Show this help
	@printf 'usage: make TARGET [STACK=dev] [BLUEPRINT=starter] [ENGINE=auto|pulumi|embedded] [VOLUMES=1] [YES=1]\n\n'
	grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do
	  printf '  %-14s %s\n' "$$name" "$$text"
	done

# --- a platform ----------------------------------------------------------------------------------------------------------

.PHONY: up
up: bootstrap ## Deploy a stack: from a fresh machine to a platform that answers
	./slipway up $(common) $(if $(BLUEPRINT),--blueprint $(BLUEPRINT)) $(if $(call truthy,$(YES)),--yes)

.PHONY: down
down: bootstrap ## Remove a stack; its data volumes stay unless VOLUMES=1
	./slipway destroy $(common) $(if $(call truthy,$(VOLUMES)),--volumes) $(if $(call truthy,$(YES)),--yes)

.PHONY: preview
preview: bootstrap ## Show what `make up` would do
	./slipway preview $(common)

.PHONY: status
status: ## Show what runs and whether it is well
	./slipway status --stack $(STACK)

.PHONY: logs
logs: ## Show the containers' logs (PART=api for one part, FOLLOW=1 to go on)
	./slipway logs --stack $(STACK) $(PART) $(if $(call truthy,$(FOLLOW)),--follow)

.PHONY: images
images: bootstrap ## Build Slipway's own images that are missing
	./slipway images build

.PHONY: doctor
doctor: ## Check this machine and say what mends it
	./slipway doctor --stack $(STACK)

# --- tests ---------------------------------------------------------------------------------------------------------------

.PHONY: test
test: ## Lint, unit tests, and the e2e scenarios where Docker can run (MODELS=1: with an Ollama that is compiled for them)
	$(if $(call truthy,$(MODELS)),SLIPWAY_MODELS=1) scripts/test-all

.PHONY: unit
unit: bootstrap-dev ## Run the tests that need no Docker
	$(BIN)/pytest -m 'not e2e' -n auto -q $(ARGS)

.PHONY: golden
golden: bootstrap-dev ## Write the golden plans and the examples in the documents anew; review the difference
	$(BIN)/pytest -m 'not e2e' -q tests/program tests/components tests/testing tests/review --update-golden $(ARGS)

.PHONY: e2e
e2e: bootstrap-dev ## Run the scenarios on real containers, on every engine that is present (KILLS=20: all of kill -9)
	$(if $(KILLS),SLIPWAY_KILLS=$(KILLS)) $(BIN)/pytest -m e2e -n 2 --dist loadfile $(ARGS)

.PHONY: systems
systems: bootstrap-dev ## Bring up the five systems, dev and prod, stand-ins for what can't be had; a table (MODELS=1: a real Ollama)
	$(if $(call truthy,$(MODELS)),./slipway images build ollama)
	$(if $(findstring octocode-dev,$(or $(SYSTEMS),octocode-dev)),./slipway images build pgadmin mailhog)
	$(if $(findstring oberaconnect,$(or $(SYSTEMS),oberaconnect)),./slipway images build n8n)
	SLIPWAY_SYSTEMS=$(or $(SYSTEMS),all) $(BIN)/pytest -m e2e -q tests/e2e/test_systems.py $(ARGS)

.PHONY: lint
lint: bootstrap-dev ## Check style, types, room boundaries, YAML and shell scripts
	scripts/lint

.PHONY: format
format: bootstrap-dev ## Format the code and mend what can be mended by itself
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: bench
bench: bootstrap-dev ## Measure against Docker Compose and print a table of ratios
	$(PYTHON) -P benchmarks $(ARGS)

.PHONY: prove-releases
prove-releases: bootstrap-dev ## Release, scale and renew under load, beside Compose: fails if a request does, or p99 is over 3 x
	$(PYTHON) -P benchmarks --only prove --engines $(or $(filter-out auto,$(ENGINE)),embedded) $(ARGS)

# --- upkeep --------------------------------------------------------------------------------------------------------------

.PHONY: docs
docs: bootstrap-dev ## Write the generated documents anew: settings, JSON Schema, the five systems
	./slipway schema --out docs/schema.json
	$(PYTHON) -c 'from settings.reference_doc import REFERENCE_FILE, render; open(REFERENCE_FILE, "w").write(render())'
	$(PYTHON) -m tests.systems.document

.PHONY: faults
faults: bootstrap-dev ## Break servers, disks, object stores and backups, and compare what was acknowledged (KILLS=20: all of it)
	SLIPWAY_FAULTS=all $(if $(KILLS),SLIPWAY_KILLS=$(KILLS)) $(BIN)/pytest -m e2e tests/e2e/test_data_faults.py \
	  tests/e2e/test_restore.py tests/e2e/test_backup.py tests/e2e/test_other_servers.py $(ARGS)

.PHONY: alerts
alerts: bootstrap-dev ## Cause every fault that has an alert, on real servers
	SLIPWAY_ALERTS=all $(BIN)/pytest -m e2e tests/e2e/test_monitoring.py tests/e2e/test_alert_rules.py $(ARGS)

.PHONY: dashboards
dashboards: bootstrap-dev ## Write Grafana's dashboards anew
	$(PYTHON) -m dashboards

.PHONY: requirements
requirements: bootstrap-dev ## Pin requirements*.in anew, with hashes
	for name in requirements requirements-dev; do
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	    "$$name.in" -o "$$name.txt"
	done

.PHONY: pulumi
pulumi: bootstrap ## Install the pinned official Pulumi CLI and plugins, where the internet is reachable
	scripts/install-pulumi

.PHONY: bootstrap
bootstrap:
	@status=0; scripts/bootstrap || status=$$?
	if [ "$$status" != 0 ] && [ "$$status" != 3 ]; then exit "$$status"; fi

.PHONY: bootstrap-dev
bootstrap-dev:
	@scripts/bootstrap --dev --no-docker

.PHONY: clean
clean: ## Remove caches and test artifacts; .venv, .state and containers stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .state/pycache artifacts
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
