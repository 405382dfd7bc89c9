# Everything a person or CI runs. `make help` lists it.
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: help setup run pulsar test lint lock asyncapi settings-table clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it (quick the second time)

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh infra/embedded/weights.py
	@bash scripts/setup.sh $(VENV)
	@touch $(STAMP)

run: setup ## start it all and print the page's address; LIVEKIT=1 opens the LiveKit door, too
	@$(VENV)/bin/daredevil run $(if $(filter-out 0,$(LIVEKIT)),--livekit)

pulsar: ## start a real Pulsar broker on loopback for the Pulsar projection (Java 17)
	@bash scripts/pulsar.sh $(PULSAR_OPTIONS)

test: setup ## install what the tests need where that is possible, then run them all
	@bash scripts/test_tools.sh
	@bash scripts/test.sh

lint: setup ## ruff and mypy, and where npm is, Redocly and Spectral on the HTTP API
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	@bash scripts/openapi_lint.sh

lock: setup ## choose dependency versions anew, with hashes
	$(VENV)/bin/uv pip compile --universal --generate-hashes --group dev pyproject.toml -o requirements.lock -q \
	    --upgrade --custom-compile-command "make lock"

asyncapi: setup ## write asyncapi.yaml from the code
	$(VENV)/bin/python -m infra.asyncapi

settings-table: setup ## write docs/settings.md from the code
	$(VENV)/bin/python -m infra.settings_table

clean: ## remove what was built and installed, but no conversation
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/*_check/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
