# Everything a developer runs. Nothing is installed or cached outside the checkout; only `setup` and `pins` need a network.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CACHE := $(CURDIR)/.cache
BASELINE := protos/baseline.binpb

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_CACHE_DIR := $(CACHE)/uv
export UV_PYTHON_DOWNLOADS := never
export BUF_CACHE_DIR := $(CACHE)/buf
# The checkout's own environment is the only one: an activated one must not lead uv astray.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

# The first interpreter that runs and is new enough; make setup PYTHON=/path/to/python chooses another.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

##@ Start here
.PHONY: help
help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: $(READY) ## Make .venv from the pins (instant when nothing changed).
	@echo "$(BIN)/flowctl is ready"

# pip asks a Rust compiler for its version, and rustup would write its settings into the home directory.
$(READY): export RUSTUP_HOME := $(CACHE)/rustup
$(READY): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "setup needs Python 3.11 or newer with venv; name one: make setup PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || env -u VIRTUAL_ENV $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint requirements/dev.txt uv
	@$(BIN)/uv pip install --quiet --no-deps --requirements requirements/dev.txt
	@$(BIN)/uv pip install --quiet --exact --no-build-isolation --requirements requirements/dev.txt --editable .
	@touch $@
	@echo "ready: $$($(BIN)/python --version) in $(VENV)"

##@ Every day
.PHONY: generate
generate: $(READY) ## Write server/flowrpc/v1 from protos/.
	@rm -f server/flowrpc/v1/*_pb2.py server/flowrpc/v1/*_pb2.pyi server/flowrpc/v1/*_pb2_grpc.py server/flowrpc/v1/*_pb2_grpc.pyi
	buf generate

.PHONY: format
format: $(READY) ## Format Python and protos, apply safe lint fixes.
	ruff check --fix --quiet --exit-zero
	ruff format
	buf format --write

.PHONY: check
check: lint types walls protos fresh ## Everything but the tests: what a reader should never have to look for.

.PHONY: test
test: check ## check, then all tests, one process per core: what CI runs.
	pytest -n auto --dist worksteal

.PHONY: demo
demo: $(READY) ## Run the example app end to end.
	$(BIN)/python examples/code_census/demo.py

.PHONY: bench
bench: $(READY) ## Measure; prints ratios.
	$(BIN)/python -m benchmarks

.PHONY: screenshots
screenshots: $(READY) ## Pictures of every page, in screenshots/ (needs Chromium).
	$(BIN)/python -m tests.browser.screenshots screenshots

##@ Kill anything, lose nothing
.PHONY: torture-ci
torture-ci: $(READY) ## 100 kills in 100,000 operations, and every checker: some five minutes.
	$(BIN)/python -m tests.crash --kills 100 --operations 100000 --seed 1

.PHONY: torture
torture: $(READY) ## The long sets: hours; each ends with its line of figures.
	$(BIN)/python -m tests.crash --kills 1000 --operations 1000000
	$(BIN)/python -m tests.crash --each-once
	$(BIN)/python -m tests.crash --faults all --pairs 200
	$(BIN)/python -m tests.power_loss --cuts 10000
	$(BIN)/python -m tests.simulation --seeds 100000 --jobs 2
	$(BIN)/python -m tests.soak --deltas 1000000

##@ Parts of check
.PHONY: lint
lint: $(READY) ## Format and lint of Python.
	ruff format --check
	ruff check

.PHONY: types
types: $(READY) ## mypy --strict.
	mypy

.PHONY: walls
walls: $(READY) ## Who may import whom.
	lint-imports

.PHONY: protos
protos: $(READY) ## Format, lint and compatibility of protos/.
	buf format --diff --exit-code
	buf lint
	@if test -f $(BASELINE); then echo "buf breaking --against $(BASELINE)"; buf breaking --against $(BASELINE); \
	else echo "no $(BASELINE) yet, compatibility is not checked; make baseline writes it"; fi

.PHONY: fresh
fresh: $(READY) ## Is server/flowrpc/v1 what protos/ generate?
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	buf generate --output "$$scratch"; \
	diff --brief --recursive --exclude='__init__.py' --exclude='__pycache__' "$$scratch/server/flowrpc/v1" server/flowrpc/v1 >"$$scratch/diff" \
		|| { cat "$$scratch/diff"; echo "server/flowrpc/v1 is stale: run make generate" >&2; exit 1; }
	@echo "server/flowrpc/v1 is fresh"

##@ The Go client (needs Go; the rest of the project does not)
GO_HOME := $(CACHE)/go
GO_BIN := $(GO_HOME)/bin
GO_PLUGINS := $(GO_BIN)/protoc-gen-go $(GO_BIN)/protoc-gen-go-grpc
# Go keeps everything below .cache, its settings too, which else go into the home directory.
GO := cd client/go && env GOPATH=$(GO_HOME) GOMODCACHE=$(GO_HOME)/mod GOCACHE=$(GO_HOME)/build GOENV=off GOTOOLCHAIN=local \
	GOFLAGS=-buildvcs=false XDG_CONFIG_HOME=$(GO_HOME)/config go

.PHONY: go-setup
go-setup: $(GO_PLUGINS) ## Download and build what the Go client needs.

$(GO_PLUGINS) &: client/go/go.mod
	@mkdir -p $(GO_BIN)
	@$(GO) build -o $(GO_BIN)/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
	@touch $(GO_PLUGINS)

.PHONY: go
go: ## Vet and test the Go client, without an app.
	@$(GO) vet ./...
	@$(GO) test -count=1 ./... # Go would take a result for good although the vectors changed

.PHONY: generate-go
generate-go: $(READY) $(GO_PLUGINS) ## Write client/go/flowrpcv1 from protos/.
	@rm -f client/go/flowrpcv1/*.pb.go
	PATH=$(GO_BIN):$$PATH buf generate --template buf.gen.go.yaml

##@ The TypeScript client (needs Node; the rest of the project does not)
TS_PACKAGE := $(CACHE)/typescript/package
TS_PLUGIN := $(TS_PACKAGE)/node_modules/.bin/protoc-gen-es
TS_FACTS := $(addprefix client/typescript/,package.json package-lock.json .npmrc)
# With the folders, so that a file that is gone is noticed too.
TS_SOURCES := $(shell find client/typescript/src client/typescript/test client/typescript/examples -name '*.ts' -o -type d)
export npm_config_cache := $(CACHE)/npm

.PHONY: ts-setup
ts-setup: $(TS_PLUGIN) ## Download what the TypeScript client needs.

$(TS_PLUGIN): $(TS_FACTS)
	@mkdir -p $(TS_PACKAGE)
	@cp $(TS_FACTS) $(TS_PACKAGE)/
	@cd $(TS_PACKAGE) && npm ci --ignore-scripts --silent
	@touch $@

.PHONY: ts-build
ts-build: $(TS_PACKAGE)/dist/.ready ## Compile the TypeScript client below .cache.

$(TS_PACKAGE)/dist/.ready: $(TS_PLUGIN) $(TS_SOURCES) client/typescript/tsconfig.json client/typescript/README.md
	@cd $(TS_PACKAGE) && rm -rf src test examples dist
	@cp -r client/typescript/{src,test,examples,tsconfig.json,README.md} $(TS_PACKAGE)/
	@cd $(TS_PACKAGE) && npm run --silent build
	@touch $@

.PHONY: ts
ts: ts-build ## Type-check and test the TypeScript client, without an app.
	@cd $(TS_PACKAGE) && npm run --silent test

.PHONY: generate-ts
generate-ts: $(READY) $(TS_PLUGIN) ## Write client/typescript/src/gen from protos/.
	@rm -rf client/typescript/src/gen
	PATH=$(dir $(TS_PLUGIN)):$$PATH buf generate --template buf.gen.ts.yaml

##@ The Java client (needs Java 17 and Maven; the rest of the project does not)
JAVA_CACHE := $(CACHE)/java
JAVA_PLUGINS := $(addprefix $(JAVA_CACHE)/plugins/,protoc protoc-gen-grpc-java)
# As Maven Central calls this machine: linux-x86_64, osx-aarch_64.
JAVA_PLATFORM = $(shell uname -sm | sed -e 's/^Linux /linux-/' -e 's/^Darwin /osx-/' -e 's/-\(aarch64\|arm64\)$$/-aarch_64/')
# Maven keeps what it fetches below .cache; its settings, mirrors among them, stay the user's.
MAVEN := cd client/java && mvn --batch-mode --quiet --no-transfer-progress -Dmaven.repo.local=$(JAVA_CACHE)/repository

.PHONY: java-setup
java-setup: $(JAVA_PLUGINS) ## Download what writes the Java client's code.

$(JAVA_PLUGINS) &: client/java/pom.xml
	@$(MAVEN) dependency:copy@plugins -Dplugins.platform=$(JAVA_PLATFORM) -DoutputDirectory=$(dir $(firstword $(JAVA_PLUGINS)))
	@for plugin in $(JAVA_PLUGINS); do mv $$plugin.exe $$plugin; chmod +x $$plugin; touch $$plugin; done

.PHONY: java
java: ## Build and test the Java client, without an app.
	@$(MAVEN) test

.PHONY: generate-java
generate-java: $(READY) $(JAVA_PLUGINS) ## Write client/java/src/main/java/dev/flowrpc/v1 from protos/.
	@rm -rf client/java/src/main/java/dev/flowrpc/v1
	buf generate --template buf.gen.java.yaml

##@ The Rust client (needs Rust; the rest of the project does not)
RUST_HOME := $(CACHE)/rust
# Where rustup has its toolchains, also with an empty home directory: beside the folder that has its `cargo`.
RUSTUP = $(or $(RUSTUP_HOME),$(firstword $(wildcard $(HOME)/.rustup $(addprefix $(dir $(shell command -v cargo))../../,.rustup rustup))))
RUST = cd client/rust && env $(addprefix RUSTUP_HOME=,$(RUSTUP)) CARGO_HOME=$(RUST_HOME)/home CARGO_TARGET_DIR=$(RUST_HOME)/target
RUST_PLUGINS := $(RUST_HOME)/plugins
RUST_PLUGINS_VERSION := 0.5.0
RUST_PLUGINS_READY := $(RUST_PLUGINS)/.ready-$(RUST_PLUGINS_VERSION)

.PHONY: rust-setup
rust-setup: $(RUST_PLUGINS_READY) ## Build what writes the Rust client's code.

# With the versions that the plugins were released with, so that they always write the same; what is built on the way goes again.
$(RUST_PLUGINS_READY):
	@$(RUST) CARGO_TARGET_DIR=$(RUST_PLUGINS)/target CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
		cargo install --quiet --debug --locked --no-track --force --root $(RUST_PLUGINS) \
		$(addsuffix @$(RUST_PLUGINS_VERSION),protoc-gen-prost protoc-gen-tonic)
	@rm -rf $(RUST_PLUGINS)/target
	@touch $@

.PHONY: rust
rust: ## Lint and test the Rust client, without an app.
	@$(RUST) cargo fmt --check
	@$(RUST) cargo clippy --quiet --all-targets -- --deny warnings
	@$(RUST) cargo test --quiet

.PHONY: generate-rust
generate-rust: $(READY) $(RUST_PLUGINS_READY) ## Write client/rust/src/gen from protos/.
	@rm -rf client/rust/src/gen
	PATH=$(RUST_PLUGINS)/bin:$$PATH buf generate --template buf.gen.rust.yaml

##@ Now and then
.PHONY: baseline
baseline: $(READY) ## Make today's protos what `buf breaking` compares with.
	buf build --output $(BASELINE)

.PHONY: pins
pins: $(READY) ## Resolve requirements/*.txt again from pyproject.toml.
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --group dev \
		--output-file requirements/dev.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--constraint requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
	@$(MAKE) setup

.PHONY: clean
clean: ## Remove what can be made again: .venv, caches, build output.
	rm -rf $(VENV) $(CACHE) build dist client/java/target .coverage htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
