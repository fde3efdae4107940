# `make help` lists what there is. The work is done by scripts/bootstrap, cargo and crates/stack.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Where rustup, Debian's servers and Homebrew's keg-only parts are; missing directories do no harm.
export PATH := $(HOME)/.cargo/bin:$(PATH):/usr/sbin:/usr/local/sbin:/opt/homebrew/opt/libpq/bin:/usr/local/opt/libpq/bin

PORT ?= 8080
# Of `make chaos`; bash has a SECONDS of its own, so the shell is never asked for it.
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
SECONDS_OF_CHAOS = $(if $(filter command line,$(origin SECONDS)),$(SECONDS),300)
# Everything is always built as one set: for another set of packages cargo chooses other features of their
# dependencies, and compiles half of those again.
STACK := cargo run --quiet --bin rollcall-stack --
TOOLS := $(CURDIR)/.run/tools
DIESEL_VERSION := 2.3.14
DENY_VERSION := 0.20.2

.PHONY: help up demo test test-webhooks test-calendar chaos faults bench-engine bench-rush bench-workdays bench-blackhole check bootstrap binaries tools fmt openapi schema deny units monitoring deb test-deploy bench-streams bench-events test-streams

help: ## This list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: binaries ## Bring everything up on http://localhost:8080 (PORT=… for another), until Ctrl-C
	@$(STACK) up --port $(PORT)

demo: binaries ## Load the demo company into the stack that runs (make up does it the first time)
	@$(STACK) demo --port $(PORT)

test: binaries ## Run every test
	cargo test --workspace --no-fail-fast

bench-engine: bootstrap ## Measure the engine alone: a million workdays on one core
	cargo bench --quiet -p rollcall-attendance --bench engine

# The release program of the service and the benchmark are built side by side, with the same profile.
bench-rush: bootstrap ## Measure punches at nine in the morning, beside pgbench (minutes; needs a quiet machine)
	cargo build --release --quiet -p rollcall-attendance
	cargo bench --quiet -p rollcall-bench --bench attendance -- rush

bench-blackhole: bootstrap ## Measure what a black-holed org costs who punches, beside one that answers (minutes; needs a quiet machine)
	cargo build --release --quiet -p rollcall-attendance
	cargo bench --quiet -p rollcall-bench --bench attendance -- blackhole

bench-workdays: bootstrap ## Measure reading, exports and a lock with ten million punches in the table (minutes)
	cargo build --release --quiet -p rollcall-attendance
	cargo bench --quiet -p rollcall-bench --bench attendance -- workdays

bench-streams: bootstrap ## Measure 10,000 open streams, beside nginx's nchan where its module is installed (minutes)
	cargo build --release --quiet --workspace --bin rollcall-notification
	cargo bench --quiet --workspace --bench streams

chaos: binaries ## Kill, pause and cut at random while people work; SECONDS=300, SEED=… for the same schedule again
	ROLLCALL_CHAOS_SECONDS=$(SECONDS_OF_CHAOS) ROLLCALL_CHAOS_SEED=$(SEED) \
	  cargo test --workspace --test e2e -- --nocapture --exact \
	  chaos::whatever_is_killed_paused_and_cut_nothing_acknowledged_is_lost_and_nothing_doubled

faults: binaries ## Write the table of deploy/faults.md from the one that the tests hold services to
	ROLLCALL_WRITE_FAULTS=1 cargo test --quiet --workspace --test e2e -- the_page_shows_the_table

bench-events: bootstrap ## Measure events from one service's outbox to their effects in another, beside pgbench (minutes)
	cargo build --release --quiet --workspace --bin rollcall-attendance
	cargo bench --quiet --workspace --bench events

test-webhooks: bootstrap ## Have the signatures of webhooks verified by the specification's own library (PyPI)
	@test -x .run/webhooks/bin/python || python3 -m venv .run/webhooks
	@.run/webhooks/bin/pip install --quiet --disable-pip-version-check standardwebhooks==1.1.0
	cargo test -p rollcall-notification --test api -- --ignored --exact reference::the_reference_library_verifies_what_is_sent

test-streams: bootstrap ## Kill notification ten times under 1,000 streams, some of them a real EventSource's (needs node)
	@test -d .run/eventsource/node_modules/eventsource || \
	  npm install --silent --no-audit --no-fund --ignore-scripts --prefix .run/eventsource eventsource@4.1.1
	ROLLCALL_EVENTSOURCE=$(CURDIR)/.run/eventsource ROLLCALL_STREAMS=1000 ROLLCALL_CRASH_ROUNDS=10 \
	  cargo test -p rollcall-e2e --test e2e -- --ignored --exact --nocapture reconnect::so_have_real_event_sources

test-calendar: bootstrap ## Have the calendar feed read by a parser that is not ours (PyPI's icalendar)
	@test -x .run/calendar/bin/python || python3 -m venv .run/calendar
	@.run/calendar/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2
	cargo test -p rollcall-attendance --test api -- --ignored --exact calendar_feeds::another_parser_reads_the_same_instants

check: bootstrap tools ## Format, lints, docs, licences; generated files fresh; migrations down and up; call graph
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet
	@$(MAKE) binaries
	$(STACK) openapi --check
	cargo run --quiet --bin rollcall -- migrations crates/common/migrations services/*/migrations
	PATH="$(TOOLS)/bin:$$PATH" $(STACK) schema --check
	cargo test --quiet -p rollcall-e2e --test architecture --test monitoring
	@$(MAKE) units
	@$(MAKE) monitoring
	@$(MAKE) deny

units: ## Check the systemd units: every key known, none exposed more than 1.5 (systemd-analyze)
	@scripts/check-units

monitoring: ## Check the alerts: each fires when it should and not before (promtool)
	@scripts/check-monitoring

deb: bootstrap ## Make a Debian package: SERVICE=attendance (or edge, deploy), VERSION=… (needs debhelper)
	@scripts/deb $(SERVICE) $(if $(VERSION),--version $(VERSION))

test-deploy: bootstrap ## Try packages, releases, faults and a reboot on a systemd in a container (root; about 8 minutes)
	@cargo build --workspace --bins
	@scripts/test-deploy

bootstrap: ## Install what is missing on this machine
	@scripts/bootstrap

binaries: bootstrap ## Build the services and the stack
	@cargo build --workspace --bins

fmt: ## Format everything
	cargo fmt --all

openapi: binaries ## Write services/*/openapi/v1.json from the code
	@$(STACK) openapi --write

schema: binaries tools ## Write services/*/src/schema.rs from the migrations
	@PATH="$(TOOLS)/bin:$$PATH" $(STACK) schema --write

tools: bootstrap
	@if ! "$(TOOLS)/bin/diesel" --version 2>/dev/null | grep -q "Version: $(DIESEL_VERSION)"; then \
	  cargo install diesel_cli --version $(DIESEL_VERSION) --locked --no-default-features --features postgres --root "$(TOOLS)"; \
	fi

deny: ## Check licences, bans and sources of dependencies (builds cargo-deny the first time)
	@if [ "$$("$(TOOLS)/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $(DENY_VERSION)" ]; then \
	  cargo install cargo-deny --version $(DENY_VERSION) --locked --root "$(TOOLS)"; \
	fi
	"$(TOOLS)/bin/cargo-deny" check licenses bans sources
