# Everything that people and CI run. `make help` lists it.
VENV := .venv
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
LOCK := $(VENV)/bin/uv pip compile --universal --generate-hashes --upgrade -q --custom-compile-command "make lock"

PEERS := livekit_agents pipecat

.PHONY: help setup setup-dev run pulsar test test-quick test-nightly monitoring-test image stack-test stack-test-core bench-peers peers-lock helm-tools helm-test docs lint scan lock asyncapi settings-table metrics-table page-words nats-users dashboards clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## create .venv with what running needs (quick the second time)

setup-dev: $(INSTALLED_DEV) ## the same, with the tools for tests and linters

$(INSTALLED): requirements.lock pyproject.toml scripts/setup.sh infra/system/weights.py
	@bash scripts/setup.sh $(VENV)
	@touch $(INSTALLED)

$(INSTALLED_DEV): requirements-dev.lock $(INSTALLED)
	@bash scripts/setup.sh $(VENV) dev
	@touch $(INSTALLED_DEV)

run: setup ## start everything and print the page's address; LIVEKIT=1 also opens the LiveKit door
	@$(VENV)/bin/daredevil run $(if $(filter-out 0,$(LIVEKIT)),--livekit)

pulsar: ## start a real Pulsar broker on loopback for the Pulsar projection (Java 17)
	@bash scripts/pulsar.sh $(PULSAR_OPTIONS)

test: setup-dev ## install what the tests need if possible, then run them
	@bash scripts/test_tools.sh
	@bash scripts/test.sh

test-quick: setup-dev ## run the tests without slow servers, browsers and engines, in about two minutes
	@bash scripts/test.sh quick

test-nightly: setup-dev ## run all tests, including further cases of what `make test` covers with one
	@bash scripts/test_tools.sh
	@bash scripts/test.sh nightly

monitoring-test: setup-dev ## Prometheus, Alertmanager, Jaeger and a system: dashboards have data, a kill is an alert on NATS, a turn one trace
	@bash scripts/test_tools.sh
	@bash scripts/go_server.sh jaeger || echo "its tests will be skipped"
	@bash scripts/test.sh -m monitoring tests/monitoring

helm-tools: setup-dev ## what the Helm chart is tested with: Go builds helm and kubeconform, once (some minutes)
	@bash scripts/go_tools.sh helm kubeconform
	@$(VENV)/bin/python scripts/kubernetes_schemas.py

helm-test: helm-tools ## lint, render and validate the Helm chart, strictly
	@bash scripts/test.sh tests/infra/deploy/test_chart.py

docs: setup-dev ## build the site of the documents in site/, strictly: every page, link and anchor is there
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

image: ## build the images daredevil and daredevil-local with podman or docker; PLATFORM=linux/arm64 or linux/amd64,linux/arm64
	@bash scripts/image.sh

stack-test: setup-dev ## the stack of containers (podman, as root): calls, an upgrade, each container killed; all profiles
	@bash scripts/containers.sh
	@bash scripts/stack_images.sh
	@bash scripts/test.sh -m stack tests/stack

stack-test-core: setup-dev ## its profile core alone; without podman or base images it says NOT RUN
	@bash scripts/stack_core.sh

bench-peers: setup-dev $(PEERS:%=.venv-peers/%/.installed) ## the response gap of LiveKit Agents and Pipecat beside ours: same calls, engines and machine
	@$(VENV)/bin/python -m tests.peers --calls tests/data/calls $(PEERS_OPTIONS)

.venv-peers/%/.installed: tests/peers/%.lock $(INSTALLED_DEV)
	@$(VENV)/bin/uv venv -q --allow-existing --python $(VENV)/bin/python .venv-peers/$*
	@$(VENV)/bin/uv pip sync -q --python .venv-peers/$*/bin/python --require-hashes --only-binary :all: $<
	@touch $@

lint: setup-dev ## ruff, mypy and the layers of imports; with npm also Redocly and Spectral on the HTTP API
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	@bash scripts/openapi_lint.sh

scan: setup-dev ## secrets in any commit, licences, vulnerable dependencies, careless deployment files
	@bash scripts/scan.sh
	@$(VENV)/bin/python scripts/licences.py

lock: setup ## update dependency versions, with hashes; what running needs has the same versions in both files
	$(LOCK) pyproject.toml --group dev -o requirements-dev.lock
	$(LOCK) pyproject.toml --group setup -c requirements-dev.lock -o requirements.lock
	$(LOCK) --group pyproject.toml:sbom -o infra/deploy/image/sbom.lock
	$(LOCK) --group pyproject.toml:wordllama -c requirements.lock -o infra/deploy/image/wordllama.lock

peers-lock: setup-dev ## update the peers of `make bench-peers`, with hashes; name engines in the versions of requirements.lock first
	@for peer in $(PEERS); do $(VENV)/bin/uv pip compile --universal --generate-hashes --upgrade -q --python-version 3.11 \
		--custom-compile-command "make peers-lock" tests/peers/$$peer.in -o tests/peers/$$peer.lock; done

asyncapi: setup ## generate asyncapi.yaml from the code
	$(VENV)/bin/python -m contracts.asyncapi.document

settings-table: setup ## generate docs/settings.md, and what the Helm chart knows of settings, from the code
	$(VENV)/bin/python -m infra.cli.settings_table
	$(VENV)/bin/python -m infra.deploy.chart_settings

page-words: setup ## generate the page's words for why a silence was so long, from infra/session/silence_words.py
	$(VENV)/bin/python -m infra.session.silence_words

nats-users: setup ## generate the users of NATS that compose has for development, from the topology
	$(VENV)/bin/daredevil nats-users infra/deploy/compose/nats/development --password development-only

metrics-table: setup ## generate the table of metrics in docs/observability.md from the code
	$(VENV)/bin/python -m infra.deploy.metrics_table

dashboards: setup-dev ## generate Grafana's dashboards from the code
	$(VENV)/bin/python -m infra.deploy.dashboards

clean: ## remove what was built and installed; conversations stay
	rm -rf $(VENV) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/*_check/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
