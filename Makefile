# Every command of the project. `make help` lists them.
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.locked
TRANSACTIONS ?= 20000
RATE ?= 200
SEED ?= 7
EXAMPLES ?= 500
# PROFILE=secure: TLS, accounts and rights everywhere, in a stack of its own (docs/security-profile.md).
ifdef PROFILE
export TIDEWATCH_PROFILE := $(PROFILE)
endif
# TOPOLOGY=cluster: three brokers, three Cassandra nodes, two Spark workers, Celery, in a stack of its own (docs/scaling.md).
ifdef TOPOLOGY
export TIDEWATCH_TOPOLOGY := $(TOPOLOGY)
endif
# Commands that look at the stores need an account there.
READER := $(if $(filter secure,$(PROFILE)),$(VENV)/bin/python -m include.local.as_reader )

# Ends what a killed test run may have left in these folders below .local, and passes its status on.
end_stacks = status=$$?; for stack in $(1); do if [ -d .local/$$stack ]; then \
  TIDEWATCH_STACK_DIR=$(CURDIR)/.local/$$stack $(PYTHON) -m include.local down; fi; done; exit $$status

.DEFAULT_GOAL := help

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

$(STAMP): requirements.lock
	@python3 -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "expected Python 3.11 or later, found " + sys.version.split()[0] + "; install one and put it first on PATH")'
	@python3 -m venv $(VENV) || { echo "could not make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	$(VENV)/bin/pip install -q uv==0.13.9
	$(VENV)/bin/uv pip install -q --python $(PYTHON) --compile-bytecode --require-hashes -r requirements.lock
	@touch $(STAMP)

setup: $(STAMP) ## Virtual environment from the lock, jars, Java
	@$(PYTHON) -m include.local setup

demo: setup ## The whole chain on a bounded stream: TRANSACTIONS=20000 RATE=200 SEED=7 [PROFILE=secure]
	@$(PYTHON) -m include.local.demo --transactions $(TRANSACTIONS) --rate $(RATE) --seed $(SEED)

up: setup ## Start the embedded stack [PROFILE=secure; then also for down, status, clean and the commands that look at it]
	@$(PYTHON) -m include.local up

down: $(STAMP) ## Stop it; no process is left behind
	@$(PYTHON) -m include.local down

status: $(STAMP) ## How every server is
	@$(PYTHON) -m include.local status

clean: $(STAMP) ## Stop the stack and remove its data
	@$(PYTHON) -m include.local down
	rm -rf .local/stack$(if $(filter secure,$(PROFILE)),-secure)$(if $(filter cluster,$(TOPOLOGY)),-cluster)

cluster: setup ## A cluster of local processes, up; everything else on it with TOPOLOGY=cluster, e.g. make demo TOPOLOGY=cluster
	@TIDEWATCH_TOPOLOGY=cluster $(PYTHON) -m include.local up

test-cluster: setup ## The demo on a cluster, and with a broker, a node and a worker killed: 10 minutes and more, 10 GiB
	@$(PYTHON) -m pytest -q tests/cluster; $(call end_stacks,test-stack-cluster)

test: setup ## All tests, on real servers of their own (beside a running stack)
	@$(PYTHON) -m pytest -q -m "not browser and not long"; $(call end_stacks,test-stack test-stack-rules test-stack-s3 test-stack-kafka test-stack-desk-work test-chaos/stack)

test-stacks: setup ## The secure profile, the watch over the flow, a search for what leaks: whole stacks, 15 minutes and more
	@$(PYTHON) -m pytest -q -m long --ignore tests/cluster; $(call end_stacks,test-stack test-stack-secure test-stack-watch)

test-desk: setup ## The fraud desk in a real Chromium, on a whole stack of its own: about 8 minutes
	@$(PYTHON) -m pytest -q tests/desk/browser; $(call end_stacks,test-desk/stack)

test-fast: $(STAMP) ## The tests that need no server and little time
	$(PYTHON) -m pytest -q -m "not servers and not e2e and not slow and not browser"

lint: $(STAMP) ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

screenshots: $(STAMP) ## Pictures of the running desk into docs/images; needs a stack that is up, and a chromium
	@$(PYTHON) -m include.local.screenshots

.PHONY: help setup demo up down status clean cluster test-cluster test test-stacks test-desk test-fast lint screenshots

fuzz: setup ## Bad input of every kind, at random and longer than the tests: EXAMPLES=500
	@TIDEWATCH_FUZZ_EXAMPLES=$(EXAMPLES) $(PYTHON) -m pytest -q --timeout 3600 tests/integration/test_bad_input.py \
	  tests/transactions/test_bad_records.py tests/transactions/importer/test_bad_files.py tests/rules/test_bad_rules.py \
	  tests/alerts/test_bad_files.py tests/alerts/test_odd_alerts.py tests/orchestration tests/test_settings.py \
	  tests/desk/test_fuzz.py; $(call end_stacks,test-stack)

evaluate: $(STAMP) ## Detection on history: DATA=file [MAPPING= FOLDS= TRAIN_DAYS= DELAY_DAYS= TEST_DAYS= HISTORY=strict|open]
	@$(PYTHON) -m include.evaluation $(if $(DATA),"$(DATA)",$(error expected DATA=<parquet or csv>)) \
	  $(if $(MAPPING),--mapping "$(MAPPING)") $(if $(FOLDS),--folds "$(FOLDS)") $(if $(TRAIN_DAYS),--train-days $(TRAIN_DAYS)) \
	  $(if $(DELAY_DAYS),--delay-days $(DELAY_DAYS)) $(if $(TEST_DAYS),--test-days $(TEST_DAYS)) $(if $(HISTORY),--history $(HISTORY))

drift-study: $(STAMP) ## Drift detectors and retraining on changed history, about an hour: DATA=file [MAPPING= SEEDS=0,1,2 POLICIES=static,weekly,triggered]
	@$(PYTHON) -m include.adaptation.study $(if $(DATA),"$(DATA)",$(error expected DATA=<parquet or csv>)) \
	  $(if $(MAPPING),--mapping "$(MAPPING)") $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(POLICIES),--policies "$(POLICIES)")

parity: $(STAMP) ## Features used live against the same computed again from the lake
	@$(PYTHON) -m include.pipeline.parity

backtest-rules: $(STAMP) ## Replay scored batches as of then: [FROM= UNTIL= DRAFT=file or name SHARE= AS_OF=]
	@$(READER)$(PYTHON) -m include.spark.backtest_command $(if $(FROM),--from "$(FROM)") $(if $(UNTIL),--until "$(UNTIL)") \
	  $(if $(DRAFT),--draft "$(DRAFT)") $(if $(SHARE),--share $(SHARE)) $(if $(AS_OF),--labels-as-of "$(AS_OF)")

bench-backtest: setup ## A back-test of a large lake in Spark on two cores, transactions a second
	@$(PYTHON) -m benchmarks.backtest

replay-decision: $(STAMP) ## Recompute one decision from the log, byte for byte: TRANSACTION=id [WHOLE=1 LAKE_ONLY=1]
	@$(READER)$(PYTHON) -m include.auditing.replay $(if $(TRANSACTION),"$(TRANSACTION)",$(error expected TRANSACTION=<id>)) \
	  $(if $(WHOLE),--whole) $(if $(LAKE_ONLY),--lake-only)

trace: $(STAMP) ## One record from the broker to its messages: TRANSACTION=id or OFFSET=partition:offset [JSON=1 LAKE_ONLY=1]
	@$(READER)$(PYTHON) -m include.auditing.trace $(if $(OFFSET),--offset "$(OFFSET)",$(if $(TRANSACTION),"$(TRANSACTION)",$(error expected \
	  TRANSACTION=<id> or OFFSET=<partition>:<offset>))) $(if $(JSON),--json) $(if $(LAKE_ONLY),--lake-only)

verify-audit: $(STAMP) ## Audit chains, sealed files, models and Cassandra's decisions against each other [LAKE_ONLY=1]
	@$(READER)$(PYTHON) -m include.auditing.verify $(if $(LAKE_ONLY),--lake-only)

retention: $(STAMP) ## How long every table, lake folder, topic and log keeps what, and who deletes it
	@$(PYTHON) -m include.auditing.retention

preview-messages: $(STAMP) ## An example of every message as it would be sent: [AUDIENCE=customer LANGUAGE=en FORMAT=text, or OUT=folder]
	@$(PYTHON) -m include.alerts.preview $(if $(OUT),--out "$(OUT)",--audience $(or $(AUDIENCE),customer) \
	  --language $(or $(LANGUAGE),en) --format $(or $(FORMAT),text))

bench-queue: setup ## Pages of the desk's queue with 100,000 alerts in Cassandra, milliseconds
	@$(PYTHON) -m benchmarks.queue

bench-scoring: $(STAMP) ## Features, rules and models on one core, transactions a second
	@$(PYTHON) -m benchmarks.scoring

bench-backlog: setup ## A backlog drains in bounded memory, alerts in order by account: [RECORDS=2000000]
	@$(PYTHON) -m benchmarks.backlog $(if $(RECORDS),--records $(RECORDS))

bench-training: $(STAMP) ## Features of 1.2 million transactions and a model of them on two cores: seconds, memory, repeatable
	@$(PYTHON) -m benchmarks.training

.PHONY: evaluate drift-study parity backtest-rules replay-decision verify-audit preview-messages bench-backtest bench-queue bench-scoring bench-training

chaos: setup ## Faults under a steady stream, then the books of every store: FAULTS=100 [SEED=7 RATE=40 ONLY=names]
	@$(PYTHON) -m benchmarks.chaos --faults $(or $(FAULTS),100) --seed $(SEED) --rate $(or $(CHAOS_RATE),40) --only "$(ONLY)"

.PHONY: chaos

.PHONY: evaluate drift-study parity backtest-rules replay-decision trace verify-audit preview-messages bench-backtest bench-queue bench-scoring bench-training

resolve: $(STAMP) ## Who stands behind a pseudonym; goes on record: TOKEN= REASON=
	@$(PYTHON) -m include.auditing.resolve $(if $(TOKEN),"$(TOKEN)",$(error expected TOKEN=<token>)) \
	  --reason $(if $(REASON),"$(REASON)",$(error expected REASON=<why>))

sbom: $(STAMP) ## What everything is made of, Python packages and jars: reports/sbom.cdx.json (CycloneDX 1.6)
	@$(PYTHON) -m include.local.sbom

.PHONY: retention resolve sbom

.PHONY: fuzz

.PHONY: bench-backlog

bench: setup ## Latency, throughput, baselines, limits and growth in one run: hours; less with ARGS="--only latency --rates 200"
	@$(PYTHON) -m benchmarks.bench $(ARGS)

bench-quick: setup ## Ratios that a regression moves, in a few minutes
	@$(PYTHON) -m benchmarks.bench.quick

capacity: $(STAMP) ## What 1,000 to 1,000,000 transactions a second need, by what make bench measured: [ARGS="--price 0.05"]
	@$(PYTHON) -m benchmarks.capacity $(ARGS)

.PHONY: bench bench-quick capacity
